// Exit codes and error texts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VwsError } from '../client/error.ts';
import { problems } from '../protocol/problems.ts';
import { CommandError, Interrupted, UsageError } from './errors.ts';
import { type ErrorCode, exitCodeOf, exitRows } from './exitCodes.ts';
import { describeFailure, failureAsJson, failureAsText } from './failure.ts';

test('each error code has one exit code', () => {
  const codes: ErrorCode[] = exitRows.flatMap(({ errors }) => [...errors]);
  assert.deepEqual(codes, [...new Set(codes)]);
  const exits = exitRows.map(({ exit }) => exit);
  assert.deepEqual(exits, [...new Set(exits)]);
  assert.equal(exitCodeOf('identity_changed'), 6);
  assert.equal(exitCodeOf('username_taken'), 1);
});

test('an error of the server: shows its title, and its detail if there is one', () => {
  const plain = describeFailure(new VwsError('username_taken', 'unused', { status: 409 }));
  const { title } = problems.username_taken;
  assert.equal(failureAsText(plain), title);
  assert.equal(failureAsJson(plain), `{"error":{"code":"username_taken","title":"${title}"}}`);
  const detailed = describeFailure(
    new VwsError('account_locked', 'unused', { detail: 'Five times wrong.', retryAfter: 60 }),
  );
  assert.match(
    failureAsText(detailed),
    /locked: Five times wrong\.\n.*15 minutes.*vws recover\nTry again after 60 s\.$/s,
  );
  assert.equal(JSON.parse(failureAsJson(detailed)).error.retryAfter, 60);
  assert.equal(detailed.exitCode, 4);
});

test('suite1_refused: shows one sentence and what to do', () => {
  const { title } = problems.suite1_refused;
  const failure = describeFailure(new VwsError('suite1_refused', title, { status: 403, detail: title }));
  assert.equal(failureAsText(failure), 'This server does not accept suite 1, or only over HTTPS.\nOmit --suite1.');
});

test('an error of the SDK: shows the innermost cause', () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:1');
  const cause = new TypeError('fetch failed', { cause: refused });
  const failure = describeFailure(new VwsError('network', 'The server cannot be reached.', { cause }));
  assert.equal(failureAsText(failure), 'The server cannot be reached: connect ECONNREFUSED 127.0.0.1:1');
  assert.equal(failure.exitCode, 5);
});

test('only unexpected errors show a stack trace', () => {
  assert.equal(describeFailure(new UsageError('Wrong.')).exitCode, 2);
  assert.equal(describeFailure(new Interrupted()).exitCode, 130);
  assert.equal(describeFailure(new CommandError('No.', 'not_logged_in')).exitCode, 3);
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write', code: 'ENOSPC' });
  assert.equal(failureAsText(describeFailure(full)), 'ENOSPC: no space left on device, write.');
  const bug = describeFailure(new TypeError('x is not a function'));
  assert.deepEqual([bug.code, bug.exitCode], ['unexpected', 1]);
  assert.match(failureAsText(bug), /x is not a function\n +at /);
});
