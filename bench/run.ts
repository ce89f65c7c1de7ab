/**
 * `npm run bench`: measures the server on this machine and writes bench/results/.
 *
 *   --quick              all parts in about a minute
 *   --only=hotPath,...   some parts
 *   --rounds=9           rounds of each comparison
 *   --seconds=1          length of a round
 *   --requests=1000000   requests after which the memory is looked at
 *
 * VWS_BENCH_POSTGRES_URL names a PostgreSQL server for the part that needs one; VWS_BENCH_PROFILE a folder for profiles.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureBrowser } from './browser.ts';
import { measureGrowth } from './growth.ts';
import { measureHandshakes } from './handshake.ts';
import { measureHotPath } from './hotPath.ts';
import { measureLoginBurst } from './loginBurst.ts';
import { type MemorySample, measureMemory } from './memory.ts';
import { measurePasswords } from './passwords.ts';
import { measureProcesses } from './processes.ts';
import { measureSuite2 } from './suite2.ts';
import { drawChart } from './support/chart.ts';
import type { Context } from './support/context.ts';
import { currentLoad, describeMachine, machineLine } from './support/machine.ts';
import { pinClient } from './support/processorTime.ts';
import { markdown, type Report } from './support/report.ts';
import type { Result } from './support/rounds.ts';
import { checkTargets, FLOOR_TARGET } from './support/targets.ts';
import { measureTexts } from './texts.ts';

const RESULTS = join(import.meta.dirname, 'results');

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    requests: { type: 'string' },
  },
});

const machine = describeMachine();
const context: Context = {
  quick: options.quick,
  rounds: Number(options.rounds ?? (options.quick ? 3 : 9)),
  milliseconds: Number(options.seconds ?? (options.quick ? 0.4 : 1)) * 1000,
  memoryRequests: Number(options.requests ?? (options.quick ? 10_000 : 100_000)),
  processors: pinClient()?.servers,
  postgresUrl: process.env.VWS_BENCH_POSTGRES_URL || undefined,
};

const results: Result[] = [];
let burst: Awaited<ReturnType<typeof measureLoginBurst>> | undefined;
let memory: MemorySample[] = [];

const parts: Record<string, () => Promise<void>> = {
  hotPath: async () => void results.push(...(await measureHotPath(context))),
  handshake: async () => void results.push(...(await measureHandshakes(context))),
  suite2: async () => void results.push(...(await measureSuite2(context))),
  passwords: async () => void results.push(...(await measurePasswords(context))),
  loginBurst: async () => {
    burst = await measureLoginBurst(context);
    results.push(...burst.results);
  },
  texts: async () => void results.push(...(await measureTexts(context))),
  growth: async () => void results.push(...(await measureGrowth(context))),
  processes: async () => void results.push(...(await measureProcesses(context))),
  browser: async () => void results.push(...(await measureBrowser(context))),
  memory: async () => {
    memory = await measureMemory(context);
  },
};

const wanted = options.only?.split(',') ?? Object.keys(parts);
for (const name of wanted) {
  const part = parts[name];
  if (!part) throw new Error(`There is no part "${name}". There are ${Object.keys(parts).join(', ')}.`);
  process.stderr.write(`${name} ...\n`);
  await part();
}

machine.load.after = currentLoad();
const { rounds, milliseconds } = context;
const report: Report = {
  machine,
  rounds,
  milliseconds,
  results,
  targets: checkTargets(results, burst, memory),
  memory,
};
const name = options.quick || options.only ? 'partial' : 'latest';
mkdirSync(RESULTS, { recursive: true });
writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
writeFileSync(join(RESULTS, `${name}.svg`), drawChart(results, machine, FLOOR_TARGET));
const page = `${machineLine(machine)}\n\n${markdown(report)}\n`;
writeFileSync(join(RESULTS, `${name}.md`), page);
process.stdout.write(`${page}\nWritten: bench/results/${name}.json, ${name}.md, ${name}.svg\n`);
