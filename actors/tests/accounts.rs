//! Names, organizations and logins, over a store in memory.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use futures::future::join_all;
use std::sync::Arc;
use support::TestClock;
use tocsin_actors::{
    accounts::{
        User,
        founding::{FoundingError, change_organization, claim_name, delete_organization, found_organization, rename_organization},
        login::{LoginError, login},
        password::PasswordHash,
    },
    directory::{Directory, Settings},
    domain::{
        Author, Command, Domain, Edit, Name, Order, Receipt, Slug,
        command::{NewOrganization, OrganizationChange},
    },
    store::{AccountError, AccountStore, UserKey},
    testkit::{MemoryStore, builders::*},
};

fn taken(name: impl Into<Name>) -> Result<Receipt, FoundingError> {
    Err(FoundingError::Account(AccountError::NameTaken(name.into())))
}

fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

/// An order that changes slug and domain.
fn renaming(slug: Edit<Slug>, domain: Edit<Option<Domain>>) -> Order {
    order(Command::ChangeOrganization(Box::new(OrganizationChange { slug, domain, ..OrganizationChange::default() })))
}

async fn world() -> (Arc<MemoryStore>, Directory) {
    let store = Arc::new(MemoryStore::new());
    let directory = Directory::start(store.clone(), TestClock::new(), Settings::default()).await.unwrap();
    (store, directory)
}

#[tokio::test]
async fn two_organizations_cannot_have_one_slug() {
    let (store, directory) = world().await;
    found_organization(&*store, &directory, new_organization(1), Author::System, start(), None).await.unwrap();
    let slug = new_organization(1).slug;
    let second = NewOrganization { slug: slug.clone(), ..new_organization(2) };
    let answer = found_organization(&*store, &directory, second, Author::System, at(3_600), None).await;
    assert_eq!(answer, taken(&slug));
    assert!(directory.view(org(2)).await.unwrap().organization().is_none());
}

#[tokio::test]
async fn a_slug_whose_claimant_died_before_creating_anything_is_free_after_a_while() {
    let (store, directory) = world().await;
    let slug = new_organization(1).slug;
    claim_name(&*store, &directory, &(&slug).into(), org(9), start()).await.unwrap();
    let too_soon = found_organization(&*store, &directory, new_organization(1), Author::System, at(30), None).await;
    assert_eq!(too_soon, taken(&slug));
    found_organization(&*store, &directory, new_organization(1), Author::System, at(61), None).await.unwrap();
    assert_eq!(store.holder((&slug).into()).await.unwrap().unwrap().0, org(1));
}

#[tokio::test]
async fn a_refused_organization_gives_its_slug_back() {
    let (store, directory) = world().await;
    let mut bad = new_organization(1);
    bad.name = String::new();
    let slug = bad.slug.clone();
    let answer = found_organization(&*store, &directory, bad, Author::System, start(), None).await;
    assert!(matches!(answer, Err(FoundingError::Org(_))), "{answer:?}");
    assert_eq!(store.holder((&slug).into()).await.unwrap(), None);
}

#[tokio::test]
async fn a_renamed_or_deleted_organization_frees_its_old_slug() {
    let (store, directory) = world().await;
    let old = new_organization(1).slug;
    found_organization(&*store, &directory, new_organization(1), Author::System, start(), None).await.unwrap();
    let new: Slug = "better".parse().unwrap();
    rename_organization(&*store, &directory, org(1), new.clone(), Author::System, at(1)).await.unwrap();
    assert_eq!(store.holder((&old).into()).await.unwrap(), None);
    assert_eq!(directory.view(org(1)).await.unwrap().organization().unwrap().slug, new);
    delete_organization(&*store, &directory, org(1), Author::System, at(2)).await.unwrap();
    assert_eq!(store.holder((&new).into()).await.unwrap(), None);
    assert!(directory.view(org(1)).await.unwrap().organization().is_none());
}

#[tokio::test]
async fn a_slug_that_was_taken_through_another_server_is_not_given_away() {
    let (store, here) = world().await;
    let there = Directory::start(store.clone(), TestClock::new(), Settings::default()).await.unwrap();
    found_organization(&*store, &here, new_organization(1), Author::System, start(), None).await.unwrap();
    assert!(here.view(org(1)).await.is_ok(), "seen here before it gets its new name there");
    let new: Slug = "better".parse().unwrap();
    rename_organization(&*store, &there, org(1), new.clone(), Author::System, at(1)).await.unwrap();
    let mut second = new_organization(2);
    second.slug = new.clone();
    let answer = found_organization(&*store, &here, second, Author::System, at(3_600), None).await;
    assert_eq!(answer, taken(&new));
    assert_eq!(store.holder((&new).into()).await.unwrap().unwrap().0, org(1));
}

#[tokio::test]
async fn a_refusal_by_a_server_that_is_behind_does_not_take_the_slug_from_a_living_organization() {
    let (store, here) = world().await;
    let there = Directory::start(store.clone(), TestClock::new(), Settings::default()).await.unwrap();
    assert!(here.view(org(1)).await.unwrap().organization().is_none(), "looked up here before it is made there");
    found_organization(&*store, &there, new_organization(1), Author::System, start(), None).await.unwrap();
    let bad = NewOrganization { name: String::new(), ..new_organization(1) };
    let answer = found_organization(&*store, &here, bad, Author::System, at(1), None).await;
    assert!(matches!(answer, Err(FoundingError::Org(_))), "{answer:?}");
    assert_eq!(store.holder((&new_organization(1).slug).into()).await.unwrap().unwrap().0, org(1));
}

#[tokio::test]
async fn a_domain_belongs_to_one_organization_until_it_is_given_up() {
    let (store, directory) = world().await;
    let ours = domain("status.acme.com");
    let first = NewOrganization { domain: Some(ours.clone()), ..new_organization(1) };
    found_organization(&*store, &directory, first, Author::System, start(), None).await.unwrap();
    let second = NewOrganization { domain: Some(ours.clone()), ..new_organization(2) };
    let answer = found_organization(&*store, &directory, second, Author::System, at(3_600), None).await;
    assert_eq!(answer, taken(&ours));
    assert_eq!(store.holder((&new_organization(2).slug).into()).await.unwrap(), None, "who is refused leaves nothing");

    found_organization(&*store, &directory, new_organization(2), Author::System, at(3_600), None).await.unwrap();
    let (free, theirs) = ("free".parse::<Slug>().unwrap(), domain("status.other.com"));
    let both = renaming(Edit::Set(free.clone()), Edit::Set(Some(ours.clone()))).at(3_601);
    assert_eq!(change_organization(&*store, &directory, org(2), both).await, taken(&ours));
    assert_eq!(store.holder((&free).into()).await.unwrap(), None);
    for (slug, domain) in [(Edit::Keep, Some(&theirs)), (Edit::Set(free.clone()), Some(&ours)), (Edit::Keep, None)] {
        // Given up by the first one in between.
        change_organization(&*store, &directory, org(1), renaming(Edit::Keep, Edit::Set(None)).at(3_602)).await.unwrap();
        let change = renaming(slug, Edit::Set(domain.cloned())).at(3_603);
        change_organization(&*store, &directory, org(2), change).await.unwrap();
        for one in [&theirs, &ours] {
            let holder = store.holder(one.into()).await.unwrap().map(|(holder, _)| holder);
            assert_eq!(holder, (domain == Some(one)).then(|| org(2)), "{one}");
        }
    }
    assert_eq!(store.holder((&free).into()).await.unwrap().unwrap().0, org(2), "a change of the domain leaves the slug alone");

    change_organization(&*store, &directory, org(1), renaming(Edit::Keep, Edit::Set(Some(ours.clone()))).at(3_604)).await.unwrap();
    delete_organization(&*store, &directory, org(1), Author::System, at(3_605)).await.unwrap();
    assert_eq!(store.holder((&ours).into()).await.unwrap(), None);
}

#[tokio::test]
async fn of_organizations_that_want_one_domain_at_once_one_has_it() {
    let (store, directory) = world().await;
    let wanted = domain("status.acme.com");
    for n in 1..=8 {
        found_organization(&*store, &directory, new_organization(n), Author::System, start(), None).await.unwrap();
    }
    let change = || renaming(Edit::Keep, Edit::Set(Some(wanted.clone()))).at(1);
    let answers = join_all((1..=8).map(|n| change_organization(&*store, &directory, org(n), change()))).await;
    let (won, lost): (Vec<_>, Vec<_>) = (1..).zip(answers).partition(|(_, answer)| answer.is_ok());
    assert_eq!((won.len(), lost.len()), (1, 7));
    assert!(lost.into_iter().all(|(_, answer)| answer == taken(&wanted)));
    assert_eq!(store.holder((&wanted).into()).await.unwrap().unwrap().0, org(won[0].0));
    for n in 1..=8 {
        let view = directory.view(org(n)).await.unwrap();
        assert_eq!(view.organization().unwrap().domain.is_some(), n == won[0].0);
    }
}

#[tokio::test]
async fn a_domain_that_was_claimed_by_somebody_who_died_before_having_it_is_free_after_a_while() {
    let (store, directory) = world().await;
    let wanted = domain("status.acme.com");
    for n in 1..=2 {
        found_organization(&*store, &directory, new_organization(n), Author::System, start(), None).await.unwrap();
    }
    claim_name(&*store, &directory, &(&wanted).into(), org(1), start()).await.unwrap(); // and the server dies
    let change = || renaming(Edit::Keep, Edit::Set(Some(wanted.clone())));
    assert_eq!(change_organization(&*store, &directory, org(2), change().at(30)).await, taken(&wanted));
    change_organization(&*store, &directory, org(2), change().at(61)).await.unwrap();
    assert_eq!(store.holder((&wanted).into()).await.unwrap().unwrap().0, org(2));
    // Whoever claimed it first goes by its own name still, and may try again.
    assert_eq!(change_organization(&*store, &directory, org(1), change().at(62)).await, taken(&wanted));
}

#[tokio::test]
async fn an_imported_password_is_upgraded_at_the_next_login() {
    let (store, _) = world().await;
    let imported = PasswordHash::import(&bcrypt::hash("old secret", 4).unwrap()).unwrap();
    store.create_user(User { password: Some(imported.clone()), ..person(1) }).await.unwrap();
    let email = person(1).email.to_uppercase();
    assert_eq!(login(&*store, &email, "guess", at(1)).await, Err(LoginError::Wrong));
    login(&*store, &email, "old secret", at(1)).await.unwrap();
    let upgraded = store.find_user(UserKey::Email(email.clone())).await.unwrap().unwrap();
    assert_ne!(upgraded.password, Some(imported));
    assert_eq!(upgraded.version, 2);
    login(&*store, &email, "old secret", at(2)).await.unwrap();
}

#[tokio::test]
async fn nobody_learns_from_a_login_who_has_an_account() {
    let (store, _) = world().await;
    store.create_user(person(1)).await.unwrap(); // comes from an identity provider: no password
    store.create_user(User { password: Some(PasswordHash::new("secret")), active: false, ..person(2) }).await.unwrap();
    for (email, password) in [("nobody@example.org", "x"), (&*person(1).email, "x"), (&*person(2).email, "x")] {
        assert_eq!(login(&*store, email, password, start()).await, Err(LoginError::Wrong), "{email}");
    }
    assert_eq!(login(&*store, &person(2).email, "secret", start()).await, Err(LoginError::Inactive));
}
