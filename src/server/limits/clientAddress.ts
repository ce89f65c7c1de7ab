// Addresses: as subjects of limits, as members of networks, and of the own machine.
import { BlockList } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The network size of one household or office in IPv6, whose addresses count as one. */
const IPV6_PREFIX_LENGTH = 64;

/**
 * Returns the subject under which an address is counted: an IPv4 address (also IPv4-mapped) itself, an IPv6 address by
 * its network.
 *
 * @param address from the socket or a trusted proxy
 */
export function addressSubject(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
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
