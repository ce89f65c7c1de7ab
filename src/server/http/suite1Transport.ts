// The transport of suite 1, which authenticates nothing: HTTPS, or this machine.
import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';

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
  return headers['x-forwarded-proto'] === 'http' || !isLoopback(socket.remoteAddress ?? '');
}

function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}
