//! Schedules of CronJobs: five fields, or a word such as `@daily`.

use std::str::FromStr;

#[cfg(test)]
use jiff::SignedDuration;
use jiff::{Timestamp, Zoned, civil::Weekday, tz::TimeZone};

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// Minutes that are looked through for the next one that fits: five years.
#[cfg(test)]
const HORIZON: u32 = 5 * 366 * 24 * 60;

/// When a job is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    /// A bit per minute, hour, day of the month, month, and day of the week.
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both kinds of days are given: one that fits is enough.
    either_day: bool,
}

/// A text that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unparseable schedule: {text:?}")]
pub(super) struct InvalidSchedule {
    text: String,
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let fields = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let parts: Vec<&str> = fields.split_whitespace().collect();
        let parse = || {
            let [minutes, hours, days, months, weekdays] = parts.as_slice() else { return None };
            let is_any = |field: &str| field.starts_with(['*', '?']);
            let mut week = bits(weekdays, 0, 7, &DAYS)?;
            // Sunday is 0 and 7.
            week |= week >> 7 & 1;
            Some(Self {
                minutes: bits(minutes, 0, 59, &[])?,
                hours: bits(hours, 0, 23, &[])?,
                days: bits(days, 1, 31, &[])?,
                months: bits(months, 1, 12, &MONTHS)?,
                weekdays: week,
                either_day: !is_any(days) && !is_any(weekdays),
            })
        };
        parse().ok_or_else(|| InvalidSchedule { text: text.to_owned() })
    }
}

/// Reads a field: numbers, names, ranges and steps, separated by commas.
fn bits(field: &str, least: u32, most: u32, names: &[&str]) -> Option<u64> {
    let value = |text: &str| {
        let lower = text.to_ascii_lowercase();
        let named = names.iter().position(|name| *name == lower);
        let number = match named {
            // Months are counted from 1, days of the week from 0.
            Some(at) => u32::try_from(at).ok()? + least,
            None => text.parse().ok()?,
        };
        (least..=most).contains(&number).then_some(number)
    };
    let mut all = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                (range, Some(step.parse::<u32>().ok().filter(|step| *step > 0)?))
            }
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (value(first)?, value(last)?),
            None if matches!(range, "*" | "?") => (least, most),
            None if step.is_some() => (value(range)?, most),
            None => (value(range)?, value(range)?),
        };
        if first > last {
            return None;
        }
        let step = usize::try_from(step.unwrap_or(1)).ok()?;
        all |= (first..=last).step_by(step).fold(0_u64, |bits, number| bits | 1 << number);
    }
    Some(all)
}

impl Schedule {
    fn fits(&self, at: &Zoned) -> bool {
        let has = |bits: u64, number: i8| bits >> number & 1 == 1;
        let day = has(self.days, at.day());
        let weekday = has(self.weekdays, at.weekday().since(Weekday::Sunday));
        let day = if self.either_day { day || weekday } else { day && weekday };
        has(self.minutes, at.minute())
            && has(self.hours, at.hour())
            && has(self.months, at.month())
            && day
    }

    /// Returns the last moment that is due after `after` and not after `now`.
    ///
    /// Only the last day is looked through, backwards: one run makes up for all that were missed.
    pub(super) fn last_due(
        &self,
        zone: &TimeZone,
        after: Timestamp,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let mut minute = now.as_second().div_euclid(60);
        let earliest = after.as_second().max(now.as_second() - 24 * 3600);
        while minute * 60 > earliest {
            let at = Timestamp::from_second(minute * 60).ok()?;
            if self.fits(&at.to_zoned(zone.clone())) {
                return Some(at);
            }
            minute -= 1;
        }
        None
    }

    /// Returns the first moment that is due after `after`; none in the next years if it never is.
    #[cfg(test)]
    fn next(&self, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        let first = (after.as_second().div_euclid(60) + 1) * 60;
        let mut at = Timestamp::from_second(first).ok()?;
        for _ in 0..HORIZON {
            if self.fits(&at.to_zoned(zone.clone())) {
                return Some(at);
            }
            at = at.checked_add(SignedDuration::from_secs(60)).ok()?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_moment_is_found() {
        let start: Timestamp = "2026-01-30T10:07:30Z".parse().unwrap();
        for (text, expected) in [
            ("* * * * *", "2026-01-30T10:08:00Z"),
            ("*/15 * * * *", "2026-01-30T10:15:00Z"),
            ("5 4 * * sun", "2026-02-01T04:05:00Z"),
            ("0 0 1,15 * 1", "2026-02-01T00:00:00Z"),
            ("0 22 * * 1-5", "2026-01-30T22:00:00Z"),
            ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
            ("0 12 * MAR 7", "2026-03-01T12:00:00Z"),
            ("@hourly", "2026-01-30T11:00:00Z"),
            ("@monthly", "2026-02-01T00:00:00Z"),
        ] {
            let schedule: Schedule = text.parse().unwrap();
            let found = schedule.next(&TimeZone::UTC, start).unwrap();
            assert_eq!(found.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_schedule() {
        for text in
            ["", "* * * *", "60 * * * *", "* 5-3 * * *", "*/0 * * * *", "* * 0 * *", "@often"]
        {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_missed_is_made_up_for_once() {
        let schedule: Schedule = "*/10 * * * *".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let last = |after: &str, now: &str| schedule.last_due(&TimeZone::UTC, at(after), at(now));
        assert_eq!(last("2026-01-01T00:05:00Z", "2026-01-01T00:09:59Z"), None);
        assert_eq!(
            last("2026-01-01T00:05:00Z", "2026-01-01T00:31:00Z"),
            Some(at("2026-01-01T00:30:00Z"))
        );
        assert_eq!(last("2026-01-01T00:30:00Z", "2026-01-01T00:31:00Z"), None);
    }
}
