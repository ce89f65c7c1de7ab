'use strict';

/** A failure that is told in plain words, without a stack. */
class SetupError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** On stderr: the stdout of a script belongs to the script. */
function say(message) {
  for (const line of message.split('\n')) process.stderr.write(`[setup] ${line}\n`);
}

module.exports = { SetupError, say };
