//! The engine as facades use it: the same commands to the same actors as everybody's, and the same accounts.

use super::{Answer, Refused};
use crate::{
    http::{Api, access, edge::RetryAfter, error::ApiError},
    identity::{Caller, ClientHint, Identity, LoginRefused, Session, providers::OrgRef},
    recent::Recent,
};
use futures::{StreamExt, TryStreamExt};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tocsin_actors::{
    accounts::User,
    directory::Directory,
    domain::{
        Command, Monitor, MonitorId, Order, Org, OrgId, Rejection, Role, Seq, Timestamp, UserId,
        command::{NewOrganization, OrganizationChange},
        entities::Author,
    },
    org::OrgError,
    readings::{Span, Summary, Watched},
    store::{Store, UserKey},
};
use tracing::warn;
use uuid::Uuid;

/// For how long it is remembered in which organization something is. It never moves, and ids are never given again.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Of how many things: some ten megabytes.
const ROOM: usize = 50_000;
/// For how long it is believed that nobody here is what a provider calls by some name.
const UNCLAIMED: Duration = Duration::from_secs(5);
/// For how long what everybody sees of an organization is as good as new, if nothing happens.
const SEEN: Duration = Duration::from_secs(1);
/// Of how many organizations it is kept: such a page may have a hundred kilobytes.
const PAGES: usize = 200;
/// How often something is decided again because somebody else was faster.
const TRIES: usize = 16;
/// How many organizations or users are read at once.
const PAGE: usize = 500;
/// How many single users are read at once.
const AT_ONCE: usize = 16;

/// The engine as facades use it. Clones are the same one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) api: Arc<Api>,
    whereabouts: Arc<Recent<Uuid, OrgId>>,
    /// Which organizations are what providers call by these names.
    claimed: Arc<Recent<String, OrgId>>,
    unclaimed: Arc<Recent<String, ()>>,
    /// What everybody sees of organizations, as of which change.
    seen: Arc<Recent<OrgId, (Seq, Answer)>>,
    /// Who does something that nobody does twice at once.
    busy: Arc<Mutex<HashSet<Author>>>,
}

/// Some of those who have accounts.
pub type People = HashMap<UserId, Arc<User>>;

/// Held by who does something that nobody does twice at once.
pub struct Alone {
    who: Author,
    busy: Arc<Mutex<HashSet<Author>>>,
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.who);
    }
}

impl Engine {
    pub(crate) fn new(api: Arc<Api>) -> Self {
        Self {
            api,
            whereabouts: Arc::new(Recent::new(REMEMBERED, ROOM)),
            claimed: Arc::new(Recent::new(REMEMBERED, ROOM)),
            unclaimed: Arc::new(Recent::new(UNCLAIMED, ROOM)),
            seen: Arc::new(Recent::new(SEEN, PAGES)),
            busy: Arc::default(),
        }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.api.clock.now()
    }

    /// Who is who.
    pub fn identity(&self) -> &Identity {
        &self.api.identity
    }

    /// Who is behind a bearer token, whoever made it.
    pub async fn authenticate(&self, bearer: &str) -> Result<Caller, Refused> {
        Ok(self.identity().authenticate(bearer).await.map_err(ApiError::from)?)
    }

    /// What a person may do in an organization, by their membership or by what an identity provider says of them.
    pub fn role(&self, caller: &Caller, org: &Org) -> Option<Role> {
        access::role(caller, org)
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

    /// The organization that a provider's token names; none when nobody here is it, or more than one says so.
    pub async fn org_from(&self, there: &OrgRef) -> Result<Option<Arc<Org>>, Refused> {
        let org = match there {
            OrgRef::Id(id) => self.org_of_id(*id).await?,
            OrgRef::Slug(slug) => self.org_called(slug.as_str()).await?,
            OrgRef::External(name) => {
                if let Some(known) = self.claimed.get(name, self.now()) {
                    let org = self.org(known).await?;
                    if access::is(&org, there) {
                        return Ok(Some(org));
                    }
                    self.claimed.forget(name);
                }
                match self.claims(name).await? {
                    Some(id) => Some(self.org(id).await?),
                    None => None,
                }
            }
        };
        Ok(org.filter(|org| access::is(org, there)))
    }

    /// The organization that says that it is this one, as far as documents say.
    async fn claims(&self, name: &String) -> Result<Option<OrgId>, Refused> {
        let now = self.now();
        if self.unclaimed.get(name, now).is_some() {
            return Ok(None);
        }
        let mut found = self.store().organizations_from(name).await.map_err(ApiError::from)?;
        if found.is_empty() {
            // Documents may be behind: it may have said so a moment ago.
            self.settle().await?;
            found = self.store().organizations_from(name).await.map_err(ApiError::from)?;
        }
        let [one] = found[..] else {
            if !found.is_empty() {
                warn!(name, "several organizations say that they are this one of a provider: none is taken for it");
            }
            self.unclaimed.put(self.unclaimed.ticket(), name.clone(), (), now);
            return Ok(None);
        };
        self.claimed.put(self.claimed.ticket(), name.clone(), one, now);
        Ok(Some(one))
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

    /// Checks a website now. Counts like any other check.
    pub async fn check(&self, org: OrgId, website: &Monitor) -> Result<(), Refused> {
        let checked = self.api.monitors.check(&Watched::of(org, website)).await;
        checked.map(drop).map_err(|_| Refused::new(503, "this server can make no checks now"))
    }

    /// What checks of a website found, the oldest first.
    pub async fn readings(
        &self,
        website: MonitorId,
        span: Span,
        (from, to): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<Summary>, Refused> {
        Ok(self.store().readings(website, span, from, to, limit).await.map_err(ApiError::from)?)
    }

    /// For what costs much: somebody does it once at a time. None while they do it already.
    pub fn alone(&self, who: Author) -> Option<Alone> {
        let is_first = self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(who);
        is_first.then(|| Alone { who, busy: self.busy.clone() })
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

    /// The same for what is decided on what is there: decided again when that has changed meanwhile. In an organization that
    /// is never quiet it is at last done as it was decided.
    pub async fn execute_decided<E: From<Refused>>(
        &self,
        mut seen: Arc<Org>,
        (by, at): (Author, Timestamp),
        decide: impl Fn(&Org) -> Result<Vec<Command>, E>,
    ) -> Result<Arc<Org>, E> {
        for _ in 0..TRIES {
            if let Some(org) = self.execute_as_seen(&seen, by, at, decide(&seen)?).await? {
                return Ok(org);
            }
            seen = self.org(seen.id()).await?;
        }
        Ok(self.execute_all(seen.id(), by, at, decide(&seen)?).await?)
    }

    /// The same for who decided on what they had read: none where it is not like that any more.
    async fn execute_as_seen(&self, seen: &Org, by: Author, at: Timestamp, all: Vec<Command>) -> Result<Option<Arc<Org>>, Refused> {
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

    /// What everybody sees of an organization at a facade: made once a second at most while nothing changes, however many look.
    pub fn seen_by_all(&self, org: &Org, now: Timestamp, make: impl FnOnce() -> Answer) -> Answer {
        if let Some((seq, answer)) = self.seen.get(&org.id(), now)
            && seq == org.seq()
        {
            return answer;
        }
        let answer = make();
        self.seen.put(self.seen.ticket(), org.id(), (org.seq(), answer.clone()), now);
        answer
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

    /// Writes an account as it is now, if nobody changed it since it was read.
    pub async fn change_user(&self, mut user: User) -> Result<User, Refused> {
        user.check().map_err(ApiError::from)?;
        user.version += 1;
        let user = self.api.identity.replace_user(user).await.map_err(ApiError::from)?;
        Ok(Arc::unwrap_or_clone(user))
    }

    /// Deletes an account, and ends its sessions. Organizations are left before.
    pub async fn delete_user(&self, id: UserId) -> Result<(), Refused> {
        self.identity().end_sessions(id, None).await.map_err(ApiError::from)?;
        self.store().delete_user(id).await.map_err(ApiError::from)?;
        self.identity().user_changed(id);
        Ok(())
    }

    /// Logs somebody in, who is counted among those who do.
    pub async fn login(&self, email: &str, password: &str, from: ClientHint) -> Result<Session, LoginRefused> {
        let may_try = self.api.edge.limits().check_auth(from.address);
        let session = match may_try {
            Ok(()) => self.identity().login(email, password, from).await,
            Err(RetryAfter(retry_after)) => Err(LoginRefused::Throttled { retry_after }),
        };
        let logins = &self.api.logins;
        if session.is_ok() {
            logins.succeeded.inc()
        } else {
            logins.refused.inc()
        };
        session
    }

    /// Several people at once, as of a moment ago: for those who are shown. Who has no account any more is left out.
    pub async fn people(&self, ids: impl IntoIterator<Item = UserId>) -> Result<People, Refused> {
        let ids: BTreeSet<_> = ids.into_iter().collect();
        let users = futures::stream::iter(ids).map(|id| self.identity().user(id)).buffered(AT_ONCE);
        let users: Vec<_> = users.try_collect().await.map_err(ApiError::from)?;
        Ok(users.into_iter().flatten().map(|user| (user.id, user)).collect())
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
