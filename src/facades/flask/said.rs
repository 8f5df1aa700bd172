//! What is said over Socket.IO of what has happened: to members, and to whoever looks at the public page.

use super::{
    incidents_changed::differences,
    page_shapes::{PageIncident, PageService, duration},
    shapes::UpdateShape,
    sockets::{org_room, public_room},
    words,
};
use crate::facades::telling::{Changed, Message, Moment};
use serde_json::{Value, json};
use tocsin_actors::domain::{Incident, Org, Service, incident::Update, status::Visibility};

pub(super) fn said_of(moment: &Moment<'_>, changed: &Changed<'_>) -> Vec<Message> {
    let to = Rooms::of(moment);
    match changed {
        Changed::Service(before, after) => service(&to, before.map(AsRef::as_ref), after.map(AsRef::as_ref)),
        Changed::Incident(before, after) => incident(&to, before.map(AsRef::as_ref), after.map(AsRef::as_ref)),
    }
}

/// Who is told.
struct Rooms<'a> {
    org: &'a Org,
    slug: Option<&'a str>,
}

impl<'a> Rooms<'a> {
    fn of(moment: &Moment<'a>) -> Self {
        let slug = moment.after.organization().map(|organization| organization.slug.as_str());
        Self { org: moment.after, slug }
    }

    fn members(&self, event: &'static str, mut data: Value) -> Option<Message> {
        data["organization_id"] = json!(self.org.id());
        Some(Message { room: Some(org_room(self.org.id())), event, data })
    }

    /// Who looks at the page is told only of what is on it.
    fn public(&self, seen: Visibility, event: &'static str, data: Value) -> Option<Message> {
        let slug = self.slug.filter(|_| seen == Visibility::Public)?;
        Some(Message { room: Some(public_room(slug)), event, data })
    }
}

fn service(to: &Rooms<'_>, before: Option<&Service>, after: Option<&Service>) -> Vec<Message> {
    let told = match (before, after) {
        (None, Some(new)) => {
            let (id, name, status) = (new.id, &new.name, words::service_status(new.status));
            let data = json!({ "service": { "id": id, "name": name, "status": status } });
            let page = json!({ "service": PageService::from(new) });
            [to.members("service_created", data), to.public(new.visibility, "public_service_created", page)]
        }
        (Some(old), Some(new)) if old.status != new.status => {
            let (id, name) = (new.id, &new.name);
            let (was, is) = (words::service_status(old.status), words::service_status(new.status));
            let data = json!({ "service": { "id": id, "name": name, "old_status": was, "new_status": is } });
            let page = json!({ "service": { "id": id, "name": name, "status": is, "old_status": was } });
            let page = to.public(new.visibility, "public_service_status_changed", page);
            [to.members("service_status_changed", data), page]
        }
        (Some(old), None) => [to.members("service_deleted", json!({ "service_id": old.id })), None],
        (Some(_), Some(_)) | (None, None) => [None, None],
    };
    told.into_iter().flatten().collect()
}

fn incident(to: &Rooms<'_>, before: Option<&Incident>, after: Option<&Incident>) -> Vec<Message> {
    match (before, after) {
        (None, Some(new)) => opened(to, new).into_iter().flatten().collect(),
        (Some(old), Some(new)) => changed(to, old, new),
        (Some(old), None) => to.members("incident_deleted", json!({ "incident_id": old.id })).into_iter().collect(),
        (None, None) => Vec::new(),
    }
}

fn opened(to: &Rooms<'_>, new: &Incident) -> [Option<Message>; 2] {
    let (status, kind) = (words::incident_status(new.status), words::kind(new));
    let data = json!({ "id": new.id, "title": new.title, "status": status, "type": kind, "impact": new.impact });
    let page = json!({ "incident": PageIncident::of(to.org, new) });
    [to.members("incident_created", json!({ "incident": data })), to.public(new.visibility, "public_incident_created", page)]
}

/// New words in the timeline are told as such, with the status that they give; everything else is a change.
fn changed(to: &Rooms<'_>, old: &Incident, new: &Incident) -> Vec<Message> {
    let is_new = |update: &&Update| !old.updates.iter().any(|known| known.id == update.id);
    let (written, news): (Vec<_>, Vec<_>) =
        new.updates.iter().filter(is_new).partition(|update| words::is_written_with_change(new, update.id));
    let mut changes = differences(old, new);
    let moved_by_news = news.last().is_some_and(|update| update.status == new.status);
    if moved_by_news {
        changes.retain(|text| !text.starts_with("status "));
    }
    let is_change = !changes.is_empty() || (news.is_empty() && written.is_empty() && differs_elsewhere(old, new));
    let mut told = Vec::new();
    if is_change {
        told.extend(updated(to, new, &changes).into_iter().flatten());
    }
    for update in news {
        told.extend(added(to, new, update).into_iter().flatten());
    }
    told
}

/// In its schedule, or in what was written about it.
fn differs_elsewhere(old: &Incident, new: &Incident) -> bool {
    let rest = |incident: &Incident| (incident.scheduled_start, incident.scheduled_end, incident.resolved_at);
    rest(old) != rest(new) || old.metadata != new.metadata
}

fn updated(to: &Rooms<'_>, new: &Incident, changes: &[String]) -> [Option<Message>; 2] {
    let status = words::incident_status(new.status);
    let data = json!({ "id": new.id, "title": new.title, "status": status, "impact": new.impact, "changes": changes });
    let page = PageIncident { duration: Some(duration(new)), ..PageIncident::of(to.org, new) };
    let page = to.public(new.visibility, "public_incident_updated", json!({ "incident": page }));
    [to.members("incident_updated", json!({ "incident": data })), page]
}

fn added(to: &Rooms<'_>, incident: &Incident, update: &Update) -> [Option<Message>; 2] {
    let data = json!({ "incident_id": incident.id, "update": UpdateShape::from(update) });
    let page = to.public(incident.visibility, "public_incident_update_added", data.clone());
    [to.members("incident_update_added", data), page]
}
