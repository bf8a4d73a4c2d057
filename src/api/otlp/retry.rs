//! Which failures pass, and when a server wants to be asked again.

use std::time::Duration;

use tonic::{Code, Status};

use crate::hubble::wire::{Raw, parts};

/// Tells whether the same may be sent again. A server that has no room is asked again even if it does not say when.
pub(super) const fn may_pass(code: Code) -> bool {
    matches!(
        code,
        Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// Returns how long the server wants to be left alone: `google.rpc.RetryInfo` in the details of its status.
pub(super) fn wanted(status: &Status) -> Option<Duration> {
    let details = bytes(status.details(), 3);
    details
        .filter_map(|any| {
            let is_it = bytes(any, 1).any(|url| url.ends_with(b"/google.rpc.RetryInfo"));
            let info = bytes(any, 2).next().filter(|_| is_it)?;
            let delay = bytes(info, 1).next()?;
            let nanos = u32::try_from(number(delay, 2)).ok().filter(|nanos| *nanos < 1_000_000_000);
            Some(Duration::new(number(delay, 1), nanos.unwrap_or_default()))
        })
        .next()
}

fn bytes(message: &[u8], wanted: u32) -> impl Iterator<Item = &[u8]> {
    parts(message).filter_map(move |part| match part.value {
        Raw::Bytes(bytes) if part.number == wanted => Some(bytes),
        _ => None,
    })
}

fn number(message: &[u8], wanted: u32) -> u64 {
    let found = parts(message).find_map(|part| match part.value {
        Raw::Number(number) if part.number == wanted => Some(number),
        _ => None,
    });
    found.unwrap_or_default()
}
