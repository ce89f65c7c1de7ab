// Prepares text for terminals, so that text of other users neither controls the terminal nor imitates the command's output.

/** Control characters except tab and line feed, format characters except the two joiners, line and paragraph separators. */
const UNPRINTABLE = /[^\P{Cc}\n\t]|(?![\u200c\u200d])\p{Cf}|[\u2028\u2029]/gu;
const INDENTATION = '  ';
const TAB_CELLS = 8;
/** Characters from here on may take two cells. */
const FIRST_WIDE_CODE_POINT = 0x1100;

/** Escapes control and format characters, as `\x1b` or `\u{202e}`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    return hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
  });
}

/**
 * Indents a text, and wraps its lines so that the terminal does not: a continued line would not be indented.
 *
 * @param columns width of the terminal, in cells
 */
export function indent(text: string, columns: number): string {
  const width = Math.max(TAB_CELLS, columns - INDENTATION.length);
  const lines = text.split('\n').flatMap((line) => wrap(line, width));
  return lines.map((line) => INDENTATION + line).join('\n');
}

function wrap(line: string, width: number): string[] {
  const rows: string[] = [];
  let [row, used] = ['', 0];
  for (const character of line) {
    const cells = cellsOf(character);
    if (used + cells > width) {
      rows.push(row);
      [row, used] = ['', 0];
    }
    row += character;
    used += cells;
  }
  return [...rows, row];
}

/** Returns the largest number of cells that terminals use for a character. */
function cellsOf(character: string): number {
  if (character === '\t') return TAB_CELLS;
  if (/[\p{M}\u200c\u200d]/u.test(character)) return 0;
  return (character.codePointAt(0) ?? 0) < FIRST_WIDE_CODE_POINT ? 1 : 2;
}
