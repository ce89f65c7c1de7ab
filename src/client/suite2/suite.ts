import { fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import type { Suite } from '../suite.ts';
import { shakeHands } from './handshake.ts';
import { createStep, type StepState } from './step.ts';

const TEXTS = ['fingerprint', 'descriptor', 'sessionId', 'root'];
const NUMBERS = ['n', 'startedAt', 'kemStep', 'kemAt'];

/** The modern session. */
export const suite2: Suite = {
  id: 2,

  async start(context, earlier) {
    const { fingerprint, descriptor } = (earlier?.saved ?? {}) as Partial<StepState>;
    const bytes = fromBase64Url(descriptor);
    const cached =
      bytes && fingerprint !== undefined && fingerprint === context.pin ? { fingerprint, bytes } : undefined;
    const agreement = await shakeHands(context, cached);
    return createStep({
      fingerprint: agreement.descriptor.fingerprint,
      descriptor: toBase64Url(agreement.descriptor.bytes),
      sessionId: toBase64Url(agreement.sessionId),
      n: 0,
      root: toBase64Url(agreement.root),
      startedAt: context.now(),
      kemStep: -1,
      kemAt: 0,
    });
  },

  restore(saved) {
    const isComplete =
      TEXTS.every((name) => typeof saved[name] === 'string') && NUMBERS.every((name) => Number.isFinite(saved[name]));
    return isComplete ? createStep(saved as unknown as StepState) : undefined;
  },
};
