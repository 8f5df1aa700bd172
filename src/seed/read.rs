//! Takes a tree apart into fields, noting every mistake and going on, so that one run tells all of them.

use super::{
    problem::{Place, Problem, Spot, hint},
    times::Time,
    tree::{Node, Value},
};
use chrono_tz::Tz;
use std::str::FromStr;
use tocsin_actors::domain::{
    entities::{Metadata, Scalar},
    status::UnknownWord,
};

/// A value with the place where it was said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Told<T> {
    /// What was said.
    pub value: T,
    /// Where.
    pub spot: Spot,
}

/// Where an entity and each of its fields stand: rules of the domain name fields, people need lines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spots {
    /// The entity.
    pub whole: Spot,
    fields: Vec<(String, Place)>,
}

impl Spots {
    /// Where a field stands, or the entity when it has no such field. Parts of a field (`branding.accent`) stand where
    /// the field does.
    pub fn field(&self, name: &str) -> Spot {
        let top = name.split('.').next().unwrap_or(name);
        match self.fields.iter().find(|(known, _)| known == name || known == top) {
            Some((_, place)) => Spot { place: *place, path: join(&self.whole.path, name).into() },
            None => self.whole.clone(),
        }
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// What was read so far is returned; what was wrong is kept here.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
}

/// A value on its way to becoming something.
#[derive(Clone)]
pub(super) struct At<'a> {
    node: &'a Node,
    path: String,
}

/// How one value becomes something: none when a problem was noted.
pub(super) type Decode<'a, T> = fn(&mut Reader, &At<'a>) -> Option<T>;

/// The fields of a map, all of them known.
pub(super) struct Fields<'a> {
    at: At<'a>,
    known: &'static [&'static str],
}

impl<'a> At<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        Self { node, path: String::new() }
    }
    pub(super) fn spot(&self) -> Spot {
        Spot { place: self.node.place, path: self.path.as_str().into() }
    }
    pub(super) fn is_text(&self) -> bool {
        matches!(self.node.value, Value::Text(_))
    }
}

impl Reader {
    pub(super) fn problem(&mut self, spot: Spot, message: impl Into<String>) {
        self.problems.push(Problem { spot, message: message.into() });
    }

    /// The fields of a map; other fields than the known ones are problems.
    pub(super) fn fields<'a>(&mut self, at: &At<'a>, known: &'static [&'static str]) -> Option<Fields<'a>> {
        let Value::Map(map) = &at.node.value else {
            self.problem(at.spot(), format!("must be a map of fields, not {}", at.node.is_a()));
            return None;
        };
        for (key, value) in map.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            let spot = Spot { place: key.place, path: at.path.as_str().into() };
            // Half a sentence with nothing behind it: the other half stands before the comma.
            if matches!(value.value, Value::Null) && key.text.contains(' ') {
                self.problem(spot, "a text with a comma inside { } needs quotes around it");
                continue;
            }
            self.problem(spot, format!("there is no field {:?} here{}", key.text, hint(&key.text, known.iter().copied())));
        }
        Some(Fields { at: at.clone(), known })
    }

    pub(super) fn text<'a>(&mut self, at: &At<'a>) -> Option<String> {
        match &at.node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                self.problem(at.spot(), format!("must be a text, not {}; put it in quotes", at.node.is_a()));
                None
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.problem(at.spot(), format!("must be a text, not {}", at.node.is_a()));
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, at: &At<'_>) -> Option<bool> {
        if let Value::Bool(value) = at.node.value {
            return Some(value);
        }
        self.problem(at.spot(), format!("must be true or false, not {}", at.node.is_a()));
        None
    }

    /// A whole number; what is too large for `T` is a problem.
    pub(super) fn whole<T: TryFrom<i64>>(&mut self, at: &At<'_>) -> Option<T> {
        let Value::Int(number) = at.node.value else {
            self.problem(at.spot(), format!("must be a whole number, not {}", at.node.is_a()));
            return None;
        };
        let number = T::try_from(number).ok();
        if number.is_none() {
            self.problem(at.spot(), "is no number that there can be here");
        }
        number
    }

    /// A word of one of the domain's vocabularies.
    pub(super) fn word<T: FromStr<Err = UnknownWord>>(&mut self, at: &At<'_>) -> Option<T> {
        let text = self.text(at)?;
        let unknown = match text.parse() {
            Ok(word) => return Some(word),
            Err(unknown) => unknown,
        };
        self.problem(
            at.spot(),
            format!("{:?} is not one of {}{}", unknown.word, unknown.expected, {
                hint(&unknown.word, unknown.expected.split(", "))
            }),
        );
        None
    }

    /// Anything with a `FromStr` whose error is a sentence.
    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, at: &At<'_>) -> Option<T> {
        match self.text(at)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(at.spot(), error.to_string());
                None
            }
        }
    }

    pub(super) fn time(&mut self, at: &At<'_>) -> Option<Told<Time>> {
        self.parsed(at).map(|value| Told { value, spot: at.spot() })
    }

    pub(super) fn time_zone(&mut self, at: &At<'_>) -> Option<Tz> {
        let name = self.text(at)?;
        if let Ok(zone) = name.parse() {
            return Some(zone);
        }
        let hint = hint(&name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        self.problem(at.spot(), format!("there is no time zone {name:?}{hint}"));
        None
    }

    /// A text with its place, where it may turn out later to name nothing.
    pub(super) fn reference(&mut self, at: &At<'_>) -> Option<Told<String>> {
        self.text(at).map(|value| Told { value, spot: at.spot() })
    }

    /// The name of an entity inside the file.
    pub(super) fn symbol(&mut self, at: &At<'_>) -> Option<Told<String>> {
        let told = self.reference(at)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if told.value.is_empty() || told.value.len() > 64 || !told.value.chars().all(plain) {
            self.problem(at.spot(), "an id has 1 to 64 letters, digits, hyphens, underscores and dots");
            return None;
        }
        Some(told)
    }

    pub(super) fn metadata(&mut self, at: &At<'_>) -> Option<Metadata> {
        let Value::Map(map) = &at.node.value else {
            self.problem(at.spot(), format!("must be a map, not {}", at.node.is_a()));
            return None;
        };
        let mut metadata = Metadata::new();
        for (key, node) in map {
            let value = match &node.value {
                Value::Bool(value) => Scalar::Bool(*value),
                Value::Int(value) => Scalar::Int(*value),
                Value::Float(value) => Scalar::Float(*value),
                Value::Text(text) => Scalar::Text(text.clone()),
                Value::Null | Value::List(_) | Value::Map(_) => {
                    let spot = Spot { place: node.place, path: join(&at.path, &key.text).into() };
                    self.problem(spot, format!("must be a text, a number, true or false, not {}", node.is_a()));
                    continue;
                }
            };
            metadata.insert(key.text.clone(), value);
        }
        Some(metadata)
    }
}

impl<'a> Fields<'a> {
    /// A field that may be left out, or left empty.
    pub(super) fn optional<T>(&self, reader: &mut Reader, name: &'static str, decode: Decode<'a, T>) -> Option<T> {
        let at = self.get(name)?;
        decode(reader, &at)
    }

    /// A field that must be there.
    pub(super) fn required<T>(&self, reader: &mut Reader, name: &'static str, decode: Decode<'a, T>) -> Option<T> {
        match self.get(name) {
            Some(at) => decode(reader, &at),
            None => {
                reader.problem(self.at.spot(), format!("the field {name:?} is missing"));
                None
            }
        }
    }

    /// A list that may be left out. What cannot be read in it is left out too, and noted.
    pub(super) fn list<T>(&self, reader: &mut Reader, name: &'static str, decode: Decode<'a, T>) -> Vec<T> {
        let Some(at) = self.get(name) else { return Vec::new() };
        let Value::List(items) = &at.node.value else {
            reader.problem(at.spot(), format!("must be a list, not {}", at.node.is_a()));
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items.filter_map(|(n, node)| decode(reader, &At { node, path: format!("{}[{n}]", at.path) })).collect()
    }

    pub(super) fn has(&self, name: &'static str) -> bool {
        self.get(name).is_some()
    }

    /// Where everything stands.
    pub(super) fn spots(&self) -> Spots {
        let fields = self.map().iter().map(|(key, node)| (key.text.clone(), node.place)).collect();
        Spots { whole: self.at.spot(), fields }
    }

    fn get(&self, name: &'static str) -> Option<At<'a>> {
        debug_assert!(self.known.contains(&name), "{name} is not among the known fields");
        let (_, node) = self.map().iter().find(|(key, node)| key.text == name && !matches!(node.value, Value::Null))?;
        Some(At { node, path: join(&self.at.path, name) })
    }

    fn map(&self) -> &'a [(super::tree::Key, Node)] {
        match &self.at.node.value {
            Value::Map(map) => map,
            _ => &[],
        }
    }
}
