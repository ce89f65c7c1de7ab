// The table of handlers: one per endpoint, by subject.
import type { Handlers } from '../sessions/handler.ts';
import { createManagementHandlers, type ManagementHandlersDependencies } from './account.ts';
import { type AccountHandlersDependencies, createAccountHandlers } from './accounts.ts';
import { createMessageHandlers, type MessageHandlersDependencies } from './messages.ts';
import { createRecoveryHandlers, type RecoveryHandlersDependencies } from './recovery.ts';
import { createSessionHandlers, type SessionHandlersDependencies } from './sessions.ts';
import { createTokenMessageHandlers, type TokenMessageHandlersDependencies } from './tokenMessages.ts';

export type HandlerDependencies = AccountHandlersDependencies &
  ManagementHandlersDependencies &
  RecoveryHandlersDependencies &
  MessageHandlersDependencies &
  SessionHandlersDependencies &
  TokenMessageHandlersDependencies;

/** Creates the handler of every endpoint. */
export function createHandlers(dependencies: HandlerDependencies): Handlers {
  return {
    ...createAccountHandlers(dependencies),
    ...createManagementHandlers(dependencies),
    ...createRecoveryHandlers(dependencies),
    ...createMessageHandlers(dependencies),
    ...createSessionHandlers(dependencies),
    ...createTokenMessageHandlers(dependencies),
  };
}
