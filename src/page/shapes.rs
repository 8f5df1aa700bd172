//! What a page looks like to a program.

use super::Audience;
use crate::words;
use serde::{Deserialize, Serialize};
use tocsin_actors::domain::{
    GroupId, Incident, Org, Seq, ServiceId, Timestamp,
    entities::{Branding, Organization, Service, ServiceGroup},
    status::{Impact, IncidentStatus, Kind, ServiceStatus, Visibility},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A page as its audience sees it.
#[derive(Serialize, ToSchema, Debug, PartialEq)]
#[schema(as = PublicPage)]
pub struct Page {
    /// The organization's `seq` as of which this is true
    pub seq: Seq,
    /// Whose page it is
    #[serde(flatten)]
    pub organization: OrganizationShape,
    /// The worst status of its public services
    #[schema(schema_with = words::service_status)]
    pub status: ServiceStatus,
    /// In the order in which they stand on the page
    pub groups: Vec<GroupShape>,
    /// In the order in which they stand on the page
    pub services: Vec<ServiceShape>,
    /// Incidents and maintenances that go on
    pub active: Vec<IncidentShape>,
    /// Maintenances to come, the next one first
    pub upcoming: Vec<IncidentShape>,
}

/// Whose page it is.
#[derive(Serialize, ToSchema, Debug, PartialEq)]
#[schema(as = PublicOrganization)]
pub struct OrganizationShape {
    /// Its name in addresses
    pub slug: String,
    /// Its name for people
    pub name: String,
    /// What it is
    pub description: String,
    /// Where its days begin and end
    pub time_zone: String,
    /// How the page looks
    pub branding: BrandingShape,
}

/// How the page looks; null means ours.
#[derive(Serialize, Deserialize, ToSchema, Default, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
#[schema(as = Branding)]
pub struct BrandingShape {
    /// A colour
    #[serde(default)]
    #[schema(pattern = "^#[0-9a-fA-F]{6}$")]
    pub accent: Option<String>,
    /// A picture
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub logo_url: Option<String>,
    /// Where people ask for help
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub support_url: Option<String>,
}

/// A heading.
#[derive(Serialize, ToSchema, Debug, PartialEq)]
#[schema(as = PublicGroup)]
pub struct GroupShape {
    /// Its id
    pub id: Uuid,
    /// What it says
    pub name: String,
    /// What it is about
    pub description: String,
}

/// A service.
#[derive(Serialize, ToSchema, Debug, PartialEq)]
#[schema(as = PublicService)]
pub struct ServiceShape {
    /// Its id
    pub id: Uuid,
    /// What it is called
    pub name: String,
    /// What it is
    pub description: String,
    /// Under which heading it stands
    pub group_id: Option<Uuid>,
    /// How it is
    #[schema(schema_with = words::service_status)]
    pub status: ServiceStatus,
    /// Since when
    #[schema(value_type = String, format = DateTime)]
    pub status_since: Timestamp,
    /// Who sees it; told to members only
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = words::visibility, required = false)]
    pub visibility: Option<Visibility>,
}

/// An incident or a maintenance.
#[derive(Serialize, ToSchema, Debug, PartialEq)]
#[schema(as = PublicIncident)]
pub struct IncidentShape {
    /// Its id
    pub id: Uuid,
    /// Which of the two
    #[schema(schema_with = words::kind)]
    pub kind: Kind,
    /// In a few words
    pub title: String,
    /// In more words
    pub description: String,
    /// How far it is
    #[schema(schema_with = words::incident_status)]
    pub status: IncidentStatus,
    /// How bad it is
    #[schema(schema_with = words::impact)]
    pub impact: Impact,
    /// What it touches
    pub affected: Vec<AffectedShape>,
    /// When it began
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it was over
    #[schema(value_type = Option<String>, format = DateTime)]
    pub resolved_at: Option<Timestamp>,
    /// When a maintenance is to begin
    #[schema(value_type = Option<String>, format = DateTime)]
    pub scheduled_start: Option<Timestamp>,
    /// When a maintenance is to end
    #[schema(value_type = Option<String>, format = DateTime)]
    pub scheduled_end: Option<Timestamp>,
    /// The timeline, oldest first
    pub updates: Vec<UpdateShape>,
    /// Markdown
    pub postmortem: Option<String>,
    /// When anything of it was last changed
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who sees it; told to members only
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = words::visibility, required = false)]
    pub visibility: Option<Visibility>,
}

/// A service that an incident touches.
#[derive(Serialize, ToSchema, Debug, PartialEq)]
#[schema(as = PublicAffected)]
pub struct AffectedShape {
    /// Null for a service that is known by its name only
    pub service_id: Option<Uuid>,
    /// What it is called
    pub name: String,
    /// The status that the incident gives it while it lasts; null leaves the service alone
    #[schema(schema_with = words::maybe_service_status)]
    pub status: Option<ServiceStatus>,
}

/// An entry of the timeline.
#[derive(Serialize, ToSchema, Debug, PartialEq)]
#[schema(as = PublicUpdate)]
pub struct UpdateShape {
    /// Its id
    pub id: Uuid,
    /// How far the incident was
    #[schema(schema_with = words::incident_status)]
    pub status: IncidentStatus,
    /// What is told
    pub message: String,
    /// When
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl Page {
    /// The page of an organization, unless it was deleted or never was.
    pub fn of(org: &Org, audience: Audience) -> Option<Self> {
        let services = audience.services(org);
        let incidents =
            |some: Vec<&Incident>| some.into_iter().map(|incident| IncidentShape::of(org, incident, audience)).collect();
        Some(Self {
            seq: org.seq(),
            organization: org.organization()?.as_ref().into(),
            status: services.iter().map(|service| service.status).max().unwrap_or(ServiceStatus::Operational),
            groups: audience.groups(org, &services).into_iter().map(GroupShape::from).collect(),
            services: services.into_iter().map(|service| ServiceShape::of(service, audience)).collect(),
            active: incidents(audience.active(org)),
            upcoming: incidents(audience.upcoming(org)),
        })
    }
}

impl From<&Organization> for OrganizationShape {
    fn from(organization: &Organization) -> Self {
        Self {
            slug: organization.slug.to_string(),
            name: organization.name.clone(),
            description: organization.description.clone(),
            time_zone: organization.time_zone.to_string(),
            branding: (&organization.branding).into(),
        }
    }
}

impl From<BrandingShape> for Branding {
    fn from(shape: BrandingShape) -> Self {
        Self { accent: shape.accent, logo_url: shape.logo_url, support_url: shape.support_url }
    }
}

impl From<&Branding> for BrandingShape {
    fn from(branding: &Branding) -> Self {
        let Branding { accent, logo_url, support_url } = branding.clone();
        Self { accent, logo_url, support_url }
    }
}

impl From<&ServiceGroup> for GroupShape {
    fn from(group: &ServiceGroup) -> Self {
        Self { id: group.id.uuid(), name: group.name.clone(), description: group.description.clone() }
    }
}

impl ServiceShape {
    /// A service that this audience sees.
    pub fn of(service: &Service, audience: Audience) -> Self {
        Self {
            id: service.id.uuid(),
            name: service.name.clone(),
            description: service.description.clone(),
            group_id: service.group.map(GroupId::uuid),
            status: service.status,
            status_since: service.status_since,
            visibility: (audience == Audience::Members).then_some(service.visibility),
        }
    }
}

impl IncidentShape {
    /// An incident that this audience sees.
    pub fn of(org: &Org, incident: &Incident, audience: Audience) -> Self {
        let affected = incident.affected.iter().filter(|affected| audience.may_name(org, affected));
        let affected = affected.map(|affected| AffectedShape {
            service_id: affected.service.map(ServiceId::uuid),
            name: affected.name.clone(),
            status: affected.status,
        });
        let updates = incident.updates.iter().map(|update| UpdateShape {
            id: update.id.uuid(),
            status: update.status,
            message: update.message.clone(),
            at: update.shown_at,
        });
        Self {
            id: incident.id.uuid(),
            kind: incident.kind(),
            title: incident.title.clone(),
            description: incident.description.clone(),
            status: incident.status,
            impact: incident.impact,
            affected: affected.collect(),
            started_at: incident.started_at,
            resolved_at: incident.resolved_at,
            scheduled_start: incident.scheduled_start,
            scheduled_end: incident.scheduled_end,
            updates: updates.collect(),
            postmortem: incident.postmortem.as_ref().map(|postmortem| postmortem.body.clone()),
            updated_at: incident.updated_at,
            visibility: (audience == Audience::Members).then_some(incident.visibility),
        }
    }
}
