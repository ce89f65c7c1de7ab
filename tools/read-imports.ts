// Finds the imports of a TypeScript file without a compiler: comments, templates and regular expressions are blanked,
// strings are numbered, and the rest is searched for import syntax.

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
  /** The module names, without quotation marks. */
  specifiers: string[];
  /** True if an `import()` has an argument that is not a string. */
  isComputed: boolean;
  /** The source without comments, templates, regular expressions and the content of strings. */
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
