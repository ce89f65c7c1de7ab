// Contacts: the user behind a name is stored on first use, and a different one is reported.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHarness, PASSWORD } from '../../test/support/client/harness.ts';

test('a name is trusted on first use; a different user behind it is reported, until the change is accepted', async () => {
  const { join } = await createHarness();
  const contacts = new Map<string, string>();
  const alice = await join('alice');
  const bob = await join('bob', { contacts });
  const toBob = await alice.encrypt('bob', 'text');
  await bob.encrypt('alice', 'text');
  assert.equal((await bob.decrypt(toBob)).contactChanged, false);
  assert.deepEqual([...contacts], [['alice', 'id of alice']]);

  contacts.set('alice', 'id of another');
  await assert.rejects(bob.encrypt('alice', 'text'), { code: 'contact_changed' });
  await assert.rejects(bob.encrypt('alice', 'text'), { code: 'contact_changed' });
  const opened = await bob.decrypt(toBob);
  assert.deepEqual([opened.text, opened.contactChanged], ['text', true]);
  assert.deepEqual([...contacts], [['alice', 'id of another']]);

  contacts.delete('alice');
  await bob.encrypt('alice', 'text');
  assert.equal((await bob.decrypt(toBob)).contactChanged, false);
  await alice.changeUsername({ newUsername: 'alicia', password: PASSWORD });
});

test('all spellings of a name are one contact', async () => {
  const { join } = await createHarness();
  const contacts = new Map([['chloé', 'id of another']]);
  const bob = await join('bob', { contacts });
  for (const name of ['Chloe\u0301', ' CHLOÉ', 'ｃｈｌｏé']) {
    await join(name);
    await assert.rejects(bob.encrypt(name, 'text'), { code: 'contact_changed' }, name);
  }
});

test('contacts that cannot be stored are reported, and the session continues', async () => {
  const { join } = await createHarness();
  const contacts = {
    get: () => undefined,
    set: async () => {
      throw new Error('disk full');
    },
  };
  const bob = await join('bob', { contacts });
  await join('alice');
  await assert.rejects(bob.encrypt('alice', 'text'), { code: 'storage_failed' });
  assert.equal((await bob.getAccount()).username, 'bob');
});
