//! Which organization has which name: all of them in memory, so that whoever guesses names at full speed asks nobody but us,
//! and who knows one is served while the store is away.
//!
//! What is remembered is believed only when the organization itself still says so. What this process gives and takes it
//! knows at once. Another one may write to the same database, so what is new there is read every half minute, and when
//! somebody asks for a name that nobody has, but not again before `EVERY`.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};
use tocsin_actors::{
    accounts::founding::CLAIM_HOLDS_FOR,
    clock::Clock,
    directory::Directory,
    domain::{Domain, Org, OrgId, Slug, Timestamp},
    org::OrgError,
    store::{NameClaim, Store, StoreError},
};
use tokio::sync::Mutex;
use tracing::{info, warn};

/// How long what is new elsewhere may stay unknown here. As long as a page may be kept by caches in between.
const EVERY: Duration = Duration::from_secs(5);

/// How long somebody waits for what is new. A healthy store answers in milliseconds; one that is away keeps nobody waiting
/// for an answer that will most likely be "there is no such page".
const PATIENCE: Duration = Duration::from_secs(1);

/// How many names are read at once: a tenth of a megabyte.
const PAGE: usize = 1_000;

/// All names, shared by everybody who asks.
#[derive(Clone)]
pub struct Names(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    directory: Directory,
    clock: Arc<dyn Clock>,
    known: RwLock<Known>,
    turn: Arc<Mutex<Turn>>,
}

/// A name with its organization costs 110 to 155 bytes here (measured with a hundred thousand and with a million), and asking
/// for one that is nobody's less than two microseconds. Reading a hundred thousand of them at the start takes less than half a
/// second from a file and one and a half from MongoDB (measured without optimization).
#[derive(Default)]
struct Known {
    names: HashMap<Box<str>, OrgId>,
    orgs: HashSet<OrgId>,
    /// Everything was read once: what is not here is nobody's, as far as anybody can say.
    complete: bool,
}

/// Held by whoever reads.
#[derive(Default)]
struct Turn {
    /// When the last reading that somebody caused ended, however it did.
    ended: Option<Timestamp>,
    /// What was claimed before this is known.
    since: Option<Timestamp>,
}

impl Names {
    /// Reads all names. When they cannot be read, that is tried again when somebody asks for one.
    pub async fn start(store: Arc<dyn Store>, directory: Directory, clock: Arc<dyn Clock>) -> Self {
        let names = Self(Arc::new(Inner { store, directory, clock, known: RwLock::default(), turn: Arc::default() }));
        match names.read(&mut *names.0.turn.lock().await).await {
            Ok(()) => info!(names = names.known().names.len(), "all names are in memory"),
            Err(error) => warn!(%error, "the names of organizations cannot be read, trying again when one is asked for"),
        }
        names
    }

    /// Who has a name (a slug, or a domain in lower case), as far as that is known here. Asks nobody, not even the
    /// organization, which may go by another name by now: for who can serve what it was, while nobody can say what it is.
    pub fn id_of(&self, name: &str) -> Option<OrgId> {
        self.known().names.get(name).copied()
    }

    /// Whether anybody has this id, as far as that is known here.
    pub fn knows(&self, id: OrgId) -> bool {
        self.known().orgs.contains(&id)
    }

    /// The organization with this slug.
    pub async fn find_slug(&self, slug: &str) -> Result<Option<OrgId>, OrgError> {
        if slug.parse::<Slug>().is_ok() { self.find(slug).await } else { Ok(None) }
    }

    /// The organization with the domain that a `Host` header means.
    pub async fn find_domain(&self, host: &str) -> Result<Option<OrgId>, OrgError> {
        match Domain::of_host(host) {
            Ok(domain) => self.find(domain.as_str()).await,
            Err(_) => Ok(None),
        }
    }

    /// The organization with this id, if it has any name: whoever guesses ids is told as cheaply as who guesses names.
    pub async fn find_id(&self, id: OrgId) -> Result<Option<OrgId>, OrgError> {
        if !self.knows(id) {
            self.refresh().await;
        }
        self.answer(self.knows(id).then_some(id))
    }

    /// What an organization is called from now on, after this process changed it.
    pub fn learn(&self, before: Option<&Org>, now: &Org) {
        let [before, now_named] = [before, Some(now)].map(|org| org.and_then(Org::organization));
        let mut known = self.known_mut();
        for name in before.into_iter().flat_map(|before| before.names()) {
            if known.names.get(name.as_str()) == Some(&now.id()) && now_named.is_none_or(|now| !now.goes_by(name.as_str())) {
                known.names.remove(name.as_str());
            }
        }
        match now_named {
            Some(organization) => organization.names().for_each(|name| known.insert(name.as_str(), now.id())),
            None => drop(known.orgs.remove(&now.id())),
        }
    }

    async fn find(&self, name: &str) -> Result<Option<OrgId>, OrgError> {
        if let Some(id) = self.confirmed(name).await? {
            return Ok(Some(id));
        }
        self.refresh().await;
        let found = self.confirmed(name).await?;
        self.answer(found)
    }

    /// Who has a name and says so too. Claimed names, that nobody goes by yet or any more, are nobody's.
    async fn confirmed(&self, name: &str) -> Result<Option<OrgId>, OrgError> {
        let Some(id) = self.id_of(name) else { return Ok(None) };
        let view = self.0.directory.view(id).await?;
        Ok(view.organization().is_some_and(|now| now.goes_by(name)).then_some(id))
    }

    fn answer(&self, found: Option<OrgId>) -> Result<Option<OrgId>, OrgError> {
        if found.is_none() && !self.known().complete {
            let reason = "the names of organizations have not been read yet".to_owned();
            return Err(OrgError::Unavailable { reason, retry_after: EVERY });
        }
        Ok(found)
    }

    /// Reads what is new and waits for it a while, unless that was done not long ago or is being done. It is done to the end
    /// also when nobody waits any more, so that nobody can keep it from being done by hanging up.
    pub(super) async fn refresh(&self) {
        let Ok(mut turn) = self.0.turn.clone().try_lock_owned() else { return };
        // However the clock was set meanwhile.
        if turn.ended.is_some_and(|ended| u128::from(self.0.clock.now().since(ended).unsigned_abs()) < EVERY.as_millis()) {
            return;
        }
        let this = self.clone();
        let reading = tokio::spawn(async move {
            let read = this.read(&mut turn).await;
            turn.ended = Some(this.0.clock.now());
            if let Err(error) = read {
                warn!(%error, "new names of organizations cannot be read, going on with those that are known");
            }
        });
        let _ = tokio::time::timeout(PATIENCE, reading).await;
    }

    /// Reads what was claimed since the last time, or everything.
    async fn read(&self, turn: &mut Turn) -> Result<(), StoreError> {
        let began = self.0.clock.now();
        self.pages(turn.since).await?;
        self.known_mut().complete = true;
        // A claim carries the time of whoever made it, and may be on its way for a while.
        turn.since = Some(began.before(CLAIM_HOLDS_FOR));
        Ok(())
    }

    async fn pages(&self, since: Option<Timestamp>) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.0.store.names(since, after, PAGE).await?;
            let mut known = self.known_mut();
            page.iter().for_each(|NameClaim { name, org, .. }| known.insert(name.as_str(), *org));
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.name.clone()),
                _ => return Ok(()),
            }
        }
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn insert(&mut self, name: &str, org: OrgId) {
        self.orgs.insert(org);
        match self.names.get_mut(name) {
            Some(known) => *known = org,
            None => drop(self.names.insert(name.into(), org)),
        }
    }
}
