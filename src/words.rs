//! How the vocabularies, ids and times of the domain are described to clients. The domain knows nothing of schemas, and a
//! word that is added there is in the documentation at once.

use serde::{Deserialize, Serialize};
use tocsin_actors::domain::{
    Role,
    entities::{Author, Cause},
    status::{Impact, IncidentStatus, Kind, MonitorState, ServiceStatus, TeamRole, Visibility},
};
use utoipa::openapi::schema::{
    AdditionalProperties, Array, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};

macro_rules! words {
    ($($name:ident $maybe:ident $type:ident),+ $(,)?) => {$(
        #[doc = concat!("The words of `", stringify!($type), "`.")]
        pub(crate) fn $name() -> Object {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some($type::ALL.iter().map(|word| word.as_str())))
                .build()
        }
        #[doc = concat!("The words of `", stringify!($type), "`, or null.")]
        #[allow(dead_code)] // not every vocabulary has a field that may be null
        pub(crate) fn $maybe() -> Object {
            let words = $type::ALL.iter().map(|word| serde_json::Value::from(word.as_str()));
            ObjectBuilder::new()
                .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
                .enum_values(Some(words.chain([serde_json::Value::Null])))
                .build()
        }
    )+};
}

words! {
    service_status maybe_service_status ServiceStatus,
    incident_status maybe_incident_status IncidentStatus,
    kind maybe_kind Kind,
    impact maybe_impact Impact,
    monitor_state maybe_monitor_state MonitorState,
    visibility maybe_visibility Visibility,
    role maybe_role Role,
    team_role maybe_team_role TeamRole,
}

/// A small map of scalars for what only a client understands.
pub(crate) fn metadata() -> Object {
    let scalar = OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::String).max_length(Some(500)))
        .item(ObjectBuilder::new().schema_type(Type::Number))
        .item(ObjectBuilder::new().schema_type(Type::Boolean));
    let key = ObjectBuilder::new().schema_type(Type::String).max_length(Some(64)).pattern(Some("^[^.$][^.]*$"));
    ObjectBuilder::new()
        .property_names(Some(key.build()))
        .description(Some("Up to 32 texts, numbers and truth values for what only a client understands"))
        .max_properties(Some(32))
        .additional_properties(Some(AdditionalProperties::RefOr(Schema::from(scalar.build()).into())))
        .build()
}

/// A whole number in a body. To JSON Schema `7.0` is one like any other, so it is to us.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Whole(pub(crate) u32);

impl Whole {
    /// In half as many bits. What is too large for them stays too large for every bound.
    pub(crate) fn short(self) -> u16 {
        u16::try_from(self.0).unwrap_or(u16::MAX)
    }
}

impl TryFrom<f64> for Whole {
    type Error = String;
    fn try_from(number: f64) -> Result<Self, String> {
        let whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        // Every whole number up to there is one that both types have.
        if whole { Ok(Self(number as u32)) } else { Err(format!("must be a whole number from 0 to {}", u32::MAX)) }
    }
}

/// A place in an order.
pub(crate) fn position() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(u32::MAX)).build()
}

/// A position, or null.
pub(crate) fn maybe_position() -> Object {
    let mut schema = position();
    schema.schema_type = SchemaType::from_iter([Type::Integer, Type::Null]);
    schema
}

/// How an author is shown: `system`, `user:<id>` or `key:<id>`.
pub(crate) fn author(author: Author) -> String {
    match author {
        Author::System => "system".to_owned(),
        Author::User(id) => format!("user:{id}"),
        Author::Key(id) => format!("key:{id}"),
    }
}

/// How a cause is shown: `manual`, `incident:<id>`, `maintenance:<id>` or `monitor:<id>`.
pub(crate) fn cause(cause: Cause) -> String {
    match cause {
        Cause::Manual => "manual".to_owned(),
        Cause::Incident(id) => format!("incident:{id}"),
        Cause::Maintenance(id) => format!("maintenance:{id}"),
        Cause::Monitor(id) => format!("monitor:{id}"),
    }
}

/// Statuses of HTTP answers.
pub(crate) fn http_statuses() -> Array {
    let status = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(100)).maximum(Some(599));
    ArrayBuilder::new().items(status).max_items(Some(20)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let read = |text| serde_json::from_str::<Whole>(text).ok();
        assert_eq!(["0", "7", "7.0", "4294967295"].map(read), [0, 7, 7, u32::MAX].map(|number| Some(Whole(number))));
        assert_eq!(["-1", "0.5", "4294967296", "1e300", "null", "\"7\""].map(read), [None; 6]);
        assert_eq!([20, 65_535, 65_536].map(|number| Whole(number).short()), [20, u16::MAX, u16::MAX]);
    }
}
