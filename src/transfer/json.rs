//! Documents as canonical extended JSON, and back to the same bytes.
//!
//! The bson crate has this too, by way of `serde_json::Value`, which forgets the order of fields and needs memory for
//! everything twice. Only the types that stores write are known here; anything else is told, not guessed.

use base64::{Engine, prelude::BASE64_STANDARD};
use bson::{
    Binary, DateTime, RawArrayBuf, RawBson, RawBsonRef, RawDocument, RawDocumentBuf,
    raw::{CStr, CString},
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::fmt;

/// Appends a document.
pub(super) fn write(document: &RawDocument, out: &mut Vec<u8>) -> Result<(), String> {
    out.push(b'{');
    for (n, field) in document.iter().enumerate() {
        let (name, value) = field.map_err(|error| error.to_string())?;
        let name = name.as_str();
        if name.starts_with('$') {
            // It would be read as something else.
            return Err(format!("a field may not be called `{name}`"));
        }
        if n > 0 {
            out.push(b',');
        }
        text(name, out)?;
        out.push(b':');
        write_value(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_value(value: RawBsonRef<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        RawBsonRef::Null => out.extend_from_slice(b"null"),
        RawBsonRef::Boolean(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        RawBsonRef::String(value) => text(value, out)?,
        RawBsonRef::Int32(value) => typed("$numberInt", &value.to_string(), out),
        RawBsonRef::Int64(value) => typed("$numberLong", &value.to_string(), out),
        RawBsonRef::Double(value) => typed("$numberDouble", &double(value), out),
        RawBsonRef::DateTime(at) => {
            out.extend_from_slice(b"{\"$date\":");
            typed("$numberLong", &at.timestamp_millis().to_string(), out);
            out.push(b'}');
        }
        RawBsonRef::Binary(binary) => {
            let (base64, subtype) = (BASE64_STANDARD.encode(binary.bytes), u8::from(binary.subtype));
            out.extend_from_slice(format!("{{\"$binary\":{{\"base64\":\"{base64}\",\"subType\":\"{subtype:02x}\"}}}}").as_bytes());
        }
        RawBsonRef::Document(document) => write(document, out)?,
        RawBsonRef::Array(array) => {
            out.push(b'[');
            for (n, item) in array.into_iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write_value(item.map_err(|error| error.to_string())?, out)?;
            }
            out.push(b']');
        }
        other => return Err(format!("a value of type {:?} cannot be written", other.element_type())),
    }
    Ok(())
}

fn text(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    serde_json::to_writer(out, text).map_err(|error| error.to_string())
}

fn typed(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{{\"{name}\":\"{value}\"}}").as_bytes());
}

/// The shortest text that is read as the same number.
fn double(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ => format!("{value:?}"),
    }
}

/// Reads a document.
pub(super) fn read(text: &[u8]) -> Result<RawDocumentBuf, String> {
    match serde_json::from_slice(text).map_err(|error| error.to_string())? {
        Value(RawBson::Document(document)) => Ok(document),
        Value(_) => Err("it is no document".into()),
    }
}

/// A value in the making.
struct Value(RawBson);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Extended).map(Value)
    }
}

struct Extended;

impl<'de> Visitor<'de> for Extended {
    type Value = RawBson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("canonical extended JSON, in which numbers carry their type")
    }
    fn visit_unit<E: Error>(self) -> Result<RawBson, E> {
        Ok(RawBson::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<RawBson, E> {
        Ok(RawBson::Boolean(value))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<RawBson, E> {
        Ok(RawBson::String(value.to_owned()))
    }
    fn visit_string<E: Error>(self, value: String) -> Result<RawBson, E> {
        Ok(RawBson::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawBson, A::Error> {
        let mut array = RawArrayBuf::new();
        while let Some(Value(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(RawBson::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<RawBson, A::Error> {
        let mut document = RawDocumentBuf::new();
        let mut is_first = true;
        while let Some(name) = fields.next_key::<String>()? {
            if name.starts_with('$') {
                let value = if is_first { extended(&name, &mut fields)? } else { return Err(A::Error::custom(misplaced(&name))) };
                return match fields.next_key::<IgnoredAny>()? {
                    None => Ok(value),
                    Some(_) => Err(A::Error::custom(misplaced(&name))),
                };
            }
            is_first = false;
            let Value(value) = fields.next_value()?;
            let name = <&CStr>::try_from(name.as_str()).map(CString::from).map_err(A::Error::custom)?;
            document.append(name, value);
        }
        Ok(RawBson::Document(document))
    }
}

/// The value of a type that JSON does not have.
fn extended<'de, A: MapAccess<'de>>(name: &str, fields: &mut A) -> Result<RawBson, A::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Bytes {
        base64: String,
        #[serde(rename = "subType")]
        subtype: String,
    }
    let wrong = |what: &dyn fmt::Display| A::Error::custom(format!("`{name}` cannot be {what}"));
    match name {
        "$numberInt" => number(fields, name).map(RawBson::Int32),
        "$numberLong" => number(fields, name).map(RawBson::Int64),
        "$numberDouble" => number(fields, name).map(RawBson::Double),
        "$date" => match fields.next_value()? {
            Value(RawBson::Int64(millis)) => Ok(RawBson::DateTime(DateTime::from_millis(millis))),
            Value(other) => Err(wrong(&format!("a {:?}", other.element_type()))),
        },
        "$binary" => {
            let Bytes { base64, subtype } = fields.next_value()?;
            let subtype = u8::from_str_radix(&subtype, 16).map_err(|_| wrong(&subtype))?;
            let bytes = BASE64_STANDARD.decode(&base64).map_err(|error| wrong(&error))?;
            Ok(RawBson::Binary(Binary { subtype: subtype.into(), bytes }))
        }
        _ => Err(A::Error::custom(format!("nobody knows what `{name}` is"))),
    }
}

fn number<'de, A: MapAccess<'de>, T: std::str::FromStr>(fields: &mut A, name: &str) -> Result<T, A::Error> {
    let text: String = fields.next_value()?;
    text.parse().map_err(|_| A::Error::custom(format!("`{name}` cannot be {text:?}")))
}

fn misplaced(name: &str) -> String {
    format!("`{name}` stands beside other fields")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{Bson, doc, spec::BinarySubtype};

    fn written(document: &RawDocument) -> Result<String, String> {
        let mut out = Vec::new();
        write(document, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_type_comes_back_to_the_byte() {
        let uuid = Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] };
        let document = doc! {
            "z": "Größe \"🚨\" \\ \u{0} \u{1f} </script>",
            "a": [1_i32, -1_i64, 0.1_f64, -0.0_f64, 1e300_f64, f64::INFINITY, f64::NEG_INFINITY, i64::MIN, i32::MAX],
            "": { "nested": [{}, [], [[Bson::Null]], true, false] },
            "at": [bson::DateTime::from_millis(-1), bson::DateTime::from_millis(253_402_300_799_999)],
            "id": uuid,
            "bytes": Binary { subtype: BinarySubtype::Generic, bytes: (0..=255).collect() },
            "none": Binary { subtype: BinarySubtype::UserDefined(0x80), bytes: Vec::new() },
        };
        let document = RawDocumentBuf::try_from(&document).unwrap();
        let text = written(&document).unwrap();
        assert!(
            text.starts_with(r#"{"z":"Größe \"🚨\" \\ \u0000 \u001f </script>","a":[{"$numberInt":"1"},{"$numberLong":"-1"}"#),
            "{text}"
        );
        assert!(text.contains(r#""id":{"$binary":{"base64":"BwcHBwcHBwcHBwcHBwcHBw==","subType":"04"}}"#), "{text}");
        assert!(!text.contains('\n'));
        assert_eq!(read(text.as_bytes()).unwrap().as_bytes(), document.as_bytes());
        let nan = RawDocumentBuf::try_from(&doc! { "nan": f64::NAN }).unwrap();
        let text = written(&nan).unwrap();
        assert!(read(text.as_bytes()).unwrap().get_f64("nan").unwrap().is_nan(), "{text}");
    }

    #[test]
    fn what_would_be_read_as_something_else_is_not_written() {
        for document in
            [doc! { "$date": 1 }, doc! { "a": [{ "b": 1, "$oid": "x" }] }, doc! { "a": bson::oid::ObjectId::from_bytes([0; 12]) }]
        {
            assert!(written(&RawDocumentBuf::try_from(&document).unwrap()).is_err(), "{document}");
        }
    }

    #[test]
    fn what_is_no_canonical_extended_json_is_refused() {
        for text in [
            "",
            "{",
            "[]",
            "{} {}",
            r#"{"a":1}"#,
            r#"{"a":{"$numberInt":1}}"#,
            r#"{"a":{"$numberInt":"2147483648"}}"#,
            r#"{"a":{"$numberLong":"x"}}"#,
            r#"{"a":{"$numberInt":"1","b":null}}"#,
            r#"{"a":{"b":null,"$numberInt":"1"}}"#,
            r#"{"a":{"$date":"2026-01-01T00:00:00Z"}}"#,
            r#"{"a":{"$binary":{"base64":"?","subType":"00"}}}"#,
            r#"{"a":{"$binary":{"base64":"","subType":"xyz"}}}"#,
            r#"{"a":{"$oid":"000000000000000000000000"}}"#,
            "{\"a\\u0000\":null}",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
