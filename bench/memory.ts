// The memory of the server after many requests.
import { openLoggedIn, register, USERNAME } from './support/people.ts';
import { residentMemory } from './support/processorTime.ts';
import type { Context } from './support/rounds.ts';
import { startServer } from './support/target.ts';

const SESSIONS = 64;
const SAMPLES = 10;

export interface MemorySample {
  readonly requests: number;
  /** Bytes. */
  readonly resident: number;
}

/** @returns samples at equal distances; none where there is no /proc */
export async function measureMemory({ processors, memoryRequests }: Context): Promise<MemorySample[]> {
  const server = await startServer({ processors });
  await register(server, USERNAME);
  const clients = await openLoggedIn(server, SESSIONS);
  const requestsPerSample = Math.ceil(memoryRequests / SAMPLES / SESSIONS);
  const samples: MemorySample[] = [];
  for (let taken = 0; taken <= SAMPLES; taken += 1) {
    const resident = residentMemory(server.pid);
    if (resident !== undefined) samples.push({ requests: taken * requestsPerSample * SESSIONS, resident });
    if (taken === SAMPLES) break;
    await Promise.all(
      clients.map(async (client) => {
        for (let count = 0; count < requestsPerSample; count += 1) {
          await client.call(`/encrypt/${USERNAME}`, { message: 'x'.repeat(100) });
        }
      }),
    );
  }
  return samples;
}
