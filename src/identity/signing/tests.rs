//! Keys that come and go.

use crate::identity::{AuthError, Identity, IdentitySettings, testing::World};
use std::sync::Arc;
use tocsin_actors::{
    records::{RecordKind, RecordStore},
    testkit::builders::*,
};

fn keys(jwks: &serde_json::Value) -> usize {
    jwks["keys"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_new_key_signs_when_every_server_knows_it_and_the_old_one_verifies_until_its_tokens_expired() {
    let world = World::new().await;
    let other = world.another().await;
    let user = world.person(1).await;
    let key_of = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let old = world.login(&user).await.tokens;
    world.clock.set(at(100));
    world.identity.rotate_signing_key().await.unwrap();
    let still_old = world.login(&user).await.tokens;
    assert_eq!(key_of(still_old.access_token.expose()), key_of(old.access_token.expose()), "others may not know the new one");
    assert!(other.authenticate(still_old.access_token.expose()).await.is_ok());

    world.clock.set(at(110));
    let new = world.login(&user).await.tokens;
    assert_ne!(key_of(new.access_token.expose()), key_of(old.access_token.expose()));
    for token in [&old, &still_old, &new] {
        assert!(world.identity.authenticate(token.access_token.expose()).await.is_ok());
        assert!(other.authenticate(token.access_token.expose()).await.is_ok());
    }
    assert_eq!((keys(&world.identity.jwks().await), keys(&other.jwks().await)), (2, 2));

    world.clock.set(at(100 + 10 + 900 + 6));
    assert_eq!(keys(&other.jwks().await), 1);
    assert_eq!(world.refused(still_old.access_token.expose()).await, AuthError::Invalid, "nothing it signed is good any more");
    assert!(other.refresh(new.refresh_token.expose()).await.is_ok());
}

#[tokio::test]
async fn a_retired_key_is_thrown_away_and_the_one_that_signs_never_is() {
    let world = World::new().await;
    world.clock.set(at(100));
    world.identity.rotate_signing_key().await.unwrap();
    world.clock.set(at(365 * 86_400));
    world.identity.forget_expired().await.unwrap();
    assert_eq!(world.records.records(RecordKind::SigningKey, None, 10).await.unwrap().len(), 1);
    let user = world.person(1).await;
    let tokens = world.login(&user).await.tokens;
    assert!(world.identity.authenticate(tokens.access_token.expose()).await.is_ok());
}

#[tokio::test]
async fn servers_that_start_at_once_agree_on_the_first_key() {
    let world = World::new().await;
    world.records.delete_record(RecordKind::SigningKey, super::FIRST_KEY).await.unwrap();
    let start = || {
        let (accounts, records, clock) = (world.accounts.clone(), world.records.clone(), world.clock.clone());
        Identity::start(accounts, records as Arc<dyn RecordStore>, clock, IdentitySettings::default())
    };
    let servers = futures::future::join_all((0..4).map(|_| start())).await;
    let mut seen = Vec::new();
    for server in servers {
        seen.push(server.unwrap().jwks().await);
    }
    assert!(seen.iter().all(|jwks| keys(jwks) == 1 && *jwks == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn the_private_half_is_not_published() {
    let world = World::new().await;
    let jwks = world.identity.jwks().await;
    let key = jwks["keys"][0].as_object().unwrap();
    let names: Vec<_> = key.keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
}
