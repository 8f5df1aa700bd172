//! What was filled in.

use crate::http::facade::Asked;
use std::collections::BTreeMap;

/// The fields of a form, or of an object of JSON with texts in it.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Empty if it is none.
    pub(super) fn of(asked: &Asked) -> Self {
        Self(asked.form().unwrap_or_default())
    }

    /// The same where JSON will do.
    pub(super) fn or_json(asked: &Asked) -> Option<Self> {
        if let Some(form) = asked.form() {
            return Some(Self(form));
        }
        serde_json::from_value(asked.json().ok()??).ok().map(Self)
    }

    /// What a field says, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// What it says, which may be nothing.
    pub(super) fn said(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }
}
