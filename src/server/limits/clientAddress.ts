// Addresses as subjects of rate limits.
import ipaddr from 'ipaddr.js';

/** The network size of one household or office in IPv6, whose addresses count as one. */
const IPV6_PREFIX_LENGTH = 64;

/**
 * Returns the subject under which an address is counted: an IPv4 address (also IPv4-mapped) itself, an IPv6 address by its
 * network.
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
