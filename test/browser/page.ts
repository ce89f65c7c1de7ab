// Script of the page: exposes the SDK, with its session in localStorage, to the test.
import { connect, type Vws, VwsError } from '../../src/client/index.ts';

/** Result of a call as plain data, since nothing else can leave a page. */
export type Ending =
  | { readonly value: unknown }
  | { readonly error: { readonly code: VwsError['code']; readonly retryAfter: number | undefined } };

/** Functions that the page exposes. */
export interface Page {
  /** Opens a session, or continues the stored one. */
  open(url: string, options: { pin: string; deadline?: number }): Promise<Ending>;
  call(name: string, args: readonly unknown[]): Promise<Ending>;
  /** Repeats a call for this many milliseconds. @returns the milliseconds of each */
  measureHandshakes(url: string, pin: string, milliseconds: number): Promise<number[]>;
  measureCalls(name: string, args: readonly unknown[], milliseconds: number): Promise<number[]>;
}

const NAME = 'vws';
const storage = {
  load: () => localStorage.getItem(NAME),
  save: (text: string) => localStorage.setItem(NAME, text),
  clear: () => localStorage.removeItem(NAME),
};
let vws: Vws;

async function end(action: () => Promise<unknown>): Promise<Ending> {
  try {
    return { value: await action() };
  } catch (error) {
    if (!(error instanceof VwsError)) throw error;
    return { error: { code: error.code, retryAfter: error.retryAfter } };
  }
}

function call(name: string, args: readonly unknown[]): Promise<unknown> {
  return (vws[name as keyof Vws] as (...all: readonly unknown[]) => Promise<unknown>)(...args);
}

async function repeat(milliseconds: number, action: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + milliseconds;
  for (let start = performance.now(); start < end; ) {
    await action();
    const now = performance.now();
    times.push(now - start);
    start = now;
  }
  return times;
}

const page: Page = {
  open: (url, options) =>
    end(async () => {
      vws = await connect(url, { ...options, storage });
    }),

  call: (name, args) => end(() => call(name, args)),

  measureHandshakes: (url, pin, milliseconds) => repeat(milliseconds, () => connect(url, { pin })),

  measureCalls: (name, args, milliseconds) => repeat(milliseconds, () => call(name, args)),
};

Object.assign(globalThis, { page });
