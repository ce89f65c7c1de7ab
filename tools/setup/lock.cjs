'use strict';
// Lets one setup of a folder run at a time. The lock is a folder, because creating one is atomic everywhere. The file
// `owner` in it contains the host and the ids of the processes that hold the lock; its modification time is a heartbeat.

const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const HEARTBEAT_MS = 2000;
const POLL_MS = 100;
/** One minute, for owners whose processes are not visible (on another host) or whose ids belong to other processes now. */
const POLLS_WITHOUT_HEARTBEAT = 600;

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function isRunning(pid) {
  if (pid === process.pid) return false; // an earlier process had the id of this one
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function areGone({ host, pids }) {
  return host === os.hostname() && !pids.some(isRunning);
}

/** Reads the owner file. While a lock is created or removed, its folder has none (text ''). */
function look(folder) {
  try {
    const ownerFile = path.join(folder, 'owner');
    const text = fs.readFileSync(ownerFile, 'utf8');
    return { text, heartbeat: fs.statSync(ownerFile).mtimeMs };
  } catch {
    return { text: '', heartbeat: 0 };
  }
}

function isDead(owner, pollsWithoutHeartbeat) {
  if (pollsWithoutHeartbeat > POLLS_WITHOUT_HEARTBEAT) return true;
  try {
    return areGone(JSON.parse(owner.text));
  } catch {
    return false;
  }
}

/** Removes the lock of a dead owner. If several processes try at once, the rename succeeds for one. */
function removeDead(folder, owner) {
  if (look(folder).text !== owner.text) return;
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
  let seen = look(folder);
  let pollsWithoutHeartbeat = 0;
  let hasWaited = false;
  while (!tryToCreate(folder)) {
    const owner = look(folder);
    const isSame = owner.text === seen.text && owner.heartbeat === seen.heartbeat;
    pollsWithoutHeartbeat = isSame ? pollsWithoutHeartbeat + 1 : 0;
    seen = owner;
    if (isDead(owner, pollsWithoutHeartbeat)) {
      removeDead(folder, owner);
    } else {
      if (!hasWaited) onWait();
      hasWaited = true;
      await pause(POLL_MS);
    }
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
  const ownerFile = path.join(folder, 'owner');
  const owner = { id: randomBytes(8).toString('hex'), host: os.hostname(), pids: [process.pid] };
  const isHeld = () => look(folder).text.includes(owner.id);
  fs.writeFileSync(path.join(folder, '.gitignore'), '*\n');
  fs.writeFileSync(ownerFile, JSON.stringify(owner));
  const addProcess = (pid) => {
    owner.pids.push(pid);
    if (isHeld()) fs.writeFileSync(ownerFile, JSON.stringify(owner));
  };
  const beat = () => {
    if (isHeld()) fs.utimesSync(ownerFile, new Date(), new Date());
  };
  const heart = setInterval(beat, HEARTBEAT_MS);
  try {
    await work({ addProcess, isHeld });
  } finally {
    clearInterval(heart);
    if (isHeld()) fs.rmSync(folder, { recursive: true, force: true });
  }
}

module.exports = { withLock };
