//! Seeding goes through the same door as everybody, can be repeated, and heals what an earlier run left half done.

#![allow(clippy::unwrap_used)] // tests may

use clap::Parser;
use std::sync::Arc;
use tocsin::seed::{
    Fixture,
    generate::Amount,
    ids::{self, Ids},
    load::{LoadError, Loader, Outcome},
    progress::Told,
};
use tocsin::{cli::Refused, config::SeedArgs};
use tocsin_actors::{
    accounts::password::Verdict,
    clock::SystemClock,
    directory::{Directory, Settings},
    domain::{Author, Command, Edit, IncidentId, Order, Slug, Timestamp, command::ServiceChange, status::ServiceStatus},
    readings::{ReadingStore, Span},
    store::{AccountStore, UserKey},
    testkit::MemoryStore,
};

const NOW: &str = "2026-05-04T09:41:00Z";

struct Installation {
    store: Arc<MemoryStore>,
    directory: Directory,
    loader: Loader,
}

impl Installation {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let directory = Directory::start(store.clone(), Arc::new(SystemClock), Settings::default()).await.unwrap();
        let loader = Loader::new(store.clone(), directory.clone(), NOW.parse().unwrap());
        Self { store, directory, loader }
    }

    async fn seed(&self, fixture: &Fixture) -> Result<Vec<String>, LoadError> {
        let survey = self.loader.survey(fixture).await?;
        let outcomes = self.loader.carry_out(fixture, survey, |_| {}).await?;
        Ok(outcomes.iter().map(|outcome| Told { outcome, dry_run: false }.to_string()).collect())
    }
}

fn demo() -> Fixture {
    Fixture::read("demo.yaml", include_str!("../fixtures/demo.yaml")).unwrap()
}

fn small(more: &str) -> Fixture {
    let source = format!(
        "users:\n  - {{ id: ann, email: ann@acme.example, username: ann, password: secret }}\n\
         organizations:\n  - slug: acme\n    name: Acme\n    members: [{{ user: ann, role: admin }}]\n    services:\n\
         \x20     - {{ id: api, name: API }}\n{more}"
    );
    Fixture::read("small.yaml", &source).unwrap_or_else(|problems| panic!("{problems}"))
}

fn message(error: &LoadError) -> String {
    match error {
        LoadError::Problems(list) => list.iter().map(|p| format!("{}: {}", p.spot.path, p.message)).collect::<Vec<_>>().join("\n"),
        error => error.to_string(),
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_says_so() {
    let at = Installation::new().await;
    assert_eq!(
        at.seed(&demo()).await.unwrap(),
        [
            "kestrel: 12 services, 20 incidents, 7 maintenances, 4 monitors, 5 groups, 3 teams, 5 members: created",
            "fjordlight: 3 services, 1 incident, 1 group, 1 team, 1 member: created"
        ]
    );
    let before = at.store.appended();
    assert_eq!(
        at.seed(&demo()).await.unwrap(),
        [
            "kestrel: 12 services, 20 incidents, 7 maintenances, 4 monitors, 5 groups, 3 teams, 5 members: nothing to do",
            "fjordlight: 3 services, 1 incident, 1 group, 1 team, 1 member: nothing to do"
        ]
    );
    assert_eq!(at.store.appended(), before);
    let ada = at.store.find_user(UserKey::Email("ADA@kestrel.example".to_owned())).await.unwrap().unwrap();
    assert_eq!(ada.password.unwrap().verify("kestrel-admin"), Verdict::Right);
    at.directory.shutdown().await;
}

#[tokio::test]
async fn an_organization_is_stored_in_one_commit() {
    let at = Installation::new().await;
    at.seed(&small("")).await.unwrap();
    assert_eq!(at.store.appended(), 1);
    at.directory.shutdown().await;
}

#[tokio::test]
async fn only_what_is_missing_is_made_and_what_is_there_is_left_alone() {
    let at = Installation::new().await;
    at.seed(&small("")).await.unwrap();
    let acme = Ids::of(&"acme".parse().unwrap());
    let change = Command::ChangeService {
        id: acme.service("api"),
        change: Box::new(ServiceChange { name: Edit::Set("Renamed".to_owned()), ..ServiceChange::default() }),
        status: Edit::Set(ServiceStatus::MajorOutage),
        reason: None,
        unique_name: false,
    };
    let order = Order { by: Author::System, at: NOW.parse().unwrap(), key: None, only_at: None, command: change };
    at.directory.execute(acme.org(), vec![order]).await.unwrap();

    let more = "      - { id: web, name: Web }\n    incidents:\n      - { id: one, title: One, started: now, affected: [api] }\n";
    assert_eq!(at.seed(&small(more)).await.unwrap(), ["acme: 2 services, 1 incident, 1 member: 1 service, 1 incident added"]);
    let org = at.directory.view(acme.org()).await.unwrap();
    let api = &org.services()[&acme.service("api")];
    assert_eq!((api.name.as_str(), api.status), ("Renamed", ServiceStatus::MajorOutage));
    assert_eq!(org.services().len(), 2);
    at.directory.shutdown().await;
}

#[tokio::test]
async fn what_checks_have_found_is_loaded_once() {
    let at = Installation::new().await;
    let found =
        "        readings: [{ at: 1 day ago, until: now, every: 6h, ms: 100, spread: 50 }, { at: 5 minutes ago, up: false }]\n";
    let fixture =
        |found| small(&format!("    monitors:\n      - id: web\n        name: Web\n        url: https://web.example\n{found}"));
    let of = async || {
        let monitor = Ids::of(&"acme".parse().unwrap()).monitor("web");
        let (from, to) = (Timestamp::from_millis(0), NOW.parse::<Timestamp>().unwrap().after(Span::Day.length()));
        at.store.readings(monitor, Span::Check, from, to, 100).await.unwrap()
    };
    at.seed(&fixture("")).await.unwrap();
    assert!(of().await.is_empty());
    assert_eq!(at.seed(&fixture(found)).await.unwrap(), ["acme: 1 service, 1 monitor, 1 member: nothing to do"]);
    let first = of().await;
    let told: Vec<_> = first.iter().map(|one| (one.up, one.answered)).collect();
    assert_eq!(
        told,
        [(1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)],
        "also of a monitor that was there, or whose loading broke off"
    );
    assert!(first.iter().filter(|one| one.answered > 0).all(|one| (50..=150).contains(&one.max_ms)), "{first:?}");
    at.seed(&fixture(found)).await.unwrap();
    assert_eq!(of().await, first);
    at.directory.shutdown().await;
}

#[tokio::test]
async fn an_incident_about_a_service_that_somebody_deleted_names_it_only() {
    let at = Installation::new().await;
    let one = "    incidents:\n      - { id: one, title: One, started: now, affected: [api] }\n";
    at.seed(&small(one)).await.unwrap();
    let acme = Ids::of(&"acme".parse().unwrap());
    let command = Command::DeleteService { id: acme.service("api") };
    at.directory
        .execute(acme.org(), vec![Order { by: Author::System, at: NOW.parse().unwrap(), key: None, only_at: None, command }])
        .await
        .unwrap();
    at.seed(&small(&format!("{one}      - {{ id: two, title: Two, started: now, affected: [api] }}\n"))).await.unwrap();
    let org = at.directory.view(acme.org()).await.unwrap();
    assert!(org.services().is_empty(), "what was deleted stays deleted while it is remembered");
    let id: IncidentId = acme.incident("two");
    assert_eq!((org.incidents()[&id].affected[0].service, org.incidents()[&id].affected[0].name.as_str()), (None, "API"));
    at.directory.shutdown().await;
}

#[tokio::test]
async fn a_run_that_died_between_slug_and_organization_is_healed_by_the_next() {
    let at = Installation::new().await;
    let (slug, now): (Slug, Timestamp) = ("acme".parse().unwrap(), NOW.parse().unwrap());
    at.store.claim_name((&slug).into(), Ids::of(&slug).org(), now).await.unwrap();
    assert_eq!(at.seed(&small("")).await.unwrap(), ["acme: 1 service, 1 member: created"]);
    at.directory.shutdown().await;
}

#[tokio::test]
async fn a_slug_of_somebody_else_is_refused_and_nothing_is_changed() {
    let at = Installation::new().await;
    // Somebody else's organization goes by the name that our fixture wants.
    let other = Fixture::read("o.yaml", "organizations:\n  - { slug: other, name: Other }\n").unwrap();
    at.seed(&other).await.unwrap();
    let (other, now) = (Ids::of(&"other".parse().unwrap()).org(), NOW.parse().unwrap());
    let acme: Slug = "acme".parse().unwrap();
    tocsin_actors::accounts::founding::rename_organization(&*at.store, &at.directory, other, acme, Author::System, now)
        .await
        .unwrap();
    let error = at.seed(&small("")).await.unwrap_err();
    assert_eq!(message(&error), "organizations[0].slug: the slug \"acme\" is in use by another organization");
    assert!(at.store.users(None, 10).await.unwrap().is_empty(), "no user was made either");
    at.directory.shutdown().await;
}

#[tokio::test]
async fn a_domain_of_somebody_else_is_refused_and_one_s_own_is_taken() {
    let at = Installation::new().await;
    let first = Fixture::read("f.yaml", "organizations:\n  - { slug: first, name: First, domain: status.acme.com }\n").unwrap();
    at.seed(&first).await.unwrap();
    let holder = at.store.holder("status.acme.com".parse().unwrap()).await.unwrap();
    assert_eq!(holder.map(|(holder, _)| holder), Some(Ids::of(&"first".parse().unwrap()).org()));
    let second = Fixture::read("s.yaml", "organizations:\n  - { slug: second, name: Second, domain: status.acme.com }\n").unwrap();
    let error = at.seed(&second).await.unwrap_err();
    assert_eq!(message(&error), "organizations[0].domain: the domain \"status.acme.com\" is in use by another organization");
    assert_eq!(at.store.holder("second".parse().unwrap()).await.unwrap(), None, "nothing was claimed either");
    at.directory.shutdown().await;
}

#[tokio::test]
async fn an_existing_user_is_reused_and_never_overwritten() {
    let at = Installation::new().await;
    let source = "users:\n  - { id: x, email: Ann@ACME.example, username: other, password: old }\n";
    at.seed(&Fixture::read("u.yaml", source).unwrap()).await.unwrap();
    at.seed(&small("")).await.unwrap();
    let ann = at.store.find_user(UserKey::Email("ann@acme.example".to_owned())).await.unwrap().unwrap();
    assert_eq!(ann.username.as_deref(), Some("other"));
    assert_eq!(ann.password.unwrap().verify("old"), Verdict::Right);
    let org = at.directory.view(Ids::of(&"acme".parse().unwrap()).org()).await.unwrap();
    assert!(org.members().contains_key(&ids::user("ann@acme.example")));
    at.directory.shutdown().await;
}

#[tokio::test]
async fn a_username_of_somebody_else_is_refused() {
    let at = Installation::new().await;
    let source = "users:\n  - { id: x, email: x@x.example, username: ANN }\n";
    at.seed(&Fixture::read("u.yaml", source).unwrap()).await.unwrap();
    let error = at.seed(&small("")).await.unwrap_err();
    assert_eq!(message(&error), "users[0].username: the username \"ann\" is in use by somebody else");
    at.directory.shutdown().await;
}

#[tokio::test]
async fn what_was_deleted_is_not_made_again() {
    let at = Installation::new().await;
    at.seed(&small("")).await.unwrap();
    let org = Ids::of(&"acme".parse().unwrap()).org();
    let now = NOW.parse().unwrap();
    tocsin_actors::accounts::founding::delete_organization(&*at.store, &at.directory, org, Author::System, now).await.unwrap();
    let error = at.seed(&small("")).await.unwrap_err();
    let expected = "organizations[0].slug: this organization was deleted, and what is deleted stays so; choose another slug";
    assert_eq!(message(&error), expected);
    at.directory.shutdown().await;
}

#[tokio::test]
async fn made_up_organizations_are_the_same_every_time() {
    let amount: Amount = "orgs=6,services=25,incidents=12,days=30,seed=4".parse().unwrap();
    let at = Installation::new().await;
    let loader = at.loader.clone().splitting();
    let mut run = Vec::new();
    for _ in 0..2 {
        let mut outcomes: Vec<Outcome> = Vec::new();
        for n in 0..amount.orgs {
            let fixture = amount.organization(n, None);
            let survey = loader.survey(&fixture).await.unwrap_or_else(|error| panic!("{}", message(&error)));
            outcomes.extend(loader.carry_out(&fixture, survey, |_| {}).await.unwrap());
        }
        run.push((outcomes.iter().filter(|o| o.is_new).count(), outcomes.iter().map(|o| o.orders).sum::<usize>()));
    }
    assert_eq!((run[0].0, run[1]), (6, (0, 0)));
    at.directory.shutdown().await;
}

#[tokio::test]
async fn a_made_up_organization_too_large_for_one_request_comes_in_parts() {
    let amount: Amount = "orgs=1,services=900,incidents=5".parse().unwrap();
    let at = Installation::new().await;
    let fixture = amount.organization(0, None);
    let error = at.loader.survey(&fixture).await.unwrap_err();
    assert!(message(&error).contains("too large to be stored at once"), "a written one must be all or nothing");
    let loader = at.loader.clone().splitting();
    let survey = loader.survey(&fixture).await.unwrap();
    let outcomes = loader.carry_out(&fixture, survey, |_| {}).await.unwrap();
    assert!(outcomes[0].requests > 1);
    assert!(Told { outcome: &outcomes[0], dry_run: false }.to_string().ends_with("because it is too large for one"));
    at.directory.shutdown().await;
}

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    seed: SeedArgs,
}

/// Runs the subcommand as it is typed.
async fn typed(at: &Installation, line: &[&str]) -> Result<(), Refused> {
    let args = Line::try_parse_from(["seed"].iter().chain(line)).unwrap_or_else(|error| panic!("{error}")).seed;
    let done = tocsin::cli::seed::run_on(args, at.store.clone(), at.directory.clone()).await;
    done.map_err(|error| error.downcast().unwrap_or_else(|error| panic!("not for the caller to mend: {error:#}")))
}

#[tokio::test]
async fn a_bad_fixture_among_good_ones_changes_nothing() {
    let at = Installation::new().await;
    let dir = tempfile::tempdir().unwrap();
    let bad = dir.path().join("bad.yaml");
    std::fs::write(&bad, "organizations:\n  - { slug: www, name: Reserved }\n").unwrap();
    let late = dir.path().join("late.yaml");
    std::fs::write(&late, "organizations:\n  - { slug: acme, name: Acme, branding: { accent: red } }\n").unwrap();
    let (bad, late) = (bad.to_str().unwrap(), late.to_str().unwrap());
    for files in [&["fixtures/demo.yaml", bad][..], &["fixtures/demo.yaml", late], &["fixtures/demo.yaml", "fixtures/none.yaml"]] {
        assert!(typed(&at, files).await.is_err(), "{files:?}");
    }
    typed(&at, &["--dry-run", "fixtures/demo.yaml", "--generate", "orgs=2"]).await.unwrap();
    assert_eq!(at.store.appended(), 0);
    assert!(at.store.users(None, 10).await.unwrap().is_empty());
    for _ in 0..2 {
        typed(&at, &["--quiet", "fixtures/prisma.yaml", "--generate", "orgs=3,services=2"]).await.unwrap();
        assert_eq!(at.store.appended(), 4);
    }
    assert!(Line::try_parse_from(["seed"]).is_err(), "there must be something to load");
    at.directory.shutdown().await;
}

#[test]
fn an_amount_is_checked() {
    for (text, expected) in [
        ("orgs", "\"orgs\" is not of the form name=value"),
        ("orgs=0", "orgs must be a number from 1 to 1000000"),
        ("services=9999", "services must be a number from 0 to 2000"),
        ("users=1", "\"users\" is not one of orgs, services, incidents, days, seed, password"),
    ] {
        assert_eq!(text.parse::<Amount>().unwrap_err(), expected);
    }
}
