// `vws` as a whole: help, unknown commands and wrong usage.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runVws } from '../../test/support/vws.ts';

test('--help lists the commands', async () => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { code, stdout, stderr } = await runVws(args);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: vws <command>/);
    assert.match(stdout, /^ {2}db copy {2,}\S/m);
    assert.equal(stderr, '');
  }
});

test('--help after a command shows its help, whatever the other arguments are', async () => {
  const { code, stdout, stderr } = await runVws(['db', 'copy', '--from', 'nonsense', '--help']);
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: vws db copy --from <database> --to <database>/);
  assert.equal(stderr, '');
});

test('fingerprint: --help describes its own --pin and has no --suite1', async () => {
  const { stdout } = await runVws(['fingerprint', '--help']);
  assert.match(stdout, /^ {2}--pin <fingerprint> +compare with this fingerprint instead of the stored one$/m);
  assert.doesNotMatch(stdout, /suite1/);
});

test('wrong usage: exit code 2 and an explanation', async () => {
  const wrong: [string[], RegExp][] = [
    [[], /^Usage: vws <command>/],
    [['db'], /Unknown command "db"\. Did you mean: db copy$/m],
    [['dbcopy'], /Unknown command "dbcopy"\./],
    [['copy', 'db'], /Unknown command "copy db"\./],
    [['--state', 'x'], /Unknown command "--state"\. Put options after the command\./],
    [['encrypt'], /<username> is missing\.\nSee: vws encrypt --help$/m],
    [['whoami', 'bob'], /Too many arguments: bob$/m],
    [['encrypt', 'bob', 'b', 'c'], /Too many arguments: b c$/m],
    [['whoami', '--foo=1'], /Unknown option --foo\.$/m],
    [['sessions', 'end', '-x9'], /Unknown option -x\. Put a name or an id that begins with a hyphen after --$/m],
    [['whoami', '--json=1'], /--json does not take a value\.$/m],
    [['whoami', '--server', '--pin'], /The value of --server is missing\.$/m],
    [['whoami', '--state', import.meta.filename], /--state is not a folder: .*program\.test\.ts$/m],
    [['fingerprint', 'http://127.0.0.1:6000'], /http:\/\/127\.0\.0\.1:6000 has a port that HTTP must not use\.$/m],
    [['fingerprint', '--suite1'], /Unknown option --suite1\.$/m],
    [['recover', '--code', '--send'], /--code continues a recovery and cannot be combined with --send or --email\.$/m],
    [['db', 'copy'], /--from is missing/],
    [['db', 'copy', '--from', 'sqlite:a'], /--to is missing/],
    [['db', 'copy', '--from', 'sqlite:a', '--to'], /--to/],
    [['db', 'copy', '--from', '', '--to', 'sqlite:b'], /--from is missing/],
    [['db', 'copy', '--source', 'sqlite:a'], /Unknown option --source\./],
    [['db', 'copy', 'sqlite:a', 'sqlite:b'], /Too many arguments: sqlite:a/],
    [['db', 'copy', '--from', 'a.db', '--to', 'sqlite:b'], /--from must begin with sqlite: or postgres:\/\//],
    [['db', 'copy', '--from', 'sqlite:a', '--to', 'mysql://b/c'], /--to must begin with sqlite: or postgres:\/\//],
    [['db', 'copy', '--from', 'sqlite:a', '--to', 'sqlite://./a'], /the same database/],
  ];
  for (const [args, expected] of wrong) {
    const { code, stdout, stderr } = await runVws(args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, expected);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\bat .*\.ts:/, 'no stack');
  }
});

test('wrong usage with --json: the error is JSON', async () => {
  const { code, stdout } = await runVws(['login', '--nonsense', '--json']);
  assert.equal(code, 2);
  assert.equal(JSON.parse(stdout).error.code, 'wrong_usage');
});
