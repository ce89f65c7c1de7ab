export interface MailSettings {
  /** `addr@host` or `Name <addr@host>`. */
  readonly sender: string;
  /** The sender's name where {@link sender} has none, and what the mails call the service. */
  readonly senderName: string;
  readonly subject: string;
}

export interface Mailbox {
  /** May be empty. */
  readonly name: string;
  readonly address: string;
}

/** A mail as it goes out: nothing in it changes from one attempt to the next. */
export interface MailMessage {
  /** Names the mail, in hexadecimal, in logs and file names. */
  readonly id: string;
  /** For the Message-ID field (RFC 5322, 3.6.4), with its brackets. */
  readonly messageId: string;
  readonly from: Mailbox;
  /** A bare address. */
  readonly to: string;
  readonly date: Date;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** The code in the text, for the log of the local mailbox and no other. */
  readonly code: string;
}

export interface MailTransport {
  /**
   * Resolves once the receiving side has taken responsibility for the message.
   *
   * @param signal aborts the attempt; whether the message was accepted is unknown then
   * @throws DeliveryError
   */
  deliver(message: MailMessage, signal: AbortSignal): Promise<void>;
  /** Ends idle connections and breaks off whatever is still being delivered. */
  close(): void;
}

/** Why a delivery failed, in words that are safe to log: never what a server said, which may hold the address. */
export class DeliveryError extends Error {
  /** Whether the same message would be refused again. A fault of the configuration is not: it may be mended in time. */
  readonly permanent: boolean;

  constructor(reason: string, permanent: boolean) {
    super(reason);
    this.name = 'DeliveryError';
    this.permanent = permanent;
  }
}

type LogMethod = (fields: Record<string, unknown>, message: string) => void;

/** The part of pino's logger that is needed here. */
export interface MailLog {
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

/** How many mails are on their way at once, so that a slow server or recipient holds up no other mail. */
export const MAX_CONCURRENT_DELIVERIES = 5;
