//! How many connections a pod may open: a rate on each CPU, and a share of the table.

use crate::{
    abi::{Bucket, Config, DropReason},
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
    if let Some(quota) = env.quota(endpoint_id)
        && quota.exhausted != 0
    {
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
