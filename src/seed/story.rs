//! How incidents and maintenances are written in a fixture: a beginning, a timeline, and what was learned.

use super::{
    fixture::{AffectedSpec, IncidentSpec, PostmortemSpec, UpdateSpec},
    read::{At, Reader},
};
use tocsin_actors::domain::status::{Impact, IncidentStatus, Kind, Visibility};

pub(super) fn incident(reader: &mut Reader, at: &At<'_>) -> Option<IncidentSpec> {
    let known = &[
        "id",
        "title",
        "description",
        "status",
        "impact",
        "visibility",
        "started",
        "recorded",
        "affected",
        "updates",
        "postmortem",
        "by",
        "metadata",
    ];
    let fields = reader.fields(at, known)?;
    let start = fields.required(reader, "started", Reader::time);
    let status = fields.optional(reader, "status", |reader, at| status_of(Kind::Incident, reader, at));
    let recorded = fields.optional(reader, "recorded", Reader::time);
    let mut updates = fields.list(reader, "updates", update);
    // An incident begins where its first entry finds it.
    let first = updates.first_mut().and_then(|update| if update.moves { update.status } else { None });
    let status = status.or(first).unwrap_or(IncidentStatus::Investigating);
    Some(IncidentSpec {
        spots: fields.spots(),
        id: fields.required(reader, "id", Reader::symbol).unwrap_or_default(),
        title: fields.required(reader, "title", Reader::text).unwrap_or_default(),
        description: fields.optional(reader, "description", Reader::text).unwrap_or_default(),
        status,
        impact: fields.optional(reader, "impact", Reader::word).unwrap_or(Impact::None),
        visibility: fields.optional(reader, "visibility", Reader::word).unwrap_or(Visibility::Public),
        start,
        end: None,
        recorded,
        automatic: false,
        affected: fields.list(reader, "affected", affected),
        updates,
        postmortem: fields.optional(reader, "postmortem", postmortem),
        by: fields.optional(reader, "by", Reader::reference),
        metadata: fields.optional(reader, "metadata", Reader::metadata).unwrap_or_default(),
    })
}

pub(super) fn maintenance(reader: &mut Reader, at: &At<'_>) -> Option<IncidentSpec> {
    let known = &[
        "id",
        "title",
        "description",
        "impact",
        "visibility",
        "announced",
        "start",
        "end",
        "automatic",
        "affected",
        "updates",
        "postmortem",
        "by",
        "metadata",
    ];
    let fields = reader.fields(at, known)?;
    Some(IncidentSpec {
        start: fields.required(reader, "start", Reader::time),
        end: fields.required(reader, "end", Reader::time),
        recorded: fields.required(reader, "announced", Reader::time),
        spots: fields.spots(),
        id: fields.required(reader, "id", Reader::symbol).unwrap_or_default(),
        title: fields.required(reader, "title", Reader::text).unwrap_or_default(),
        description: fields.optional(reader, "description", Reader::text).unwrap_or_default(),
        status: IncidentStatus::Scheduled,
        impact: fields.optional(reader, "impact", Reader::word).unwrap_or(Impact::None),
        visibility: fields.optional(reader, "visibility", Reader::word).unwrap_or(Visibility::Public),
        automatic: fields.optional(reader, "automatic", Reader::boolean).unwrap_or(true),
        affected: fields.list(reader, "affected", affected),
        updates: fields.list(reader, "updates", update),
        postmortem: fields.optional(reader, "postmortem", postmortem),
        by: fields.optional(reader, "by", Reader::reference),
        metadata: fields.optional(reader, "metadata", Reader::metadata).unwrap_or_default(),
    })
}

fn status_of(kind: Kind, reader: &mut Reader, at: &At<'_>) -> Option<IncidentStatus> {
    let status: IncidentStatus = reader.word(at)?;
    if status.kind() != kind {
        reader.problem(at.spot(), format!("{:?} is not a status of {}s", status.as_str(), kind.as_str()));
        return None;
    }
    Some(status)
}

/// `api`, or `{service: api, status: major_outage}`, or `{name: "The old blog"}` for what has no service.
fn affected(reader: &mut Reader, at: &At<'_>) -> Option<AffectedSpec> {
    if at.is_text() {
        return Some(AffectedSpec { service: reader.reference(at), name: None, status: None });
    }
    let fields = reader.fields(at, &["service", "name", "status"])?;
    if fields.has("service") == fields.has("name") {
        reader.problem(at.spot(), "give either the \"service\" or, for what is none, a \"name\"");
        return None;
    }
    Some(AffectedSpec {
        service: fields.optional(reader, "service", Reader::reference),
        name: fields.optional(reader, "name", Reader::text),
        status: fields.optional(reader, "status", Reader::word),
    })
}

fn update(reader: &mut Reader, at: &At<'_>) -> Option<UpdateSpec> {
    let fields = reader.fields(at, &["at", "status", "message", "affected", "by", "moves"])?;
    let time = fields.required(reader, "at", Reader::time);
    let message = fields.required(reader, "message", Reader::text).unwrap_or_default();
    Some(UpdateSpec {
        spots: fields.spots(),
        status: fields.optional(reader, "status", Reader::word),
        message: message.trim_end().to_owned(),
        affected: fields.list(reader, "affected", affected),
        by: fields.optional(reader, "by", Reader::reference),
        moves: fields.optional(reader, "moves", Reader::boolean).unwrap_or(true),
        at: time?,
    })
}

fn postmortem(reader: &mut Reader, at: &At<'_>) -> Option<PostmortemSpec> {
    let fields = reader.fields(at, &["at", "body", "by"])?;
    let body = fields.required(reader, "body", Reader::text).unwrap_or_default();
    Some(PostmortemSpec {
        spots: fields.spots(),
        body,
        by: fields.optional(reader, "by", Reader::reference),
        at: fields.required(reader, "at", Reader::time)?,
    })
}
