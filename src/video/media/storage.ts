// Where clips are written: a file of the origin private file system, or of the disk in Node.js.
import { StreamTarget, type StreamTargetChunk, type Target } from 'mediabunny';

/** Bytes and the position in the file where they belong. */
export type PositionedChunk = StreamTargetChunk;

/** A file that is being written. */
export interface OutputFile {
  readonly target: Target;
  /** Opens the complete file. Its bytes stay on the disk. */
  open(type: string): Promise<Blob>;
  /** Deletes the file, complete or not. */
  discard(): Promise<void>;
}

/** @param path where to write; without one, a temporary file */
export type CreateFile = (path?: string) => Promise<OutputFile>;

/** The part of the File System API that is used; the types of Node.js have none of it. */
interface Directory {
  getFileHandle(name: string, options: { create: true }): Promise<FileHandle>;
  removeEntry(name: string): Promise<void>;
}

interface FileHandle {
  createWritable(): Promise<WritableStream<StreamTargetChunk>>;
  getFile(): Promise<Blob>;
}

let createFile: CreateFile = createPrivateFile;

/** Replaces the browser's storage; media/node.ts calls this. */
export function useStorage(create: CreateFile): void {
  createFile = create;
}

/** Creates the file to write to. */
export function createOutput(path?: string): Promise<OutputFile> {
  return createFile(path);
}

async function createPrivateFile(): Promise<OutputFile> {
  const { storage } = navigator as unknown as { storage: { getDirectory(): Promise<Directory> } };
  const directory = await storage.getDirectory();
  const name = `vws-${crypto.randomUUID()}.video`;
  const handle = await directory.getFileHandle(name, { create: true });
  return {
    target: new StreamTarget(await handle.createWritable()),
    open: async (type) => {
      const file = await handle.getFile();
      return file.slice(0, file.size, type);
    },
    discard: () => directory.removeEntry(name),
  };
}

/** Copies a complete file to a stream of positioned chunks. */
export async function copyTo(file: Blob, stream: WritableStream<StreamTargetChunk>): Promise<void> {
  let position = 0;
  const chunks = new TransformStream<Uint8Array<ArrayBuffer>, StreamTargetChunk>({
    transform: (data, controller) => {
      controller.enqueue({ type: 'write', data, position });
      position += data.length;
    },
  });
  await file.stream().pipeThrough(chunks).pipeTo(stream);
}
