// Random commands, crashes and pauses against the model of accounts and sessions.
import { test } from 'node:test';
import { runModel } from './model/run.ts';

const COMMANDS = Number(process.env.VWS_MODEL_COMMANDS || 4_000);

test('the server follows the model of accounts and sessions', (t) => runModel(t, COMMANDS));
