// A short run of the model; the long lane has a longer one.
import { test } from 'node:test';
import { runModel } from './model/run.ts';

const COMMANDS = 200;

test('the server follows the model of accounts and sessions', (t) => runModel(t, COMMANDS));
