//! What one event changes of a page, as one audience sees it. Who has the page before the event and does what this says
//! has the page after it, and need not know what any of the events means:
//!
//! 1. every thing in `services`, `groups` and `incidents` takes the place of the one with its id, or is new;
//! 2. where `order` names a list, that list is exactly those things in that order: what is not in it any more is gone;
//! 3. `status` is the page's, and `organization` its head where that has changed.

use super::{Audience, GroupShape, IncidentShape, OrganizationShape, Page, ServiceShape};
use crate::words;
use serde::Serialize;
use tocsin_actors::domain::{
    Event, Incident, IncidentId, Org, ServiceId, Step,
    event::Touched,
    status::{ServiceStatus, Visibility},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// What changes of a page.
#[derive(Serialize, ToSchema, Debug, PartialEq)]
#[schema(as = PageChange)]
pub struct Change {
    /// The page's status
    #[schema(schema_with = words::service_status)]
    pub status: ServiceStatus,
    /// Whose page it is, if that changed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationShape>,
    /// New and changed groups
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupShape>,
    /// New and changed services
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceShape>,
    /// New and changed incidents and maintenances, also those that are over by this
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<IncidentShape>,
    /// Lists that are others now
    #[serde(skip_serializing_if = "Order::is_empty")]
    pub order: Order,
}

/// Which things stand in which list, in order; lists that stay as they are are left out.
#[derive(Serialize, ToSchema, Debug, Default, PartialEq)]
#[schema(as = PageOrder)]
pub struct Order {
    /// Of the groups
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<Uuid>>,
    /// Of the services
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<Uuid>>,
    /// Of what goes on
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<Vec<Uuid>>,
    /// Of what is to come
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upcoming: Option<Vec<Uuid>>,
}

impl Order {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Change {
    /// What an event changes for an audience; nothing when visitors see no difference. Members are told of every event.
    pub fn of(step: &Step<'_>, audience: Audience) -> Option<Self> {
        let mut change = Self::nothing(status(step.after, audience));
        match step.event {
            // The everyday ones: found without looking at the whole page.
            Event::ServiceStatusChanged { id, .. } => change.service(step, *id, audience),
            Event::IncidentOpened(_)
            | Event::IncidentChanged { .. }
            | Event::UpdatePosted(_)
            | Event::UpdateEdited { .. }
            | Event::UpdateDeleted { .. }
            | Event::IncidentDeleted { .. }
            | Event::PostmortemSet { .. }
            | Event::PostmortemRemoved { .. } => step.event.touches(|touched| {
                if let Touched::Incident(id) = touched {
                    change.incident(step, id, audience);
                }
            }),
            Event::MemberAdded { .. }
            | Event::MemberChanged { .. }
            | Event::MemberRemoved { .. }
            | Event::TeamCreated { .. }
            | Event::TeamChanged { .. }
            | Event::TeamDeleted { .. }
            | Event::TeamMemberSet { .. }
            | Event::TeamMemberRemoved { .. }
            | Event::MonitorCreated(_)
            | Event::MonitorChanged { .. }
            | Event::MonitorDeleted { .. }
            | Event::MonitorTurned { .. } => {}
            Event::OrganizationCreated(_)
            | Event::OrganizationChanged(_)
            | Event::OrganizationDeleted
            | Event::GroupCreated { .. }
            | Event::GroupChanged { .. }
            | Event::GroupDeleted { .. }
            | Event::GroupsReordered { .. }
            | Event::ServiceCreated(_)
            | Event::ServiceChanged { .. }
            | Event::ServiceDeleted { .. }
            | Event::ServicesReordered { .. } => change.whole_page(step, audience),
        }
        let seen = change != Self::nothing(status(step.before, audience));
        (seen || audience == Audience::Members).then_some(change)
    }

    fn nothing(status: ServiceStatus) -> Self {
        Self { status, organization: None, groups: vec![], services: vec![], incidents: vec![], order: Order::default() }
    }

    fn service(&mut self, step: &Step<'_>, id: ServiceId, audience: Audience) {
        let shown = |org: &Org| {
            let service = org.services().get(&id)?;
            audience.sees(service.visibility).then(|| ServiceShape::of(service, audience))
        };
        let after = shown(step.after);
        if after != shown(step.before) {
            self.services.extend(after);
        }
    }

    fn incident(&mut self, step: &Step<'_>, id: IncidentId, audience: Audience) {
        let shown = |org: &Org| {
            let incident = org.incidents().get(&id)?;
            audience.sees(incident.visibility).then(|| IncidentShape::of(org, incident, audience))
        };
        let after = shown(step.after);
        if after != shown(step.before) {
            self.incidents.extend(after);
        }
        self.incidents_in_order(step, audience);
    }

    fn incidents_in_order(&mut self, step: &Step<'_>, audience: Audience) {
        let ids = |incidents: Vec<&Incident>| incidents.iter().map(|one| one.id.uuid()).collect();
        self.order.active = other(ids(audience.active(step.before)), ids(audience.active(step.after)));
        self.order.upcoming = other(ids(audience.upcoming(step.before)), ids(audience.upcoming(step.after)));
    }

    /// For what is rare, and may touch anything: a service that becomes public is named by incidents from then on.
    fn whole_page(&mut self, step: &Step<'_>, audience: Audience) {
        let (Some(before), Some(after)) = (Page::of(step.before, audience), Page::of(step.after, audience)) else {
            return self.appeared(step, audience);
        };
        self.order = Order {
            groups: other(ids(&before.groups, |one| one.id), ids(&after.groups, |one| one.id)),
            services: other(ids(&before.services, |one| one.id), ids(&after.services, |one| one.id)),
            active: other(ids(&before.active, |one| one.id), ids(&after.active, |one| one.id)),
            upcoming: other(ids(&before.upcoming, |one| one.id), ids(&after.upcoming, |one| one.id)),
        };
        self.organization = (before.organization != after.organization).then_some(after.organization);
        self.groups = news(&before.groups, after.groups, |one| one.id);
        self.services = news(&before.services, after.services, |one| one.id);
        self.incidents = news(&before.active, after.active, |one| one.id);
        self.incidents.extend(news(&before.upcoming, after.upcoming, |one| one.id));
    }

    /// There was no page, or there is none any more.
    fn appeared(&mut self, step: &Step<'_>, audience: Audience) {
        self.organization = Page::of(step.after, audience).map(|page| page.organization);
    }
}

/// The worst of the services that an audience sees.
fn status(org: &Org, audience: Audience) -> ServiceStatus {
    org.page_status(if audience == Audience::Members { Visibility::Private } else { Visibility::Public })
}

fn ids<T>(things: &[T], id: impl Fn(&T) -> Uuid) -> Vec<Uuid> {
    things.iter().map(id).collect()
}

fn other(before: Vec<Uuid>, after: Vec<Uuid>) -> Option<Vec<Uuid>> {
    (before != after).then_some(after)
}

/// Those that were not there in the same form.
fn news<T: PartialEq>(before: &[T], after: Vec<T>, id: impl Fn(&T) -> Uuid) -> Vec<T> {
    let known: std::collections::HashMap<_, _> = before.iter().map(|thing| (id(thing), thing)).collect();
    after.into_iter().filter(|thing| known.get(&id(thing)).is_none_or(|known| *known != thing)).collect()
}
