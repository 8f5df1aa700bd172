//! Its things as they are written: their own fields first, then those of the things beside them that an answer embeds.

use super::{
    lists::{Touching, Which, created_at, incidents, members, services, subject, updates},
    words,
};
use crate::http::facade::People;
use serde::Serialize;
use tocsin_actors::{
    accounts::User,
    domain::{
        Incident, IncidentId, Org, Timestamp,
        entities::{Member, Service},
        incident::Update,
        status::ServiceStatus,
    },
};
use uuid::Uuid;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrgShape<'a> {
    id: Uuid,
    name: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<Vec<ServiceShape<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incidents: Option<Vec<IncidentShape<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<MemberShape<'a>>>,
}

impl<'a> OrgShape<'a> {
    /// Nothing when it was deleted a moment ago.
    pub(super) fn of(org: &'a Org) -> Option<Self> {
        let organization = org.organization()?;
        Some(Self {
            id: organization.id.uuid(),
            name: &organization.name,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
            services: None,
            incidents: None,
            members: None,
        })
    }

    pub(super) fn with_services(self, org: &'a Org) -> Self {
        Self { services: Some(services(org).map(|service| ServiceShape::of(org, service)).collect()), ..self }
    }

    pub(super) fn with_incidents(self, org: &'a Org, which: Which) -> Self {
        Self { incidents: Some(incidents(org, which).map(|incident| IncidentShape::of(org, incident)).collect()), ..self }
    }

    pub(super) fn with_members(self, org: &'a Org, users: &'a People) -> Self {
        let member = |member: &'a Member| Some(MemberShape::of(org, member).with_user(users.get(&member.user)?));
        Self { members: Some(members(org).filter_map(member).collect()), ..self }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceShape<'a> {
    id: Uuid,
    name: &'a str,
    status: &'static str,
    organization_id: Uuid,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<OrgShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incidents: Option<Vec<IncidentShape<'a>>>,
}

impl<'a> ServiceShape<'a> {
    pub(super) fn of(org: &'a Org, service: &'a Service) -> Self {
        Self {
            id: service.id.uuid(),
            name: &service.name,
            status: words::service_status(service.status),
            organization_id: org.id().uuid(),
            created_at: service.created_at,
            updated_at: service.last_changed(),
            organization: None,
            incidents: None,
        }
    }

    /// What stands for the service of an incident that is about none: its pages show nothing at all without one.
    fn instead(org: &'a Org, incident: &'a Incident) -> Self {
        let named = incident.affected.first().map(|affected| affected.name.as_str());
        let organization = org.organization().map(|organization| organization.name.as_str());
        Self {
            id: org.id().uuid(),
            name: named.or(organization).unwrap_or_default(),
            status: words::service_status(ServiceStatus::Operational),
            organization_id: org.id().uuid(),
            created_at: created_at(incident),
            updated_at: incident.updated_at,
            organization: None,
            incidents: None,
        }
    }

    pub(super) fn with_organization(self, org: &'a Org) -> Self {
        Self { organization: OrgShape::of(org), ..self }
    }

    /// With the incidents that touch it. In each of them it is the service that they are about.
    pub(super) fn with_incidents(self, org: &'a Org, touching: &Touching<'a>) -> Self {
        let about = |incident| IncidentShape { service_id: self.id, ..IncidentShape::of(org, incident) };
        Self { incidents: Some(touching.service(self.id).map(about).collect()), ..self }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IncidentShape<'a> {
    id: Uuid,
    title: &'a str,
    description: &'a str,
    status: &'static str,
    service_id: Uuid,
    organization_id: Uuid,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Box<ServiceShape<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<OrgShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updates: Option<Vec<UpdateShape<'a>>>,
}

impl<'a> IncidentShape<'a> {
    pub(super) fn of(org: &'a Org, incident: &'a Incident) -> Self {
        Self {
            id: incident.id.uuid(),
            title: &incident.title,
            description: &incident.description,
            status: words::incident_status(incident.status),
            service_id: subject(org, incident).map_or(org.id().uuid(), |service| service.id.uuid()),
            organization_id: org.id().uuid(),
            created_at: created_at(incident),
            updated_at: incident.updated_at,
            service: None,
            organization: None,
            updates: None,
        }
    }

    pub(super) fn with_service(self, org: &'a Org, incident: &'a Incident) -> Self {
        let service = subject(org, incident).map(|service| ServiceShape::of(org, service));
        Self { service: Some(Box::new(service.unwrap_or_else(|| ServiceShape::instead(org, incident)))), ..self }
    }

    pub(super) fn with_organization(self, org: &'a Org) -> Self {
        Self { organization: OrgShape::of(org), ..self }
    }

    pub(super) fn with_updates(self, incident: &'a Incident) -> Self {
        Self { updates: Some(updates(incident).map(|update| UpdateShape::of(incident.id, update)).collect()), ..self }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateShape<'a> {
    id: Uuid,
    incident_id: Uuid,
    message: &'a str,
    status: &'static str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> UpdateShape<'a> {
    pub(super) fn of(incident: IncidentId, update: &'a Update) -> Self {
        Self {
            id: update.id.uuid(),
            incident_id: incident.uuid(),
            message: &update.message,
            status: words::incident_status(update.status),
            created_at: update.shown_at,
            updated_at: update.updated_at,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserShape<'a> {
    id: Uuid,
    email: &'a str,
    name: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    orgs: Option<Vec<MemberShape<'a>>>,
}

impl<'a> UserShape<'a> {
    pub(super) fn of(user: &'a User) -> Self {
        let parts = format!("{} {}", user.first_name, user.last_name);
        let parts = Some(parts.trim().to_owned()).filter(|parts| !parts.is_empty());
        Self {
            id: user.id.uuid(),
            email: &user.email,
            name: user.display_name.clone().or(parts),
            created_at: user.created_at,
            updated_at: user.updated_at,
            orgs: None,
        }
    }

    pub(super) fn with_orgs(self, orgs: Vec<MemberShape<'a>>) -> Self {
        Self { orgs: Some(orgs), ..self }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberShape<'a> {
    id: Uuid,
    user_id: Uuid,
    organization_id: Uuid,
    role: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<OrgShape<'a>>,
}

impl<'a> MemberShape<'a> {
    pub(super) fn of(org: &Org, member: &'a Member) -> Self {
        Self {
            id: member.id.uuid(),
            user_id: member.user.uuid(),
            organization_id: org.id().uuid(),
            role: words::role(member),
            created_at: member.created_at,
            updated_at: member.updated_at,
            user: None,
            organization: None,
        }
    }

    pub(super) fn with_user(self, user: &'a User) -> Self {
        Self { user: Some(UserShape::of(user)), ..self }
    }

    pub(super) fn with_organization(self, org: &'a Org) -> Self {
        Self { organization: OrgShape::of(org), ..self }
    }
}
