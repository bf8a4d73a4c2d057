//! Habits of protobuf's JSON mapping.

/// Absent members have the default value.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// RFC 3339 with nanoseconds.
pub(super) mod time {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::flows) fn serialize<S: Serializer>(
        time: &Timestamp,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{time:.9}"))
    }

    pub(in crate::flows) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// 64 bits as text.
pub(super) mod text_u64 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::flows) fn serialize<S: Serializer>(
        count: &u64,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(count)
    }

    pub(in crate::flows) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<u64, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
