//! Writing entries: always whole, by key.

use crate::{
    abi::{CtKey, CtValue, Direction, Note, ct_flags, ct_kind},
    env::{Env, Put, PutError},
    packet::transport,
    report,
};

/// How often a write is tried when another CPU holds the bucket.
const ATTEMPTS: u32 = 3;

/// Writes an entry; a held bucket is tried again, and every failure is counted by its cause.
#[inline(always)]
pub fn put<E: Env>(env: &E, key: &CtKey, value: &CtValue, how: Put) -> Result<(), PutError> {
    let mut result = Err(PutError::Busy);
    for _ in 0..ATTEMPTS {
        result = env.put_connection(key, value, how);
        if result != Err(PutError::Busy) {
            break;
        }
        report::note(env, Note::CtBusy, Direction::Unknown, 0);
    }
    if result == Err(PutError::Full) {
        report::note(env, Note::CtFull, Direction::Unknown, 0);
    }
    result
}

/// Fills `value` with a connection that begins with this packet, from the key's higher end if `source`
/// is 1; legs are not judged yet.
#[inline(always)]
pub fn create(value: &mut CtValue, key: &CtKey, source: u32, now: u64, tcp_flags: u8, bytes: u32) {
    *value = CtValue {
        tag: key.tag(),
        created: now,
        last_seen: now,
        last_report: now,
        packets: [1, 0],
        bytes: [u64::from(bytes), 0],
        kind: ct_kind::TRACKED,
        flags: source as u8 & ct_flags::OPENED_BY_B,
        tcp_flags: [if key.proto == transport::TCP { tcp_flags } else { 0 }, 0],
        ..CtValue::default()
    };
}
