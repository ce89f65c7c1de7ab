// Finds the phrases that the project's texts avoid: in its documents, and in the comments and strings of its code.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LEXEME } from './read-imports.ts';
import { report, sourceFiles } from './source-files.ts';

const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'SECURITY.md', '.env.example'];
const CODE_FOLDERS = ['src', 'test', 'tools', 'bench', 'examples'];
/** Its strings are the phrases. */
const EXCLUDED = ['tools/check-prose.test.ts'];

/** Wire sentences of suite 1 and names, which are not matched. */
const ALLOWED: string[] = [];

/** A space in a pattern also matches a line break. */
const PATTERNS: [pattern: RegExp, advice: string][] = [
  [/\b(?:nobody|somebody|anybody|everybody|whoever|whomever)\b/, 'name the actor: client, caller, user, attacker'],
  [/\b(?:anew|once more)\b/, 'again, regenerate, recreate'],
  [/\bbut for\b/, 'except, without'],
  [/(?<!there )\b(?:is|are|was|were) none\b(?! of)/, 'is not, are invalid'],
  [/(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|fewer\b|larger\b)[a-z]+/, 'is not a, invalid'],
  [/\bin clear\b/, 'unencrypted, in plaintext'],
  [/\b(?:go|goes|went|gone|going) on\b/, 'continue'],
  [/\bas (?:it|they) (?:is|are|was|were|came)\b(?! \w+ed\b)/, 'unchanged, verbatim, as received'],
  [/\bbesides?\b/, 'in addition to, next to, except'],
  [/\b(?:under way|broken off|(?:comes?|came) to (?:its end|nothing))\b/, 'in progress, aborted, fails'],
  [/\b(?:is|are) over\b(?! \d)/, 'expired, ended'],
  [/\bfor ever\b/, 'permanently, indefinitely'],
  [/\b(?:is|are|was|were|be|been) told\b/, 'receives, learns'],
  [/\b(?:says|tells)\b/, 'returns, reports, responds with, logs'],
  [/\b(?:he|him|his|himself)\b/, 'they, the user, the attacker'],
  [/\bso (?:many|long|much)\b/, 'this many, as long, the number'],
  [/\/\*\* (?:What|Who|Whom|How|Where|Whether)\b/, 'start a doc comment with a verb or a noun phrase'],
  [/@(?:param|returns|throws|see)\b[^\n]*[^\S\n]@(?:param|returns|throws|see)\b/, 'one TSDoc tag per line'],
];

const RULES = PATTERNS.map(([{ source }, advice]) => {
  const pattern = source.replaceAll(' ', '\\s+');
  return { pattern: new RegExp(pattern, source.startsWith('\\/') ? 'g' : 'gi'), advice };
});

/** Replaces every character that is not matched, so that positions and lines stay. */
function blank(text: string): string {
  return text.replace(/[^\n]/g, '\0');
}

/** The comments of a source and its strings of more than one word; the rest is blank. */
function proseOf(source: string): string {
  let end = 0;
  let prose = '';
  for (const { 0: lexeme, index } of source.matchAll(LEXEME)) {
    const isComment = /^\/[/*]/.test(lexeme);
    const isText = /^['"`]/.test(lexeme) && /\s/.test(lexeme);
    const text = isComment ? lexeme.replace(/^\s*(?:\*(?!\/)|\/\/)/gm, (start) => ' '.repeat(start.length)) : lexeme;
    const isContinued = isComment && /^\s*$/.test(source.slice(end, index)) && prose !== '';
    const between = source.slice(end, index);
    prose += (isContinued ? between : blank(between)) + (isComment || isText ? text : blank(lexeme));
    end = index + lexeme.length;
  }
  return prose + blank(source.slice(end));
}

/** @returns a line for each phrase in `text` that is to be rewritten */
export function checkText(file: string, text: string): string[] {
  const prose = /\.(?:ts|cjs)$/.test(file) ? proseOf(text) : text;
  const withoutCode = prose.replace(/(?<!`)`[^`\s]+`(?!`)|\$\{[^{}]*\}/g, blank);
  const checked = ALLOWED.reduce((rest, phrase) => rest.replaceAll(phrase, blank), withoutCode);
  return RULES.flatMap(({ pattern, advice }) =>
    Array.from(checked.matchAll(pattern), ({ 0: phrase, index }) => {
      const line = checked.slice(0, index).split('\n').length;
      return `${file}:${line}: "${phrase.replace(/\s+/g, ' ')}": ${advice}`;
    }),
  );
}

function checkProse(root: string): string[] {
  const documents = [...DOCUMENTS, ...globSync('{docs,test}/**/*.md', { cwd: root })];
  const launchers = globSync('{bin,tools}/**/*.cjs', { cwd: root, exclude: ['**/node_modules/**'] });
  const files = [...documents, ...launchers, ...sourceFiles(root, CODE_FOLDERS)];
  return files
    .filter((file) => existsSync(join(root, file)) && !EXCLUDED.includes(file))
    .flatMap((file) => checkText(file, readFileSync(join(root, file), 'utf8')));
}

if (import.meta.main) {
  const found = checkProse(process.cwd());
  report('prose', found);
  const folders = Map.groupBy(found, (line) => /^(?:src\/\w+(?:\/\w+)?|\w+)(?=\/)/.exec(line)?.[0] ?? 'documents');
  for (const [folder, { length }] of folders) process.stdout.write(`${String(length).padStart(5)} ${folder}\n`);
}
