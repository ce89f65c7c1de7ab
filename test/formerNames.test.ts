// Former names: never given to another user, still a way to reach their owner, and shown with messages sent under them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../src/client/index.ts';
import { expectDone, expectFailure, expectMessage } from './support/expect.ts';
import { logIn, newPerson, register, registerVws } from './support/people.ts';
import { startServer } from './support/server.ts';
import { Suite1Client } from './support/suite1Client.ts';

test('a released name is never given to another user, in either suite', async (t) => {
  const server = await startServer(t);
  const [ada, mallory, bob] = [newPerson(), newPerson(), newPerson()];
  const forAda = await register(server, ada);
  const forMallory = await register(server, mallory);
  const forBob = await connect(server.url, { onFirstUse: () => true });
  await registerVws(forBob, server, bob);
  const before = expectMessage(await forAda.encrypt(bob.username, 'before'));
  const toOldName = await forBob.encrypt(ada.username, 'to the old name');
  const renamed = `${ada.username}-renamed`;
  expectDone(await forAda.call('/change_username', { new_username: renamed, password: ada.password }));

  const taking = { new_username: ada.username.toUpperCase(), password: mallory.password };
  expectFailure(await forMallory.call('/change_username', taking), 201, 'Username is busy');
  const stranger = await Suite1Client.handshake(server);
  expectFailure(await stranger.call('/register_user', { ...newPerson(ada.username) }), 201, 'Username is busy');
  const newcomer = await connect(server.url, { pin: forBob.fingerprint });
  await assert.rejects(newcomer.register(newPerson(ada.username)), { code: 'username_taken' });

  // Messages to the old name still reach its owner, and no one else.
  const late = await forBob.encrypt(ada.username, 'to the old name, late');
  for (const message of [toOldName, late]) expectMessage(await forAda.decrypt(message));
  expectFailure(await forMallory.decrypt(late), 201, 'No authorization');

  const first = await forBob.decrypt(before);
  assert.deepEqual([first.sender, first.senderNow], [ada.username, renamed]);
  const second = await forBob.decrypt(expectMessage(await forAda.encrypt(bob.username, 'after')));
  assert.deepEqual([second.sender, second.senderNow], [renamed, renamed]);
  assert.equal(second.senderId, first.senderId);

  // The owner may return.
  expectDone(await forAda.call('/change_username', { new_username: ada.username, password: ada.password }));
  const again = await logIn(server, ada);
  assert.equal(expectMessage(await again.decrypt(await forBob.encrypt(ada.username, 'back'))), 'back');
  assert.equal((await forBob.decrypt(before)).senderNow, ada.username);
});

test('a few renames a month: the next one is refused, and the session continues', async (t) => {
  const server = await startServer(t, { RATE_RENAMES_PER_MONTH: '2' });
  const ada = newPerson();
  const client = await register(server, ada);
  const rename = (to: string) => client.call('/change_username', { new_username: to, password: ada.password });
  for (const to of ['one', 'two']) expectDone(await rename(`${ada.username} ${to}`));
  expectFailure(await rename(`${ada.username} three`), 201, 'Username was changed too often');
  expectMessage(await client.encrypt(`${ada.username} two`, 'the session works'));
});
