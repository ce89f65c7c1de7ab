// Requests of the model's clients: as drawn, resolved with everything they depend on, and on the wire.
import { type Endpoint, endpoints } from '../../src/protocol/endpoints.ts';
import type { Request, State, Step } from './rules.ts';

export const USERNAMES = ['ada', 'bob', 'cy'] as const;
export const EMAILS = ['ada@example.org', 'bob@example.org', 'cy@example.org'] as const;
export const PASSWORDS = ['Apples_1', 'Berries_2', 'Cherries_3'] as const;
const WRONG_CODE = 'WRONG2';

type Choice = 'right' | 'wrong';

/** A request as drawn, before "right" is resolved. */
export type Ask =
  | { readonly to: 'register'; readonly username: string; readonly email: string; readonly password: string }
  | { readonly to: 'log in'; readonly email: string; readonly password: Choice }
  | { readonly to: 'change name'; readonly username: string; readonly password: Choice }
  | { readonly to: 'change password'; readonly password: Choice; readonly newPassword: string }
  | { readonly to: 'begin recovery'; readonly email: string }
  | { readonly to: 'confirm recovery'; readonly code: Choice }
  | { readonly to: 'finish recovery'; readonly newPassword: string }
  | { readonly to: 'encrypt'; readonly username: string }
  | { readonly to: 'decrypt'; readonly message: Choice };

export function describeAsk(ask: Ask): string {
  switch (ask.to) {
    case 'register':
      return `registers ${ask.username}, ${ask.email}, ${ask.password}`;
    case 'log in':
      return `logs in as ${ask.email}, ${ask.password} password`;
    case 'change name':
      return `changes the name to ${ask.username}, ${ask.password} password`;
    case 'change password':
      return `changes the password to ${ask.newPassword}, ${ask.password} password`;
    case 'begin recovery':
      return `asks for a code for ${ask.email}`;
    case 'confirm recovery':
      return `sends a ${ask.code} code`;
    case 'finish recovery':
      return `sets ${ask.newPassword} by recovery`;
    case 'encrypt':
      return `encrypts for ${ask.username}`;
    case 'decrypt':
      return ask.message === 'right'
        ? 'decrypts the last message for this user'
        : 'decrypts the last message for another';
  }
}

/** A ciphertext with its reader and text. */
export interface Message {
  readonly ciphertext: string;
  readonly text: string;
  readonly reader: string;
}

/** Values that the outcome depends on in addition to the state. */
export interface Known {
  readonly messages: readonly Message[];
  /** The code of the step's recovery, if its mail has arrived. */
  readonly code: string | undefined;
  /** Returns an unused text. */
  readonly newText: () => string;
}

/** Replaces "right" and "wrong" by the current values. */
export function resolveAsk(ask: Ask, state: State, step: Step | undefined, known: Known): Request {
  const passwordOf = (choice: Choice, email: string | undefined) => {
    const user = [...state.users.values()].find((candidate) => candidate.email === email);
    return choice === 'right' ? (user?.password ?? PASSWORDS[0]) : `Wrong_${known.newText()}`;
  };
  const ownEmail = state.users.get(step?.user ?? '')?.email;
  switch (ask.to) {
    case 'log in':
      return { ...ask, password: passwordOf(ask.password, ask.email) };
    case 'change name':
      return { ...ask, password: passwordOf(ask.password, ownEmail) };
    case 'change password':
      return { ...ask, password: passwordOf(ask.password, ownEmail) };
    case 'confirm recovery':
      return { ...ask, code: (ask.code === 'right' && known.code) || WRONG_CODE };
    case 'encrypt':
      return { ...ask, text: known.newText() };
    case 'decrypt': {
      const message = known.messages.findLast(({ reader }) => (reader === step?.user) === (ask.message === 'right'));
      return { to: 'decrypt', ...(message ?? { ciphertext: 'nothing', text: '', reader: '' }) };
    }
    default:
      return ask;
  }
}

/** A request on the wire: its fields before sealing, and the name in its path. */
export interface Wire {
  readonly endpoint: Endpoint;
  readonly path: string;
  readonly recipient: string;
  readonly fields: Record<string, string>;
}

export function wireOf(request: Request): Wire {
  const { endpoint, fields } = endpointAndFields(request);
  const recipient = request.to === 'encrypt' ? request.username : '';
  return { endpoint, fields, recipient, path: endpoint.path.replace(':username', recipient) };
}

function endpointAndFields(request: Request): { endpoint: Endpoint; fields: Record<string, string> } {
  switch (request.to) {
    case 'register': {
      const { username, email, password } = request;
      return { endpoint: endpoints.registerUser, fields: { username, email, password } };
    }
    case 'log in':
      return { endpoint: endpoints.loginUser, fields: { email: request.email, password: request.password } };
    case 'change name': {
      const fields = { new_username: request.username, password: request.password };
      return { endpoint: endpoints.changeUsername, fields };
    }
    case 'change password': {
      const fields = { password: request.password, new_password: request.newPassword };
      return { endpoint: endpoints.changePassword, fields };
    }
    case 'begin recovery':
      return { endpoint: endpoints.forgotPassword, fields: { email: request.email } };
    case 'confirm recovery':
      return { endpoint: endpoints.confirmForgotPassword, fields: { code: request.code } };
    case 'finish recovery':
      return { endpoint: endpoints.finalForgotPassword, fields: { new_password: request.newPassword } };
    case 'encrypt':
      return { endpoint: endpoints.encrypt, fields: { message: request.text } };
    case 'decrypt':
      return { endpoint: endpoints.decrypt, fields: { message: request.ciphertext } };
  }
}
