// The readings of a recipient name in a path.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { characterThat, textOf, usernameText } from '../../../../test/support/arbitraries.ts';
import { parseUsername } from '../../accounts/username.ts';
import { encodeRawPath, isolateUsername, usernameCandidates } from './usernamePath.ts';

/** One character for each byte, as Node.js gives the request target. */
const bytesOf = (text: string, encoding: 'utf8' | 'latin1') => Buffer.from(text, encoding).toString('latin1');

/** Passes a request target through the router, which decodes each segment once. */
function candidatesOf(target: string): string[] {
  const isolated = isolateUsername(target);
  assert.match(isolated, /^\/encrypt\/[^/?#]*$/);
  return usernameCandidates(decodeURIComponent(isolated.slice('/encrypt/'.length)));
}

const everyByteEncoded = (name: string) => Buffer.from(name).toString('hex').replace(/../g, '%$&');

test('candidates: the percent-decoded segment, then the segment verbatim', () => {
  const readings = {
    'Anna%20Maria': ['Anna Maria', 'Anna%20Maria'],
    'J%C3%BCrgen': ['Jürgen', 'J%C3%BCrgen', 'JÃ¼rgen'],
    '100%': ['100%'],
    '50%25': ['50%', '50%25'],
    'a/b': ['a/b'],
    // The text after a question mark belongs to the name: a message must not reach another user.
    'who?': ['who?'],
    'bob?trace=1': ['bob?trace=1'],
  };
  for (const [sent, expected] of Object.entries(readings)) {
    assert.deepEqual(candidatesOf(`/encrypt/${sent}`), expected, sent);
  }
});

test('the percent-encoded reading, which the protocol specifies, comes first', () => {
  fc.assert(
    fc.property(usernameText, (text) => {
      const { username } = parseUsername(text);
      assert.equal(candidatesOf(`/encrypt/${encodeURIComponent(username)}`)[0], username);
      assert.equal(candidatesOf(`/encrypt/${everyByteEncoded(username)}`)[0], username);
    }),
    { numRuns: 300 },
  );
});

test('every name is among the candidates, in each encoding that clients use', () => {
  fc.assert(
    fc.property(usernameText, (text) => {
      const { username } = parseUsername(text);
      const forms = [encodeURIComponent(username), everyByteEncoded(username), bytesOf(username, 'utf8')];
      for (const form of forms) assert.ok(candidatesOf(`/encrypt/${form}`).includes(username), form);
      // A request line with spaces is encoded before routing.
      const spaced = encodeRawPath(`/encrypt/${bytesOf(username, 'utf8')}`);
      assert.ok(candidatesOf(spaced).includes(username), spaced);
    }),
    { numRuns: 300 },
  );
});

test('names in Latin-1 are among the candidates', () => {
  const western = textOf(
    characterThat(() => true, 0xff),
    { minLength: 1, maxLength: 8 },
  ).filter((text) => /^[^\p{Cc}]+$/u.test(text));
  fc.assert(
    fc.property(western, (name) => {
      const sent = bytesOf(name, 'latin1');
      assert.ok(candidatesOf(`/encrypt/${sent}`).includes(name), 'verbatim');
      assert.ok(candidatesOf(encodeRawPath(`/encrypt/${sent}`)).includes(name), 'with spaces');
    }),
    { numRuns: 1000 },
  );
  // These bytes are valid UTF-8 as well.
  assert.deepEqual(candidatesOf(`/encrypt/${bytesOf('Ã¤', 'latin1')}`), ['ä', 'Ã¤']);
});

test('isolateUsername: leaves other paths unchanged', () => {
  for (const path of ['/login_user', '/', '/encrypt', '/decrypt/a?b', '/Encrypt/a/b']) {
    assert.equal(isolateUsername(path), path);
  }
});
