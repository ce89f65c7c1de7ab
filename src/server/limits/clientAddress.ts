// Addresses: as subjects of limits, as members of networks, and of the own machine.
import { BlockList, isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The network size of one household or office in IPv6, whose addresses count as one. */
const IPV6_PREFIX_LENGTH = 64;
/** ipaddr.js's name of 64:ff9b::/96, the prefix of IPv4 addresses that a NAT64 translated (RFC 6052). */
const NAT64_RANGE = 'rfc6052';
/** An address with a port, or an IPv6 address in brackets. */
const ADDRESS_AND_PORT = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/;

/**
 * Returns the address of a client: of its connection or, behind trusted proxies, the last address in X-Forwarded-For that
 * is not one of them. Text that is not an address counts as the proxy that sent it, because clients can choose it.
 *
 * @param socketAddress of the connection
 * @param forwardedFor the header X-Forwarded-For
 */
export function clientAddress(
  socketAddress: string,
  forwardedFor: string | undefined,
  isTrustedProxy: (address: string) => boolean,
): string {
  let address = socketAddress;
  for (const entry of forwardedFor?.split(',').reverse() ?? []) {
    if (!isTrustedProxy(address)) break;
    const text = entry.trim();
    const [, bracketed, ipv4] = ADDRESS_AND_PORT.exec(text) ?? [];
    const next = bracketed ?? ipv4 ?? text;
    if (!isIP(next)) break;
    address = next;
  }
  return address;
}

/**
 * Returns the subject under which an address is counted: an IPv4 address (also IPv4-mapped or translated by a NAT64)
 * itself, an IPv6 address by its network.
 *
 * @param address from {@link clientAddress}
 */
export function addressSubject(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  if (parsed.range() === NAT64_RANGE) return ipaddr.fromByteArray(parsed.toByteArray().slice(-4)).toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/${IPV6_PREFIX_LENGTH}`).toString()}/${IPV6_PREFIX_LENGTH}`;
}

/**
 * Returns the network of an address, as the subject of limits per account and network: /24 of IPv4, /64 of IPv6.
 *
 * @param subject from {@link addressSubject}
 */
export function networkOf(subject: string): string {
  return ipaddr.IPv4.isValidFourPartDecimal(subject) ? subject.replace(/[^.]*$/, '0/24') : subject;
}

/**
 * Creates a check whether an address belongs to one of several networks.
 *
 * @param networks addresses and networks in CIDR notation
 */
export function createNetworkCheck(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefixLength] = network.split('/');
    const family = ipaddr.parse(address).kind();
    if (prefixLength === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefixLength), family);
  }
  return (address) => networks.length > 0 && list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}

/** Reports whether a host name or address is one of the own machine. */
export function isLoopback(host: string): boolean {
  if (/(^|\.)localhost$/i.test(host)) return true;
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback';
}
