// A stand-in for the server that reveals known addresses by its timing, as much as a test requests.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Kind } from './sampling.ts';

/** Cost of both kinds of requests, in milliseconds. */
const COMMON_COST = 0.2;

/** @param extraCost additional work of a request, in milliseconds */
export async function startTwin(t: TestContext, extraCost: (kind: Kind) => number): Promise<string> {
  const server = createServer((request, response) => {
    work(COMMON_COST + extraCost(request.url === '/known' ? 'known' : 'unknown'));
    response.end('the same answer');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
