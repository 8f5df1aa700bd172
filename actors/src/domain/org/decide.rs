//! What an order would change, or why it may not.

use super::Org;
use crate::domain::{
    command::{Command, NamedChange, NewOrganization, NewService, Order, OrganizationChange, ServiceChange},
    edit::Edit,
    entities::{Cause, Metadata, Service, ServiceGroup, Team, TeamMember},
    event::Event,
    ids::{GroupId, ServiceId, TeamId, UserId},
    limits,
    rejection::Rejection,
    status::{Role, ServiceStatus, TeamRole},
};

/// Events, none when nothing would change, or the reason why not.
pub(super) type Decision = Result<Vec<Event>, Rejection>;

impl Org {
    /// Says what an order would change, or why it may not. Changes nothing itself.
    pub fn decide(&self, order: &Order) -> Decision {
        if order.only_at.is_some_and(|seq| seq != self.seq) {
            return Err(Rejection::MovedOn);
        }
        if let Command::CreateOrganization(new) = &order.command {
            return self.create(new);
        }
        if self.organization.is_none() {
            return Err(Rejection::UnknownOrganization);
        }
        match &order.command {
            Command::CreateOrganization(_) => unreachable!("answered above"),
            Command::ChangeOrganization(change) => self.change_organization(change),
            Command::DeleteOrganization => Ok(vec![Event::OrganizationDeleted]),

            Command::AddMember { id, user, role, metadata } => {
                limits::room("members", self.members.len(), limits::MEMBERS)?;
                limits::metadata(metadata)?;
                if self.members.contains_key(user) {
                    return Err(Rejection::AlreadyMember(*user));
                }
                if self.members.values().any(|member| member.id == *id) {
                    return Err(Rejection::IdTaken);
                }
                Ok(vec![Event::MemberAdded { id: *id, user: *user, role: *role, metadata: metadata.clone() }])
            }
            Command::ChangeMember { user, role, metadata } => {
                let member = self.members.get(user).ok_or(Rejection::UnknownMember(*user))?;
                let (role, metadata) = (role.unless_same(&member.role), metadata.clone().unless_same(&member.metadata));
                if !role.is_keep() {
                    self.keeps_an_admin_without(*user)?;
                }
                metadata.as_set().map_or(Ok(()), limits::metadata)?;
                Ok(unless(
                    role.is_keep() && metadata.is_keep(),
                    Event::MemberChanged { id: member.id, user: *user, role, metadata },
                ))
            }
            Command::RemoveMember { user } => {
                let member = self.members.get(user).ok_or(Rejection::UnknownMember(*user))?;
                self.keeps_an_admin_without(*user)?;
                Ok(vec![Event::MemberRemoved { id: member.id, user: *user }])
            }

            Command::CreateTeam { id, name, description, lead, metadata } => {
                limits::room("teams", self.teams.len(), limits::GROUPS)?;
                named(name, description)?;
                limits::metadata(metadata)?;
                if self.teams.contains_key(id) {
                    return Err(Rejection::IdTaken);
                }
                lead.map_or(Ok(()), |user| self.is_member(user))?;
                let (name, description) = (name.clone(), description.clone());
                Ok(vec![Event::TeamCreated { id: *id, name, description, lead: *lead, metadata: metadata.clone() }])
            }
            Command::ChangeTeam { id, change } => {
                let team = self.team(*id)?;
                let change = change.against(&team.name, &team.description, &team.metadata)?;
                Ok(unless(change.is_empty(), Event::TeamChanged { id: *id, change: Box::new(change) }))
            }
            Command::DeleteTeam { id } => {
                self.team(*id)?;
                Ok(vec![Event::TeamDeleted { id: *id }])
            }
            Command::SetTeamMember { team, user, role } => {
                self.is_member(*user)?;
                let known = self.team(*team)?.members.iter().find(|member| member.user == *user);
                let same = known.is_some_and(|member| member.role == *role);
                Ok(unless(same, Event::TeamMemberSet { team: *team, user: *user, role: *role }))
            }
            Command::RemoveTeamMember { team, user } => {
                let known = self.team(*team)?.members.iter().any(|member| member.user == *user);
                if !known {
                    return Err(Rejection::UnknownTeamMember(*user));
                }
                Ok(vec![Event::TeamMemberRemoved { team: *team, user: *user }])
            }

            Command::CreateGroup { id, name, description, position, metadata } => {
                limits::room("service groups", self.groups.len(), limits::GROUPS)?;
                named(name, description)?;
                limits::metadata(metadata)?;
                if self.groups.contains_key(id) {
                    return Err(Rejection::IdTaken);
                }
                let position = position.unwrap_or_else(|| next_position(self.groups.values().map(|group| group.position)));
                let (name, description) = (name.clone(), description.clone());
                Ok(vec![Event::GroupCreated { id: *id, name, description, position, metadata: metadata.clone() }])
            }
            Command::ChangeGroup { id, change, position } => {
                let group = self.group(*id)?;
                let change = change.against(&group.name, &group.description, &group.metadata)?;
                let position = position.unless_same(&group.position);
                let nothing = change.is_empty() && position.is_keep();
                Ok(unless(nothing, Event::GroupChanged { id: *id, change: Box::new(change), position }))
            }
            Command::DeleteGroup { id } => {
                self.group(*id)?;
                Ok(vec![Event::GroupDeleted { id: *id }])
            }
            Command::ReorderGroups { ids } => {
                each_once(ids)?;
                ids.iter().try_for_each(|id| self.group(*id).map(drop))?;
                let same = ids.iter().zip(0..).all(|(id, position)| self.groups[id].position == position);
                Ok(unless(same, Event::GroupsReordered { ids: ids.clone() }))
            }

            Command::CreateService(new) => self.create_service(new),
            Command::ChangeService { id, change, status, reason, unique_name } => {
                self.change_service(*id, change, *status, reason.as_deref(), *unique_name)
            }
            Command::DeleteService { id } => {
                self.service(*id)?;
                Ok(vec![Event::ServiceDeleted { id: *id }])
            }
            Command::ReorderServices { ids } => {
                each_once(ids)?;
                ids.iter().try_for_each(|id| self.service(*id).map(drop))?;
                let same = ids.iter().zip(0..).all(|(id, position)| self.services[id].position == position);
                Ok(unless(same, Event::ServicesReordered { ids: ids.clone() }))
            }

            Command::OpenIncident(new) => self.open_incident(new, order.at),
            Command::ChangeIncident { id, change } => self.change_incident(*id, change, order.at),
            Command::PostUpdate { incident, update } => self.post_update(*incident, update, order.at),
            Command::EditUpdate { incident, id, change } => self.edit_update(*incident, *id, change),
            Command::DeleteUpdate { incident, id } => {
                self.update(*incident, *id)?;
                Ok(vec![Event::UpdateDeleted { incident: *incident, id: *id }])
            }
            Command::ResolveIncident { id, update, message } => self.resolve_incident(*id, *update, message.as_deref(), order.at),
            Command::MoveMaintenance { id, to, update, message } => {
                self.move_maintenance(*id, *to, *update, message.as_deref(), order.at)
            }
            Command::DeleteIncident { id } => self.delete_incident(*id),
            Command::SetPostmortem { incident, body } => self.set_postmortem(*incident, body),
            Command::RemovePostmortem { incident } => {
                self.incident(*incident)?.postmortem.as_ref().ok_or(Rejection::NoPostmortem)?;
                Ok(vec![Event::PostmortemRemoved { incident: *incident }])
            }

            Command::CreateMonitor(new) => self.create_monitor(new),
            Command::ChangeMonitor { id, change } => self.change_monitor(*id, change, order.at),
            Command::DeleteMonitor { id } => self.delete_monitor(*id, order.at),
            Command::TurnMonitor { id, revision, to, reason, incident } => {
                self.turn_monitor(*id, *revision, *to, reason.as_deref(), *incident, order.at)
            }

            Command::Tick => Ok(self.tick(order.at)),
        }
    }

    fn create(&self, new: &NewOrganization) -> Decision {
        if self.seq > 0 || new.id != self.id {
            return Err(Rejection::IdTaken);
        }
        named(&new.name, &new.description)?;
        limits::branding(&new.branding)?;
        limits::metadata(&new.metadata)?;
        Ok(vec![Event::OrganizationCreated(Box::new(new.clone()))])
    }

    fn change_organization(&self, change: &OrganizationChange) -> Decision {
        let now = self.organization.as_ref().ok_or(Rejection::UnknownOrganization)?;
        let change = OrganizationChange {
            slug: change.slug.clone().unless_same(&now.slug),
            name: change.name.clone().unless_same(&now.name),
            description: change.description.clone().unless_same(&now.description),
            time_zone: change.time_zone.unless_same(&now.time_zone),
            branding: change.branding.clone().unless_same(&now.branding),
            domain: change.domain.clone().unless_same(&now.domain),
            indexed: change.indexed.unless_same(&now.indexed),
            metadata: change.metadata.clone().unless_same(&now.metadata),
        };
        change.name.as_set().map_or(Ok(()), |name| limits::name("name", name))?;
        change.description.as_set().map_or(Ok(()), |text| limits::text("description", text, limits::DESCRIPTION))?;
        change.branding.as_set().map_or(Ok(()), limits::branding)?;
        change.metadata.as_set().map_or(Ok(()), limits::metadata)?;
        Ok(unless(change == OrganizationChange::default(), Event::OrganizationChanged(Box::new(change))))
    }

    fn create_service(&self, new: &NewService) -> Decision {
        limits::room("services", self.services.len(), limits::SERVICES)?;
        named(&new.name, &new.description)?;
        limits::metadata(&new.metadata)?;
        if self.services.contains_key(&new.id) || self.retired.contains_key(&new.id) {
            return Err(Rejection::IdTaken);
        }
        new.group.map_or(Ok(()), |id| self.group(id).map(drop))?;
        new.team.map_or(Ok(()), |id| self.team(id).map(drop))?;
        if new.unique_name {
            self.name_is_free(&new.name, None)?;
        }
        let position = new.position.unwrap_or_else(|| next_position(self.services.values().map(|service| service.position)));
        Ok(vec![Event::ServiceCreated(Box::new(NewService { position: Some(position), ..new.clone() }))])
    }

    fn change_service(
        &self,
        id: ServiceId,
        change: &ServiceChange,
        status: Edit<ServiceStatus>,
        reason: Option<&str>,
        unique_name: bool,
    ) -> Decision {
        let service = self.service(id)?;
        let change = ServiceChange {
            name: change.name.clone().unless_same(&service.name),
            description: change.description.clone().unless_same(&service.description),
            group: change.group.unless_same(&service.group),
            team: change.team.unless_same(&service.team),
            position: change.position.unless_same(&service.position),
            visibility: change.visibility.unless_same(&service.visibility),
            metadata: change.metadata.clone().unless_same(&service.metadata),
        };
        if let Edit::Set(name) = &change.name {
            limits::name("name", name)?;
            if unique_name {
                self.name_is_free(name, Some(id))?;
            }
        }
        change.description.as_set().map_or(Ok(()), |text| limits::text("description", text, limits::DESCRIPTION))?;
        change.metadata.as_set().map_or(Ok(()), limits::metadata)?;
        reason.map_or(Ok(()), |text| limits::text("reason", text, limits::REASON))?;
        if let Edit::Set(Some(group)) = change.group {
            self.group(group)?;
        }
        if let Edit::Set(Some(team)) = change.team {
            self.team(team)?;
        }
        let mut events = unless(change == ServiceChange::default(), Event::ServiceChanged { id, change: Box::new(change) });
        // The same status by hand is no change: a form that sends every field back must not take the status over
        // from the incident that will end it.
        if let Edit::Set(to) = status.unless_same(&service.status) {
            let (from, reason) = (service.status, reason.map(str::to_owned));
            events.push(Event::ServiceStatusChanged { id, from, to, cause: Cause::Manual, because: Cause::Manual, reason });
        }
        Ok(events)
    }

    fn name_is_free(&self, name: &str, except: Option<ServiceId>) -> Result<(), Rejection> {
        let taken = self.services.values().any(|service| service.name == name && Some(service.id) != except);
        if taken { Err(Rejection::NameTaken) } else { Ok(()) }
    }

    fn keeps_an_admin_without(&self, user: UserId) -> Result<(), Rejection> {
        let is_admin = self.role(user) == Some(Role::Admin);
        let another = self.members.values().any(|member| member.role == Role::Admin && member.user != user);
        if is_admin && !another { Err(Rejection::LastAdmin) } else { Ok(()) }
    }

    fn is_member(&self, user: UserId) -> Result<(), Rejection> {
        self.members.get(&user).map(drop).ok_or(Rejection::UnknownMember(user))
    }
    fn team(&self, id: TeamId) -> Result<&Team, Rejection> {
        self.teams.get(&id).map(AsRef::as_ref).ok_or(Rejection::UnknownTeam(id))
    }
    fn group(&self, id: GroupId) -> Result<&ServiceGroup, Rejection> {
        self.groups.get(&id).map(AsRef::as_ref).ok_or(Rejection::UnknownGroup(id))
    }
    pub(super) fn service(&self, id: ServiceId) -> Result<&Service, Rejection> {
        self.services.get(&id).map(AsRef::as_ref).ok_or(Rejection::UnknownService(id))
    }
    /// Whether a user leads a team: leads manage their own.
    pub fn leads(&self, team: TeamId, user: UserId) -> bool {
        let is_lead = |member: &TeamMember| member.user == user && member.role == TeamRole::Lead;
        self.teams.get(&team).is_some_and(|team| team.members.iter().any(is_lead))
    }
}

impl NamedChange {
    fn against(&self, name: &String, description: &String, metadata: &Metadata) -> Result<Self, Rejection> {
        let change = Self {
            name: self.name.clone().unless_same(name),
            description: self.description.clone().unless_same(description),
            metadata: self.metadata.clone().unless_same(metadata),
        };
        change.name.as_set().map_or(Ok(()), |name| limits::name("name", name))?;
        change.description.as_set().map_or(Ok(()), |text| limits::text("description", text, limits::DESCRIPTION))?;
        change.metadata.as_set().map_or(Ok(()), limits::metadata)?;
        Ok(change)
    }
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The one event, unless nothing would change.
pub(super) fn unless(nothing: bool, event: Event) -> Vec<Event> {
    if nothing { Vec::new() } else { vec![event] }
}

fn named(name: &str, description: &str) -> Result<(), Rejection> {
    limits::name("name", name)?;
    limits::text("description", description, limits::DESCRIPTION)
}

/// Behind all others; the first is 1.
fn next_position(positions: impl Iterator<Item = u32>) -> u32 {
    positions.max().unwrap_or(0).saturating_add(1)
}

fn each_once<T: Ord>(ids: &[T]) -> Result<(), Rejection> {
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    if ids.is_empty() || distinct.len() < ids.len() {
        return Err(Rejection::invalid("ids", "must name each thing once"));
    }
    Ok(())
}
