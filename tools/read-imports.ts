// Finds what a TypeScript file imports, without a compiler: comments, templates and regular expressions are blanked,
// strings are numbered, and what then looks like an import is one.

export const LEXEME = new RegExp(
  [
    /\/\/[^\n]*|\/\*[\s\S]*?\*\//, // comments
    /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/, // strings
    /`(?:\\[\s\S]|[^`\\])*`/, // templates
    /(?<=(?:^|\n|[(,=:[!&|?{};]|return|=>)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/, // regular expressions
  ]
    .map((part) => part.source)
    .join('|'),
  'g',
);

/** `import x from 's'`, `export … from 's'`, `import 's'`, `import('s')` (a value or a type), `require('s')`. */
const IMPORT = /(?<![\w$.])(?:from|import|import\s*\(|require\s*\()\s*'(\d+)'/g;
const COMPUTED_IMPORT = /(?<![\w$.])import\s*\(\s*(?!')/;

export type Imports = {
  /** What stands in the quotation marks. */
  specifiers: string[];
  /** There is an `import()` of something else than a string. */
  isComputed: boolean;
  /** The source without comments, templates, regular expressions and what strings say. */
  code: string;
};

export function readImports(source: string): Imports {
  const strings: string[] = [];
  const code = source.replace(LEXEME, (lexeme) => {
    if (!/^['"]/.test(lexeme)) return ' ';
    strings.push(lexeme.slice(1, -1));
    return `'${strings.length - 1}'`;
  });
  const specifiers = Array.from(code.matchAll(IMPORT), ([, index]) => strings[Number(index)] ?? '');
  return { specifiers, isComputed: COMPUTED_IMPORT.test(code), code };
}
