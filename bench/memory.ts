/** The memory of the server after many requests. */
import type { Context } from './support/context.ts';
import { closeAll, openLoggedIn, register, USERNAME } from './support/people.ts';
import { residentMemory } from './support/processorTime.ts';
import { startServer } from './support/target.ts';

const SESSIONS = 64;
const SAMPLES = 10;

export interface MemorySample {
  readonly requests: number;
  /** Bytes. */
  readonly resident: number;
}

/** @returns samples at even distances; none where there is no /proc */
export async function measureMemory({ processors, memoryRequests }: Context): Promise<MemorySample[]> {
  const server = await startServer({ processors });
  const owner = await register(server, USERNAME);
  const clients = await openLoggedIn(server, SESSIONS);
  const samples: MemorySample[] = [];
  const sample = (requests: number) => {
    const resident = residentMemory(server.pid);
    if (resident !== undefined) samples.push({ requests, resident });
  };
  try {
    const each = Math.ceil(memoryRequests / SAMPLES / SESSIONS);
    sample(0);
    for (let done = 1; done <= SAMPLES; done += 1) {
      await Promise.all(
        clients.map(async (client) => {
          for (let count = 0; count < each; count += 1) {
            await client.call(`/encrypt/${USERNAME}`, { message: 'x'.repeat(100) });
          }
        }),
      );
      sample(done * each * SESSIONS);
    }
    return samples;
  } finally {
    closeAll([owner, ...clients]);
    await server.dispose();
  }
}
