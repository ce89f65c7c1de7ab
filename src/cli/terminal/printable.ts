// Escapes text for terminals.

/** Escapes control characters except tab and line feed, as `\x1b`: text of other users must not control the terminal. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
