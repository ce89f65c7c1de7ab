// A real SMTP server for tests.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { type ParsedMail, parseMail } from './mime.ts';

const TIMEOUT_MS = 20_000;

const supportFile = (name: string) => fileURLToPath(new URL(name, import.meta.url));
/** Self-signed certificate for `localhost` and its addresses, valid until 2126: the CA to trust in tests. */
export const CERTIFICATE_FILE = supportFile('localhost.cert.pem');

export interface ReceivedMail extends ParsedMail {
  /** Addresses of the envelope. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly encrypted: boolean;
  /** User name of the login. */
  readonly user: string | undefined;
}

export interface SmtpServerOptions {
  readonly mode: 'plain' | 'starttls' | 'tls';
  /** Requires a login. */
  readonly auth?: { readonly username: string; readonly password: string };
  /** Called for each recipient; the reply waits for the promise. */
  readonly hold?: (recipient: string) => Promise<void> | undefined;
  /** Returns the reply code to refuse a recipient with, or undefined. */
  readonly refuse?: (recipient: string) => number | undefined;
  /** Returns true to break the connection after accepting the email, before the reply. */
  readonly loseReply?: (mail: ReceivedMail) => boolean;
  /** Default: any free port. */
  readonly port?: number;
}

export interface TestSmtpServer {
  readonly port: number;
  /** Received emails, in order. */
  readonly mails: readonly ReceivedMail[];
  /** Number of refused logins. */
  readonly refusedLogins: number;
  /** Returns the first matching mail, waiting for it if necessary. @throws after a timeout */
  waitForMail(predicate?: (mail: ReceivedMail) => boolean): Promise<ReceivedMail>;
  /** Breaks all connections and closes the port. */
  stop(): Promise<void>;
}

/** Starts a mail server on the loopback address that stores what it receives. */
export async function startSmtpServer(options: SmtpServerOptions): Promise<TestSmtpServer> {
  const { mode, auth, hold, refuse, loseReply } = options;
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  let arrival = Promise.withResolvers<void>();
  let refusedLogins = 0;

  const server = new SMTPServer({
    secure: mode === 'tls',
    cert: readFileSync(CERTIFICATE_FILE),
    key: readFileSync(supportFile('localhost.key.pem')),
    disabledCommands: [...(mode === 'plain' ? ['STARTTLS'] : []), ...(auth ? [] : ['AUTH'])],
    allowInsecureAuth: mode === 'plain',
    authOptional: !auth,
    disableReverseLookup: true,
    logger: false,
    onAuth({ username, password }, _session, callback) {
      if (username === auth?.username && password === auth?.password) return callback(null, { user: username });
      refusedLogins += 1;
      callback(null, { message: `The password of ${username} is wrong` });
    },
    onRcptTo({ address }, _session, callback) {
      const code = refuse?.(address);
      if (code) return callback(Object.assign(new Error(`No mailbox for <${address}> here`), { responseCode: code }));
      const held = hold?.(address);
      if (!held) return callback();
      held.then(() => callback(), callback);
    },
    onData(stream, session, callback) {
      receive(stream, session).then((lost) => (lost ? breakConnections() : callback()), callback);
    },
  });
  // Tests break connections on purpose.
  server.on('error', () => {});

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<boolean> {
    const chunks: Buffer[] = await stream.toArray();
    const { mailFrom, rcptTo } = session.envelope;
    const mail: ReceivedMail = {
      ...parseMail(Buffer.concat(chunks)),
      sender: mailFrom ? mailFrom.address : '',
      recipients: rcptTo.map(({ address }) => address),
      encrypted: session.secure,
      user: session.user,
    };
    mails.push(mail);
    arrival.resolve();
    arrival = Promise.withResolvers();
    return loseReply?.(mail) ?? false;
  }

  function breakConnections(): void {
    for (const socket of sockets) socket.destroy();
  }

  const listener = server.listen(options.port ?? 0, '127.0.0.1');
  listener.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  if (!listener.listening) await once(listener, 'listening');
  const { port } = listener.address() as { port: number };

  return {
    port,
    mails,
    get refusedLogins() {
      return refusedLogins;
    },
    async waitForMail(predicate = () => true) {
      const deadline = AbortSignal.timeout(TIMEOUT_MS);
      for (;;) {
        const mail = mails.find(predicate);
        if (mail) return mail;
        await untilAborted(arrival.promise, deadline);
      }
    },
    stop() {
      const closed = new Promise<void>((resolve) => server.close(resolve));
      breakConnections();
      return closed;
    },
  };
}

async function untilAborted(event: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(new Error('timed out waiting for a mail'));
  signal.addEventListener('abort', giveUp);
  await Promise.race([event, promise]).finally(() => signal.removeEventListener('abort', giveUp));
}
