// Types that the modules of this folder share.
export interface MailSettings {
  /** `addr@host` or `Name <addr@host>`. */
  readonly sender: string;
  /** Name of the sender if {@link sender} has none, and of the service in the emails. */
  readonly senderName: string;
  readonly subject: string;
}

export interface Mailbox {
  /** May be empty. */
  readonly name: string;
  readonly address: string;
}

/** A composed mail. It is identical for all attempts. */
export interface MailMessage {
  /** Identifies the email in logs and file names, in hexadecimal. */
  readonly id: string;
  /** Value of the Message-ID field (RFC 5322, 3.6.4), with brackets. */
  readonly messageId: string;
  readonly from: Mailbox;
  /** A bare address. */
  readonly to: string;
  readonly date: Date;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** The code in the text, if it has one. Only the local mailbox may log it. */
  readonly code?: string;
}

export interface MailTransport {
  /**
   * Resolves once the receiving side has taken responsibility for the message.
   *
   * @param signal aborts the attempt; whether the message was accepted is unknown then
   * @throws DeliveryError
   */
  deliver(message: MailMessage, signal: AbortSignal): Promise<void>;
  /** Closes idle connections and aborts deliveries in progress. */
  close(): void;
}

/** A failed delivery. The message is safe to log: it never quotes the server, whose reply may contain the address. */
export class DeliveryError extends Error {
  /**
   * True if the same message would be rejected again. Configuration errors are not permanent, because they can be
   * fixed.
   */
  readonly permanent: boolean;

  constructor(reason: string, permanent: boolean) {
    super(reason);
    this.name = 'DeliveryError';
    this.permanent = permanent;
  }
}

type LogMethod = (fields: Record<string, unknown>, message: string) => void;

/** The used part of pino's logger. */
export interface MailLog {
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

/** Number of deliveries at once, so that a slow server or recipient does not delay other emails. */
export const MAX_CONCURRENT_DELIVERIES = 5;
