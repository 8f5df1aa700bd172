//! Bodies as they are read there: every field is cast to what it shall be, and what does not fit is said all at once, in the
//! words of the library that does it there.

use super::{
    early,
    values::{inspect, kind, scalar, short, time},
    words::Vocabulary,
};
use crate::http::facade::{Asked, Refused};
use serde_json::{Map, Value};
use tocsin_actors::domain::Timestamp;

/// The largest that is read.
const LARGEST: usize = 100 * 1_024;

/// What was sent, and what of it does not fit.
pub(super) struct Body {
    fields: Map<String, Value>,
    wrong: Vec<(Wrong, String)>,
}

/// In which order it is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    /// It cannot be made what it shall be.
    Kind,
    /// It must be there.
    Missing,
    /// It is none of the words.
    Word,
}

/// What a text must be.
#[derive(Clone, Copy)]
pub(super) enum Text {
    /// Whatever there is, without what is around it.
    Trimmed,
    /// More than nothing; this is said of nothing.
    Required(&'static str),
}

impl Body {
    /// Reads it. Nothing at all is told by the name of the field that is looked at first.
    pub(super) fn read(asked: &Asked, first: &str) -> Result<Self, Refused> {
        if asked.body_bytes() > LARGEST {
            return Err(early(413, "request entity too large"));
        }
        let sent = asked.json().map_err(|refused| early(refused.status, refused.text))?;
        let fields = match sent {
            Some(Value::Object(fields)) => fields,
            Some(Value::Array(_)) => Map::new(), // it has none of the fields
            Some(_) => return Err(early(400, "Unexpected token, the body must be an object or an array")),
            None => {
                let why = format!("Cannot destructure property '{first}' of 'req.body' as it is undefined.");
                return Err(Refused::new(400, why));
            }
        };
        Ok(Self { fields, wrong: Vec::new() })
    }

    /// What was sent under a name.
    pub(super) fn sent(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// Whether there is more than nothing under a name: null, "", false and 0 are nothing.
    pub(super) fn has(&self, name: &str) -> bool {
        self.sent(name).is_some_and(|sent| match sent {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Number(number) => number.as_f64() != Some(0.0),
            _ => true,
        })
    }

    /// A text that was sent.
    pub(super) fn text(&mut self, name: &str, must: Text) -> Option<String> {
        let text = match self.fields.get(name)? {
            Value::Null => String::new(),
            sent => match scalar(sent) {
                Some(text) => text.trim().to_owned(),
                None => return self.cannot_be("string", name),
            },
        };
        match must {
            Text::Required(why) if text.is_empty() => {
                self.wrong(Wrong::Missing, name, why);
                None
            }
            Text::Required(_) | Text::Trimmed => Some(text),
        }
    }

    /// The same where it must have been sent.
    pub(super) fn needed(&mut self, name: &str, why: &'static str) -> Option<String> {
        if self.sent(name).is_none() {
            self.wrong(Wrong::Missing, name, why);
        }
        self.text(name, Text::Required(why))
    }

    /// The text of an entry in a timeline, as it was sent.
    pub(super) fn message(&mut self) -> Option<String> {
        match self.fields.get("message")? {
            Value::Null => None,
            sent => match scalar(sent) {
                Some(text) => Some(text).filter(|text| !text.is_empty()),
                None => self.cannot_be("string", "message"),
            },
        }
    }

    /// A word that was sent; null is as good as nothing.
    pub(super) fn word<T: Vocabulary>(&mut self, name: &str) -> Option<T> {
        let sent = self.fields.get(name).filter(|sent| !sent.is_null())?;
        let Some(text) = scalar(sent) else { return self.cannot_be("string", name) };
        let word = T::read(&text);
        if word.is_none() {
            self.no_word(name, &text);
        }
        word
    }

    /// The same for where something is to be: an entry in its timeline takes it, too, and both are told when it is no word.
    pub(super) fn status<T: Vocabulary>(&mut self) -> Option<T> {
        let status = self.word("status");
        let sent = self.fields.get("status").and_then(scalar).filter(|text| !text.is_empty());
        if let Some(text) = sent.filter(|_| status.is_none()) {
            self.no_word("updates.status", &text);
        }
        status
    }

    fn no_word(&mut self, path: &str, text: &str) {
        let name = path.rsplit('.').next().unwrap_or(path);
        self.wrong(Wrong::Word, path, &format!("`{}` is not a valid enum value for path `{name}`.", short(text)));
    }

    /// Says that something must be there.
    pub(super) fn is_missing(&mut self, path: &str, why: &str) {
        self.wrong(Wrong::Missing, path, why);
    }

    /// A point in time that was sent. Without a zone it is UTC.
    pub(super) fn time(&mut self, name: &str, missing: &'static str) -> Option<Timestamp> {
        let sent = self.fields.get(name)?;
        let time = match sent {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            _ => match time(sent) {
                Some(time) => return Some(time),
                None => return self.cannot_be("date", name),
            },
        };
        self.wrong(Wrong::Missing, name, missing);
        time
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let sent = self.fields.get(name).filter(|sent| !sent.is_null())?;
        let text = scalar(sent).unwrap_or_default();
        match text.as_str() {
            "true" | "1" | "yes" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => self.cannot_be("Boolean", name),
        }
    }

    fn cannot_be<T>(&mut self, wanted: &str, name: &str) -> Option<T> {
        let sent = &self.fields[name];
        let why = format!(r#"Cast to {wanted} failed for value "{}" (type {}) at path "{name}""#, inspect(sent), kind(sent));
        let why = if wanted == "Boolean" { why + r#" because of "CastError""# } else { why };
        self.wrong(Wrong::Kind, name, &why);
        None
    }

    fn wrong(&mut self, how: Wrong, path: &str, why: &str) {
        self.wrong.push((how, format!("{path}: {why}")));
    }

    /// Says what does not fit of something new.
    pub(super) fn fits_new(&mut self, model: &str) -> Result<(), Refused> {
        self.wrong.sort_by_key(|(how, _)| *how);
        self.fits(&format!("{model} validation failed: "))
    }

    /// Says what does not fit of a change: there, the last that was given is looked at first, and what cannot be made what it
    /// shall be is all that is said.
    pub(super) fn fits_change(&mut self) -> Result<(), Refused> {
        if let Some((_, why)) = self.wrong.iter().find(|(how, _)| *how == Wrong::Kind) {
            let why = why.split_once(": ").map_or("", |(_, why)| why);
            return Err(Refused::new(400, why));
        }
        let of_updates = |(_, why): &(Wrong, String)| why.starts_with("updates.");
        let (updates, mut wrong): (Vec<_>, Vec<_>) = std::mem::take(&mut self.wrong).into_iter().partition(of_updates);
        wrong.reverse();
        self.wrong = wrong.into_iter().chain(updates).collect();
        self.fits("Validation failed: ")
    }

    fn fits(&self, before: &str) -> Result<(), Refused> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        let wrong: Vec<_> = self.wrong.iter().map(|(_, why)| why.as_str()).collect();
        Err(Refused::new(400, format!("{before}{}", wrong.join(", "))))
    }
}
