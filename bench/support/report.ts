// The results as tables.
import type { EpochSample } from '../epochs.ts';
import type { MemorySample } from '../memory.ts';
import type { Result } from './rounds.ts';
import type { Spread } from './statistics.ts';

interface Report {
  readonly results: readonly Result[];
  readonly targets: readonly TargetFigure[];
  readonly memory: readonly MemorySample[];
  readonly epochs: readonly EpochSample[];
}

/** A figure that the server is meant to reach. */
export interface TargetFigure {
  readonly name: string;
  readonly wanted: string;
  readonly found: string;
  readonly met: boolean;
}

const HEAD = ['', 'requests/s', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU µs', 'rate of base', 'CPU of base', 'client'];

/** Formats the results as Markdown tables. */
export function markdown({ results, targets, memory, epochs }: Report): string {
  const rows = results.map((result) => [
    `${result.part}: ${result.name}`,
    ...[result.requestsPerSecond, result.p50, result.p95, result.p99].map((value) =>
      result.paced ? '' : number(value),
    ),
    result.serverTime === undefined ? '' : number(result.serverTime),
    result.paced ? '' : result.name === result.base ? '1' : ratio(result.rate),
    result.name === result.base || !result.time ? '' : ratio(result.time),
    `${Math.round(result.clientLoad * 100)} %`,
  ]);
  const memoryRows = memory.map(({ requests, resident }) => [number(requests), number(resident / 2 ** 20)]);
  const epochRows = epochs.map(({ engine, phase, seconds, requests, p50, p99, max }) => [
    `encrypt ${phase}, ${engine}`,
    ...[seconds, requests, p50, p99, max].map(number),
  ]);
  const targetRows = targets.map(({ name, wanted, found, met }) => [name, wanted, found, met ? 'yes' : '**no**']);
  return [
    table(HEAD, rows),
    table(['target', 'wanted', 'found', 'met'], targetRows),
    ...(epochs.length > 0 ? [table(['epochs', 'seconds', 'requests', 'p50 ms', 'p99 ms', 'max ms'], epochRows)] : []),
    ...(memory.length > 0 ? [table(['requests', 'MiB of RAM'], memoryRows)] : []),
  ].join('\n\n');
}

/** `0.82 (0.79–0.90)`: the median, and the extremes of the rounds. */
export function ratio({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

function number(value: number): string {
  if (value === 0) return '0';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(2);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? `:${'-'.repeat(width + 1)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
