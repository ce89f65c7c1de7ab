// Suite 2: handshake and restored sessions.
import { fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import type { Suite } from '../suite.ts';
import { performHandshake } from './handshake.ts';
import { Suite2State, type Suite2StateData } from './sessionState.ts';

const TEXTS = ['fingerprint', 'descriptor', 'sessionId', 'root'];
const NUMBERS = ['n', 'startedAt', 'rekeyStep', 'rekeyedAt'];

/** The current protocol. */
export const suite2: Suite = {
  id: 2,

  async start(context, earlier) {
    const { fingerprint, descriptor } = (earlier?.saved ?? {}) as Partial<Suite2StateData>;
    const bytes = fromBase64Url(descriptor);
    const cached =
      bytes && fingerprint !== undefined && fingerprint === context.pin ? { fingerprint, bytes } : undefined;
    const result = await performHandshake(context, cached);
    return new Suite2State({
      fingerprint: result.descriptor.fingerprint,
      descriptor: toBase64Url(result.descriptor.bytes),
      sessionId: toBase64Url(result.sessionId),
      n: 0,
      root: toBase64Url(result.root),
      startedAt: context.now(),
      rekeyStep: -1,
      rekeyedAt: 0,
      features: result.features,
    });
  },

  restore(saved) {
    const { features } = saved;
    const isComplete =
      TEXTS.every((name) => typeof saved[name] === 'string') &&
      NUMBERS.every((name) => Number.isFinite(saved[name])) &&
      (features === undefined || Array.isArray(features));
    return isComplete ? new Suite2State(saved as unknown as Suite2StateData) : undefined;
  },
};
