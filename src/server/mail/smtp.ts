// Mail delivery over SMTP.
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { createTransport, type NodemailerError, type Transporter } from 'nodemailer';
import {
  DeliveryError,
  MAX_CONCURRENT_DELIVERIES,
  type MailLog,
  type MailMessage,
  type MailTransport,
} from './mail.ts';
import { nodemailerOptions } from './message.ts';

export interface SmtpSettings {
  /** Host name or address. */
  readonly server: string;
  readonly port: number;
  /** Requires STARTTLS (RFC 3207): a server that does not offer it gets no email. Ignored with `useSsl`. */
  readonly useStartTls: boolean;
  /** TLS from the first byte (RFC 8314). */
  readonly useSsl: boolean;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM file with the CA certificates to trust instead of the default ones. */
  readonly caFile?: string | undefined;
}

/** Time limit for connecting, and for TLS and the greeting. */
const CONNECTION_TIMEOUT_MS = 10_000;
const GREETING_TIMEOUT_MS = 10_000;
/**
 * Time for which the server may be silent. Some servers inspect a message for half a minute before they accept it, and
 * aborting before the acceptance causes a second copy (RFC 1047).
 */
const SOCKET_TIMEOUT_MS = 60_000;
/** Shorter than the idle timeout of servers, so that an email rarely meets a connection that is being closed. */
const IDLE_TIMEOUT_MS = 15_000;

/** Replies to these commands concern the message; replies to others concern the login, the sender or the network. */
const COMMANDS_ABOUT_THE_MESSAGE: ReadonlySet<string | undefined> = new Set(['RCPT TO', 'DATA']);
/** Replies that require a login or another one (RFC 4954, 6): configuration errors, regardless of the command. */
const LOGIN_REPLIES: ReadonlySet<number | undefined> = new Set([530, 534, 535, 538]);

/** Sends emails to an SMTP server over pooled connections. Certificates are verified. */
export class SmtpTransport implements MailTransport {
  readonly #transporter: Transporter;

  /**
   * Without STARTTLS or TLS in the settings, STARTTLS is not tried even if offered: relays on the same host often offer
   * it with a certificate that cannot be verified, and protection that an attacker on the line can strip protects
   * nothing.
   *
   * @throws Error if the CA file cannot be read
   */
  constructor(settings: SmtpSettings, log: MailLog) {
    if (!isEncrypted(settings) && !isLoopback(settings.server)) {
      log.warn(
        { withLogin: Boolean(settings.username) },
        'MAIL_USE_TLS and MAIL_USE_SSL are off: emails and the password of the mail server are sent unencrypted',
      );
    }
    this.#transporter = createTransport(transportOptions(settings));
  }

  async deliver(message: MailMessage, signal: AbortSignal): Promise<void> {
    const options = nodemailerOptions(message);
    try {
      await this.#transporter.sendMail({ ...options, signal });
    } catch (error) {
      throw toDeliveryError(error as NodemailerError);
    }
  }

  close(): void {
    this.#transporter.close({ force: true });
  }
}

function transportOptions(settings: SmtpSettings) {
  const { server, port, useStartTls, useSsl, username, password, caFile } = settings;
  return {
    pool: true,
    host: server,
    port,
    secure: useSsl,
    requireTLS: useStartTls && !useSsl,
    ignoreTLS: !isEncrypted(settings),
    ...(username && { auth: { user: username, pass: password ?? '' } }),
    ...(caFile && { tls: { ca: readFileSync(caFile) } }),
    maxConnections: MAX_CONCURRENT_DELIVERIES,
    // Only the outbox retries.
    maxRequeues: 0,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    dnsTimeout: CONNECTION_TIMEOUT_MS,
    greetingTimeout: GREETING_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    idleTimeout: IDLE_TIMEOUT_MS,
  } as const;
}

function isEncrypted({ useStartTls, useSsl }: SmtpSettings): boolean {
  return useStartTls || useSsl;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Keeps only codes, because replies of servers, and with them nodemailer's messages, quote the recipient's address. */
function toDeliveryError({ code, originalCode, command, response, responseCode, permanent }: NodemailerError) {
  // RFC 3463: in 550 5.1.1, the second number is more specific.
  const enhancedCode = response?.match(/^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/)?.[1];
  const reason = [code, originalCode, command, responseCode, enhancedCode].filter(Boolean).join(' ');
  const aboutTheMessage = COMMANDS_ABOUT_THE_MESSAGE.has(command) && !LOGIN_REPLIES.has(responseCode);
  return new DeliveryError(reason || 'unknown', permanent === true && aboutTheMessage);
}
