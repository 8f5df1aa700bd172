//! Values of JSON, taken for what they shall be, and spoken of.

use chrono::{NaiveDate, NaiveDateTime};
use serde_json::Value;
use tocsin_actors::domain::Timestamp;

/// How much of a value is said back.
const LONGEST_SHOWN: usize = 200;

/// What can be a text.
pub(super) fn scalar(sent: &Value) -> Option<String> {
    match sent {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(sent.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Milliseconds, or a text as forms and programs write it.
pub(super) fn time(sent: &Value) -> Option<Timestamp> {
    let text = match sent {
        Value::Number(millis) => return in_range(millis.as_i64()?),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    let with_zone = || text.parse::<Timestamp>().ok();
    let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f"];
    let local = || forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    with_zone().or_else(|| in_range(local().or_else(day)?.and_utc().timestamp_millis()))
}

/// What cannot be written with four digits for the year is no time.
fn in_range(millis: i64) -> Option<Timestamp> {
    let time = Timestamp::from_millis(millis);
    (time.millis() == millis).then_some(time)
}

/// The name of a value's kind.
pub(super) fn kind(sent: &Value) -> &'static str {
    match sent {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "Array",
        Value::Object(_) => "Object",
    }
}

/// A value as it is written there when it is spoken of, if it is not too long.
pub(super) fn inspect(sent: &Value) -> String {
    match sent {
        Value::String(text) => short(text),
        other => short(&inner(other)),
    }
}

fn inner(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", short(text)),
        Value::Array(items) if items.is_empty() => "[]".to_owned(),
        Value::Array(items) => format!("[ {} ]", items.iter().map(inner).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {}", inner(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// As much of a text as is said back.
pub(super) fn short(text: &str) -> String {
    text.chars().take(LONGEST_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_read_as_forms_write_them_and_without_a_zone_they_are_utc() {
        for (sent, wanted) in [
            (json!("2026-01-31T09:30"), Some("2026-01-31T09:30:00.000Z")),
            (json!("2026-01-31T09:30:05"), Some("2026-01-31T09:30:05.000Z")),
            (json!("2026-01-31T09:30:05.123"), Some("2026-01-31T09:30:05.123Z")),
            (json!("2026-01-31T09:30:00.000Z"), Some("2026-01-31T09:30:00.000Z")),
            (json!("2026-01-31T09:30:00+02:00"), Some("2026-01-31T07:30:00.000Z")),
            (json!("2026-01-31"), Some("2026-01-31T00:00:00.000Z")),
            (json!(1_769_851_800_000_i64), Some("2026-01-31T09:30:00.000Z")),
            (json!("+12026-01-31T09:30"), None),
            (json!(i64::MAX), None),
            (json!("2026-02-30T09:30"), None),
            (json!("tomorrow"), None),
            (json!(true), None),
            (json!([]), None),
        ] {
            assert_eq!(time(&sent).map(|time| time.to_string()).as_deref(), wanted, "{sent}");
        }
    }

    #[test]
    fn what_is_spoken_of_is_written_as_there() {
        let sent = json!({ "a": [1, "b", {}], "c": null });
        assert_eq!(inspect(&sent), "{ a: [ 1, 'b', {} ], c: null }");
        assert_eq!(inspect(&json!("x".repeat(1_000))).len(), LONGEST_SHOWN);
    }
}
