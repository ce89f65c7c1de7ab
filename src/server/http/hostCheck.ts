// Host headers: at most one, and on the loopback interface a local name, which protects against DNS rebinding.
import { isLoopback } from '../limits/clientAddress.ts';

/** Number of accepted Host headers that are remembered. */
const MAX_REMEMBERED = 100;
const HOST_AND_PORT = /^(\[[^\]]+\]|[^:]*)(?::\d*)?$/;

/**
 * Creates a check of Host headers. A web page whose domain an attacker points to 127.0.0.1 can send requests to the server
 * and read the responses (DNS rebinding); its requests have the name of that domain in the Host header.
 *
 * @param names host names that are allowed in addition to those of the loopback interface, in lower case
 */
export function createHostCheck(names: readonly string[]): (header: string | undefined) => boolean {
  const accepted = new Set<string>();
  return (header) => {
    // Browsers always send the header.
    if (header === undefined || accepted.has(header)) return true;
    const host = HOST_AND_PORT.exec(header)?.[1]?.toLowerCase();
    if (host === undefined) return false;
    if (!names.includes(host) && !isLoopback(host.replace(/^\[(.*)\]$/, '$1'))) return false;
    if (accepted.size < MAX_REMEMBERED) accepted.add(header);
    return true;
  };
}

/**
 * Reports whether a request has several Host headers, which RFC 9112, section 3.2 forbids. Node.js uses the first one, and a
 * proxy may use another.
 *
 * @param rawHeaders names and values in turn
 */
export function hasSeveralHosts(rawHeaders: readonly string[]): boolean {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length > 1;
}
