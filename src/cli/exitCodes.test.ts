import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VwsError } from '../client/error.ts';
import { CommandError, Interrupted, UsageError } from './command.ts';
import { type ErrorCode, exitCodeOf, exitRows } from './exitCodes.ts';
import { describeFailure, failureAsJson, failureAsText } from './failure.ts';

test('an error leads to one exit code', () => {
  const codes: ErrorCode[] = exitRows.flatMap(({ errors }) => [...errors]);
  assert.deepEqual(codes, [...new Set(codes)]);
  const exits = exitRows.map(({ exit }) => exit);
  assert.deepEqual(exits, [...new Set(exits)]);
  assert.equal(exitCodeOf('identity_changed'), 6);
  assert.equal(exitCodeOf('username_taken'), 1);
});

test('a problem of the server is told by its title, and by its detail where there is one', () => {
  const plain = describeFailure(new VwsError('username_taken', 'whatever', { status: 409 }));
  assert.equal(failureAsText(plain), 'Username already taken.');
  assert.equal(failureAsJson(plain), '{"error":{"code":"username_taken","title":"Username already taken."}}');
  const detailed = describeFailure(
    new VwsError('account_locked', 'whatever', { detail: 'Five times wrong.', retryAfter: 60 }),
  );
  assert.match(
    failureAsText(detailed),
    /locked: Five times wrong\.\n.*15 minutes.*vws recover\nTry again after 60 s\.$/s,
  );
  assert.equal(JSON.parse(failureAsJson(detailed)).error.retryAfter, 60);
  assert.equal(detailed.exitCode, 4);
});

test('suite 1 that is refused is said once, with what to do', () => {
  const said = 'This server requires suite 2: use a newer client.';
  const failure = describeFailure(new VwsError('suite1_refused', said, { status: 403, detail: said }));
  assert.equal(failureAsText(failure), 'This server speaks suite 2 only.\nLeave out --suite1.');
});

test('the documentation has the table of exit codes', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'command.md'), 'utf8');
  for (const { exit, meaning } of exitRows) assert.ok(text.includes(`\n| ${exit} | ${meaning} |\n`), meaning);
});

test('what the client itself has to say comes with the innermost cause', () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:1');
  const cause = new TypeError('fetch failed', { cause: refused });
  const failure = describeFailure(new VwsError('network', 'The server cannot be reached.', { cause }));
  assert.equal(failureAsText(failure), 'The server cannot be reached: connect ECONNREFUSED 127.0.0.1:1');
  assert.equal(failure.exitCode, 5);
});

test('errors of the command and of the system need no stack, those that nobody foresaw have one', () => {
  assert.equal(describeFailure(new UsageError('So not.')).exitCode, 2);
  assert.equal(describeFailure(new Interrupted()).exitCode, 130);
  assert.equal(describeFailure(new CommandError('No.', 'not_logged_in')).exitCode, 3);
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write', code: 'ENOSPC' });
  assert.equal(failureAsText(describeFailure(full)), 'ENOSPC: no space left on device, write.');
  const bug = describeFailure(new TypeError('x is not a function'));
  assert.deepEqual([bug.code, bug.exitCode], ['unexpected', 1]);
  assert.match(failureAsText(bug), /x is not a function\n +at /);
});
