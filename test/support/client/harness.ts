// Harness for tests of the SDK: a fake clock, storage, a network and an in-memory server.
import { type Clock, type ConnectOptions, connect, type SessionStorage, type Vws } from '../../../src/client/index.ts';
import { createFakeTime } from '../fakeTime.ts';
import { createMemoryServer, type MemoryServer } from './memoryServer.ts';
import { createNetwork, type Network } from './network.ts';

export interface FakeClock extends Clock {
  /** Calls all timers that become due. */
  advance(milliseconds: number): void;
  /** Pauses before repeated requests, in milliseconds. */
  readonly pauses: number[];
}

/** A clock on which pauses pass without taking real time. */
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
  /** Errors that the next calls of `save` throw, one each. */
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
  /** Opens a session and registers this user. */
  join(username: string, options?: Partial<ConnectOptions>): Promise<Vws>;
}

export const PASSWORD = 'Secret_2026';

/** An in-memory server, a network to it, and a clock. */
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
