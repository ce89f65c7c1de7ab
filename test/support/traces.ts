// Searches a server's database and output for texts and bytes, in every form in which they could have been written.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { databaseContents } from './postgres.ts';
import type { TestServer } from './server.ts';

/** A secret (or a control) and its name in a report. */
export interface Wanted {
  what: string;
  value: string | Buffer;
}

/** The database file with its `-wal` and other companions by name; on PostgreSQL the tables by name. */
export async function databaseFiles(server: TestServer): Promise<Map<string, Buffer>> {
  if (server.databaseUrl) return databaseContents(server.databaseUrl);
  const files = new Map<string, Buffer>();
  for (const name of await readdir(server.dataDir)) {
    if (name.startsWith('vws.db')) files.set(name, await readFile(join(server.dataDir, name)));
  }
  return files;
}

/** Everything that the process wrote to stdout and stderr. */
export function processOutput(server: TestServer): Map<string, Buffer> {
  return new Map([
    ['stdout', Buffer.from(server.stdout)],
    ['stderr', Buffer.from(server.stderr)],
  ]);
}

/** Shorter pieces of base64 would be found by chance. */
const MIN_BASE64 = 7;

/** @returns a line for each trace found; ASCII letters are compared without case */
export function findTraces(haystacks: Map<string, Buffer>, wanted: Wanted[]): string[] {
  const found: string[] = [];
  for (const [place, bytes] of haystacks) {
    const haystack = lowerCaseAscii(bytes);
    for (const { what, value } of wanted) {
      for (const [form, needle] of formsOf(value)) {
        if (haystack.includes(lowerCaseAscii(needle))) found.push(`${what} in ${place}, ${form}`);
      }
    }
  }
  return found;
}

/** The bytes themselves, hex, base64 at each of the three alignments, and the forms of texts in JSON and URLs. */
function formsOf(value: string | Buffer): [form: string, needle: Buffer][] {
  const bytes = Buffer.from(value);
  const forms: [string, Buffer][] = [
    ['verbatim', bytes],
    ['in hex', Buffer.from(bytes.toString('hex'))],
  ];
  for (const alignment of [0, 1, 2]) {
    const unaligned = Buffer.concat([Buffer.alloc(alignment), bytes]).toString('base64');
    // The first and last characters depend on the neighbours, too.
    const own = unaligned.replace(/=+$/, '').slice(alignment === 0 ? 0 : 4, -1);
    if (own.length < MIN_BASE64) continue;
    forms.push([`in base64 after ${alignment}`, Buffer.from(own)]);
    forms.push([`in base64url after ${alignment}`, Buffer.from(own.replaceAll('+', '-').replaceAll('/', '_'))]);
  }
  if (typeof value === 'string') {
    forms.push(['in JSON', Buffer.from(JSON.stringify(value).slice(1, -1))]);
    forms.push(['in a URL', Buffer.from(encodeURIComponent(value))]);
    forms.push(['in UTF-16', Buffer.from(value, 'utf16le')]);
  }
  return forms;
}

/** Latin-1 preserves every byte; only A-Z change. */
function lowerCaseAscii(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
