//! People and their organizations.

use super::shapes::Time;
use crate::http::facade::People;
use serde::Serialize;
use tocsin_actors::{
    accounts::User,
    domain::{
        Author,
        entities::{Member, Organization},
    },
};
use uuid::Uuid;

/// Who did something; nobody who can be named is the system.
pub(super) fn name_of(people: &People, author: Author) -> String {
    match author {
        Author::User(id) => people.get(&id).map_or_else(|| "System".to_owned(), |user| username(user)),
        Author::Key(_) | Author::System => "System".to_owned(),
    }
}

/// Everybody has one here; who never chose one is called by the name to show.
pub(super) fn username(user: &User) -> String {
    user.username.clone().unwrap_or_else(|| user.shown_name())
}

#[derive(Serialize)]
pub(super) struct PersonShape {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) username: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_superadmin: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_member: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Option<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) joined_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Time>,
}

impl From<&User> for PersonShape {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.uuid(),
            email: user.email.clone(),
            username: username(user),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            is_active: None,
            is_superadmin: None,
            is_member: None,
            role: None,
            joined_at: None,
            created_at: None,
        }
    }
}

impl PersonShape {
    /// As they are told of themselves.
    pub(super) fn logged_in(user: &User) -> Self {
        Self { is_superadmin: Some(user.superadmin), ..user.into() }
    }
}

#[derive(Serialize)]
pub(super) struct OrganizationShape<'a> {
    pub(super) id: Uuid,
    pub(super) name: &'a str,
    pub(super) slug: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) services_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) teams_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incidents_count: Option<usize>,
}

impl<'a> From<&'a Organization> for OrganizationShape<'a> {
    fn from(organization: &'a Organization) -> Self {
        Self {
            id: organization.id.uuid(),
            name: &organization.name,
            slug: organization.slug.as_str(),
            description: None,
            role: None,
            created_at: None,
            services_count: None,
            teams_count: None,
            incidents_count: None,
        }
    }
}

impl<'a> OrganizationShape<'a> {
    /// With what a member has there.
    pub(super) fn of_member(organization: &'a Organization, member: Option<&Member>) -> Self {
        Self { role: member.map(|member| member.role.as_str()), ..organization.into() }
    }

    /// With all that it says of itself.
    pub(super) fn described(self, organization: &'a Organization) -> Self {
        Self { description: Some(&organization.description), created_at: Some(Time(organization.created_at)), ..self }
    }
}
