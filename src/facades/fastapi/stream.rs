//! What it tells of an organization while it happens, to everybody who listens there: its dashboard and its public page hear
//! the same. Its front end reads again whatever it shows when it hears anything at all.

use super::{
    Fastapi,
    fields::No,
    shapes::{IncidentShape, ServiceShape, affected},
    who::{People, meant},
    words::{incident_status, service_status},
};
use crate::{
    facades::telling::{Changed, Moment, Voice},
    http::facade::{Answer, Asked, Engine, Refused, Stream},
    identity::organization_word,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tocsin_actors::domain::{
    Incident, Org, OrgId, ServiceId, Timestamp,
    entities::{Author, Service},
    incident::Affected,
    status::{Kind, Visibility},
};
use tokio::time::{Instant, sleep_until};

/// Its front end forgets what it deleted when that is answered, and must not hear of it before. Always enough for that.
const HELD_BACK: Duration = Duration::from_millis(200);

/// Something to say.
pub(super) struct Said {
    object: &'static str,
    event: &'static str,
    payload: Value,
    /// Who did it, where that is told.
    by: Option<Author>,
    not_before: Option<Instant>,
}

#[derive(Serialize)]
struct Message<'a> {
    object: &'static str,
    event: &'static str,
    org_id: &'a str,
    timestamp: String,
    payload: Value,
}

/// Says it of one organization.
#[derive(Clone)]
pub(super) struct Speaker {
    org_id: Arc<str>,
    engine: Engine,
    stream: Stream,
}

impl Speaker {
    pub(super) fn new(engine: &Engine, org: OrgId) -> Self {
        Self { org_id: organization_word(org).into(), engine: engine.clone(), stream: engine.stream(org) }
    }
}

impl Voice for Speaker {
    type Said = Said;

    /// What comes after something that is held back waits as well: nothing overtakes.
    async fn say(&self, said: Said) {
        let Said { object, event, mut payload, by, not_before } = said;
        if let Some(by) = by {
            let name = People::of(&self.engine, [by]).await.map(|people| people.name(by));
            payload["updated_by"] = name.unwrap_or_default().into(); // that something happened is what counts
        }
        if let Some(at) = not_before {
            sleep_until(at).await;
        }
        let timestamp = written(self.engine.now());
        self.stream.say(&Message { object, event, org_id: &self.org_id, timestamp, payload });
    }

    fn fall_silent(&self) {
        self.stream.end();
    }
}

fn written(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}000+00:00", text.trim_end_matches('Z'))
}

/// Becomes a socket, if there is anything to listen to.
pub(super) async fn listen(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let org = meant(&asked.engine, asked.word(0)).await?;
    let org = org.ok_or_else(|| Refused::new(404, "Organization not found"))?;
    let following = fastapi.follow(org.id()).await?;
    Ok(following.voice.stream.clone().admit(&asked, following)?)
}

/// What it says of a change; nothing where it looks the same from there.
pub(super) fn said_of(moment: &Moment<'_>, changed: &Changed<'_>) -> Vec<Said> {
    match changed {
        Changed::Service(before, after) => {
            of_a_service(moment, before.map(AsRef::as_ref), after.map(AsRef::as_ref)).into_iter().collect()
        }
        Changed::Incident(before, after) => {
            let known = |incident: &&Incident| incident.kind() == Kind::Incident;
            of_an_incident(moment, before.map(AsRef::as_ref).filter(known), after.map(AsRef::as_ref).filter(known))
        }
    }
}

fn of_a_service(moment: &Moment<'_>, before: Option<&Service>, after: Option<&Service>) -> Option<Said> {
    let (id, name) = after.or(before).map(|service| (text(service), &service.name))?;
    let is_public = |service: &Service| service.visibility == Visibility::Public;
    if !before.into_iter().chain(after).all(is_public) {
        return Some(something_private(moment));
    }
    match (before, after) {
        (None, Some(service)) => {
            let payload = json!({ "service_id": id, "name": name, "status": service_status(service.status) });
            Some(Said::new("service", "created", payload))
        }
        (Some(_), None) => Some(Said::new("service", "deleted", json!({ "service_id": id, "name": name })).later()),
        (Some(was), Some(is)) if was.status != is.status => {
            let change = moment.after.history(is.id).and_then(|history| history.last());
            let because = change
                .and_then(|change| change.cause.incident())
                .and_then(|id| moment.after.incidents().get(&id).or_else(|| moment.before.incidents().get(&id)));
            if because.is_some_and(|incident| incident.kind() == Kind::Incident) {
                return None; // it is told with the incident
            }
            let message = change.and_then(|change| change.reason.as_deref());
            let (old, new) = (service_status(was.status), service_status(is.status));
            let payload = json!({ "service_id": id, "name": name, "old_status": old, "new_status": new, "message": message });
            Some(Said::new("service", "status_updated", payload).by(moment.by))
        }
        (Some(was), Some(is)) => {
            let payload = json!({ "service_id": id, "name": name });
            (ServiceShape::from(was) != ServiceShape::from(is))
                .then(|| Said::new("service", "status_updated", payload).by(moment.by))
        }
        (None, None) => None,
    }
}

fn of_an_incident(moment: &Moment<'_>, before: Option<&Incident>, after: Option<&Incident>) -> Vec<Said> {
    let is_public = |incident: &Incident| incident.visibility == Visibility::Public;
    if !before.into_iter().chain(after).all(is_public) {
        return vec![something_private(moment)];
    }
    let by = |said: Said| said.by(moment.by);
    match (before, after) {
        (None, Some(incident)) => {
            let services = public_services(moment.after, incident).map(|service| {
                let new = service_status(service.status);
                let payload = json!({ "service_id": text(service), "name": service.name, "new_status": new });
                by(Said::new("service", "status_updated", payload))
            });
            services.chain([by(Said::new("incident", "created", told(incident)))]).collect()
        }
        (Some(incident), None) => {
            // The key is really called so.
            let payload = json!({ "service_id": incident.number.to_string(), "name": incident.title });
            vec![Said::new("incident", "deleted", payload).later()]
        }
        (Some(was), Some(is)) => {
            let new = is.updates.iter().filter(|update| !was.updates.iter().any(|known| known.id == update.id));
            let mut said: Vec<_> = new
                .map(|update| {
                    let status = incident_status(update.status);
                    let payload = json!({ "incident_id": is.number, "status": status, "message": update.message });
                    Said::new("incident_update", "created", payload).by(update.author)
                })
                .collect();
            if looks(was) != looks(is) {
                let services: Vec<_> = public_services(moment.after, is).map(text).collect();
                said.push(by(Said::new("service", "bulk_updated", json!({ "service_ids": services.join(",") }))));
                said.push(by(Said::new("incident", "updated", told(is))));
            }
            said
        }
        (None, None) => Vec::new(),
    }
}

/// Anybody may listen: that something changed is all that they learn.
fn something_private(moment: &Moment<'_>) -> Said {
    Said::new("service", "bulk_updated", json!({ "service_ids": "" })).by(moment.by)
}

fn public_services<'a>(org: &'a Org, incident: &'a Incident) -> impl Iterator<Item = &'a Service> {
    let services = affected(incident).filter_map(|id: ServiceId| org.services().get(&id)).map(AsRef::as_ref);
    services.filter(|service: &&Service| service.visibility == Visibility::Public)
}

/// All of it but when it was changed: an update changes that as well.
fn looks(incident: &Incident) -> (IncidentShape<'_>, &[Affected]) {
    (IncidentShape { updated_at: None, ..incident.into() }, &incident.affected)
}

fn told(incident: &Incident) -> Value {
    let IncidentShape { incident_id, title, status, impact, .. } = incident.into();
    json!({ "incident_id": incident_id, "title": title, "status": status, "impact": impact })
}

fn text(service: &Service) -> String {
    service.number.to_string()
}

impl Said {
    fn new(object: &'static str, event: &'static str, payload: Value) -> Self {
        Self { object, event, payload, by: None, not_before: None }
    }

    fn by(mut self, author: Author) -> Self {
        self.by = Some(author);
        self
    }

    fn later(mut self) -> Self {
        self.not_before = Some(Instant::now() + HELD_BACK);
        self
    }
}
