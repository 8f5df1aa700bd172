//! The services that an incident or a maintenance names. They are named by id here, each once, and left alone.

use super::{ids::ObjectId, tenant::Tenant};
use crate::http::facade::Refused;
use serde_json::Value;
use std::collections::BTreeSet;
use tocsin_actors::domain::{
    ServiceId,
    incident::{Affected, Incident},
};

/// Those that were sent. What the incident says of them stays, and so does what has no id, which this client never sees.
pub(super) fn read(sent: &[Value], tenant: &Tenant, before: Option<&Incident>) -> Result<Vec<Affected>, Refused> {
    let ids = sent.iter().map(|id| ObjectId::read(id, "Service")).collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeSet::new();
    let known = before.map_or(&[][..], |incident| &incident.affected);
    let affected = |id: ObjectId| -> Result<Affected, Refused> {
        let service = id.find(tenant.org.services(), ServiceId::new).filter(|_| seen.insert(id)).ok_or_else(invalid)?;
        let known = known.iter().find(|affected| affected.service == Some(service.id)).cloned();
        Ok(known.unwrap_or_else(|| Affected { service: Some(service.id), name: service.name.clone(), status: None }))
    };
    let mut all = ids.into_iter().map(affected).collect::<Result<Vec<_>, _>>()?;
    all.extend(known.iter().filter(|affected| affected.service.is_none()).cloned());
    Ok(all)
}

fn invalid() -> Refused {
    Refused::new(400, "Invalid service IDs provided")
}

/// A service that was deleted in the meantime is told like one that never was.
pub(super) fn told(refused: Refused) -> Refused {
    if refused.code == "unknown_service" { invalid() } else { refused }
}
