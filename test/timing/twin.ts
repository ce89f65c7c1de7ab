/** A server that plays ours and gives away which addresses it knows, as much as a test asks for. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Kind } from './sampling.ts';

/** What both kinds of requests cost, in milliseconds. */
const COMMON_COST = 0.2;

/** @param extraCost what a request costs beside that, in milliseconds of work */
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
