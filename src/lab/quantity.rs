//! Amounts of resources, such as `250m` and `64Mi`.

/// The CPUs that every node says it has. Many: the lab's nodes share one machine, and stand-ins use
/// next to nothing of what their images would.
pub(super) const NODE_CPUS: &str = "64";
/// The memory that every node says it has.
pub(super) const NODE_MEMORY: &str = "256Gi";
/// The pods that every node says it has room for.
pub(super) const NODE_PODS: &str = "250";

/// Reads an amount; none when it is not one.
pub(super) fn parse(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+'));
    let (number, suffix) = text.split_at(digits.unwrap_or(text.len()));
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024_f64.powi(4),
        "Pi" => 1024_f64.powi(5),
        "Ei" => 1024_f64.powi(6),
        exponent => 10_f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(number * factor)
}

/// Rounds up, forgiving what binary fractions add.
pub(super) fn ceil_of(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "amounts are far below the limits of i64")]
    let whole = (value - 1e-9).ceil() as i64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_suffixes() {
        for (text, expected) in
            [("1", 1.0), ("250m", 0.25), ("64Mi", 67_108_864.0), ("1e3", 1000.0), ("2k", 2000.0)]
        {
            let found = parse(text).unwrap();
            assert!((found - expected).abs() < 1e-9, "{text}: {found}");
        }
        assert_eq!(parse("much"), None);
        assert_eq!(ceil_of(0.25 / 0.001), 250);
    }
}
