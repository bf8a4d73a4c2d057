//! Text forms of quantities, and text from others made safe.

use std::{borrow::Cow, time::Duration};

/// Makes text of unknown origin safe for a terminal: control characters, and those that reorder
/// text, are written as escapes.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    crate::flows::escape(text)
}

/// Writes an age as kubectl does: the largest unit, or two for small counts.
pub(crate) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => with_rest(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => with_rest(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => with_rest(days, 'd', hours % 24, 'h'),
        _ => format!("{days}d"),
    }
}

fn with_rest(count: u64, unit: char, rest: u64, rest_unit: char) -> String {
    if rest == 0 { format!("{count}{unit}") } else { format!("{count}{unit}{rest}{rest_unit}") }
}

/// Writes a number of bytes with a binary unit and three digits.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if count < 1024 {
        return count.to_string();
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{age, bytes};

    #[test]
    fn ages_are_written_as_kubectl_does() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (3600, "60m"),
            (10_800, "3h"),
            (11_000, "3h3m"),
            (90_000, "25h"),
            (180_000, "2d2h"),
            (864_000, "10d"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn bytes_have_three_digits() {
        for (count, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.00Ki"),
            (15_000, "14.6Ki"),
            (157_286_400, "150Mi"),
            (u64::MAX, "16.0Ei"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
