'use strict';
// Messages to the user.

/** A failure whose message is for the user, without a stack trace. */
class SetupError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Writes to stderr, because stdout belongs to the program. */
function say(message) {
  for (const line of message.split('\n')) process.stderr.write(`[setup] ${line}\n`);
}

module.exports = { SetupError, say };
