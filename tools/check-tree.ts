// Rules for the files of the tree: a first line that describes the file, a limited length, no reminders and no skipped tests, and lock files without registry
// addresses (npm uses the registry that the machine is configured for).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { report, sourceFiles } from './source-files.ts';

const MAX_LINES = 400;
const LENGTH_CHECKED = ['src'];
const ALL_FOLDERS = ['src', 'test', 'tools', 'bench', 'examples'];
const LOCK_FILES = ['', 'tools/node/', 'tools/postgres/', 'tools/video/'].map((folder) => `${folder}package-lock.json`);
/** An address, not the path of a folder in the project. */
const RESOLVED = /"resolved": "(?!no-webrtc")/;

/** In two halves, so that this file does not match. */
const MARKER = new RegExp(`\\b(?:${'TO'}DO|${'FIX'}ME|${'XX'}X)\\b|\\.(?:only|skip)\\(`);

function longFiles(root: string): string[] {
  return sourceFiles(root, LENGTH_CHECKED).flatMap((file) => {
    const lines = readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length;
    return lines > MAX_LINES ? [`${file}: ${lines} lines, more than ${MAX_LINES}`] : [];
  });
}

/** Tests are described by their titles. */
function missingHeaders(root: string): string[] {
  return sourceFiles(root, ALL_FOLDERS).flatMap((file) => {
    const isDescribed = file.endsWith('.test.ts') || /^(?:\/\/|\/\*)/.test(readFileSync(join(root, file), 'utf8'));
    return isDescribed ? [] : [`${file}: no comment in the first line that describes the file`];
  });
}

function leftMarkers(root: string): string[] {
  return sourceFiles(root, ALL_FOLDERS).flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, index) => {
        const marker = MARKER.exec(line)?.[0];
        return marker === undefined ? [] : [`${file}:${index + 1}: ${marker} left`];
      }),
  );
}

function registryAddresses(root: string): string[] {
  return LOCK_FILES.filter((file) => RESOLVED.test(readFileSync(join(root, file), 'utf8'))).map(
    (file) => `${file}: "resolved" addresses (.npmrc has the setting that leaves them out)`,
  );
}

/** @returns a line for each violation below `root` */
export function checkTree(root: string): string[] {
  return [...longFiles(root), ...missingHeaders(root), ...leftMarkers(root), ...registryAddresses(root)];
}

if (import.meta.main) report('tree', checkTree(process.cwd()));
