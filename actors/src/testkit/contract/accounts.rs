//! Promises about users, names and numbers.

use super::{super::builders::*, Fixture};
use crate::{
    accounts::{ExternalIdentity, User},
    domain::{Name, entities::Scalar},
    store::{AccountError, UserKey},
};
use futures::future::join_all;

fn email(text: &str) -> UserKey {
    UserKey::Email(text.into())
}
fn username(text: &str) -> UserKey {
    UserKey::Username(text.into())
}
fn identity(subject: &str) -> ExternalIdentity {
    ExternalIdentity { issuer: "https://id.example.org".into(), subject: subject.into() }
}
fn external(subject: &str) -> UserKey {
    let ExternalIdentity { issuer, subject } = identity(subject);
    UserKey::External { issuer, subject }
}
fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// With every field.
pub async fn a_user_comes_back_by_every_key(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let metadata = [("score".to_owned(), Scalar::Int(3)), ("color".to_owned(), Scalar::Text("red".into()))];
    let ann = User { external: vec![identity("a"), identity("b")], metadata: metadata.into(), superadmin: true, ..person(1) };
    store.create_user(ann.clone()).await.unwrap();
    store.create_user(User { username: None, ..person(2) }).await.unwrap();
    store.create_user(User { username: None, ..person(3) }).await.unwrap();
    assert_eq!(store.user(user(1)).await.unwrap(), Some(ann.clone()));
    for key in [email("person-1@EXAMPLE.org"), email(" Person-1@example.org "), username("PERSON-1"), external("a"), external("b")]
    {
        assert_eq!(store.find_user(key.clone()).await.unwrap(), Some(ann.clone()), "{key:?}");
    }
    let other_issuer = UserKey::External { issuer: "https://other.example.org".into(), subject: "a".into() };
    for key in [email("person-9@example.org"), username("person-2"), username(""), external("A"), other_issuer] {
        assert_eq!(store.find_user(key.clone()).await.unwrap(), None, "{key:?}");
    }
    assert_eq!(store.user(user(9)).await.unwrap(), None);
}

/// Addresses and usernames, each on their own.
pub async fn names_are_unique_whatever_the_case(fixture: &impl Fixture) {
    let store = fixture.open().await;
    store.create_user(person(1)).await.unwrap();
    let taken = User { email: "PERSON-1@example.ORG".into(), ..person(2) };
    assert_eq!(store.create_user(taken).await, Err(AccountError::EmailTaken));
    let taken = User { username: Some("pERSON-1".into()), ..person(2) };
    assert_eq!(store.create_user(taken).await, Err(AccountError::UsernameTaken));
    let taken = User { email: "other@example.org".into(), username: None, ..person(1) };
    assert_eq!(store.create_user(taken).await, Err(AccountError::IdTaken));
    assert_eq!(store.user(user(2)).await.unwrap(), None, "a refused user leaves nothing");
    assert_eq!(store.user(user(1)).await.unwrap(), Some(person(1)));
    // What a refused user asked for is free.
    store.create_user(person(2)).await.unwrap();
    // An address may be somebody else's username.
    store.create_user(User { username: Some(person(1).email), ..person(3) }).await.unwrap();
    let taken = User { version: 2, email: person(1).email, ..person(2) };
    assert_eq!(store.replace_user(taken).await, Err(AccountError::EmailTaken));
    let taken = User { version: 2, username: person(1).username, ..person(2) };
    assert_eq!(store.replace_user(taken).await, Err(AccountError::UsernameTaken));
    assert_eq!(store.user(user(2)).await.unwrap(), Some(person(2)));
}

/// However many it has.
pub async fn an_external_identity_belongs_to_one_user(fixture: &impl Fixture) {
    let store = fixture.open().await;
    store.create_user(User { external: vec![identity("a"), identity("b")], ..person(1) }).await.unwrap();
    let taken = User { external: vec![identity("c"), identity("b")], ..person(2) };
    assert_eq!(store.create_user(taken).await, Err(AccountError::IdentityTaken));
    let free = User { external: vec![identity("c")], ..person(2) };
    store.create_user(free.clone()).await.unwrap();
    let taken = User { version: 2, external: vec![identity("a")], ..person(2) };
    assert_eq!(store.replace_user(taken).await, Err(AccountError::IdentityTaken));
    assert_eq!(store.find_user(external("c")).await.unwrap(), Some(free));
}

/// Not an older one, not one that jumps, and nobody who is gone.
pub async fn only_the_next_version_replaces_a_user(fixture: &impl Fixture) {
    let store = fixture.open().await;
    store.create_user(person(1)).await.unwrap();
    let second = User { version: 2, first_name: "Second".into(), ..person(1) };
    store.replace_user(second.clone()).await.unwrap();
    for version in [1, 2, 4] {
        let stale = User { version, first_name: "Stale".into(), ..person(1) };
        assert_eq!(store.replace_user(stale).await, Err(AccountError::Changed), "version {version}");
    }
    assert_eq!(store.user(user(1)).await.unwrap(), Some(second));
    let racers = (0..10).map(|n| store.replace_user(User { version: 3, last_name: format!("{n}"), ..person(1) }));
    let results = join_all(racers).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(AccountError::Changed))), "{results:?}");
    assert_eq!(store.replace_user(User { version: 2, ..person(7) }).await, Err(AccountError::Changed), "never made");
    store.delete_user(user(1)).await.unwrap();
    assert_eq!(store.replace_user(User { version: 4, ..person(1) }).await, Err(AccountError::Changed), "deleted");
}

/// For others, while the new ones are taken.
pub async fn a_renamed_user_frees_the_old_names(fixture: &impl Fixture) {
    let store = fixture.open().await;
    store.create_user(User { external: vec![identity("a")], ..person(1) }).await.unwrap();
    // Another case of the same names is one's own.
    let shouting = User { version: 2, email: "PERSON-1@EXAMPLE.ORG".into(), external: vec![identity("a")], ..person(1) };
    store.replace_user(shouting.clone()).await.unwrap();
    assert_eq!(store.find_user(email("person-1@example.org")).await.unwrap(), Some(shouting));
    let renamed = User { version: 3, email: "new@example.org".into(), username: Some("new".into()), external: vec![], ..person(1) };
    store.replace_user(renamed.clone()).await.unwrap();
    for key in [email("person-1@example.org"), username("person-1"), external("a")] {
        assert_eq!(store.find_user(key.clone()).await.unwrap(), None, "{key:?}");
    }
    assert_eq!(store.find_user(email("NEW@example.org")).await.unwrap(), Some(renamed.clone()));
    assert_eq!(store.find_user(username("NEW")).await.unwrap(), Some(renamed));
    let heir = User { id: user(2), external: vec![identity("a")], ..person(1) };
    store.create_user(heir).await.unwrap();
    let late = User { id: user(3), username: Some("NEW".into()), ..person(3) };
    assert_eq!(store.create_user(late).await, Err(AccountError::UsernameTaken));
}

/// And is gone from every list.
pub async fn a_deleted_user_frees_every_name(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let ann = User { external: vec![identity("a")], ..person(1) };
    store.create_user(ann.clone()).await.unwrap();
    store.delete_user(user(1)).await.unwrap();
    store.delete_user(user(1)).await.unwrap();
    assert_eq!(store.user(user(1)).await.unwrap(), None);
    assert_eq!(store.find_user(email(&ann.email)).await.unwrap(), None);
    assert!(store.users(None, 10).await.unwrap().is_empty());
    store.create_user(User { id: user(2), ..ann }).await.unwrap();
}

/// Exactly one, and the others are told.
pub async fn one_of_many_users_gets_the_address(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let racers = (1..=20).map(|n| store.create_user(User { email: "Same@example.org".into(), ..person(n) }));
    let results = join_all(racers).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(AccountError::EmailTaken))), "{results:?}");
    let winner = store.find_user(email("same@example.org")).await.unwrap().unwrap();
    assert_eq!(store.users(None, 100).await.unwrap(), [winner]);
}

/// By id.
pub async fn users_are_listed_in_pages(fixture: &impl Fixture) {
    let store = fixture.open().await;
    for n in [5, 3, 1, 4, 2] {
        store.create_user(person(n)).await.unwrap();
    }
    assert_eq!(store.users(None, 2).await.unwrap(), [person(1), person(2)]);
    assert_eq!(store.users(Some(user(2)), 2).await.unwrap(), [person(3), person(4)]);
    assert_eq!(store.users(Some(user(4)), 2).await.unwrap(), [person(5)]);
    assert!(store.users(Some(user(5)), 2).await.unwrap().is_empty());
}

/// Who may take it again and give it back; nobody else may.
pub async fn a_name_has_one_owner(fixture: &impl Fixture) {
    let store = fixture.open().await;
    store.claim_name(name("acme"), org(1), at(1)).await.unwrap();
    assert_eq!(store.holder(name("acme")).await.unwrap(), Some((org(1), at(1))));
    store.claim_name(name("acme"), org(1), at(1)).await.unwrap();
    assert_eq!(store.claim_name(name("acme"), org(2), at(2)).await, Err(AccountError::NameTaken(name("acme"))));
    store.claim_name(name("acme-2"), org(1), at(3)).await.unwrap();
    store.release_name(name("acme"), org(2)).await.unwrap();
    assert_eq!(store.holder(name("acme")).await.unwrap(), Some((org(1), at(1))), "only its owner gives it back");
    store.release_name(name("acme"), org(1)).await.unwrap();
    store.release_name(name("acme"), org(1)).await.unwrap();
    assert_eq!(store.holder(name("acme")).await.unwrap(), None);
    store.claim_name(name("acme"), org(2), at(4)).await.unwrap();
    assert_eq!(store.holder(name("acme")).await.unwrap(), Some((org(2), at(4))));
    assert_eq!(store.holder(name("acme-2")).await.unwrap(), Some((org(1), at(3))));
}

/// Exactly one, and the others are told. Whether it is a slug or a domain.
pub async fn one_of_many_organizations_gets_the_name(fixture: &impl Fixture) {
    let store = fixture.open().await;
    for wanted in ["acme", "status.acme.com"].map(name) {
        let results = join_all((1..=20).map(|n| store.claim_name(wanted.clone(), org(n), at(0)))).await;
        let winners: Vec<_> = (1..).zip(&results).filter(|(_, result)| result.is_ok()).map(|(n, _)| org(n)).collect();
        assert_eq!(winners.len(), 1, "{results:?}");
        assert!(results.iter().all(|result| matches!(result, Ok(())) || *result == Err(AccountError::NameTaken(wanted.clone()))));
        assert_eq!(store.holder(wanted).await.unwrap(), Some((winners[0], at(0))));
    }
}

/// Not from whoever has it by now.
pub async fn a_name_can_be_taken_over_from_its_claimant_only(fixture: &impl Fixture) {
    let store = fixture.open().await;
    store.claim_name(name("acme"), org(1), at(1)).await.unwrap();
    assert_eq!(store.take_over_name(name("acme"), org(2), org(3), at(2)).await, Err(AccountError::NameTaken(name("acme"))));
    let results = join_all((2..=10).map(|n| store.take_over_name(name("acme"), org(1), org(n), at(n as i64)))).await;
    let winners: Vec<_> = (2..).zip(&results).filter(|(_, result)| result.is_ok()).map(|(n, _)| n).collect();
    assert_eq!(winners.len(), 1, "{results:?}");
    assert_eq!(store.holder(name("acme")).await.unwrap(), Some((org(winners[0]), at(winners[0] as i64))));
}

/// To whoever asks, at the same time.
pub async fn a_number_is_given_once(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let numbers = join_all((0..50).map(|_| store.next_number())).await;
    let distinct: std::collections::BTreeSet<_> = numbers.into_iter().map(Result::unwrap).collect();
    assert_eq!(distinct.len(), 50);
    assert!(!distinct.contains(&0), "numbers begin at 1");
    let store = fixture.reopen(store).await;
    assert!(!distinct.contains(&store.next_number().await.unwrap()));
}

/// Users with their keys, and names.
pub async fn accounts_are_there_after_opening_again(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let ann = User { external: vec![identity("a")], ..person(1) };
    store.create_user(ann.clone()).await.unwrap();
    store.create_user(person(2)).await.unwrap();
    store.delete_user(user(2)).await.unwrap();
    store.claim_name(name("acme"), org(1), at(1)).await.unwrap();
    let store = fixture.reopen(store).await;
    for key in [email(&ann.email), username("person-1"), external("a")] {
        assert_eq!(store.find_user(key).await.unwrap(), Some(ann.clone()));
    }
    assert_eq!(store.users(None, 10).await.unwrap(), [ann]);
    assert_eq!(store.holder(name("acme")).await.unwrap(), Some((org(1), at(1))));
    assert_eq!(store.create_user(User { id: user(3), ..person(1) }).await, Err(AccountError::EmailTaken));
    store.create_user(person(2)).await.unwrap();
}
