// What Node.js lacks: the codecs of FFmpeg, in a package that setup installs on first use, and files.
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { registerMediabunnyServer } from '@mediabunny/server';
import { FilePathTarget } from 'mediabunny';
import { useStorage } from './storage.ts';

/** Written at once. */
const CHUNK_BYTES = 4 * 1024 * 1024;

registerMediabunnyServer();

useStorage(async (given) => {
  const path = given ?? join(await mkdtemp(join(tmpdir(), 'vws-video-')), 'hidden');
  const folder = given === undefined ? dirname(path) : undefined;
  return {
    target: new FilePathTarget(path, { chunkSize: CHUNK_BYTES }),
    open: (type) => openAsBlob(path, { type }),
    discard: () => rm(folder ?? path, { recursive: true, force: true }),
  };
});
