//! Points in time: UTC with milliseconds, which is what BSON dates and every client keep, in eight bytes.
//!
//! The domain never asks what time it is; a `Timestamp` comes in from the edge with each order.

use chrono::{DateTime, Datelike, TimeZone, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr, time::Duration};

/// Milliseconds since 1970, UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The years 1 to 9999: what RFC 3339 and BSON can both write. Anything outside is pulled to the border.
    const RANGE: (i64, i64) = (-62_135_596_800_000, 253_402_300_799_999);

    /// From milliseconds since 1970.
    pub fn from_millis(ms: i64) -> Self {
        Self(ms.clamp(Self::RANGE.0, Self::RANGE.1))
    }
    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }
    /// The same instant for calendar arithmetic.
    pub fn utc(self) -> DateTime<Utc> {
        Utc.timestamp_millis_opt(self.0).single().expect("the range is checked at construction")
    }
    /// Later by so much.
    pub fn after(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
    /// Earlier by so much.
    pub fn before(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
    /// As RFC 3339 in UTC, `2026-01-31T08:30:00.120Z`. By hand, because every answer has several: a general formatter
    /// takes ten times as long.
    fn text(self) -> [u8; 24] {
        let utc = self.utc().naive_utc();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |at: usize, digits: usize, mut number: u32| {
            for digit in text[at..at + digits].iter_mut().rev() {
                *digit += (number % 10) as u8;
                number /= 10;
            }
        };
        put(0, 4, utc.year().unsigned_abs()); // 1 to 9999
        put(5, 2, utc.month());
        put(8, 2, utc.day());
        put(11, 2, utc.hour());
        put(14, 2, utc.minute());
        put(17, 2, utc.second());
        put(20, 3, utc.nanosecond() / 1_000_000);
        text
    }
    /// Milliseconds from an earlier point to this one; negative when it is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self::from_millis(time.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.text()).expect("it is digits"))
    }
}
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for Timestamp {
    type Err = chrono::ParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(text).map(|time| time.to_utc().into())
    }
}

/// Text where people read it, a BSON date in documents.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(str::from_utf8(&self.text()).expect("it is digits"))
        } else {
            bson::DateTime::from_millis(self.0).serialize(serializer)
        }
    }
}
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            bson::DateTime::deserialize(deserializer).map(|date| Self::from_millis(date.timestamp_millis()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_text_in_json_and_a_date_in_documents() {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Doc {
            at: Timestamp,
        }
        let doc = Doc { at: "2026-01-31T09:30:00.120+01:00".parse().unwrap() };
        assert_eq!(serde_json::to_string(&doc).unwrap(), r#"{"at":"2026-01-31T08:30:00.120Z"}"#);
        let stored = bson::serialize_to_vec(&doc).unwrap();
        let read: bson::Document = bson::deserialize_from_slice(&stored).unwrap();
        assert!(matches!(read["at"], bson::Bson::DateTime(_)), "{read}");
        assert_eq!(bson::deserialize_from_slice::<Doc>(&stored).unwrap(), doc);
    }

    #[test]
    fn absurd_times_are_pulled_to_the_border_and_can_still_be_written() {
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_millis(i64::MIN).to_string(), "0001-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_millis(0).before(Duration::MAX), Timestamp::from_millis(i64::MIN));
    }
}
