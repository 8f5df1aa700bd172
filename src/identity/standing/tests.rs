//! What is accepted as a standing token, and what is not.

use super::*;
use crate::identity::testing::{World, here};
use tocsin_actors::{accounts::User, records::RecordStore, testkit::builders::at};

const DAY: i64 = 86_400;

async fn tokens(world: &World, user: &User) -> (StandingTokens, Uuid) {
    let session = world.identity.open_session(user, here()).await.unwrap().session;
    (world.identity.standing_tokens(session).await.unwrap(), session)
}

async fn refused(world: &World, token: &str) -> AuthError {
    world.identity.authenticate_standing(token).await.expect_err("let in")
}

fn claims(token: &Secret) -> serde_json::Value {
    dangerous::insecure_decode_claims(token.expose()).unwrap()
}

/// The same claims, signed by somebody else.
fn signed(header: &Header, token: &Secret, key: &[u8]) -> String {
    encode(header, &claims(token), &EncodingKey::from_secret(key)).unwrap()
}

#[tokio::test]
async fn standing_tokens_say_who_and_for_how_long() {
    let world = World::new().await;
    let user = world.person(1).await;
    let (tokens, session) = tokens(&world, &user).await;
    let said = claims(&tokens.access_token);
    let mut names: Vec<_> = said.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["exp", "fresh", "iat", "jti", "nbf", "sub", "type"]);
    assert_eq!((&said["type"], said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap()), (&"access".into(), DAY));
    assert_eq!((&said["sub"], &said["jti"]), (&user.id.to_string().into(), &session.to_string().into()));
    let said = claims(&tokens.refresh_token);
    assert_eq!((&said["type"], said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap()), (&"refresh".into(), 30 * DAY));
    let caller = world.identity.authenticate_standing(tokens.access_token.expose()).await.unwrap();
    assert_eq!(caller.session, Some(session));
}

#[tokio::test]
async fn a_refresh_token_stands_until_its_session_ends() {
    let world = World::new().await;
    let user = world.person(1).await;
    let (tokens, session) = tokens(&world, &user).await;
    for day in [0, 1, 29] {
        world.clock.set(at(day * DAY));
        let again = world.identity.stand_longer(tokens.refresh_token.expose()).await.unwrap();
        assert!(world.identity.authenticate_standing(again.expose()).await.is_ok());
    }
    assert_eq!(refused(&world, tokens.access_token.expose()).await, AuthError::Expired);
    world.identity.logout(session).await.unwrap();
    let again = world.identity.stand_longer(tokens.refresh_token.expose()).await;
    assert_eq!(again.unwrap_err(), AuthError::Ended);
}

#[tokio::test]
async fn what_outlived_its_session_is_nothing() {
    let world = World::new().await;
    let user = world.person(1).await;
    let (tokens, _) = tokens(&world, &user).await;
    world.clock.set(at(31 * DAY));
    assert!(world.identity.stand_longer(tokens.refresh_token.expose()).await.is_err());
}

#[tokio::test]
async fn an_ended_session_and_a_closed_account_are_felt_at_once() {
    let world = World::new().await;
    let user = world.person(1).await;
    let (ended, session) = tokens(&world, &user).await;
    let (closed, _) = tokens(&world, &user).await;
    assert!(world.identity.authenticate_standing(ended.access_token.expose()).await.is_ok());
    world.identity.logout(session).await.unwrap();
    assert_eq!(refused(&world, ended.access_token.expose()).await, AuthError::Ended);
    let off = User { active: false, version: user.version + 1, ..user };
    world.identity.replace_user(off).await.unwrap();
    assert!(world.identity.authenticate_standing(closed.access_token.expose()).await.is_err());
    assert!(world.identity.stand_longer(closed.refresh_token.expose()).await.is_err());
}

#[tokio::test]
async fn one_kind_is_not_taken_for_another() {
    let world = World::new().await;
    let user = world.person(1).await;
    let ours = world.login(&user).await.tokens;
    let (standing, _) = tokens(&world, &user).await;
    assert_eq!(refused(&world, standing.refresh_token.expose()).await, AuthError::Invalid);
    let again = world.identity.stand_longer(standing.access_token.expose()).await;
    assert_eq!(again.unwrap_err(), AuthError::Invalid);
    for token in [&standing.access_token, &standing.refresh_token] {
        assert_eq!(world.refused(token.expose()).await, AuthError::Invalid, "the API has its own");
        assert!(world.identity.refresh(token.expose()).await.is_err());
    }
    for token in [&ours.access_token, &ours.refresh_token] {
        assert_eq!(refused(&world, token.expose()).await, AuthError::Invalid, "and so has who speaks like another");
    }
}

#[tokio::test]
async fn a_session_of_before_there_were_such_tokens_goes_on_without_them() {
    let world = World::new().await;
    let user = world.person(1).await;
    let ours = world.login(&user).await.tokens;
    let record = world.records_of_user(&user).await.remove(0);
    let mut stored: bson::Document = record.read().unwrap();
    stored.remove("signs");
    world.records.put_record(record.changed(record.expires_at, &stored).unwrap()).await.unwrap();
    assert!(world.identity.authenticate(ours.access_token.expose()).await.is_ok());
    assert_eq!(world.identity.standing_tokens(ours.session).await.unwrap_err(), AuthError::Invalid);
    assert!(world.identity.refresh(ours.refresh_token.expose()).await.is_ok());
}

#[tokio::test]
async fn nobody_can_make_one() {
    let world = World::new().await;
    let (user, other) = (world.person(1).await, world.person(2).await);
    let (tokens, _) = tokens(&world, &user).await;
    let (theirs, _) = self::tokens(&world, &other).await;
    let token = tokens.access_token.expose();
    let parts: Vec<_> = token.split('.').collect();
    let other_parts: Vec<_> = theirs.access_token.expose().split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"; // {"alg":"none","typ":"JWT"}
    for wrong in [
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(LONGEST + 1),
        format!("{token}A"),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], other_parts[1], parts[2]),
        signed(&Header::new(Algorithm::HS256), &tokens.access_token, b""),
        signed(&Header::new(Algorithm::HS256), &tokens.access_token, &[0; 32]),
        signed(&Header::new(Algorithm::HS512), &tokens.access_token, &[0; 32]),
    ] {
        assert_eq!(refused(&world, &wrong).await, AuthError::Invalid, "{wrong}");
    }
    let stored: bson::Document = world.records_of_user(&user).await[0].read().unwrap();
    let key = crate::identity::secret::unhex::<32>(stored.get_str("signs").unwrap()).unwrap();
    assert_ne!(signed(&Header::new(Algorithm::HS256), &theirs.access_token, &key), theirs.access_token.expose());
    let foreign = signed(&Header::new(Algorithm::HS256), &theirs.access_token, &key);
    assert_eq!(refused(&world, &foreign).await, AuthError::Invalid, "one session's key signs for no other");
    let mut said = claims(&tokens.access_token);
    said["sub"] = other.id.to_string().into();
    let as_other = encode(&Header::new(Algorithm::HS256), &said, &EncodingKey::from_secret(&key)).unwrap();
    assert_eq!(refused(&world, &as_other).await, AuthError::Invalid, "a session is of one user");
}
