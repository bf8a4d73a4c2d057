//! Durations as flags.

use std::time::Duration;

/// Reads `90s`, `5m`, `1h30m`, or seconds.
///
/// # Errors
/// When it is none of these.
pub(crate) fn duration(text: &str) -> Result<Duration, InvalidDuration> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: jiff::SignedDuration = text.parse().map_err(InvalidDuration)?;
    Ok(Duration::try_from(span).unwrap_or_default())
}

/// Not a duration.
#[derive(Debug, thiserror::Error)]
#[error("not a duration such as 90s, 5m or 1h30m")]
pub(crate) struct InvalidDuration(#[source] jiff::Error);
