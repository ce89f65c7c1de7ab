// The network between the SDK and the in-memory server, with its faults.
import type { MemoryResponse, MemoryServer } from './memoryServer.ts';

/** A fault of one request; `forward` passes it to the server. */
export type Fault = (request: SentRequest, forward: () => Promise<MemoryResponse>) => Promise<MemoryResponse>;

export interface SentRequest {
  readonly path: string;
  readonly body: string;
  readonly init: RequestInit;
}

const lost = () => new TypeError('fetch failed');

export const loseRequest: Fault = async () => {
  throw lost();
};

export const loseResponse: Fault = async (_, forward) => {
  await forward();
  throw lost();
};

/** Responds in place of the server. */
export const answerWith =
  (status: number, json: unknown, headers: Record<string, string> = {}): Fault =>
  async () => ({ status, json, headers });

/** Changes the server's response. */
export const tamper =
  (change: (answer: MemoryResponse) => MemoryResponse): Fault =>
  async (_, forward) =>
    change(await forward());

/** Never answers. */
export const stall =
  (onStall: () => void = () => {}): Fault =>
  async (_, forward) => {
    await forward();
    onStall();
    return new Promise(() => {});
  };

export interface Network {
  readonly url: string;
  readonly sent: SentRequest[];
  /** Faults of the next requests, one each. */
  readonly faults: Fault[];
  /** Fault of every other request. */
  always: Fault | undefined;
  readonly fetch: typeof fetch;
}

/** A network to the server that can lose and change traffic. */
export function createNetwork(server: MemoryServer): Network {
  const network: Network = {
    url: 'https://vws.example.org',
    sent: [],
    faults: [],
    always: undefined,
    async fetch(url, init = {}) {
      const request = { path: new URL(String(url)).pathname, body: String(init.body), init };
      network.sent.push(request);
      const forward = () => server.handle(request.path, request.body);
      const fault = network.faults.shift() ?? network.always;
      const { status, json, headers } = await (fault ? fault(request, forward) : forward());
      return new Response(JSON.stringify(json), { status, headers: headers ?? {} });
    },
  };
  return network;
}
