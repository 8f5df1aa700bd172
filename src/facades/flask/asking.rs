//! What is asked of it: bodies field by field, and ids.

use crate::http::facade::{Asked, Refused};
use serde_json::{Map, Value};
use tocsin_actors::domain::Timestamp;
use uuid::Uuid;

/// The body of a request. Null is the same as not being there.
pub(super) struct Body(Map<String, Value>);

impl Body {
    pub(super) fn of(asked: &Asked) -> Result<Self, Refused> {
        if asked.is_bodyless() {
            return Ok(Self(Map::new()));
        }
        if !asked.is_of_kind("application/json") {
            return Err(Refused::new(415, "Content-Type must be application/json"));
        }
        match asked.json() {
            Ok(Some(Value::Object(fields))) => Ok(Self(fields)),
            Ok(_) => Err(Refused::new(400, "Request body must be a JSON object")),
            Err(_) => Err(Refused::new(400, "Request body is not valid JSON")),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refused> {
        self.read(name, "a string", Value::as_str)
    }

    /// A text that must be there, if only as an empty one.
    pub(super) fn given(&self, name: &str) -> Result<&str, Refused> {
        self.text(name)?.ok_or_else(|| Refused::new(400, format!("{name} is required")))
    }

    /// A text that must say something, or this is said.
    pub(super) fn said(&self, name: &str, missing: &str) -> Result<&str, Refused> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| Refused::new(400, missing))
    }

    pub(super) fn owned(&self, name: &str) -> Result<Option<String>, Refused> {
        Ok(self.text(name)?.map(str::to_owned))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refused> {
        self.read(name, "true or false", Value::as_bool)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, Refused> {
        self.read(name, "a whole number from 0", |value| u32::try_from(value.as_u64()?).ok())
    }

    /// Those of a list of ids that can be ids.
    pub(super) fn ids(&self, name: &str) -> Result<Option<Vec<Uuid>>, Refused> {
        let list = self.read(name, "a list of ids", Value::as_array)?;
        Ok(list.map(|list| list.iter().filter_map(|id| id.as_str()?.parse().ok()).collect()))
    }

    /// Whether it is a list with something in it.
    pub(super) fn is_filled(&self, name: &str) -> bool {
        self.field(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    }

    /// An id of something; where it is null or empty, none is meant.
    pub(super) fn reference(&self, name: &str, unknown: &str) -> Result<Option<Option<Uuid>>, Refused> {
        if !self.0.contains_key(name) {
            return Ok(None);
        }
        let Some(text) = self.text(name)?.filter(|text| !text.is_empty()) else { return Ok(Some(None)) };
        text.parse().map(|id| Some(Some(id))).map_err(|_| Refused::new(400, unknown))
    }

    /// A point in time; where it is null or empty, none is meant. One without a zone is in UTC.
    pub(super) fn time(&self, name: &str) -> Result<Option<Option<Timestamp>>, Refused> {
        if !self.0.contains_key(name) {
            return Ok(None);
        }
        let Some(text) = self.text(name)?.filter(|text| !text.is_empty()) else { return Ok(Some(None)) };
        read_time(text).map(|time| Some(Some(time))).ok_or_else(|| Refused::new(400, format!("{name} is not a valid date")))
    }

    fn field(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn read<'a, T>(&'a self, name: &str, what: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, Refused> {
        let wrong = || Refused::new(400, format!("{name} must be {what}"));
        self.field(name).map(|value| read(value).ok_or_else(wrong)).transpose()
    }
}

fn read_time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc().into());
    }
    let plain = |form| chrono::NaiveDateTime::parse_from_str(text, form).ok();
    let time = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"].into_iter().find_map(plain);
    let day = || text.parse::<chrono::NaiveDate>().ok()?.and_hms_opt(0, 0, 0);
    time.or_else(day).map(|time| time.and_utc().into())
}

/// The id in the path; what cannot be one is nothing's.
pub(super) fn id(asked: &Asked, unknown: &str) -> Result<Uuid, Refused> {
    asked.word(0).parse().map_err(|_| Refused::new(404, unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_a_zone_and_without() {
        for text in [
            "2026-11-20T19:41:00Z",
            "2026-11-20T20:41:00.000+01:00",
            "2026-11-20T19:41:00.000000",
            "2026-11-20T19:41:00",
            "2026-11-20T19:41",
            "2026-11-20 19:41",
        ] {
            assert_eq!(read_time(text).map(|time| time.to_string()).as_deref(), Some("2026-11-20T19:41:00.000Z"), "{text}");
        }
        assert_eq!(read_time("2026-11-20").map(|time| time.to_string()).as_deref(), Some("2026-11-20T00:00:00.000Z"));
        for text in ["", "tomorrow", "2026-13-01", "2026-11-20T25:00"] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }
}
