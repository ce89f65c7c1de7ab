// Tests of the search for secrets.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findTraces } from './traces.ts';

const secret = 'Geheim: ü "x"';
const around = (text: string): Buffer => Buffer.from(`before ${text} after`);

describe('findTraces', () => {
  const forms: Record<string, Buffer> = {
    verbatim: around(secret),
    'in other case': around('gEHEIM: ü "X"'),
    'in hex': around(Buffer.from(secret).toString('hex').toUpperCase()),
    'in JSON': around(JSON.stringify({ secret })),
    'in a URL': around(`/encrypt/${encodeURIComponent(secret)}`),
    'in UTF-16': Buffer.from(`before ${secret} after`, 'utf16le'),
    ...Object.fromEntries(
      ['', 'a', 'ab', 'abc'].map((before) => [
        `in base64 after ${before.length} bytes`,
        Buffer.from(Buffer.from(`${before}${secret} and more`).toString('base64')),
      ]),
    ),
    'in base64url': Buffer.from(Buffer.from(`a${secret}`).toString('base64url')),
  };
  for (const [form, haystack] of Object.entries(forms)) {
    test(`finds a secret ${form}`, () => {
      assert.notDeepEqual(findTraces(new Map([['log', haystack]]), [{ what: 'the secret', value: secret }]), []);
    });
  }

  test('finds bytes', () => {
    const value = Buffer.from([0, 255, 10, 65, 200, 1, 2, 3]);
    const haystack = Buffer.concat([Buffer.from('x'), value, Buffer.from('y')]);
    const found = findTraces(new Map([['file', haystack]]), [{ what: 'the key', value }]);
    assert.deepEqual(found, ['the key in file, verbatim']);
  });

  test('finds nothing in unrelated data', () => {
    const haystacks = new Map([['log', around('Geheim: u "x"')]]);
    assert.deepEqual(findTraces(haystacks, [{ what: 'the secret', value: secret }]), []);
  });
});
