// The limit on connections from one address.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { closeWithStatus } from './closeWithStatus.ts';

export interface ConnectionLimit {
  readonly maxPerAddress: number;
  readonly addressSubject: (address: string) => string;
  /** Trusted proxies limit the connections of their clients themselves. */
  readonly isTrustedProxy: (address: string) => boolean;
}

/** Answers connections above the limit with 429 and closes them. */
export function limitConnections(
  server: Pick<Server, 'on'>,
  { maxPerAddress, addressSubject, isTrustedProxy }: ConnectionLimit,
): void {
  const counts = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || isTrustedProxy(remoteAddress)) return;
    const subject = addressSubject(remoteAddress);
    const count = (counts.get(subject) ?? 0) + 1;
    counts.set(subject, count);
    socket.once('close', () => {
      const rest = (counts.get(subject) ?? 0) - 1;
      if (rest > 0) counts.set(subject, rest);
      else counts.delete(subject);
    });
    if (count <= maxPerAddress) return;
    closeWithStatus(socket, 429);
    socket.destroySoon();
  });
}
