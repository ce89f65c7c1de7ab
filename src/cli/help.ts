// Renders the help text of a command from its definition.
import type { CommandDescription } from './command.ts';

const LINE_WIDTH = 100;

/** The text of `vws <command> --help`. */
export function renderHelp(command: CommandDescription): string {
  const { description, args = {}, options = {}, input = [], json, notes, examples = [] } = command;
  const width = Math.max(0, ...Object.keys({ ...args, ...options }).map((term) => term.length));
  const sections = [
    [`Usage: vws ${usageOf(command)}`],
    wrap(description),
    section(
      'Arguments',
      Object.entries(args).flatMap(([term, text]) => entry(term, text, width)),
    ),
    section(
      'Options',
      Object.entries(options).flatMap(([term, text]) => entry(term, text, width)),
    ),
    section(
      'Input (prompted for, or one line of standard input each)',
      input.map((answer) => `  ${answer}`),
    ),
    section('Result with --json', json ? [`  ${json}`] : []),
    wrap(notes ?? ''),
    section('Examples', renderExamples(examples)),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** The command line without `vws`. */
export function usageOf({ name, usage, args = {}, options = {} }: CommandDescription): string {
  const generated = [...Object.keys(args), ...(Object.keys(options).length > 0 ? ['[options]'] : [])];
  return [name, ...(usage ? [usage] : generated)].join(' ');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines];
}

function entry(term: string, text: string, width: number): string[] {
  const indent = width + 4;
  return wrap(text, LINE_WIDTH - indent).map((line, index) => `  ${(index === 0 ? term : '').padEnd(width)}  ${line}`);
}

function renderExamples(examples: NonNullable<CommandDescription['examples']>): string[] {
  return examples.map((example) => (typeof example === 'string' ? `  ${example}` : `  ${example.join('   # ')}`));
}

/** Breaks paragraphs into lines. Lines that begin with spaces stay unchanged. */
function wrap(text: string, width = LINE_WIDTH): string[] {
  return text === '' ? [] : text.split('\n').flatMap((line) => (line.startsWith(' ') ? [line] : wrapLine(line, width)));
}

function wrapLine(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
