//! Numbers of bytes.

use std::str::FromStr;

/// A number of bytes, such as `512MiB`, `512Mi` or `536870912`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Not a number of bytes.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a number of bytes")]
pub struct InvalidSize(String);

/// Units by their first letter; each is 1024 of the one before.
const UNITS: &str = "KMGT";

impl FromStr for ByteSize {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let invalid = || InvalidSize(text.to_owned());
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let power = match unit.strip_suffix("iB").or_else(|| unit.strip_suffix('i')) {
            Some(letter) if letter.len() == 1 => UNITS.find(letter).ok_or_else(invalid)? + 1,
            None if unit.is_empty() => 0,
            _ => return Err(invalid()),
        };
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let unit = 1 << (10 * power);
        number.checked_mul(unit).map(Self).ok_or_else(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::ByteSize;

    #[test]
    fn sizes_have_binary_units() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("4KiB", 4096),
            ("512MiB", 512 << 20),
            ("512Mi", 512 << 20),
            ("3GiB", 3 << 30),
            ("2Ti", 2 << 40),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap(), ByteSize(bytes), "{text}");
        }
        for text in
            ["", "MiB", "5MB", "5M", "-1", "1.5GiB", "5 MiB", "5miB", "5iB", "99999999TiB", "5é"]
        {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
