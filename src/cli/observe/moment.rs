//! Times as flags, and how they are shown.

use jiff::{SignedDuration, Timestamp, Zoned, civil, fmt::rfc2822, tz::TimeZone};

/// A time that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("not a time such as 2026-11-24T12:00:00Z or 2026-11-24, nor a duration such as 5m")]
pub(super) struct InvalidMoment;

/// Reads RFC 3339, RFC 1123, a date or time of this place, or a duration before now.
pub(super) fn moment(text: &str) -> Result<Timestamp, InvalidMoment> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<civil::DateTime>() {
        let here = time.to_zoned(TimeZone::system());
        return here.map(|time| time.timestamp()).map_err(|_| InvalidMoment);
    }
    if let Ok(time) = rfc2822::parse(text) {
        return Ok(time.timestamp());
    }
    let ago: SignedDuration = text.parse().map_err(|_| InvalidMoment)?;
    Timestamp::now().checked_sub(ago).map_err(|_| InvalidMoment)
}

/// How times are shown.
#[derive(Clone, Debug)]
pub(super) struct TimeFormat(String);

/// Names that Hubble's users know, and what they mean to strftime.
const NAMED: [(&str, &str); 13] = [
    ("StampMilli", "%b %e %H:%M:%S%.3f"),
    ("Stamp", "%b %e %H:%M:%S"),
    ("StampMicro", "%b %e %H:%M:%S%.6f"),
    ("StampNano", "%b %e %H:%M:%S%.9f"),
    ("RFC3339", "%Y-%m-%dT%H:%M:%S%:z"),
    ("RFC3339Milli", "%Y-%m-%dT%H:%M:%S%.3f%:z"),
    ("RFC3339Micro", "%Y-%m-%dT%H:%M:%S%.6f%:z"),
    ("RFC3339Nano", "%Y-%m-%dT%H:%M:%S%.9f%:z"),
    ("RFC1123", "%a, %d %b %Y %H:%M:%S %Z"),
    ("RFC1123Z", "%a, %d %b %Y %H:%M:%S %z"),
    ("UnixDate", "%a %b %e %H:%M:%S %Z %Y"),
    ("ANSIC", "%a %b %e %H:%M:%S %Y"),
    ("Kitchen", "%I:%M%p"),
];

/// A format that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("not a format such as RFC3339Nano, StampMilli or '%H:%M:%S'")]
pub(super) struct InvalidFormat;

impl TimeFormat {
    /// One line a flow: no year.
    pub(super) fn short() -> Self {
        Self(NAMED[0].1.to_owned())
    }

    /// One block a flow: all there is.
    pub(super) fn long() -> Self {
        Self("%Y-%m-%dT%H:%M:%S%.9f%:z".to_owned())
    }

    /// Reads a name, or a pattern of strftime.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidFormat> {
        if let Some((_, format)) = NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(Self((*format).to_owned()));
        }
        let is_usable =
            text.contains('%') && jiff::fmt::strtime::format(text, &Zoned::default()).is_ok();
        if is_usable { Ok(Self(text.to_owned())) } else { Err(InvalidFormat) }
    }

    /// Writes a time; the pattern has been tried before.
    pub(super) fn show(&self, time: Timestamp, zone: &TimeZone) -> String {
        let zoned = time.to_zoned(zone.clone());
        jiff::fmt::strtime::format(&self.0, &zoned).unwrap_or_else(|_| zoned.to_string())
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::{TimeFormat, moment};

    #[test]
    fn times_are_read_as_people_write_them() {
        for text in [
            "2026-11-24T12:00:00Z",
            "2026-11-24T13:00:00.5+01:00",
            "2026-11-24",
            "2026-11-24T12:00:00",
            "2026-11-24 12:00:00",
            "Tue, 24 Nov 2026 12:00:00 +0000",
            "5m",
            "1h30m",
        ] {
            assert!(moment(text).is_ok(), "{text}");
        }
        for text in ["", "yesterday", "12", "2026-13-01"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_shown_by_name_or_pattern() {
        let time: Timestamp = "2026-11-24T12:00:01.123456789Z".parse().unwrap();
        for (format, shown) in [
            ("StampMilli", "Nov 24 12:00:01.123"),
            ("rfc3339", "2026-11-24T12:00:01+00:00"),
            ("RFC1123Z", "Tue, 24 Nov 2026 12:00:01 +0000"),
            ("%H:%M", "12:00"),
        ] {
            let format = TimeFormat::parse(format).unwrap();
            assert_eq!(format.show(time, &TimeZone::UTC), shown);
        }
        for format in ["never", "%Q%", ""] {
            assert!(TimeFormat::parse(format).is_err(), "{format}");
        }
    }
}
