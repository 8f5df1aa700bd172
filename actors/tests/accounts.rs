//! Slugs, organizations and logins, over a store in memory.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use support::TestClock;
use tocsin_actors::{
    accounts::{
        User,
        founding::{FoundingError, claim_slug, delete_organization, found_organization, rename_organization},
        login::{LoginError, login},
        password::PasswordHash,
    },
    directory::{Directory, Settings},
    domain::{Author, command::NewOrganization},
    store::{AccountError, AccountStore, UserKey},
    testkit::{MemoryStore, builders::*},
};

async fn world() -> (Arc<MemoryStore>, Directory) {
    let store = Arc::new(MemoryStore::new());
    let directory = Directory::start(store.clone(), TestClock::new(), Settings::default()).await.unwrap();
    (store, directory)
}

#[tokio::test]
async fn two_organizations_cannot_have_one_slug() {
    let (store, directory) = world().await;
    found_organization(&*store, &directory, new_organization(1), Author::System, start(), None).await.unwrap();
    let mut second = new_organization(2);
    second.slug = new_organization(1).slug;
    let answer = found_organization(&*store, &directory, second, Author::System, at(3_600), None).await;
    assert_eq!(answer, Err(FoundingError::Account(AccountError::SlugTaken)));
    assert!(directory.view(org(2)).await.unwrap().organization().is_none());
}

#[tokio::test]
async fn a_slug_whose_claimant_died_before_creating_anything_is_free_after_a_while() {
    let (store, directory) = world().await;
    let slug = new_organization(1).slug;
    claim_slug(&*store, &directory, &slug, org(9), start()).await.unwrap();
    let too_soon = found_organization(&*store, &directory, new_organization(1), Author::System, at(30), None).await;
    assert_eq!(too_soon, Err(FoundingError::Account(AccountError::SlugTaken)));
    found_organization(&*store, &directory, new_organization(1), Author::System, at(61), None).await.unwrap();
    assert_eq!(store.slug(slug).await.unwrap().unwrap().0, org(1));
}

#[tokio::test]
async fn a_refused_organization_gives_its_slug_back() {
    let (store, directory) = world().await;
    let mut bad = new_organization(1);
    bad.name = String::new();
    let slug = bad.slug.clone();
    let answer = found_organization(&*store, &directory, bad, Author::System, start(), None).await;
    assert!(matches!(answer, Err(FoundingError::Org(_))), "{answer:?}");
    assert_eq!(store.slug(slug).await.unwrap(), None);
}

#[tokio::test]
async fn a_renamed_or_deleted_organization_frees_its_old_slug() {
    let (store, directory) = world().await;
    let old = new_organization(1).slug;
    found_organization(&*store, &directory, new_organization(1), Author::System, start(), None).await.unwrap();
    let new: tocsin_actors::domain::Slug = "better".parse().unwrap();
    rename_organization(&*store, &directory, org(1), new.clone(), Author::System, at(1)).await.unwrap();
    assert_eq!(store.slug(old).await.unwrap(), None);
    assert_eq!(directory.view(org(1)).await.unwrap().organization().unwrap().slug, new);
    delete_organization(&*store, &directory, org(1), Author::System, at(2)).await.unwrap();
    assert_eq!(store.slug(new).await.unwrap(), None);
    assert!(directory.view(org(1)).await.unwrap().organization().is_none());
}

#[tokio::test]
async fn a_slug_that_was_taken_through_another_server_is_not_given_away() {
    let (store, here) = world().await;
    let there = Directory::start(store.clone(), TestClock::new(), Settings::default()).await.unwrap();
    found_organization(&*store, &here, new_organization(1), Author::System, start(), None).await.unwrap();
    assert!(here.view(org(1)).await.is_ok(), "seen here before it gets its new name there");
    let new: tocsin_actors::domain::Slug = "better".parse().unwrap();
    rename_organization(&*store, &there, org(1), new.clone(), Author::System, at(1)).await.unwrap();
    let mut second = new_organization(2);
    second.slug = new.clone();
    let answer = found_organization(&*store, &here, second, Author::System, at(3_600), None).await;
    assert_eq!(answer, Err(FoundingError::Account(AccountError::SlugTaken)));
    assert_eq!(store.slug(new).await.unwrap().unwrap().0, org(1));
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
    assert_eq!(store.slug(new_organization(1).slug).await.unwrap().unwrap().0, org(1));
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
