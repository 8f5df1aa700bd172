//! What happened, recorded. Never refuses and never decides: it already happened. An event about something that is not
//! there changes nothing, because a log that was once acknowledged must always load.

use super::{MOST_REMEMBERED, Map, Org, REMEMBERED, REMEMBERED_FOR};
use crate::domain::{
    command::{NewOrganization, NewService},
    entities::{Author, Cause, Member, Metadata, Number, Organization, Service, ServiceGroup, Team, TeamMember},
    event::{Entry, Event, Receipt, Remembered},
    history::{History, StatusChange},
    ids::{IncidentId, MemberId, ServiceId, UserId},
    incident::{Incident, Postmortem},
    monitor::{Monitor, Turn},
    status::{Role, TeamRole},
    time::Timestamp,
};
use std::{collections::BTreeSet, sync::Arc};

impl Org {
    /// Records what one order did.
    pub fn apply(&mut self, entry: &Entry) {
        debug_assert_eq!(entry.seq, self.seq + 1, "events are applied in order, each once");
        for event in &entry.events {
            self.seq += 1;
            self.apply_event(event, entry.at, entry.by);
        }
        self.changed_at = self.changed_at.max(entry.at);
        if let Some(key) = entry.key {
            let remembered = Arc::make_mut(&mut self.remembered);
            remembered.push_back(Remembered { key, at: entry.at, receipt: entry.receipt() });
            let young = self.changed_at.before(REMEMBERED_FOR);
            while remembered.len() > MOST_REMEMBERED
                || (remembered.len() > REMEMBERED && remembered.first().is_some_and(|oldest| oldest.at < young))
            {
                remembered.pop_front();
            }
        }
    }

    pub(super) fn apply_event(&mut self, event: &Event, at: Timestamp, by: Author) {
        match event {
            Event::OrganizationCreated(new) => self.organization_created(new, at, by),
            Event::OrganizationChanged(change) => {
                let Some(organization) = &mut self.organization else { return };
                let organization = Arc::make_mut(organization);
                change.slug.write(&mut organization.slug);
                change.name.write(&mut organization.name);
                change.description.write(&mut organization.description);
                change.time_zone.write(&mut organization.time_zone);
                change.branding.write(&mut organization.branding);
                change.domain.write(&mut organization.domain);
                change.indexed.write(&mut organization.indexed);
                change.metadata.write(&mut organization.metadata);
                organization.updated_at = at;
            }
            Event::OrganizationDeleted => *self = Self { seq: self.seq, deleted: true, ..Self::new(self.id) },

            Event::MemberAdded { id, user, role, metadata } => self.member_added(*id, *user, *role, metadata.clone(), at, by),
            Event::MemberChanged { user, role, metadata, .. } => change(&mut self.members, user, |member| {
                role.write(&mut member.role);
                metadata.write(&mut member.metadata);
                member.updated_at = at;
            }),
            Event::MemberRemoved { user, .. } => {
                Arc::make_mut(&mut self.members).remove(user);
                let of_theirs = |team: &Team| team.members.iter().any(|member| member.user == *user);
                change_all(&mut self.teams, of_theirs, |team| {
                    team.members.retain(|member| member.user != *user);
                    team.updated_at = at;
                });
            }

            Event::TeamCreated { id, name, description, lead, metadata } => {
                let lead = lead.map(|user| TeamMember { user, role: TeamRole::Lead, joined_at: at });
                let team = Team {
                    id: *id,
                    number: self.number(),
                    name: name.clone(),
                    description: description.clone(),
                    members: lead.into_iter().collect(),
                    created_at: at,
                    updated_at: at,
                    created_by: by,
                    metadata: metadata.clone(),
                };
                Arc::make_mut(&mut self.teams).insert(*id, Arc::new(team));
            }
            Event::TeamChanged { id, change: edits } => change(&mut self.teams, id, |team| {
                edits.name.write(&mut team.name);
                edits.description.write(&mut team.description);
                edits.metadata.write(&mut team.metadata);
                team.updated_at = at;
            }),
            Event::TeamDeleted { id } => {
                Arc::make_mut(&mut self.teams).remove(id);
                change_all(&mut self.services, |service| service.team == Some(*id), |service| service.team = None);
            }
            Event::TeamMemberSet { team, user, role } => change(&mut self.teams, team, |team| {
                match team.members.iter_mut().find(|member| member.user == *user) {
                    Some(member) => member.role = *role,
                    None => team.members.push(TeamMember { user: *user, role: *role, joined_at: at }),
                }
                team.updated_at = at;
            }),
            Event::TeamMemberRemoved { team, user } => change(&mut self.teams, team, |team| {
                team.members.retain(|member| member.user != *user);
                team.updated_at = at;
            }),

            Event::GroupCreated { id, name, description, position, metadata } => {
                let group = ServiceGroup {
                    id: *id,
                    number: self.number(),
                    name: name.clone(),
                    description: description.clone(),
                    position: *position,
                    created_at: at,
                    updated_at: at,
                    created_by: by,
                    metadata: metadata.clone(),
                };
                Arc::make_mut(&mut self.groups).insert(*id, Arc::new(group));
            }
            Event::GroupChanged { id, change: edits, position } => change(&mut self.groups, id, |group| {
                edits.name.write(&mut group.name);
                edits.description.write(&mut group.description);
                edits.metadata.write(&mut group.metadata);
                position.write(&mut group.position);
                group.updated_at = at;
            }),
            Event::GroupDeleted { id } => {
                Arc::make_mut(&mut self.groups).remove(id);
                change_all(&mut self.services, |service| service.group == Some(*id), |service| service.group = None);
            }
            Event::GroupsReordered { ids } => {
                for (id, position) in ids.iter().zip(0..) {
                    change(&mut self.groups, id, |group| group.position = position);
                }
            }

            Event::ServiceCreated(new) => self.service_created(new, at, by),
            Event::ServiceChanged { id, change: edits } => change(&mut self.services, id, |service| {
                edits.name.write(&mut service.name);
                edits.description.write(&mut service.description);
                edits.group.write(&mut service.group);
                edits.team.write(&mut service.team);
                edits.position.write(&mut service.position);
                edits.visibility.write(&mut service.visibility);
                edits.metadata.write(&mut service.metadata);
                service.updated_at = at;
            }),
            Event::ServiceStatusChanged { id, from, to, cause, because, reason } => {
                if !self.services.contains_key(id) {
                    return;
                }
                let since = (from != to).then(|| {
                    let number = self.number();
                    let seq = self.seq;
                    let row =
                        StatusChange { number, seq, from: Some(*from), to: *to, cause: *because, reason: reason.clone(), by, at };
                    self.history_of(*id).push(row)
                });
                change(&mut self.services, id, |service| {
                    service.status_since = since.unwrap_or(service.status_since);
                    service.status = *to;
                    service.cause = *cause;
                    service.updated_at = at;
                });
            }
            Event::ServiceDeleted { id } => {
                if let Some(service) = Arc::make_mut(&mut self.services).remove(id)
                    && self.incidents.values().any(|incident| incident.affects(*id))
                {
                    Arc::make_mut(&mut self.retired).insert(*id, service);
                }
                Arc::make_mut(&mut self.histories).remove(id);
                change_all(&mut self.monitors, |monitor| monitor.service == Some(*id), |monitor| monitor.service = None);
            }
            Event::ServicesReordered { ids } => {
                for (id, position) in ids.iter().zip(0..) {
                    change(&mut self.services, id, |service| service.position = position);
                }
            }

            Event::IncidentOpened(new) => {
                let number = self.number();
                let mut incident = Incident::opened(new, at, by, number);
                if let Some(first) = incident.updates.first_mut() {
                    first.number = self.number();
                }
                Arc::make_mut(&mut self.incidents).insert(new.id, Arc::new(incident));
                self.incident_changed(new.id);
            }
            Event::IncidentChanged { id, change: edits } => {
                change(&mut self.incidents, id, |incident| incident.change(edits, at));
                self.incident_changed(*id);
                if !edits.affected.is_keep() {
                    self.forget_unnamed_services();
                }
            }
            Event::UpdatePosted(update) => {
                let number = self.number();
                change(&mut self.incidents, &update.incident, |incident| incident.post(update, at, by, number));
                self.incident_changed(update.incident);
            }
            Event::UpdateEdited { incident, id, change: edits } => change(&mut self.incidents, incident, |incident| {
                let Some(update) = incident.updates.iter_mut().find(|update| update.id == *id) else { return };
                edits.message.write(&mut update.message);
                edits.status.write(&mut update.status);
                edits.shown_at.write(&mut update.shown_at);
                update.updated_at = at;
                incident.updated_at = at;
            }),
            Event::UpdateDeleted { incident, id } => change(&mut self.incidents, incident, |incident| {
                incident.updates.retain(|update| update.id != *id);
                incident.updated_at = at;
            }),
            Event::IncidentDeleted { id } => {
                Arc::make_mut(&mut self.incidents).remove(id);
                self.incident_changed(*id);
                self.forget_unnamed_services();
            }
            Event::PostmortemSet { incident, body } => change(&mut self.incidents, incident, |incident| {
                let published_at = incident.postmortem.as_ref().map_or(at, |postmortem| postmortem.published_at);
                incident.postmortem = Some(Postmortem { body: body.clone(), author: by, published_at, updated_at: at });
                incident.updated_at = at;
            }),
            Event::PostmortemRemoved { incident } => change(&mut self.incidents, incident, |incident| {
                incident.postmortem = None;
                incident.updated_at = at;
            }),

            Event::MonitorCreated(new) => {
                let monitor = Monitor::made(new, at, by, self.number());
                Arc::make_mut(&mut self.monitors).insert(new.id, Arc::new(monitor));
            }
            Event::MonitorChanged { id, change: edits } => {
                change(&mut self.monitors, id, |monitor| monitor.change(edits, at));
            }
            Event::MonitorDeleted { id } => drop(Arc::make_mut(&mut self.monitors).remove(id)),
            Event::MonitorTurned { id, from, to, reason, incident } => {
                let turn = Turn { seq: self.seq, from: *from, to: *to, reason: reason.clone(), incident: *incident, at };
                change(&mut self.monitors, id, |monitor| monitor.turn(turn));
            }
        }
    }

    fn organization_created(&mut self, new: &NewOrganization, at: Timestamp, by: Author) {
        self.organization = Some(Arc::new(Organization {
            id: new.id,
            number: new.number,
            slug: new.slug.clone(),
            name: new.name.clone(),
            description: new.description.clone(),
            time_zone: new.time_zone,
            branding: new.branding.clone(),
            domain: new.domain.clone(),
            indexed: new.indexed,
            created_at: at,
            updated_at: at,
            created_by: by,
            metadata: new.metadata.clone(),
        }));
        if let Some((id, user)) = new.owner {
            self.member_added(id, user, Role::Admin, Default::default(), at, by);
        }
    }

    fn member_added(&mut self, id: MemberId, user: UserId, role: Role, metadata: Metadata, at: Timestamp, by: Author) {
        let member = Member { id, number: self.number(), user, role, created_at: at, updated_at: at, created_by: by, metadata };
        Arc::make_mut(&mut self.members).insert(user, Arc::new(member));
    }

    fn service_created(&mut self, new: &NewService, at: Timestamp, by: Author) {
        let service = Service {
            id: new.id,
            number: self.number(),
            name: new.name.clone(),
            description: new.description.clone(),
            group: new.group,
            team: new.team,
            position: new.position.unwrap_or(0),
            visibility: new.visibility,
            status: new.status,
            status_since: at,
            cause: Cause::Manual,
            created_at: at,
            updated_at: at,
            created_by: by,
            metadata: new.metadata.clone(),
        };
        let number = self.number();
        let born = StatusChange { number, seq: self.seq, from: None, to: new.status, cause: Cause::Manual, reason: None, by, at };
        self.history_of(new.id).push(born);
        Arc::make_mut(&mut self.services).insert(new.id, Arc::new(service));
    }

    fn history_of(&mut self, service: ServiceId) -> &mut History {
        Arc::make_mut(Arc::make_mut(&mut self.histories).entry(service).or_default())
    }

    /// Forgets deleted services that no incident names any more.
    fn forget_unnamed_services(&mut self) {
        let incidents = &self.incidents;
        let is_named = |service: &ServiceId| incidents.values().any(|incident| incident.affects(*service));
        let unnamed: Vec<_> = self.retired.keys().filter(|service| !is_named(service)).copied().collect();
        for service in unnamed {
            Arc::make_mut(&mut self.retired).remove(&service);
        }
    }

    /// Keeps in mind which incidents go on and which speak of the past; called when one came, changed or went.
    pub(super) fn incident_changed(&mut self, id: IncidentId) {
        let incident = self.incidents.get(&id);
        let (ongoing, filled_in) = incident.map_or((false, false), |i| (!i.status.is_over(), i.filled_in_time().is_some()));
        mark(&mut self.ongoing, id, ongoing);
        mark(&mut self.filled_in, id, filled_in);
    }

    /// The next number of this organization; never used again.
    fn number(&mut self) -> Number {
        let number = self.next_number;
        self.next_number += 1;
        number
    }
}

impl Entry {
    /// What the author is told.
    pub fn receipt(&self) -> Receipt {
        Receipt { seq: self.last(), changed: true, created: self.events.iter().find_map(Event::created) }
    }
}

/// Changes an entity that is there.
fn change<K: Ord + Clone, V: Clone>(map: &mut Map<K, V>, key: &K, edit: impl FnOnce(&mut V)) {
    if map.contains_key(key)
        && let Some(entity) = Arc::make_mut(map).get_mut(key)
    {
        edit(Arc::make_mut(entity));
    }
}

/// Changes every entity that asks for it.
fn change_all<K: Ord + Clone, V: Clone>(map: &mut Map<K, V>, which: impl Fn(&V) -> bool, mut edit: impl FnMut(&mut V)) {
    if map.values().any(|entity| which(entity)) {
        let all = Arc::make_mut(map).values_mut();
        all.filter(|entity| which(entity)).for_each(|entity| edit(Arc::make_mut(entity)));
    }
}

fn mark(set: &mut Arc<BTreeSet<IncidentId>>, id: IncidentId, is_in: bool) {
    if set.contains(&id) == is_in {
        return;
    }
    let set = Arc::make_mut(set);
    if is_in {
        set.insert(id)
    } else {
        set.remove(&id)
    };
}
