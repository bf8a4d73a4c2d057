//! The checks, a file per group of codes.

mod broad;
mod cidrs;
mod compatibility;
mod dns;
mod host;
mod isolation;
mod layer7;
mod lists;
mod ports;
mod reach;
mod selectors;
mod shadow;
mod validity;

use super::context::Context;

/// Runs all of them.
pub(super) fn run(context: &Context<'_>) {
    for check in [
        validity::check,
        selectors::check,
        cidrs::check,
        lists::check,
        ports::check,
        shadow::check,
        dns::check,
        isolation::check,
        reach::check,
        broad::check,
        layer7::check,
        host::check,
        compatibility::check,
    ] {
        check(context);
    }
}
