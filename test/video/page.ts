// Script of the page and of its Worker: the core of the video channel, with results as hashes.
import { CarrierTable, type Channel } from '../../src/video/core/carriers.ts';
import { Embedder } from '../../src/video/core/embedder.ts';
import { layoutOf } from '../../src/video/core/layout.ts';
import { UPRIGHT } from '../../src/video/core/orient.ts';
import { PatternMaker } from '../../src/video/core/pattern.ts';
import { encodeBlock, toBits } from '../../src/video/core/payload.ts';
import type { Picture } from '../../src/video/core/picture.ts';
import { codeOf, encode } from '../../src/video/core/polar.ts';
import { PROFILES, profileFor } from '../../src/video/core/profiles.ts';
import { TEMPLATE_PLANES, templatePlane } from '../../src/video/core/template.ts';
import { CLIP, vectorClip } from './clip.ts';

/** A marked clip. */
export interface Marked {
  readonly steps: readonly [number, number];
  readonly rms: readonly [number, number];
  readonly psnr: number;
  readonly hash: string;
}

/** Functions that the page exposes. Bytes are arrays of numbers, since nothing else can enter a page. */
export interface VideoPage {
  frozenSets(): Promise<string[]>;
  codeWord(key: number[], payload: number[]): Promise<string>;
  planes(key: number[]): Promise<string>;
  carriers(key: number[], profileName: string, channel: Channel, columns: number, rows: number): Promise<string>;
  pattern(change: number[], columns: number, rows: number, width: number, height: number): Promise<string>;
  mark(key: number[], payload: number[]): Promise<Marked>;
  /** `mark` in a Worker. */
  markInWorker(key: number[], payload: number[]): Promise<Marked>;
}

// Globals of browsers, which the compiler does not know here.
declare class Worker {
  constructor(url: string, options: { type: 'module' });
  onmessage: (event: { data: Marked }) => void;
  onerror: (event: { message: string }) => void;
  postMessage(message: unknown): void;
  terminate(): void;
}
declare const document: unknown;
declare const self: {
  onmessage: (event: { data: [key: number[], payload: number[]] }) => void;
  postMessage(message: Marked): void;
};

async function sha256(parts: readonly ArrayBufferView[]): Promise<string> {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
    offset += byteLength;
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const planesOf = (clip: readonly Picture[]) => clip.flatMap(({ y, u, v }) => [y, u, v]);

function profileOf(length: number) {
  const profile = profileFor(length);
  if (profile === undefined) throw new Error('the payload is too long');
  return profile;
}

async function mark(key: number[], payload: number[]): Promise<Marked> {
  const { width, height, framesPerSecond } = CLIP;
  const layout = layoutOf({ width, height, orientation: UPRIGHT }, { x: 0, y: 0, width, height });
  if (layout === undefined) throw new Error('the size is not supported');
  const keyBytes = Uint8Array.from(key);
  const clip = vectorClip(keyBytes);
  const embedder = new Embedder(layout, keyBytes, profileOf(payload.length), Uint8Array.from(payload));
  for (const [i, picture] of clip.entries()) embedder.look(picture, i / framesPerSecond, 1 / framesPerSecond);
  const { luma, chroma } = await embedder.plan('invisible', async () => {});
  for (const [i, picture] of clip.entries()) embedder.change(picture, i / framesPerSecond, 1 / framesPerSecond);
  return {
    steps: [luma.step, chroma.step],
    rms: [luma.rms, chroma.rms],
    psnr: embedder.psnr,
    hash: await sha256(planesOf(clip)),
  };
}

const page: VideoPage = {
  frozenSets: () => Promise.all(PROFILES.map((profile) => sha256([codeOf(profile).frozen]))),

  codeWord(key, payload) {
    const profile = profileOf(payload.length);
    const block = encodeBlock(Uint8Array.from(payload), profile.bytes, Uint8Array.from(key));
    return sha256([encode(codeOf(profile), toBits(block))]);
  },

  planes: (key) =>
    sha256(Array.from({ length: TEMPLATE_PLANES }, (_, plane) => templatePlane(Uint8Array.from(key), plane))),

  carriers(key, profileName, channel, columns, rows) {
    const profile = PROFILES.find(({ name }) => name === profileName) ?? profileOf(0);
    const table = new CarrierTable(Uint8Array.from(key), profile, channel, { columns, rows });
    const segments = Array.from({ length: profile.cycle }, (_, k) => table.segment(k));
    return sha256(segments.flatMap((s) => [s.bits, s.start, s.features, s.signs, s.dithers]));
  },

  pattern(change, columns, rows, width, height) {
    const pattern = new Int8Array(width * height);
    const texturedCaps = new Float64Array(change.length).fill(2);
    new PatternMaker({ columns, rows }, width, height).make(Float64Array.from(change), texturedCaps, pattern);
    return sha256([pattern]);
  },

  mark,

  markInWorker: (key, payload) =>
    new Promise((resolve, reject) => {
      const worker = new Worker('/page.js', { type: 'module' });
      worker.onmessage = ({ data }) => {
        worker.terminate();
        resolve(data);
      };
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage([key, payload]);
    }),
};

if (typeof document !== 'undefined') Object.assign(globalThis, { page });
else self.onmessage = async ({ data: [key, payload] }) => self.postMessage(await mark(key, payload));
