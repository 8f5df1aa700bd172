//! Whoever guesses names asks nobody but us; who knows one is served while the store is away; and what another process named
//! is found.

#![allow(clippy::unwrap_used)] // tests may

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use tocsin::http::Names;
use tocsin_actors::{
    accounts::founding::{change_organization, found_organization, rename_organization},
    clock::Clock,
    directory::{Directory, Settings},
    domain::{Author, Command, Edit, OrgId, Timestamp, command::OrganizationChange},
    org::OrgError,
    store::AccountStore,
    testkit::{Call, FailingStore, Fault, MemoryStore, Rule, builders::*},
};

/// A clock that goes when it is told to.
#[derive(Default)]
struct Hands(AtomicI64);

impl Hands {
    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::Relaxed))
    }
}

/// A process with the names, over a store that others may share.
struct Process {
    store: Arc<FailingStore>,
    directory: Directory,
    clock: Arc<Hands>,
    names: Names,
}

impl Process {
    async fn start(shared: &Arc<MemoryStore>) -> Self {
        Self::start_on(FailingStore::new(shared.clone())).await
    }

    async fn start_on(store: Arc<FailingStore>) -> Self {
        let clock = Arc::new(Hands::default());
        let directory = Directory::start(store.clone(), clock.clone(), Settings::default()).await.unwrap();
        let names = Names::start(store.clone(), directory.clone(), clock.clone()).await;
        Self { store, directory, clock, names }
    }

    async fn found(&self, n: u64) {
        found_organization(&*self.store, &self.directory, new_organization(n), Author::System, self.clock.now(), None)
            .await
            .unwrap();
    }

    async fn rename(&self, n: u64, slug: &str) {
        let at = self.clock.now();
        rename_organization(&*self.store, &self.directory, org(n), slug.parse().unwrap(), Author::System, at).await.unwrap();
    }

    async fn set_domain(&self, n: u64, domain: Option<&str>) {
        let domain = Edit::Set(domain.map(|domain| domain.parse().unwrap()));
        let change = Command::ChangeOrganization(Box::new(OrganizationChange { domain, ..OrganizationChange::default() }));
        change_organization(&*self.store, &self.directory, org(n), order(change).at(self.clock.0.load(Ordering::Relaxed)))
            .await
            .unwrap();
    }

    async fn slug(&self, slug: &str) -> Option<OrgId> {
        self.names.find_slug(slug).await.unwrap()
    }

    async fn domain(&self, host: &str) -> Option<OrgId> {
        self.names.find_domain(host).await.unwrap()
    }

    /// How often the store was asked anything that names could be asked for.
    fn reads(&self) -> (u64, u64) {
        let other = [Call::Holder, Call::Load, Call::CommitsAfter].map(|call| self.store.calls(call));
        (self.store.calls(Call::Names), other.iter().sum())
    }
}

#[tokio::test]
async fn ten_thousand_unknown_names_ask_the_store_once() {
    let here = Process::start(&Arc::new(MemoryStore::new())).await;
    here.found(1).await;
    let (names, other) = here.reads();
    for n in 0..10_000 {
        assert_eq!(here.slug(&format!("guess-{n}")).await, None);
        assert_eq!(here.domain(&format!("guess-{n}.example")).await, None);
        assert_eq!(here.names.find_id(org(1_000 + n)).await.unwrap(), None);
        assert_eq!(here.slug("no slug").await, None);
        assert_eq!(here.domain("127.0.0.1:8080").await, None);
    }
    assert_eq!(here.reads(), (names + 1, other));
    // And once more every five seconds.
    for _ in 0..10 {
        here.clock.advance(1);
        assert_eq!(here.slug("guess").await, None);
    }
    assert_eq!(here.reads(), (names + 3, other));
}

#[tokio::test]
async fn only_what_is_new_is_read_again() {
    let shared = Arc::new(MemoryStore::new());
    let there = Process::start(&shared).await;
    for n in 1..=2_500 {
        shared.claim_name(format!("name-{n}").parse().unwrap(), org(n), at(-100)).await.unwrap();
    }
    let here = Process::start(&shared).await;
    assert_eq!(here.reads().0, 3, "all of them, in pages");
    for clock in [&here.clock, &there.clock] {
        clock.advance(3_600);
    }
    assert_eq!(here.slug("guess").await, None);
    here.clock.advance(5);
    there.found(3_000).await;
    assert_eq!(here.slug("org-3000").await, Some(org(3_000)));
    assert_eq!(here.reads().0, 5);
    assert_eq!(here.names.id_of("name-2500"), Some(org(2_500)), "claimed by somebody who never came");
    assert_eq!(here.slug("name-2500").await, None);
}

#[tokio::test]
async fn what_another_process_names_is_found_here() {
    let shared = Arc::new(MemoryStore::new());
    let (here, there) = (Process::start(&shared).await, Process::start(&shared).await);
    there.found(1).await;
    assert_eq!(here.slug("org-1").await, Some(org(1)), "at once, when nobody asked before");
    there.found(2).await;
    there.set_domain(2, Some("status.two.com")).await;
    assert_eq!(here.slug("org-2").await, None, "not asked for again so soon");
    here.clock.advance(5);
    assert_eq!(here.slug("org-2").await, Some(org(2)));
    assert_eq!(here.domain("Status.TWO.com:443").await, Some(org(2)));
    assert_eq!(here.names.find_id(org(2)).await.unwrap(), Some(org(2)));
    assert_eq!(here.slug("status.two.com").await, None, "a domain is no slug");
}

#[tokio::test]
async fn a_name_that_was_given_up_leads_to_who_has_it_now() {
    let shared = Arc::new(MemoryStore::new());
    let (here, there) = (Process::start(&shared).await, Process::start(&shared).await);
    there.found(1).await;
    there.set_domain(1, Some("status.acme.com")).await;
    there.rename(1, "better").await;
    // Looked at here only now: a view that is behind is another matter.
    there.found(2).await;
    there.rename(2, "org-1").await;
    there.set_domain(1, None).await;
    there.set_domain(2, Some("status.acme.com")).await;
    assert_eq!(here.slug("org-1").await, Some(org(2)));
    assert_eq!(here.slug("better").await, Some(org(1)));
    assert_eq!(here.domain("status.acme.com").await, Some(org(2)));
    assert_eq!(here.slug("org-2").await, None);

    // What this process does itself it knows without asking.
    let reads = here.reads().0;
    let before = here.directory.view(org(1)).await.unwrap();
    here.rename(1, "best").await;
    here.names.learn(Some(&before), &here.directory.view(org(1)).await.unwrap());
    assert_eq!((here.slug("best").await, here.names.id_of("better")), (Some(org(1)), None));
    assert_eq!(here.reads().0, reads);
}

#[tokio::test]
async fn known_names_are_found_while_the_store_is_away_and_others_are_nobody_s() {
    let shared = Arc::new(MemoryStore::new());
    let there = Process::start(&shared).await;
    there.found(1).await;
    there.found(2).await;
    let here = Process::start(&shared).await;
    assert_eq!(here.slug("org-1").await, Some(org(1)), "awake from now on");
    for call in [Call::Names, Call::Load, Call::Holder, Call::CommitsAfter] {
        here.store.fail(Rule::new(call, Fault::Unavailable).always());
    }
    assert_eq!(here.slug("org-1").await, Some(org(1)));
    assert_eq!(here.slug("guess").await, None);
    // Asleep: it cannot be asked, but who kept something of it knows whose it is.
    assert!(matches!(here.names.find_slug("org-2").await, Err(OrgError::Unavailable { .. })));
    assert_eq!(here.names.id_of("org-2"), Some(org(2)));
    here.store.heal();
    there.found(3).await;
    here.clock.advance(5);
    assert_eq!(here.slug("org-3").await, Some(org(3)), "nothing was missed meanwhile");
}

#[tokio::test]
async fn who_starts_while_the_store_is_away_says_that_it_cannot_know() {
    let shared = Arc::new(MemoryStore::new());
    Process::start(&shared).await.found(1).await;
    let store = FailingStore::new(shared);
    store.fail(Rule::new(Call::Names, Fault::Unavailable).always());
    let here = Process::start_on(store).await;
    assert!(matches!(here.names.find_slug("org-1").await, Err(OrgError::Unavailable { .. })));
    assert!(matches!(here.names.find_id(org(1)).await, Err(OrgError::Unavailable { .. })));
    assert_eq!(here.names.id_of("org-1"), None);
    here.store.heal();
    here.clock.advance(5);
    assert_eq!(here.slug("org-1").await, Some(org(1)));
    assert_eq!(here.slug("guess").await, None);
}

#[tokio::test]
async fn nobody_waits_long_for_a_store_that_hangs() {
    let here = Process::start(&Arc::new(MemoryStore::new())).await;
    here.store.fail(Rule::new(Call::Names, Fault::Hang).always());
    let began = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(here.slug("guess").await, None);
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(here.reads().0, 2, "one that hangs is enough");
    here.store.heal();
    here.store.release();
}
