// The transport of suite 1, which authenticates nothing: HTTPS, or this machine.
import type { FastifyRequest } from 'fastify';

/** An IPv4 address may be mapped to IPv6. */
const LOOPBACK = /^(?:::1|(?:::ffff:)?127\.[\d.]+)$/;

/** Reports whether a request may have been forged on the network: it arrived over plain HTTP, and not from this machine. */
export function isForgeable({
  protocol,
  headers,
  socket,
}: Pick<FastifyRequest, 'protocol' | 'headers'> & {
  readonly socket: Pick<FastifyRequest['socket'], 'remoteAddress'>;
}): boolean {
  // Read by Fastify from X-Forwarded-Proto, if a trusted proxy sent it.
  if (protocol === 'https') return false;
  return headers['x-forwarded-proto'] === 'http' || !LOOPBACK.test(socket.remoteAddress ?? '');
}
