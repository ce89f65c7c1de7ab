// Labels of sessions: texts by which a user recognizes a session in the list.
import { Problem } from '../../protocol/problems.ts';
import { upsertLabel } from '../store/sessionLabels.ts';
import type { Transaction } from '../store/store.ts';
import type { LoggedInSession } from './session.ts';

const MAX_LENGTH = 40;
/** Maximum length in UTF-16 units before normalization, which can shorten a text. */
const MAX_RAW_LENGTH = 400;
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/**
 * Labels the session of a request.
 *
 * @param text 1 to 40 characters after NFKC and trimming; shown as text and never parsed
 * @param now milliseconds since 1970
 * @throws Problem `invalid_value`
 */
export async function labelSession(
  tx: Transaction,
  { id, userId }: LoggedInSession,
  text: string,
  now: number,
): Promise<void> {
  await upsertLabel(tx, { session_id: id, user_id: userId, label: parseLabel(text), created_at: now });
}

function parseLabel(text: string): string {
  const label = text.length > MAX_RAW_LENGTH ? '' : text.normalize('NFKC').trim();
  const length = [...label].length;
  if (length < 1 || length > MAX_LENGTH || FORBIDDEN.test(label)) {
    throw new Problem('invalid_value', { detail: `A label has 1 to ${MAX_LENGTH} characters, all of them printable.` });
  }
  return label;
}
