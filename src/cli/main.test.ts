import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runVws } from '../../test/support/vws.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

test('--help lists the commands', async () => {
  for (const option of ['--help', '-h']) {
    const { code, stdout, stderr } = await runVws(option);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: vws <command>/);
    assert.match(stdout, /^ {2}db copy {2,}\S/m);
    assert.equal(stderr, '');
  }
});

test('--help after a command tells about that one, whatever else is there', async () => {
  const { code, stdout, stderr } = await runVws('db', 'copy', '--from', 'nonsense', '--help');
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: vws db copy --from <database> --to <database>/);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line);
  assert.equal(stderr, '');
});

test('wrong usage ends with 2 and says what is wrong', async () => {
  const wrong: [string[], RegExp][] = [
    [[], /^Usage: vws <command>/],
    [['db'], /There is no command "db"\. There is: db copy$/m],
    [['dbcopy'], /There is no command "dbcopy"\./],
    [['copy', 'db'], /There is no command "copy db"\./],
    [['--state', 'x'], /There is no command "--state": options follow the command\./],
    [['whoami', 'bob'], /Too many arguments: bob$/m],
    [['encrypt', 'bob', 'b', 'c'], /Too many arguments: b c$/m],
    [['whoami', '--foo=1'], /There is no option --foo\.$/m],
    [['sessions', 'end', '-x9'], /There is no option -x\. A name or an id that begins with a hyphen goes after --$/m],
    [['whoami', '--json=1'], /--json takes no value\.$/m],
    [['whoami', '--server', '--pin'], /The value of --server is missing\.$/m],
    [['whoami', '--state', MAIN], /--state is no folder: .*main\.ts$/m],
    [['fingerprint', 'http://127.0.0.1:6000'], /http:\/\/127\.0\.0\.1:6000 has a port that HTTP may not use\.$/m],
    [['db', 'copy'], /--from is missing/],
    [['db', 'copy', '--from', 'sqlite:a'], /--to is missing/],
    [['db', 'copy', '--from', 'sqlite:a', '--to'], /--to/],
    [['db', 'copy', '--from', '', '--to', 'sqlite:b'], /--from is missing/],
    [['db', 'copy', '--source', 'sqlite:a'], /There is no option --source\./],
    [['db', 'copy', 'sqlite:a', 'sqlite:b'], /Too many arguments: sqlite:a/],
    [['db', 'copy', '--from', 'a.db', '--to', 'sqlite:b'], /--from must begin with sqlite: or postgres:\/\//],
    [['db', 'copy', '--from', 'sqlite:a', '--to', 'mysql://b/c'], /--to must begin with sqlite: or postgres:\/\//],
    [['db', 'copy', '--from', 'sqlite:a', '--to', 'sqlite://./a'], /the same database/],
  ];
  for (const [args, expected] of wrong) {
    const { code, stdout, stderr } = await runVws(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, expected);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\bat .*\.ts:/, 'no stack');
  }
});

test('a wrong call is told to a program as JSON', async () => {
  const { code, stdout } = await runVws('login', '--nonsense', '--json');
  assert.equal(code, 2);
  assert.equal(JSON.parse(stdout).error.code, 'wrong_usage');
});

test('--version is that of the package', async () => {
  const { code, stdout } = await runVws('--version');
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('a disk that has no room for the output is told', { skip: !existsSync('/dev/full') }, () => {
  const main = join(import.meta.dirname, 'main.ts');
  const command = `'${process.execPath}' '${main}' --help > /dev/full`;
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /^vws: The output cannot be written: .*ENOSPC.*\.\n$/);
});
