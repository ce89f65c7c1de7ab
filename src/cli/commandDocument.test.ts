// docs/command.md contains tables that are generated from the definitions. UPDATE_DOCS=1 writes them.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { entries } from './commands.ts';
import { commonOptions } from './commonOptions.ts';
import { exitRows } from './exitCodes.ts';
import { usageOf } from './help.ts';

const FILE = join(import.meta.dirname, '..', '..', 'docs', 'command.md');

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heading), line(heading.map(() => ':--')), ...rows.map(line)].join('\n');
}

async function commandTable(): Promise<string> {
  const rows = entries.map(async ({ summary, load }) => {
    const { input = [], json, ...rest } = (await load()).command.description;
    const [shape = '', remark] = json?.split(/[;,] (?!\.)/) ?? [];
    const result = shape ? `\`${shape}\`${remark ? `; ${remark}` : ''}` : '';
    return [`\`${usageOf(rest).replace(' [options]', '')}\``, summary, input.join(', '), result];
  });
  return table(['command', 'purpose', 'input lines', 'result with `--json`'], await Promise.all(rows));
}

async function blocks(): Promise<Record<string, string>> {
  return {
    commands: await commandTable(),
    options: table(
      ['option', 'meaning'],
      Object.entries(commonOptions).map(([option, text]) => [`\`${option}\``, text]),
    ),
    'exit codes': table(
      ['exit code', 'meaning'],
      exitRows.map(({ exit, meaning }) => [String(exit), meaning]),
    ),
  };
}

test('docs/command.md lists the commands, common options and exit codes', async () => {
  const text = readFileSync(FILE, 'utf8');
  let expected = text;
  for (const [name, content] of Object.entries(await blocks())) {
    const pattern = new RegExp(`(<!-- ${name}: begin -->\n)[^]*?(<!-- ${name}: end -->)`);
    assert.match(expected, pattern);
    expected = expected.replace(pattern, (_, begin, end) => `${begin}${content}\n${end}`);
  }
  if (process.env.UPDATE_DOCS) writeFileSync(FILE, expected);
  else assert.equal(text, expected, 'update it with: UPDATE_DOCS=1 node --test src/cli/commandDocument.test.ts');
});
