//! `/orgs`: founding, renaming and deleting organizations, and the list of one's own.

use crate::http::{
    Api,
    answer::{Done, Made, Shown},
    call::{Call, Json, Query},
    cursor::{List, PageQuery},
    error::ApiError,
};
use crate::words;
use crate::{
    identity::{Caller, Who, providers::OrgRef},
    page::BrandingShape,
};
use serde::{Deserialize, Serialize};
use tocsin_actors::domain::{
    Command, Domain, MemberId, Org, OrgId, Role, Slug, Timestamp, UserId,
    command::{NewOrganization, OrganizationChange},
    edit::Edit,
    entities::{Author, EXTERNAL_ORG, Metadata, Scalar},
    status::{ServiceStatus, Visibility},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use warp::http::Uri;

/// A tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Organization)]
pub(in crate::http) struct OrganizationResponse {
    id: Uuid,
    /// A short number, unique in the installation
    number: u64,
    /// Its name in addresses
    slug: String,
    name: String,
    description: String,
    /// Where its days begin and end
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    branding: BrandingShape,
    /// The host name at which its page also is
    #[schema(example = "status.example.com")]
    domain: Option<String>,
    /// Whether search engines may list its page
    indexed: bool,
    /// The worst status of all its services, private ones included
    #[schema(schema_with = words::service_status)]
    status: ServiceStatus,
    /// Your role; null for superadmins who are no members
    #[schema(schema_with = words::maybe_role)]
    role: Option<Role>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    created_by: String,
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

impl OrganizationResponse {
    pub(in crate::http) fn of(org: &Org, call: &Call) -> Result<Self, ApiError> {
        let role = match call.caller.as_ref().map(|caller| &caller.who) {
            Some(Who::User(user)) => org.role(user.id),
            Some(Who::Key { scopes, .. }) => Some(scopes.access.role()),
            None => None,
        };
        Self::for_role(org, role)
    }

    pub(in crate::http) fn for_role(org: &Org, role: Option<Role>) -> Result<Self, ApiError> {
        let organization = org.organization().ok_or_else(ApiError::unknown_organization)?;
        Ok(Self {
            id: organization.id.uuid(),
            number: organization.number,
            slug: organization.slug.to_string(),
            name: organization.name.clone(),
            description: organization.description.clone(),
            time_zone: organization.time_zone.to_string(),
            branding: (&organization.branding).into(),
            domain: organization.domain.as_ref().map(ToString::to_string),
            indexed: organization.indexed,
            status: org.page_status(Visibility::Private),
            role,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
            created_by: words::author(organization.created_by),
            metadata: organization.metadata.clone(),
        })
    }
}

/// Which page of the organizations. Their order is that of their ids: there may be too many of them to be looked at.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct OrganizationsQuery {
    /// `next` of the page before
    #[param(format = Uuid)]
    cursor: Option<String>,
    /// How many items
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// Your organizations; every one of the installation for a superadmin.
pub(in crate::http) async fn list(
    call: Call,
    Query(page): Query<OrganizationsQuery>,
) -> Result<List<OrganizationResponse>, ApiError> {
    let wrong = || ApiError { field: Some("cursor".into()), ..ApiError::malformed("`cursor` is not one that we gave") };
    let (_, limit) = PageQuery::new(&None, page.limit).bounds()?;
    let after = page.cursor.as_deref().map(|cursor| cursor.parse::<OrgId>().map_err(|_| wrong())).transpose()?;
    let mut ids: Vec<OrgId> = match call.caller.as_ref().map(|caller| (&caller.who, caller.superadmin)) {
        Some((_, true)) => call.api.store.organizations(after, limit + 1).await?,
        Some((Who::User(user), false)) => call.api.store.organizations_of(user.id).await?,
        Some((Who::Key { org, .. }, false)) => vec![*org],
        None => Vec::new(),
    };
    ids.retain(|id| after.is_none_or(|after| *id > after));
    ids.sort_unstable();
    let more = ids.len() > limit;
    ids.truncate(limit);
    let mut items = Vec::with_capacity(ids.len());
    for id in &ids {
        let org = call.api.directory.view(*id).await?;
        let mine = call.caller.as_ref().is_some_and(|caller| caller.superadmin || !matches!(caller.who, Who::User(_)));
        // Documents may be behind: who was just removed is no member any more.
        if org.organization().is_some() && (mine || org.role(call.person().id).is_some()) {
            items.push(OrganizationResponse::of(&org, &call)?);
        }
    }
    Ok(List { items, next: ids.last().filter(|_| more).map(ToString::to_string) })
}

/// One organization.
pub(in crate::http) async fn get(call: Call, (): ()) -> Result<Shown<OrganizationResponse>, ApiError> {
    Ok(Shown(OrganizationResponse::of(call.org(), &call)?))
}

/// An organization to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrganization)]
pub(in crate::http) struct NewOrganizationRequest {
    #[schema(min_length = 1, max_length = 200, example = "Acme")]
    name: String,
    /// Its name in addresses; made of the name when left out
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    slug: Option<String>,
    #[serde(default)]
    #[schema(max_length = 5000)]
    description: String,
    /// An IANA name; UTC when left out
    #[serde(default)]
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    #[serde(default)]
    branding: BrandingShape,
    /// The host name at which its page also is; its DNS must lead here
    #[serde(default)]
    #[schema(
        pattern = "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
        max_length = 253,
        example = "status.example.com"
    )]
    domain: Option<String>,
    /// Whether search engines may list its page; they may when left out
    #[serde(default = "listed")]
    #[schema(default = true)]
    indexed: bool,
    #[serde(default)]
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

const fn listed() -> bool {
    true
}

fn slug(text: &str) -> Result<Slug, ApiError> {
    text.parse().map_err(|error: tocsin_actors::domain::SlugError| ApiError::refused("invalid", "slug", error.to_string()))
}

/// A host name that an organization may call its own: not ours, at which everybody else is.
fn domain(api: &Api, text: &str) -> Result<Domain, ApiError> {
    let refused = |why: String| ApiError::refused("invalid", "domain", why);
    let domain: Domain = text.parse().map_err(|error: tocsin_actors::domain::NoDomain| refused(error.to_string()))?;
    let ours = api.address.parse::<Uri>().ok();
    if ours.and_then(|url| Domain::of_host(url.host()?).ok()).is_some_and(|ours| ours == domain) {
        return Err(refused("this is the address of the whole installation".to_owned()));
    }
    Ok(domain)
}

fn time_zone(name: &str) -> Result<chrono_tz::Tz, ApiError> {
    name.parse().map_err(|_| ApiError::refused("invalid", "time_zone", "is not the IANA name of a time zone, like Europe/Berlin"))
}

/// Says no to who calls an organization by the name of one at a provider and is no admin there: its people would come in
/// here by that. What is there already may be said again.
fn may_claim(caller: Option<&Caller>, before: Option<&Metadata>, wanted: &Metadata) -> Result<(), ApiError> {
    let Some(claim) = wanted.get(EXTERNAL_ORG).filter(|claim| before.and_then(|before| before.get(EXTERNAL_ORG)) != Some(*claim))
    else {
        return Ok(());
    };
    let is_theirs = |(org, role): &(OrgRef, Role)| match org {
        OrgRef::External(name) => *claim == Scalar::Text(name.clone()) && *role == Role::Admin,
        OrgRef::Id(_) | OrgRef::Slug(_) => false,
    };
    let may = caller.is_some_and(|caller| caller.superadmin || caller.external_role.as_ref().is_some_and(is_theirs));
    if may {
        return Ok(());
    }
    let message = format!("only an admin of it at its provider, or a superadmin, may say `{EXTERNAL_ORG}` in the metadata");
    Err(ApiError { field: Some("metadata".to_owned()), ..ApiError::forbidden(message) })
}

/// Founds an organization with its first admin. The id comes from the caller's name for the request, if there is one: a
/// retry finds what the first try founded.
pub(in crate::http) async fn found(
    api: &Api,
    new: NewOrganizationRequest,
    (owner, caller): (UserId, Option<&Caller>),
    key: Option<tocsin_actors::domain::RequestKey>,
    now: Timestamp,
) -> Result<std::sync::Arc<Org>, ApiError> {
    may_claim(caller, None, &new.metadata)?;
    let slug = match &new.slug {
        Some(text) => slug(text)?,
        None => Slug::suggest(&new.name)
            .map_err(|error| ApiError::refused("invalid", "slug", format!("cannot be made of the name ({error}): choose one")))?,
    };
    let id = OrgId::new(key.map_or_else(Uuid::now_v7, |key| key.uuid()));
    let new = NewOrganization {
        id,
        number: api.store.next_number().await?,
        slug,
        name: new.name,
        description: new.description,
        time_zone: new.time_zone.as_deref().map_or(Ok(chrono_tz::UTC), time_zone)?,
        branding: new.branding.into(),
        domain: new.domain.as_deref().map(|text| domain(api, text)).transpose()?,
        indexed: new.indexed,
        metadata: new.metadata,
        owner: Some((MemberId::new(Uuid::now_v7()), owner)),
    };
    api.found(new, Author::User(owner), now, key).await
}

/// Founds an organization; the caller is its first admin.
pub(in crate::http) async fn create(
    call: Call,
    Json(new): Json<NewOrganizationRequest>,
) -> Result<Made<OrganizationResponse>, ApiError> {
    let org = found(&call.api, new, (call.person().id, call.caller.as_ref()), call.key, call.now).await?;
    Ok(Made { at: org.id().to_string(), what: OrganizationResponse::of(&org, &call)? })
}

/// A change of an organization: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrganizationChange)]
pub(in crate::http) struct OrganizationChangeRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    slug: Edit<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    name: Edit<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 5000)]
    description: Edit<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    time_zone: Edit<String>,
    /// Replaces all of it
    #[serde(default)]
    #[schema(value_type = BrandingShape, required = false)]
    branding: Edit<BrandingShape>,
    /// The host name at which its page also is; null gives it up
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, pattern = "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", max_length = 253, example = "status.example.com")]
    domain: Edit<Option<String>>,
    /// Whether search engines may list its page
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    indexed: Edit<bool>,
    #[serde(default)]
    #[schema(schema_with = words::metadata, required = false)]
    metadata: Edit<Metadata>,
}

/// Changes an organization.
pub(in crate::http) async fn change(
    call: Call,
    Json(change): Json<OrganizationChangeRequest>,
) -> Result<Shown<OrganizationResponse>, ApiError> {
    if let Some(wanted) = change.metadata.as_set() {
        let before = call.org().organization().map(|organization| &organization.metadata);
        may_claim(call.caller.as_ref(), before, wanted)?;
    }
    let slug = change.slug.as_set().map(|text| slug(text)).transpose()?;
    let domain = change.domain.as_set().map(|text| text.as_deref().map(|text| domain(&call.api, text)).transpose()).transpose()?;
    let time_zone = change.time_zone.as_set().map(|name| time_zone(name)).transpose()?;
    let change = OrganizationChange {
        slug: slug.into(),
        name: change.name,
        description: change.description,
        time_zone: time_zone.into(),
        branding: change.branding.map(Into::into),
        domain: domain.into(),
        indexed: change.indexed,
        metadata: change.metadata,
    };
    let order = call.order(Command::ChangeOrganization(Box::new(change)));
    let org = call.api.change_organization(call.org(), order).await?;
    Ok(Shown(OrganizationResponse::of(&org, &call)?))
}

/// Deletes an organization with everything in it.
pub(in crate::http) async fn delete(call: Call, (): ()) -> Result<Done, ApiError> {
    call.api.delete_organization(call.org(), call.author(), call.now).await?;
    Ok(Done)
}
