//! How the vocabularies, ids and times of the domain are described to clients. The domain knows nothing of schemas, and a
//! word that is added there is in the documentation at once.

use tocsin_actors::domain::{
    Role,
    entities::{Author, Cause},
    status::{Impact, IncidentStatus, Kind, ServiceStatus, TeamRole, Visibility},
};
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};

macro_rules! words {
    ($($name:ident $maybe:ident $type:ident),+ $(,)?) => {$(
        #[doc = concat!("The words of `", stringify!($type), "`.")]
        pub(super) fn $name() -> Object {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some($type::ALL.iter().map(|word| word.as_str())))
                .build()
        }
        #[doc = concat!("The words of `", stringify!($type), "`, or null.")]
        #[allow(dead_code)] // not every vocabulary has a field that may be null
        pub(super) fn $maybe() -> Object {
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
    visibility maybe_visibility Visibility,
    role maybe_role Role,
    team_role maybe_team_role TeamRole,
}

/// A small map of scalars for what only a client understands.
pub(super) fn metadata() -> Object {
    let scalar = OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::String).max_length(Some(500)))
        .item(ObjectBuilder::new().schema_type(Type::Number))
        .item(ObjectBuilder::new().schema_type(Type::Boolean));
    ObjectBuilder::new()
        .description(Some("Up to 32 texts, numbers and truth values for what only a client understands"))
        .max_properties(Some(32))
        .additional_properties(Some(AdditionalProperties::RefOr(Schema::from(scalar.build()).into())))
        .build()
}

/// How an author is shown: `system`, `user:<id>` or `key:<id>`.
pub(super) fn author(author: Author) -> String {
    match author {
        Author::System => "system".to_owned(),
        Author::User(id) => format!("user:{id}"),
        Author::Key(id) => format!("key:{id}"),
    }
}

/// How a cause is shown: `manual`, `incident:<id>`, `maintenance:<id>` or `monitor:<id>`.
pub(super) fn cause(cause: Cause) -> String {
    match cause {
        Cause::Manual => "manual".to_owned(),
        Cause::Incident(id) => format!("incident:{id}"),
        Cause::Maintenance(id) => format!("maintenance:{id}"),
        Cause::Monitor(id) => format!("monitor:{id}"),
    }
}
