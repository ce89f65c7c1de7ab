#!/usr/bin/env node
'use strict';
// `npx vws` in a checkout.

const path = require('node:path');
const { main } = require('../tools/run.cjs');

main(path.resolve(__dirname, '..'), process.versions.node, 'vws', process.argv.slice(2));
