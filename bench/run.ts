// `npm run bench [-- parts]`: measures the server on this machine and writes bench/results/.
//
//   hotPath growth ...   only these parts
//   --quick              all parts in about a minute
//   --rounds=9           rounds of each comparison
//   --seconds=1          length of a round
//   --requests=1000000   requests after which the memory is measured
//
// VWS_BENCH_POSTGRES_URL names a PostgreSQL server for the part that needs one, VWS_BENCH_PROFILE a folder for CPU profiles.
import { writeFileSync } from 'node:fs';
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
import { currentLoad, describeMachine, machineLine } from './support/machine.ts';
import { pinClient } from './support/processorTime.ts';
import { markdown } from './support/report.ts';
import type { Context, Result } from './support/rounds.ts';
import { disposeTargets } from './support/target.ts';
import { checkTargets } from './support/targets.ts';
import { measureTexts } from './texts.ts';
import { measureVideo } from './video.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
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
  processors: pinClient(),
  postgresUrl: process.env.VWS_BENCH_POSTGRES_URL || undefined,
};

let burst: Awaited<ReturnType<typeof measureLoginBurst>> | undefined;
let memory: MemorySample[] = [];

const parts: Record<string, (context: Context) => Promise<Result[]>> = {
  hotPath: measureHotPath,
  handshake: measureHandshakes,
  suite2: measureSuite2,
  passwords: measurePasswords,
  loginBurst: async () => {
    burst = await measureLoginBurst(context);
    return burst.results;
  },
  texts: measureTexts,
  growth: measureGrowth,
  processes: measureProcesses,
  browser: measureBrowser,
  video: measureVideo,
  memory: async () => {
    memory = await measureMemory(context);
    return [];
  },
};

const unknown = positionals.find((name) => !parts[name]);
if (unknown) throw new Error(`Unknown part "${unknown}". Available: ${Object.keys(parts).join(', ')}`);
const results: Result[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  process.stderr.write(`${name} ...\n`);
  results.push(...(await measure(context)));
  await disposeTargets();
}

machine.load.after = currentLoad();
const tables = markdown({ results, targets: checkTargets(results, burst, memory), memory });
const page = `${machineLine(machine)}\n\n${tables}\n`;
const file = `${options.quick || positionals.length > 0 ? 'partial' : 'latest'}.md`;
writeFileSync(join(import.meta.dirname, 'results', file), page);
process.stdout.write(`${page}\nWritten: bench/results/${file}\n`);
