// Handlers of the endpoints of token messages.
import { Problem } from '../../protocol/problems.ts';
import type { tokenMessageEndpoints } from '../../protocol/tokenMessageEndpoints.ts';
import type { Handler, Handlers } from '../sessions/handler.ts';

const missing: Handler = {
  kind: 'immediate',
  async execute() {
    throw new Problem('message_not_found');
  },
};

export function createTokenMessageHandlers(): Pick<Handlers, keyof typeof tokenMessageEndpoints> {
  return {
    sendMessage: missing,
    inspectMessage: missing,
    openMessage: missing,
    finishMessage: missing,
    listSentMessages: missing,
    revokeMessage: missing,
    extendMessage: missing,
  };
}
