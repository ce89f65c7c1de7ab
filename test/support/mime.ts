// Parses emails as far as the tests need: one text and one HTML part, no attachments.
export interface ParsedMail {
  /** The field with this name, unfolded and decoded; empty if missing. */
  header(name: string): string;
  readonly headerNames: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** The email verbatim, bytes as Latin-1. */
  readonly source: string;
}

interface Part {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Parses a message of RFC 5322 and RFC 2045 to 2047. */
export function parseMail(message: Buffer): ParsedMail {
  const source = message.toString('latin1');
  const root = splitPart(source);
  const leaves = leafParts(root);
  const content = (type: string) => {
    const part = leaves.find((leaf) => field(leaf, 'content-type').startsWith(type));
    return part ? decodeBody(part).replaceAll('\r\n', '\n') : '';
  };
  const header = (name: string) => decodeWords(field(root, name));
  return {
    header,
    headerNames: root.fields.map(([name]) => name),
    subject: header('subject'),
    text: content('text/plain'),
    html: content('text/html'),
    source,
  };
}

function splitPart(source: string): Part {
  const end = source.indexOf('\r\n\r\n');
  const head = source.slice(0, end).replaceAll(/\r\n(?=[ \t])/g, '');
  const fields = head.split('\r\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { fields, body: source.slice(end + 4) };
}

function field({ fields }: Part, name: string): string {
  return fields.find(([key]) => key === name.toLowerCase())?.[1] ?? '';
}

function leafParts(part: Part): Part[] {
  const boundary = /^multipart\/.*boundary="?([^";]+)/i.exec(field(part, 'content-type'))?.[1];
  if (boundary === undefined) return [part];
  // The line end before a boundary is part of it.
  const sections = `\r\n${part.body}`.split(`\r\n--${boundary}`).slice(1, -1);
  return sections.flatMap((section) => leafParts(splitPart(section.replace(/^\r\n/, ''))));
}

function decodeBody(part: Part): string {
  switch (field(part, 'content-transfer-encoding').toLowerCase()) {
    case 'base64':
      return Buffer.from(part.body, 'base64').toString();
    case 'quoted-printable':
      return decodeQuoted(part.body.replaceAll('=\r\n', ''));
    default:
      return Buffer.from(part.body, 'latin1').toString();
  }
}

function decodeQuoted(text: string): string {
  const bytes = text.replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** Decodes RFC 2047 words; space between two of them is not part of the text. */
function decodeWords(value: string): string {
  return value
    .replaceAll(/(\?=)\s+(?==\?)/g, '$1')
    .replaceAll(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_, encoding: string, word: string) =>
      encoding.toLowerCase() === 'b' ? Buffer.from(word, 'base64').toString() : decodeQuoted(word.replaceAll('_', ' ')),
    );
}
