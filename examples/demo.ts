// `npm run demo`: two users, a secret and a forgotten password, step by step.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from './client.ts';

// The settings of the server contain its address.
if (existsSync('.env')) process.loadEnvFile('.env');
const url = process.env.VWS_URL ?? `http://127.0.0.1:${process.env.PORT ?? 5000}`;
const mailbox = join(process.env.DATA_DIR ?? 'data', 'mailbox');
/** Interval and timeout of the search for the email. */
const MAIL_POLL_MS = 100;
const MAIL_TIMEOUT_MS = 15_000;

const print = (line: string) => process.stdout.write(`${line}\n`);

try {
  await runDemo();
} catch (error) {
  const { message, cause } = error as Error;
  const hint =
    message === 'fetch failed'
      ? `No server responds at ${url}. Start one with npm start, or set VWS_URL to its address.`
      : message;
  print(
    `\nThe demo stopped. ${hint}${cause instanceof Error && message !== 'fetch failed' ? ` (${cause.message})` : ''}`,
  );
  process.exitCode = 1;
}

async function runDemo(): Promise<void> {
  // Each run needs new users.
  const run = randomBytes(3).toString('hex');
  const alice = {
    username: `Alice ${run}`,
    email: `alice-${run}@example.org`,
    password: 'correct horse battery staple',
  };
  const bob = { username: `Bob ${run}`, email: `bob-${run}@example.org`, password: 'Secret_2026' };

  print(`1. Alice and Bob each open a session at ${url} and register. No keys were exchanged in advance:`);
  print('   each client sent an RSA public key and received an AES key encrypted for it.');
  const aliceClient = await Client.connect(url);
  await aliceClient.call('/register_user', alice);
  const bobClient = await Client.connect(url);
  await bobClient.call('/register_user', bob);

  const secret = 'The key is under the third stone.';
  print(`\n2. Alice has the server encrypt a message for "${bob.username}": ${secret}`);
  const ciphertext = await aliceClient.call(`/encrypt/${encodeURIComponent(bob.username)}`, { message: secret });
  print(`   This is the message to hide in a video: ${ciphertext.slice(0, 48)}… (${ciphertext.length} characters)`);

  print('\n3. Alice cannot decrypt it:');
  await aliceClient.call('/decrypt', { message: ciphertext }).then(
    () => Promise.reject(new Error('Alice decrypted a message that is not hers.')),
    (error: Error) => print(`   the server responds "${error.message}"`),
  );

  print('\n4. Bob can:');
  print(`   "${await bobClient.call('/decrypt', { message: ciphertext })}"`);

  print('\n5. Bob forgets the password. On a new device, Bob requests a code, which is sent by mail.');
  const device = await Client.connect(url);
  await device.call('/forgot_password', { email: bob.email });
  const code = await findCode(bob.email);
  if (!code) {
    print(
      `   The email is not in ${mailbox}: the server sends real mail (MAIL_SERVER is set), or its data is in another folder`,
    );
    print('   (set DATA_DIR as for the server). The demo ends here.');
    return;
  }
  print(`   The email is in ${mailbox} and contains the code ${code}.`);

  print('\n6. The code allows Bob to set a new password, once.');
  await device.call('/confirm_forgot_password', { code });
  await device.call('/final_forgot_password', { new_password: 'Another_Secret_2026' });

  print('\n7. Bob logs in with it and can still decrypt earlier messages:');
  await device.call('/login_user', { email: bob.email, password: 'Another_Secret_2026' });
  print(`   "${await device.call('/decrypt', { message: ciphertext })}"`);
  print('\nDone. The complete client is examples/client.ts.');
}

async function findCode(email: string): Promise<string | undefined> {
  const deadline = Date.now() + MAIL_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const files = await readdir(mailbox).catch(() => []);
    for (const file of files.sort().reverse()) {
      const mail = await readFile(join(mailbox, file), 'utf8').catch(() => '');
      const code = /^([A-Z0-9]{6})\r?$/m.exec(mail)?.[1];
      if (mail.includes(email) && code) return code;
    }
    await new Promise((resolve) => setTimeout(resolve, MAIL_POLL_MS));
  }
  return undefined;
}
