// A proxy that loses, cuts, delays and duplicates requests, and forwards each copy to the next process. It takes one
// request per connection, with a Content-Length; a header selects the fault.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Member } from './cluster.ts';
import { FAULT_HEADER, type Fault, isFault } from './faults.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import type { ResponseLedger } from './responseLedger.ts';

const MAX_DELAY_MS = 150;
const MAX_LATENESS_MS = 1_500;

/** State of a request: forwarded to the server, or answered while the client has not received the response. */
export type Moment = 'forwarded' | 'answered';

export interface ProxyOptions {
  /** The process to forward to, if any is up. */
  readonly target: () => Member | undefined;
  readonly random: Random;
  readonly ledger: ResponseLedger;
  readonly oracle: Oracle;
  /** Called at the moments that are worst for a crash. */
  readonly onMoment: (moment: Moment, member: Member) => void;
}

export interface FaultyProxy {
  readonly url: string;
  /** Breaks all connections. */
  stop(): Promise<void>;
}

interface Message {
  readonly head: string;
  readonly body: Buffer;
}

export async function startFaultyProxy(options: ProxyOptions): Promise<FaultyProxy> {
  const { target, random, ledger, oracle, onMoment } = options;
  const sockets = new Set<Socket>();
  const late = new Set<Promise<void>>();
  let stopped = false;

  function track(socket: Socket): Socket {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    return socket;
  }

  /** Forwards a request. @returns the response; undefined if the connection broke */
  async function forward(request: Message, waits = true): Promise<Message | undefined> {
    const member = target();
    const upstream = member && track(connectTo(member));
    try {
      if (!upstream || !(await opened(upstream))) {
        oracle.count('refused connections');
        return undefined;
      }
      upstream.write(Buffer.concat([Buffer.from(request.head, 'latin1'), request.body]));
      onMoment('forwarded', member);
      if (!waits) {
        await delay(random.integer(0, 10));
        return undefined;
      }
      const answer = await readMessage(upstream);
      if (answer) {
        onMoment('answered', member);
        ledger.record(pathOf(request), request.body, statusOf(answer), answer.body);
      }
      return answer;
    } finally {
      upstream?.destroy();
    }
  }

  async function sendHalf(request: Message): Promise<void> {
    const member = target();
    if (!member) return;
    const upstream = track(connectTo(member));
    const bytes = Buffer.concat([Buffer.from(request.head, 'latin1'), request.body]);
    if (await opened(upstream)) {
      upstream.write(bytes.subarray(0, random.integer(1, bytes.length - 1)));
      await delay(random.integer(0, 5));
    }
    upstream.destroy();
  }

  function sendLater(request: Message): void {
    const copy = delay(random.integer(1, MAX_LATENESS_MS)).then(async () => {
      if (!stopped) await forward(request);
    });
    late.add(copy);
    copy.then(() => late.delete(copy));
  }

  /** @returns the bytes for the client; undefined breaks its connection */
  async function applyFault(request: Message, fault: Fault): Promise<Buffer | undefined> {
    const whole = async () => bytesOf(await forward(request));
    switch (fault) {
      case 'none':
        return whole();
      case 'drop request':
        return undefined;
      case 'cut request':
        await sendHalf(request);
        return undefined;
      case 'drop answer':
        await forward(request, false);
        return undefined;
      case 'withhold answer':
        await forward(request);
        return undefined;
      case 'cut answer': {
        const answer = await whole();
        return answer?.subarray(0, random.integer(1, answer.length - 1));
      }
      case 'delay request':
        await delay(random.integer(1, MAX_DELAY_MS));
        return whole();
      case 'delay answer': {
        const answer = await whole();
        await delay(random.integer(1, MAX_DELAY_MS));
        return answer;
      }
      case 'duplicate': {
        oracle.count('duplicates sent');
        const copies = [forward(request), forward(request)];
        const [first, second] = random.chance(0.5) ? copies : copies.toReversed();
        return bytesOf((await first) ?? (await second));
      }
      case 'duplicate later': {
        oracle.count('duplicates sent');
        const answer = await whole();
        if (answer) sendLater(request);
        return answer;
      }
    }
  }

  const server = createServer((socket) => {
    track(socket);
    serve(socket).catch(() => socket.destroy());
  });

  async function serve(socket: Socket): Promise<void> {
    const received = await readMessage(socket);
    if (!received) return;
    const { request, fault } = takeFault(received);
    const answer = await applyFault(request, fault);
    if (answer && fault !== 'cut answer') socket.end(answer);
    else if (answer) socket.write(answer, () => socket.destroy());
    else socket.destroy();
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      stopped = true;
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, ...late]);
    },
  };
}

function connectTo({ server }: Member): Socket {
  const { hostname, port } = new URL(server.url);
  return connect(Number(port), hostname);
}

async function opened(socket: Socket): Promise<boolean> {
  return once(socket, 'connect').then(
    () => true,
    () => false,
  );
}

/** Reads one message with a Content-Length. @returns undefined if the connection ends before it is complete */
function readMessage(socket: Socket): Promise<Message | undefined> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const message = parseMessage(received);
      if (message) resolve(message);
    });
    socket.on('close', () => resolve(undefined));
    socket.on('end', () => resolve(undefined));
  });
}

function parseMessage(received: Buffer): Message | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = received.toString('latin1', 0, end + 4);
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  const body = received.subarray(end + 4);
  return body.length < length ? undefined : { head, body: body.subarray(0, length) };
}

function takeFault({ head, body }: Message): { request: Message; fault: Fault } {
  const line = new RegExp(`^${FAULT_HEADER}: *(.*)\r\n`, 'im');
  const name = line.exec(head)?.[1] ?? 'none';
  return { request: { head: head.replace(line, ''), body }, fault: isFault(name) ? name : 'none' };
}

function bytesOf(message: Message | undefined): Buffer | undefined {
  return message && Buffer.concat([Buffer.from(message.head, 'latin1'), message.body]);
}

function pathOf({ head }: Message): string {
  return head.split(' ', 2)[1] ?? '';
}

function statusOf({ head }: Message): number {
  return Number(head.split(' ', 2)[1]);
}
