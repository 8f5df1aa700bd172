//! What a client sent, field by field. It leaves checking to its database; we say what is wrong.

use crate::http::facade::{Asked, Refused};
use serde_json::{Map, Value};
use tocsin_actors::domain::edit::Edit;

/// The largest body that it reads.
const LARGEST: usize = 100 * 1024;

/// The fields of a body. Those of which nobody knows are left alone.
pub(super) struct Sent(Map<String, Value>);

impl Sent {
    /// What does not say that it is JSON is nothing; so is a list.
    pub(super) fn of(asked: &Asked) -> Result<Self, Refused> {
        if asked.body_bytes() > LARGEST {
            return Err(Refused::new(413, "request entity too large"));
        }
        let broken = || Refused::new(400, "the body is not valid JSON");
        match asked.json().map_err(|_| broken())? {
            Some(Value::Object(fields)) => Ok(Self(fields)),
            None | Some(Value::Array(_)) => Ok(Self(Map::new())),
            Some(_) => Err(broken()),
        }
    }

    /// A text that must be there. It may be empty.
    pub(super) fn text(&self, name: &str) -> Result<&str, Refused> {
        self.text_if_given(name)?.ok_or_else(|| Refused::new(400, format!("{name} is required")))
    }

    /// A text that may be left out.
    pub(super) fn text_if_given(&self, name: &str) -> Result<Option<&str>, Refused> {
        let wrong = || Refused::new(400, format!("{name} must be a string"));
        self.0.get(name).map(|value| value.as_str().ok_or_else(wrong)).transpose()
    }

    /// A text that stays as it is when it is left out.
    pub(super) fn edit(&self, name: &str) -> Result<Edit<String>, Refused> {
        Ok(self.text_if_given(name)?.map(str::to_owned).into())
    }

    /// The same with one that may be nothing.
    pub(super) fn edit_or_nothing(&self, name: &str) -> Result<Edit<Option<String>>, Refused> {
        if self.0.get(name).is_some_and(Value::is_null) {
            return Ok(Edit::Set(None));
        }
        Ok(self.edit(name)?.map(Some))
    }
}
