import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { createTransport, type NodemailerError } from 'nodemailer';
import { DeliveryError, MAX_CONCURRENT_DELIVERIES, type MailLog, type MailTransport } from './mail.ts';
import { nodemailerOptions } from './message.ts';

export interface SmtpSettings {
  /** Host name or address. */
  readonly server: string;
  readonly port: number;
  /** STARTTLS (RFC 3207), required: a server that does not offer it gets no mail. Implied by, so idle with, `useSsl`. */
  readonly useStartTls: boolean;
  /** TLS from the first byte (RFC 8314). */
  readonly useSsl: boolean;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM file with the only authorities to trust for the mail server, in place of the usual ones. */
  readonly caFile?: string | undefined;
}

/** Until the connection stands, encrypted and greeted, in milliseconds. */
const CONNECTION_TIMEOUT = 10_000;
const GREETING_TIMEOUT = 10_000;
/**
 * How long the server may be silent, in milliseconds. Servers look into a message before they take it, some for half
 * a minute, and giving up on one that then takes it makes a second copy (RFC 1047).
 */
const SOCKET_TIMEOUT = 60_000;
/** Shorter than servers keep an idle connection, so that a mail seldom meets one that is just being closed. */
const IDLE_TIMEOUT = 15_000;

/** Answers to these commands speak of the message; to any other, of the session: the login, the sender, the network. */
const COMMANDS_ABOUT_THE_MESSAGE: ReadonlySet<string | undefined> = new Set(['RCPT TO', 'DATA']);
/** Replies that ask for a login, or for another one (RFC 4954, 6): a fault of the configuration at any command. */
const LOGIN_REPLIES: ReadonlySet<number | undefined> = new Set([530, 534, 535, 538]);

/**
 * Sends mails to an SMTP server over pooled connections. Certificates are verified. With neither STARTTLS nor TLS asked
 * for, STARTTLS is not tried even if offered: relays on the same host often offer it with a certificate that nobody can
 * verify, and what an attacker on the line can strip protects nothing.
 *
 * @throws Error if the file of authorities cannot be read
 */
export function createSmtpTransport(settings: SmtpSettings, log: MailLog): MailTransport {
  const { server, port, useStartTls, useSsl, username, password, caFile } = settings;
  const encrypted = useStartTls || useSsl;
  if (!encrypted && !isLoopback(server)) {
    log.warn(
      { withLogin: Boolean(username) },
      'MAIL_USE_TLS and MAIL_USE_SSL are off: mails, and the password of the mail server if there is one, travel in clear',
    );
  }
  const transporter = createTransport({
    pool: true,
    host: server,
    port,
    secure: useSsl,
    requireTLS: useStartTls && !useSsl,
    ignoreTLS: !encrypted,
    ...(username && { auth: { user: username, pass: password ?? '' } }),
    ...(caFile && { tls: { ca: readFileSync(caFile) } }),
    maxConnections: MAX_CONCURRENT_DELIVERIES,
    // Sending again is the outbox's business alone.
    maxRequeues: 0,
    connectionTimeout: CONNECTION_TIMEOUT,
    dnsTimeout: CONNECTION_TIMEOUT,
    greetingTimeout: GREETING_TIMEOUT,
    socketTimeout: SOCKET_TIMEOUT,
    idleTimeout: IDLE_TIMEOUT,
  });
  return {
    async deliver(message, signal) {
      const options = nodemailerOptions(message);
      try {
        await transporter.sendMail({ ...options, signal });
      } catch (error) {
        throw toDeliveryError(error as NodemailerError);
      }
    },
    close: () => transporter.close({ force: true }),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Keeps codes only: texts of servers, and so of nodemailer's errors, quote the recipient's address. */
function toDeliveryError({ code, originalCode, command, response, responseCode, permanent }: NodemailerError) {
  // RFC 3463: in 550 5.1.1, the second number says more than the first.
  const enhancedCode = response?.match(/^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/)?.[1];
  const reason = [code, originalCode, command, responseCode, enhancedCode].filter(Boolean).join(' ');
  const aboutTheMessage = COMMANDS_ABOUT_THE_MESSAGE.has(command) && !LOGIN_REPLIES.has(responseCode);
  return new DeliveryError(reason || 'unknown', permanent === true && aboutTheMessage);
}
