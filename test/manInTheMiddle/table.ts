// The table of attacks in docs/security.md, generated from the attacks that are tested.
import type { Attack, Seen } from './attack.ts';

const MOST_NAMES = 4;

export function attackTable(attacks: readonly Attack[]): string {
  const rows = attacks.map(({ does, seen, gets }) => {
    const isNoticed = seen.some((code) => code !== undefined);
    return [does, gets ?? (isNoticed ? 'a denial of service' : 'nothing'), namesOf(seen)];
  });
  const head = ['attack', 'gain', 'calls'];
  return [head, head.map(() => '---'), ...rows].map(line).join('\n').replaceAll(' --- ', '---');
}

function namesOf(seen: readonly Seen[]): string {
  return seen.length > MOST_NAMES ? 'the forged error, or `bad_answer`' : seen.map(nameOf).join(', ');
}

function nameOf(code: Seen): string {
  return code === undefined ? 'succeed' : `\`${code}\``;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
