// Reads the memory usage of a server process from outside.
import { readdirSync, readFileSync } from 'node:fs';

const BYTES_PER_KIB = 1024;

/**
 * Resident memory, in bytes, of the server with this data folder.
 *
 * @returns undefined without /proc
 */
export function residentMemory(dataDir: string): number | undefined {
  const kib = /^VmRSS:\s*(\d+) kB$/m.exec(readProcess(findProcess(dataDir), 'status'))?.[1];
  return kib === undefined ? undefined : Number(kib) * BYTES_PER_KIB;
}

function findProcess(dataDir: string): string {
  const pids = listFolder('/proc').filter((name) => /^\d+$/.test(name));
  return pids.find((pid) => readProcess(pid, 'environ').split('\0').includes(`DATA_DIR=${dataDir}`)) ?? 'none';
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Processes end meanwhile, and those of other users cannot be read. */
function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
