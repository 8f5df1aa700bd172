//! To what it is open: one organization, or all there are. What is outside is not there: ids of it answer like unknown ones,
//! in paths and in bodies.

use super::{Prisma, sockets, unknown};
use crate::{
    facades::{OpenTo, telling::Following},
    http::facade::{Engine, Refused},
};
use std::{collections::hash_map::Entry, sync::Arc};
use tocsin_actors::domain::{Incident, IncidentId, MemberId, Org, OrgId, ServiceId, UpdateId, UserId};
use uuid::Uuid;

impl Prisma {
    /// The organizations that are seen here, oldest first. What happens in them is told from now on.
    pub(super) async fn orgs(&self, engine: &Engine) -> Result<Vec<Arc<Org>>, Refused> {
        let orgs = match self.to {
            OpenTo::One(org) => vec![engine.org(org).await?],
            OpenTo::All => engine.orgs().await?,
        };
        let orgs: Vec<_> = orgs.into_iter().filter(|org| org.organization().is_some()).collect();
        self.follow(&orgs, engine).await?;
        Ok(orgs)
    }

    /// One of them, if it is.
    pub(super) async fn org_if_any(&self, engine: &Engine, id: &str) -> Result<Option<Arc<Org>>, Refused> {
        let Some(id) = id.parse().ok().filter(|id| self.to.includes(*id)) else { return Ok(None) };
        Ok(Some(engine.org(id).await?).filter(|org| org.organization().is_some()))
    }

    pub(super) async fn org(&self, engine: &Engine, id: &str) -> Result<Arc<Org>, Refused> {
        self.org_if_any(engine, id).await?.ok_or_else(|| unknown("Organization"))
    }

    /// A service, and where it is.
    pub(super) async fn service(&self, engine: &Engine, id: &str) -> Result<(Arc<Org>, ServiceId), Refused> {
        let found = self.find(engine, id, |org, id| org.services().contains_key(&ServiceId::new(id))).await?;
        found.map(|(org, id)| (org, ServiceId::new(id))).ok_or_else(|| unknown("Service"))
    }

    /// An incident, and where it is.
    pub(super) async fn incident_if_any(&self, engine: &Engine, id: &str) -> Result<Option<(Arc<Org>, IncidentId)>, Refused> {
        let found = self.find(engine, id, |org, id| org.incidents().contains_key(&IncidentId::new(id))).await?;
        Ok(found.map(|(org, id)| (org, IncidentId::new(id))))
    }

    pub(super) async fn incident(&self, engine: &Engine, id: &str) -> Result<(Arc<Org>, IncidentId), Refused> {
        self.incident_if_any(engine, id).await?.ok_or_else(|| unknown("Incident"))
    }

    /// An entry of a timeline, and where it is. Its id alone says that to nobody.
    pub(super) async fn update(&self, engine: &Engine, id: &str) -> Result<(Arc<Org>, IncidentId, UpdateId), Refused> {
        let id: UpdateId = id.parse().map_err(|_| unknown("Incident update"))?;
        let has = |incident: &Incident| incident.updates.iter().any(|update| update.id == id);
        for org in self.orgs(engine).await? {
            if let Some(incident) = org.incidents().values().find(|incident| has(incident)) {
                return Ok((org.clone(), incident.id, id));
            }
        }
        Err(unknown("Incident update"))
    }

    /// A membership: where it is, and whose.
    pub(super) async fn member(&self, engine: &Engine, id: &str) -> Result<(Arc<Org>, UserId), Refused> {
        let found = self.find(engine, id, |org, id| member(org, id).is_some()).await?;
        let found = found.and_then(|(org, id)| member(&org, id).map(|user| (org, user)));
        found.ok_or_else(|| unknown("Member"))
    }

    async fn find(&self, engine: &Engine, id: &str, has: impl Fn(&Org, Uuid) -> bool) -> Result<Option<(Arc<Org>, Uuid)>, Refused> {
        let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
        let org = match self.to {
            OpenTo::One(org) => Some(engine.org(org).await?).filter(|org| has(org, id)),
            OpenTo::All => engine.org_with(id, |org| has(org, id)).await?,
        };
        Ok(org.map(|org| (org, id)))
    }

    /// Follows organizations that are not followed yet: they are made while it is open. Those that are gone need not stay awake.
    async fn follow(&self, orgs: &[Arc<Org>], engine: &Engine) -> Result<(), Refused> {
        let mut followed = self.followed.lock().await;
        let is_gone = |id: OrgId| engine.directory().view_at_hand(id).is_some_and(|org| org.is_deleted());
        followed.retain(|id, _| !is_gone(*id));
        for org in orgs {
            if let Entry::Vacant(place) = followed.entry(org.id()) {
                let following = Following::start(org.id(), sockets::said_of, self.io.clone(), engine.directory()).await;
                place.insert(following.map_err(|_| Refused::new(503, "this cannot be read now"))?);
            }
        }
        Ok(())
    }
}

/// Whose membership this is.
fn member(org: &Org, id: Uuid) -> Option<UserId> {
    let id = MemberId::new(id);
    super::lists::members(org).find(|member| member.id == id).map(|member| member.user)
}
