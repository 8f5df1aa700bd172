//! The engine as facades use it: the same commands to the same actors as everybody's, and the same accounts.

use super::Refused;
use crate::{
    http::{Api, error::ApiError},
    identity::{ClientHint, Identity, LoginRefused, Session},
    recent::Recent,
};
use std::{sync::Arc, time::Duration};
use tocsin_actors::{
    accounts::User,
    directory::Directory,
    domain::{
        Command, Order, Org, OrgId, Rejection, Timestamp, UserId,
        command::{NewOrganization, OrganizationChange},
        entities::Author,
    },
    org::OrgError,
    store::{Store, UserKey},
};
use uuid::Uuid;

/// For how long it is remembered in which organization something is. It never moves, and ids are never given again.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Of how many things: some ten megabytes.
const ROOM: usize = 50_000;
/// How many organizations or users are read at once.
const PAGE: usize = 500;

/// The engine as facades use it. Clones are the same one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) api: Arc<Api>,
    whereabouts: Arc<Recent<Uuid, OrgId>>,
}

impl Engine {
    pub(crate) fn new(api: Arc<Api>) -> Self {
        Self { api, whereabouts: Arc::new(Recent::new(REMEMBERED, ROOM)) }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.api.clock.now()
    }

    /// Who is who.
    pub fn identity(&self) -> &Identity {
        &self.api.identity
    }

    /// The way to the organizations.
    pub fn directory(&self) -> &Directory {
        &self.api.directory
    }

    /// Where everything is kept.
    pub fn store(&self) -> &dyn Store {
        &*self.api.store
    }

    /// The address under which people reach a facade, if it was said.
    pub fn facade_url(&self, name: &str) -> Option<&str> {
        self.api.settings.facade_urls.get(name).map(String::as_str)
    }

    /// Whose pages may use everything here from a browser, as it was said.
    pub fn origins(&self) -> &[String] {
        self.api.edge.origins()
    }

    /// Whether anybody may make an account.
    pub fn registration_is_open(&self) -> bool {
        self.api.settings.registration
    }

    /// An organization as it is now.
    pub async fn org(&self, id: OrgId) -> Result<Arc<Org>, Refused> {
        Ok(self.api.directory.view(id).await.map_err(ApiError::from)?)
    }

    /// The organization with this slug.
    pub async fn org_called(&self, slug: &str) -> Result<Option<Arc<Org>>, Refused> {
        match self.api.names.find_slug(slug).await.map_err(ApiError::from)? {
            Some(id) => self.org(id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The organization with this id, if there is one.
    pub async fn org_of_id(&self, id: OrgId) -> Result<Option<Arc<Org>>, Refused> {
        match self.api.names.find_id(id).await.map_err(ApiError::from)? {
            Some(id) => self.org(id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The organization that has a service, an incident, a team or a membership with this id. Whoever asks says how it is
    /// seen there: what was deleted is nowhere.
    pub async fn org_with(&self, entity: Uuid, has: impl Fn(&Org) -> bool) -> Result<Option<Arc<Org>>, Refused> {
        let now = self.now();
        let known = match self.whereabouts.get(&entity, now) {
            Some(org) => Some(org),
            None => {
                let found = self.store().organization_with(entity).await.map_err(ApiError::from)?;
                match found {
                    Some(org) => Some(org),
                    None => {
                        // Documents may be behind: it may have been made a moment ago.
                        self.store().settle().await.map_err(ApiError::from)?;
                        self.store().organization_with(entity).await.map_err(ApiError::from)?
                    }
                }
            }
        };
        let Some(id) = known else { return Ok(None) };
        self.whereabouts.put(self.whereabouts.ticket(), entity, id, now);
        Ok(Some(self.org(id).await?).filter(|org| has(org)))
    }

    /// The organizations that a user belongs to, by number; all there are for a superadmin.
    pub async fn orgs_of(&self, user: &User) -> Result<Vec<Arc<Org>>, Refused> {
        if user.superadmin { self.orgs().await } else { self.memberships_of(user.id).await }
    }

    /// The organizations of which somebody is a member, by number; superadmin or not.
    pub async fn memberships_of(&self, user: UserId) -> Result<Vec<Arc<Org>>, Refused> {
        let ids = self.store().organizations_of(user).await.map_err(ApiError::from)?;
        let mut orgs = self.views(ids).await?;
        // Documents may be behind: who was just removed is no member any more.
        orgs.retain(|org| org.role(user).is_some());
        Ok(orgs)
    }

    /// Every organization there is, by number. Wakes all of them: for installations that are a demonstration.
    pub async fn orgs(&self) -> Result<Vec<Arc<Org>>, Refused> {
        let mut ids = Vec::new();
        loop {
            let page = self.store().organizations(ids.last().copied(), PAGE).await.map_err(ApiError::from)?;
            let is_last = page.len() < PAGE;
            ids.extend(page);
            if is_last {
                return self.views(ids).await;
            }
        }
    }

    async fn views(&self, ids: Vec<OrgId>) -> Result<Vec<Arc<Org>>, Refused> {
        let mut orgs = Vec::with_capacity(ids.len());
        for id in ids {
            orgs.push(self.org(id).await?);
        }
        orgs.retain(|org| org.organization().is_some());
        orgs.sort_by_key(|org| org.organization().map(|organization| organization.number));
        Ok(orgs)
    }

    /// Carries a command to its durable end; answers the organization in which its effect can be seen.
    pub async fn execute(&self, org: OrgId, by: Author, at: Timestamp, command: Command) -> Result<Arc<Org>, Refused> {
        self.execute_all(org, by, at, vec![command]).await
    }

    /// The same with several: all of them or none.
    pub async fn execute_all(&self, org: OrgId, by: Author, at: Timestamp, all: Vec<Command>) -> Result<Arc<Org>, Refused> {
        let orders = all.into_iter().map(|command| order(by, at, command)).collect();
        self.api.directory.execute(org, orders).await.map_err(ApiError::from)?;
        self.org(org).await
    }

    /// The same for who decided on what they had read: none where it is not like that any more.
    pub async fn execute_as_seen(
        &self,
        seen: &Org,
        by: Author,
        at: Timestamp,
        all: Vec<Command>,
    ) -> Result<Option<Arc<Org>>, Refused> {
        let mut orders: Vec<_> = all.into_iter().map(|command| order(by, at, command)).collect();
        if let Some(first) = orders.first_mut() {
            first.only_at = Some(seen.seq());
        }
        match self.api.directory.execute(seen.id(), orders).await {
            Err(OrgError::Rejected { rejection: Rejection::MovedOn, .. }) => Ok(None),
            Err(error) => Err(ApiError::from(error).into()),
            Ok(_) => self.org(seen.id()).await.map(Some),
        }
    }

    /// Founds an organization with its names.
    pub async fn found(&self, new: NewOrganization, by: Author, at: Timestamp) -> Result<Arc<Org>, Refused> {
        Ok(self.api.found(new, by, at, None).await?)
    }

    /// A number for something that is unique in the installation.
    pub async fn next_number(&self) -> Result<u64, Refused> {
        Ok(self.store().next_number().await.map_err(ApiError::from)?)
    }

    /// Changes an organization, perhaps its names.
    pub async fn change_org(
        &self,
        before: &Org,
        by: Author,
        at: Timestamp,
        change: OrganizationChange,
    ) -> Result<Arc<Org>, Refused> {
        let order = order(by, at, Command::ChangeOrganization(Box::new(change)));
        Ok(self.api.change_organization(before, order).await?)
    }

    /// Deletes an organization with everything in it.
    pub async fn delete_org(&self, before: &Org, by: Author, at: Timestamp) -> Result<(), Refused> {
        Ok(self.api.delete_organization(before, by, at).await?)
    }

    /// Makes an account of what is known of somebody; without a password nobody logs in to it.
    pub async fn new_user(&self, user: User, password: Option<String>) -> Result<User, Refused> {
        Ok(self.api.new_user(user, password).await?)
    }

    /// Logs somebody in, who is counted among those who do.
    pub async fn login(&self, email: &str, password: &str, from: ClientHint) -> Result<Session, LoginRefused> {
        let session = self.identity().login(email, password, from).await;
        let logins = &self.api.logins;
        if session.is_ok() {
            logins.succeeded.inc()
        } else {
            logins.refused.inc()
        };
        session
    }

    /// Somebody with an account.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, Refused> {
        Ok(self.store().user(id).await.map_err(ApiError::from)?)
    }

    /// The same by one of the things that are unique.
    pub async fn find_user(&self, by: UserKey) -> Result<Option<User>, Refused> {
        Ok(self.store().find_user(by).await.map_err(ApiError::from)?)
    }

    /// Everybody who has an account, by number: for installations that are a demonstration.
    pub async fn users(&self) -> Result<Vec<User>, Refused> {
        let mut users: Vec<User> = Vec::new();
        loop {
            let page = self.store().users(users.last().map(|user| user.id), PAGE).await.map_err(ApiError::from)?;
            let is_last = page.len() < PAGE;
            users.extend(page);
            if is_last {
                users.sort_by_key(|user| user.number);
                return Ok(users);
            }
        }
    }

    /// Waits until lists that are made from documents show what was just done.
    pub async fn settle(&self) -> Result<(), Refused> {
        Ok(self.store().settle().await.map_err(ApiError::from)?)
    }
}

fn order(by: Author, at: Timestamp, command: Command) -> Order {
    Order { by, at, key: None, only_at: None, command }
}
