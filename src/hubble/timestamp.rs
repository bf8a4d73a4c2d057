//! `google.protobuf.Timestamp`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Seconds and nanoseconds since 1970; in JSON, RFC 3339 with nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Message)]
pub struct Timestamp {
    /// Seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds on top, never negative.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        let (mut seconds, mut nanos) = (time.as_second(), time.subsec_nanosecond());
        // Before 1970 jiff counts both down.
        if nanos < 0 {
            seconds -= 1;
            nanos += 1_000_000_000;
        }
        Self { seconds, nanos }
    }
}

impl TryFrom<Timestamp> for jiff::Timestamp {
    type Error = jiff::Error;

    fn try_from(time: Timestamp) -> Result<Self, jiff::Error> {
        Self::new(time.seconds, time.nanos)
    }
}

impl Timestamp {
    /// Returns the moment, or the nearest that can be told.
    pub fn moment(self) -> jiff::Timestamp {
        self.try_into().unwrap_or(if self.seconds < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:.9}", self.moment()))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let time: jiff::Timestamp = String::deserialize(from)?.parse().map_err(D::Error::custom)?;
        Ok(time.into())
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn times_survive_both_ways_even_before_1970() {
        for text in ["2026-11-24T12:00:10.000000001Z", "1969-12-31T23:59:59.250000000Z"] {
            let json = format!("{text:?}");
            let time: Timestamp = serde_json::from_str(&json).unwrap();
            assert!((0..1_000_000_000).contains(&time.nanos), "{time:?}");
            assert_eq!(serde_json::to_string(&time).unwrap(), json);
        }
    }

    #[test]
    fn impossible_times_are_the_nearest_possible() {
        let far = Timestamp { seconds: i64::MAX, nanos: 5 };
        assert_eq!(far.moment(), jiff::Timestamp::MAX);
        let past = Timestamp { seconds: i64::MIN, nanos: 5 };
        assert_eq!(past.moment(), jiff::Timestamp::MIN);
    }
}
