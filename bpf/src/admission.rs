//! How many connections may be opened: by a pod at a rate on each CPU, and up to a share of the table; by
//! strangers together up to another share, so that what they send leaves room for the cluster.

use crate::{
    abi::{Bucket, Config, DropReason, STRANGERS, identity},
    env::Env,
};

/// A bucket holds this many seconds of its rate: bursts at start are normal.
const BURST_SECONDS: u64 = 2;
/// Nanoseconds in which a rate of one a second earns a thousandth of a token.
const NS_PER_MILLITOKEN: u64 = 1_000_000;

/// Takes a token of the endpoint, or refuses.
#[inline(always)]
pub fn admit<E: Env>(
    env: &E,
    config: &Config,
    endpoint_id: u32,
    now: u64,
) -> Result<(), DropReason> {
    if is_exhausted(env, endpoint_id) {
        return Err(DropReason::RateLimited);
    }
    if config.admission_rate == 0 {
        return Ok(());
    }
    let rate = u64::from(config.admission_rate);
    match env.with_bucket(endpoint_id, |bucket| take(bucket, rate, now)) {
        Some(false) => Err(DropReason::RateLimited),
        // Without a bucket nothing can be counted; the quota still holds.
        Some(true) | None => Ok(()),
    }
}

/// Refuses a stranger's connection while strangers have used their share; `identity` is the opener's.
#[inline(always)]
pub fn admit_stranger<E: Env>(env: &E, identity: u32) -> Result<(), DropReason> {
    let is_stranger = matches!(identity, identity::WORLD_V4 | identity::WORLD_V6);
    if is_stranger && is_exhausted(env, STRANGERS) {
        return Err(DropReason::RateLimited);
    }
    Ok(())
}

#[inline(always)]
fn is_exhausted<E: Env>(env: &E, opener: u32) -> bool {
    env.quota(opener).is_some_and(|quota| quota.exhausted != 0)
}

#[inline(always)]
fn take(bucket: &mut Bucket, rate: u64, now: u64) -> bool {
    let full = rate * BURST_SECONDS * 1000;
    // Longer pauses fill the bucket anyway; the cap keeps the product small.
    let passed = now.saturating_sub(bucket.refilled).min(BURST_SECONDS * 1_000_000_000);
    let tokens = if bucket.refilled == 0 {
        full
    } else {
        bucket.millitokens + passed * rate / NS_PER_MILLITOKEN
    };
    let tokens = tokens.min(full);
    bucket.refilled = now.max(1);
    if tokens < 1000 {
        bucket.millitokens = tokens;
        return false;
    }
    bucket.millitokens = tokens - 1000;
    true
}
