//! Until when a certificate is good.
//!
//! rustls checks that itself and does not tell; so the few fields in front of it are stepped over by hand (RFC 5280,
//! 4.1), without looking at what is in them.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
/// The version, which only certificates of version 1 leave out.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Reads the end of a certificate in DER; nothing if it makes no sense.
pub(super) fn until(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = expect(SEQUENCE, der)?;
    let (mut fields, _) = expect(SEQUENCE, certificate)?;
    if fields.first() == Some(&VERSION) {
        (_, fields) = expect(VERSION, fields)?;
    }
    // Its number, how it is signed, and by whom.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, fields) = expect(tag, fields)?;
    }
    let (validity, _) = expect(SEQUENCE, fields)?;
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    time(tag, text)
}

fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Splits the first element off: its tag, what is in it, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        // The length has a length: no certificate needs more than four bytes for it.
        let (digits, rest) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// Reads `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| {
        digits.iter().fold(0_i16, |number, digit| number * 10 + i16::from(*digit - b'0'))
    };
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year = number(year);
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (number(year), rest)
        }
        _ => return None,
    };
    let parts: Vec<i8> =
        rest.chunks(2).map(|two| i8::try_from(number(two)).ok()).collect::<Option<_>>()?;
    let [month, day, hour, minute, second] = parts[..] else { return None };
    let time = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::certificate::{Authority, Validity};

    fn signed(until: Timestamp) -> Vec<u8> {
        let by = Authority::generate("test", Validity::Always).expect("an authority");
        let from = until.checked_sub(SignedDuration::from_hours(1)).expect("in range");
        let made = by.server(&["x.test".to_owned()], Validity::Between(from, until));
        made.expect("a certificate").certificate_der().to_vec()
    }

    #[test]
    fn both_forms_of_times_are_read() {
        // From 2050 on, certificates have four digits for years.
        for second in [1_900_000_000, 2_600_000_000] {
            let until_then = Timestamp::from_second(second).expect("a time");
            assert_eq!(until(&signed(until_then)), Some(until_then));
        }
        assert_eq!(time(UTC_TIME, b"700101000001Z").map(Timestamp::as_second), Some(1));
        for wrong in [&b"7001010000Z"[..], b"700101000001", b"70010100000xZ", b"701301000001Z"] {
            assert_eq!(time(UTC_TIME, wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            cut in 0..600_usize,
            at in 0..200_usize,
            with: u8,
        ) {
            let _ = until(&bytes);
            let mut der = signed(Timestamp::from_second(1_900_000_000).expect("a time"));
            der[at] = with;
            let _ = until(&der);
            der.truncate(cut);
            let _ = until(&der);
        }
    }
}
