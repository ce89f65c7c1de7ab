// A program for tests of processes that start at once: prints `ready`, and at the first line of input opens the
// database that its argument names, writes to it, and closes it.
import { once } from 'node:events';
import { openStore } from '../../src/server/store/open.ts';

const path = process.argv[2] ?? '';
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const store = await openStore({ engine: 'sqlite', path }, 0);
await store.transaction(({ db }) =>
  db
    .insertInto('master_keys')
    .values({ master_key_id: String(process.pid), created_at: 0 })
    .execute(),
);
await store.close();
process.stdin.destroy();
