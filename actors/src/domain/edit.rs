//! One field of a partial change: left alone, or set. A field that can be empty is `Edit<Option<T>>`, which tells
//! "not mentioned" from "cleared"; a plain `Option<T>` cannot.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a partial change says about one field. In JSON an absent key is `Keep`, and `null` is `Set(None)`.
///
/// Fields of this type are declared `#[serde(default, skip_serializing_if = "Edit::is_keep")]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Edit<T> {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Make it this.
    Set(T),
}

impl<T> Edit<T> {
    /// Nothing is said about this field.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
    /// The same edit of another form of the value.
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Edit<U> {
        match self {
            Self::Keep => Edit::Keep,
            Self::Set(value) => Edit::Set(form(value)),
        }
    }
    /// The new value, if there is one.
    pub const fn as_set(&self) -> Option<&T> {
        match self {
            Self::Keep => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T: Clone + PartialEq> Edit<T> {
    /// Writes the new value, if there is one.
    pub fn write(&self, field: &mut T) {
        if let Self::Set(value) = self {
            field.clone_from(value);
        }
    }
    /// Forgets a value that the field has already, so that only real changes become events.
    pub fn unless_same(self, field: &T) -> Self {
        match self {
            Self::Set(value) if value == *field => Self::Keep,
            edit => edit,
        }
    }
}

impl<T> From<Option<T>> for Edit<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

impl<T: Serialize> Serialize for Edit<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::Set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_null_and_value_are_three_things() {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Patch {
            #[serde(default, skip_serializing_if = "Edit::is_keep")]
            group: Edit<Option<u8>>,
        }
        for (json, edit) in [("{}", Edit::Keep), (r#"{"group":null}"#, Edit::Set(None)), (r#"{"group":3}"#, Edit::Set(Some(3)))] {
            let patch: Patch = serde_json::from_str(json).unwrap();
            assert_eq!(patch.group, edit);
            assert_eq!(serde_json::to_string(&patch).unwrap(), json);
        }
    }
}
