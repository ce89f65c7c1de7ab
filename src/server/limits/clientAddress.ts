import ipaddr from 'ipaddr.js';

/** One household or office has a whole network of this size in IPv6, so its addresses count as one. */
const IPV6_PREFIX_LENGTH = 64;

/**
 * The text that an address is counted by: IPv4 addresses (also as IPv4-mapped IPv6) as they are, IPv6 by network.
 *
 * @param address as the socket or the trusted proxy gave it
 */
export function addressSubject(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/${IPV6_PREFIX_LENGTH}`).toString()}/${IPV6_PREFIX_LENGTH}`;
}
