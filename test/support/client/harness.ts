import { type Clock, type ConnectOptions, connect, type SessionStorage, type Vws } from '../../../src/client/index.ts';
import { createFakeTime } from '../fakeTime.ts';
import { createMemoryServer, type MemoryServer } from './memoryServer.ts';
import { createNetwork, type Network } from './network.ts';

export interface FakeClock extends Clock {
  /** Calls all timers that come due. */
  advance(milliseconds: number): void;
  /** Every pause before a request was sent again, in milliseconds. */
  readonly pauses: number[];
}

/** Pauses take no time, but the clock says that they did. */
export function createFakeClock(): FakeClock {
  const time = createFakeTime();
  const pauses: number[] = [];
  return {
    pauses,
    now: time.clock,
    async wait(milliseconds) {
      pauses.push(milliseconds);
      time.advance(milliseconds);
    },
    startTimer: time.startTimer,
    advance: time.advance,
  };
}

export interface MemoryStorage extends SessionStorage {
  text: string | undefined;
  /** What is thrown by the next calls to save. */
  failures: unknown[];
}

export function createMemoryStorage(text?: string): MemoryStorage {
  const storage: MemoryStorage = {
    text,
    failures: [],
    load: () => storage.text,
    async save(saved) {
      const failure = storage.failures.shift();
      if (failure) throw failure;
      storage.text = saved;
    },
  };
  return storage;
}

export interface Harness {
  readonly clock: FakeClock;
  readonly server: MemoryServer;
  readonly network: Network;
  connect(options?: Partial<ConnectOptions>): Promise<Vws>;
  /** A session that is logged in as this new user. */
  join(username: string, options?: Partial<ConnectOptions>): Promise<Vws>;
}

export const PASSWORD = 'Secret_2026';

/** A server in memory, a line to it, and a clock. */
export async function createHarness(): Promise<Harness> {
  const clock = createFakeClock();
  const server = await createMemoryServer(clock.now);
  const network = createNetwork(server);
  const harness: Harness = {
    clock,
    server,
    network,
    connect: (options) => connect(network.url, { pin: server.fingerprint, fetch: network.fetch, clock, ...options }),
    async join(username, options) {
      const vws = await harness.connect(options);
      await vws.register({ username, email: `${username}@example.org`, password: PASSWORD });
      return vws;
    },
  };
  return harness;
}
