// Warnings about settings that expose secrets.
import { isLoopback } from '../limits/clientAddress.ts';
import type { StoreLocation } from '../store/open.ts';
import type { Config } from './config.ts';

/** TLS modes of the PostgreSQL client without encryption. */
const PLAINTEXT_MODES: ReadonlySet<string | null | undefined> = new Set([
  undefined,
  null,
  '',
  '0',
  'false',
  'disable',
  'allow',
]);

/**
 * Lists what the settings expose, one line each.
 *
 * @param postgresMode the variable PGSSLMODE, which the PostgreSQL client reads itself
 */
export function warningsOf(
  config: Pick<Config, 'host' | 'trustedProxies' | 'smtp' | 'mailboxFolder' | 'database'>,
  postgresMode?: string,
): string[] {
  const warnings: string[] = [];
  if (!isLoopback(config.host) && config.trustedProxies.length === 0) {
    warnings.push(
      `HOST=${config.host} accepts plain HTTP from other machines. Put a proxy with HTTPS in front and set TRUSTED_PROXIES.`,
    );
  }
  if (!config.smtp) {
    warnings.push(
      `Recovery codes are written to the log and to ${config.mailboxFolder}. Set MAIL_SERVER to mail them.`,
    );
  }
  const host = plaintextHost(config.database, postgresMode);
  if (host) warnings.push(`The connection to PostgreSQL at ${host} is not encrypted. Set DATABASE_CA_FILE.`);
  return warnings;
}

/** @returns the host of a PostgreSQL server on another machine whose connections are not encrypted */
function plaintextHost(location: StoreLocation, postgresMode: string | undefined): string | undefined {
  if (location.engine !== 'postgres') return undefined;
  const { hostname, searchParams } = new URL(location.url);
  const host = decodeURIComponent(searchParams.get('host') ?? hostname).replace(/^\[(.*)\]$/, '$1');
  const isLocal = host === '' || host.startsWith('/') || isLoopback(host);
  // A mode in the URL takes precedence over all other settings.
  const mode =
    searchParams.get('sslmode') ?? searchParams.get('ssl') ?? (location.caFile ? 'verify-full' : postgresMode);
  return isLocal || !PLAINTEXT_MODES.has(mode) ? undefined : host;
}
