// The transport of suite 1, which authenticates nothing: HTTPS, or this machine.
import type { FastifyRequest } from 'fastify';

/** An IPv4 address may be mapped to IPv6. */
const LOOPBACK = /^(?:::1|(?:::ffff:)?127\.[\d.]+)$/;
/** Headers that a proxy adds. */
const PROXY_HEADER = /^(?:x-forwarded-.*|x-real-ip|forwarded|via)$/;
/** The parameter of Forwarded (RFC 7239, section 5.4). */
const FORWARDED_PROTOCOL = /(?:^|[;,])\s*proto="?([^";,\s]*)/gi;

/**
 * Reports whether a request may have been forged on the network: it arrived over plain HTTP, and not from this machine. A
 * request from a proxy on this machine did not come from this machine, unless the client did.
 */
export function isForgeable({
  protocol,
  headers,
  socket,
}: Pick<FastifyRequest, 'protocol' | 'headers'> & {
  readonly socket: Pick<FastifyRequest['socket'], 'remoteAddress'>;
}): boolean {
  // The protocol is read by Fastify from X-Forwarded-Proto, if a trusted proxy sent it.
  const isSafeConnection = protocol === 'https' || LOOPBACK.test(socket.remoteAddress ?? '');
  if (!isSafeConnection) return true;
  if (!Object.keys(headers).some((name) => PROXY_HEADER.test(name))) return false;
  const protocols = protocolsOf(headers);
  return protocols.length === 0 || protocols.some((name) => name.toLowerCase() !== 'https');
}

/** @returns the protocols that the proxies report, of every connection on the way */
function protocolsOf(headers: FastifyRequest['headers']): string[] {
  const listed = headers['x-forwarded-proto'];
  const forwarded = String(headers.forwarded ?? '').matchAll(FORWARDED_PROTOCOL);
  return [
    ...(listed === undefined ? [] : String(listed).split(',')).map((name) => name.trim()),
    ...[...forwarded].map(([, name = '']) => name),
  ];
}
