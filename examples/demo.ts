/** `npm run demo`: two people, a secret, and a forgotten password, told step by step. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from './client.ts';

// The server's own settings say where it is.
if (existsSync('.env')) process.loadEnvFile('.env');
const url = process.env.VWS_URL ?? `http://127.0.0.1:${process.env.PORT ?? 5000}`;
const mailbox = join(process.env.DATA_DIR ?? 'data', 'mailbox');
/** Where the demo looks for the mail again and again, and for how long. */
const MAIL_POLL_MS = 100;
const MAIL_TIMEOUT_MS = 15_000;

const say = (line: string) => process.stdout.write(`${line}\n`);

try {
  await tell();
} catch (error) {
  const { message, cause } = error as Error;
  const hint = message === 'fetch failed' ? `Nobody answers at ${url}. Start the server first: npm start` : message;
  say(
    `\nThe demo stopped. ${hint}${cause instanceof Error && message !== 'fetch failed' ? ` (${cause.message})` : ''}`,
  );
  process.exitCode = 1;
}

async function tell(): Promise<void> {
  // A demo that is run twice needs new people each time.
  const run = randomBytes(3).toString('hex');
  const alice = {
    username: `Alice ${run}`,
    email: `alice-${run}@example.org`,
    password: 'correct horse battery staple',
  };
  const bob = { username: `Bob ${run}`, email: `bob-${run}@example.org`, password: 'Secret_2026' };

  say(`1. Alice and Bob each open a session at ${url} and register. Nobody told the server a key beforehand:`);
  say('   each sent an RSA key, and got back an AES key that this RSA key alone can open.');
  const aliceClient = await Client.connect(url);
  await aliceClient.call('/register_user', alice);
  const bobClient = await Client.connect(url);
  await bobClient.call('/register_user', bob);

  const secret = 'The key is under the third stone.';
  say(`\n2. Alice has a text encrypted for "${bob.username}": ${secret}`);
  const ciphertext = await aliceClient.call(`/encrypt/${encodeURIComponent(bob.username)}`, { message: secret });
  say(`   This is what she would hide in a video: ${ciphertext.slice(0, 48)}… (${ciphertext.length} characters)`);

  say('\n3. Alice herself cannot have it opened again:');
  await aliceClient.call('/decrypt', { message: ciphertext }).then(
    () => Promise.reject(new Error('Alice opened a message that is not hers.')),
    (error: Error) => say(`   the server says "${error.message}"`),
  );

  say('\n4. Bob can:');
  say(`   "${await bobClient.call('/decrypt', { message: ciphertext })}"`);

  say('\n5. Bob forgets his password. On a new device he asks for a code, which comes by mail.');
  const device = await Client.connect(url);
  await device.call('/forgot_password', { email: bob.email });
  const code = await findCode(bob.email);
  if (!code) {
    say(`   The mail is not in ${mailbox}: the server sends real mail (MAIL_SERVER is set), or its data is elsewhere`);
    say('   (set DATA_DIR as for the server). The story ends here.');
    return;
  }
  say(`   The mail is in ${mailbox}, the code in it is ${code}.`);

  say('\n6. With the code he may set a new password, once.');
  await device.call('/confirm_forgot_password', { code });
  await device.call('/final_forgot_password', { new_password: 'Another_Secret_2026' });

  say('\n7. He logs in with it, and his messages still open:');
  await device.call('/login_user', { email: bob.email, password: 'Another_Secret_2026' });
  say(`   "${await device.call('/decrypt', { message: ciphertext })}"`);
  say('\nThat is all. The whole client is examples/client.ts.');
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
