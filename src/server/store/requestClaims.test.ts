import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores, race } from '../../../test/support/storeFixtures.ts';
import { claimRequest, releaseClaim } from './requestClaims.ts';
import type { Row } from './schema.ts';

type Claim = Row<'request_claims'>;
const NOW = 1_000;
const LEASE_UNTIL = 1_500;

/** Claims of different workers for one request. */
function createClaimsOfOneRequest() {
  const [step_id, request_hash] = [randomBytes(32), randomBytes(32)];
  return (leaseUntil = LEASE_UNTIL): Claim => ({
    step_id,
    request_hash,
    claim_token: randomBytes(16),
    lease_until: leaseUntil,
  });
}

async function createWorld(t: TestContext) {
  const stores = await openTwoStores(t, await newStoreLocation(t));
  return {
    stores,
    claim: (claim: Claim, now: number) => stores[0].transaction((tx) => claimRequest(tx, claim, now)),
    release: (claim: Claim) => stores[1].transaction((tx) => releaseClaim(tx, claim)),
  };
}

describe('claimRequest', () => {
  test('of many at once one gets the request, in two processes', async (t) => {
    const { stores } = await createWorld(t);
    const newClaim = createClaimsOfOneRequest();
    const got = await race(stores, 30, (tx) => claimRequest(tx, newClaim(), NOW));
    assert.equal(got.filter(Boolean).length, 1);
  });

  test('of many at once one takes over a claim whose lease has ended, to the millisecond', async (t) => {
    const { stores, claim } = await createWorld(t);
    const newClaim = createClaimsOfOneRequest();
    assert.equal(await claim(newClaim(), NOW), true);
    assert.equal(await claim(newClaim(), LEASE_UNTIL - 1), false);
    const got = await race(stores, 30, (tx) => claimRequest(tx, newClaim(LEASE_UNTIL + 500), LEASE_UNTIL));
    assert.equal(got.filter(Boolean).length, 1);
  });

  test('other requests, and other steps, are claimed apart', async (t) => {
    const { claim } = await createWorld(t);
    const one = createClaimsOfOneRequest()();
    assert.equal(await claim(one, NOW), true);
    assert.equal(await claim({ ...one, step_id: randomBytes(32) }, NOW), true);
    assert.equal(await claim({ ...one, request_hash: randomBytes(32) }, NOW), true);
  });
});

describe('releaseClaim', () => {
  test('frees the request, once', async (t) => {
    const { claim, release } = await createWorld(t);
    const newClaim = createClaimsOfOneRequest();
    const [first, second] = [newClaim(), newClaim()];
    await claim(first, NOW);
    assert.equal(await release(first), true);
    assert.equal(await release(first), false);
    assert.equal(await claim(second, NOW), true);
  });

  test('says that the claim was lost, and leaves the one who has it now alone', async (t) => {
    const { claim, release } = await createWorld(t);
    const newClaim = createClaimsOfOneRequest();
    const [slow, other] = [newClaim(), newClaim(LEASE_UNTIL + 500)];
    await claim(slow, NOW);
    await claim(other, LEASE_UNTIL);
    assert.equal(await release(slow), false);
    assert.equal(await claim(newClaim(), LEASE_UNTIL), false);
    assert.equal(await release(other), true);
  });
});
