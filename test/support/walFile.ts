// Counts commits in the write-ahead log of SQLite.
import { readFileSync } from 'node:fs';

/*
 * The write-ahead log of SQLite, https://www.sqlite.org/walformat.html. All integers are big-endian.
 *
 *   header: magic (4) ‖ version (4) ‖ page size (4) ‖ checkpoint number (4) ‖ salt (8) ‖ checksum (8)
 *   frame:  page number (4) ‖ pages in the database after a commit, else 0 (4) ‖ salt (8) ‖ checksum (8) ‖ page
 */
const HEADER_LENGTH = 32;
const PAGE_SIZE_OFFSET = 8;
const HEADER_SALT_OFFSET = 16;
const FRAME_HEADER_LENGTH = 24;
const COMMIT_OFFSET = 4;
const FRAME_SALT_OFFSET = 8;
const SALT_LENGTH = 8;

/** Number of write transactions committed since the log was last restarted. */
export function countCommits(databasePath: string): number {
  const wal = readFileSync(`${databasePath}-wal`);
  if (wal.length < HEADER_LENGTH) return 0;
  const frameLength = FRAME_HEADER_LENGTH + wal.readUInt32BE(PAGE_SIZE_OFFSET);
  const salt = wal.subarray(HEADER_SALT_OFFSET, HEADER_SALT_OFFSET + SALT_LENGTH);
  let commits = 0;
  for (let start = HEADER_LENGTH; start + frameLength <= wal.length; start += frameLength) {
    const frameSalt = wal.subarray(start + FRAME_SALT_OFFSET, start + FRAME_SALT_OFFSET + SALT_LENGTH);
    // The rest is from before the log was restarted.
    if (!frameSalt.equals(salt)) break;
    if (wal.readUInt32BE(start + COMMIT_OFFSET) !== 0) commits += 1;
  }
  return commits;
}
