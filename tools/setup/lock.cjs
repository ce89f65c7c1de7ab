'use strict';
// Lets one setup of a folder run at a time. The lock is a folder, because creating one is atomic everywhere. The file
// `owner` in it contains the host, the ids of the processes that hold the lock, and a heartbeat: a number that increases.

const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const HEARTBEAT_MS = 2000;
const POLL_MS = 100;
/** One minute, for owners whose processes are not visible (on another host) or whose ids belong to other processes now. */
const POLLS_WITHOUT_HEARTBEAT = 600;

function isRunning(pid) {
  if (pid === process.pid) return false; // an earlier process had the id of this one
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Returns the text of the owner file, or '' while the lock is being created or removed. */
function readOwner(folder) {
  try {
    return fs.readFileSync(path.join(folder, 'owner'), 'utf8');
  } catch {
    return '';
  }
}

function isDead(owner) {
  try {
    const { host, pids } = JSON.parse(owner);
    return host === os.hostname() && !pids.some(isRunning);
  } catch {
    return false;
  }
}

/** Removes the lock of a dead owner. If several processes try at once, the rename succeeds for one. */
function removeDead(folder, owner) {
  if (readOwner(folder) !== owner) return;
  const grave = `${folder}-${randomBytes(6).toString('hex')}`;
  try {
    fs.renameSync(folder, grave);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  fs.rmSync(grave, { recursive: true, force: true });
}

function tryToCreate(folder) {
  try {
    fs.mkdirSync(folder);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

async function acquire(folder, onWait) {
  let seen = '';
  let pollsWithoutHeartbeat = 0;
  for (let polls = 0; !tryToCreate(folder); ) {
    const owner = readOwner(folder);
    pollsWithoutHeartbeat = owner === seen ? pollsWithoutHeartbeat + 1 : 0;
    seen = owner;
    if (isDead(owner) || pollsWithoutHeartbeat > POLLS_WITHOUT_HEARTBEAT) {
      removeDead(folder, owner);
      continue;
    }
    if (polls === 0) onWait();
    polls += 1;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * Runs `work` while holding the lock; waits for a living owner first.
 *
 * @param {string} folder the lock, which exists only while it is held
 * @param {() => void} onWait called once if another process holds the lock
 * @param {(lock: { addProcess(pid: number): void, isHeld(): boolean }) => Promise<void>} work passes the ids of its child
 *   processes to `addProcess`: while one of them runs, the lock outlives a killed owner
 */
async function withLock(folder, onWait, work) {
  await acquire(folder, onWait);
  const owner = { id: randomBytes(8).toString('hex'), host: os.hostname(), pids: [process.pid], heartbeat: 0 };
  const write = () => fs.writeFileSync(path.join(folder, 'owner'), JSON.stringify(owner));
  const isHeld = () => readOwner(folder).includes(owner.id);
  write();
  const heart = setInterval(() => {
    owner.heartbeat += 1;
    if (isHeld()) write();
  }, HEARTBEAT_MS);
  const addProcess = (pid) => {
    owner.pids.push(pid);
    if (isHeld()) write();
  };
  try {
    await work({ addProcess, isHeld });
  } finally {
    clearInterval(heart);
    if (isHeld()) fs.rmSync(folder, { recursive: true, force: true });
  }
}

module.exports = { withLock };
