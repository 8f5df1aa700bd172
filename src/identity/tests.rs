//! Who is let in and who is not, through the front door.

use super::{
    testing::{PASSWORD, World, here},
    *,
};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tocsin_actors::{records::RecordKind, testkit::builders::*};

/// The three parts of a token, the first two as JSON.
fn apart(token: &str) -> (Value, Value, String) {
    let header = serde_json::to_value(jsonwebtoken::decode_header(token).unwrap()).unwrap();
    let claims = jsonwebtoken::dangerous::insecure_decode_claims(token).unwrap();
    (header, claims, token.rsplit('.').next().unwrap().to_owned())
}

/// Base64, by having a token made and taking a part of it.
fn encoded(value: &Value) -> String {
    let token = encode(&Header::default(), value, &EncodingKey::from_secret(b"x")).unwrap();
    token.split('.').nth(1).unwrap().to_owned()
}

fn together(header: &Value, claims: &Value, signature: &str) -> String {
    format!("{}.{}.{signature}", encoded(header), encoded(claims))
}

/// A token signed with the installation's own key, saying something else.
async fn signed(world: &World, header: &Value, claims: &Value) -> String {
    let record = &world.records.records(RecordKind::SigningKey, None, 1).await.unwrap()[0];
    let stored: bson::Document = record.read().unwrap();
    let pkcs8: [u8; 48] = secret::unhex(stored.get_str("pkcs8").unwrap()).unwrap();
    let header: Header = serde_json::from_value(header.clone()).unwrap();
    encode(&header, claims, &EncodingKey::from_ed_der(&pkcs8)).unwrap()
}

/// Somebody else. (Most tests call their own user `user`.)
fn stranger() -> UserId {
    user(2)
}

#[tokio::test]
async fn somebody_who_logged_in_is_recognized_without_reading_the_store() {
    let world = World::new().await;
    let user = world.person(1).await;
    let Session { tokens, .. } = world.login(&user).await;
    let caller = world.identity.authenticate(tokens.access_token.expose()).await.unwrap();
    assert!(matches!(&caller.who, Who::User(who) if **who == user), "{caller:?}");
    assert_eq!((caller.session, caller.superadmin, tokens.expires_in), (Some(tokens.session), false, 900));
    let reads = world.records.reads();
    for _ in 0..100 {
        world.identity.authenticate(tokens.access_token.expose()).await.unwrap();
    }
    assert_eq!(world.records.reads(), reads);
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let world = World::new().await;
    let user = world.person(1).await;
    let good = world.login(&user).await.tokens.access_token;
    let good = good.expose();
    let (header, claims, signature) = apart(good);
    let with = |value: &Value, field: &str, new: Value| {
        let mut value = value.clone();
        value[field] = new;
        value
    };
    // The public key as a shared secret, in every form in which somebody may have it.
    let public = world.identity.jwks().await["keys"][0].clone();
    let hmac_header: Header = serde_json::from_value(with(&header, "alg", json!("HS256"))).unwrap();
    let hmac = |secret: &[u8]| encode(&hmac_header, &claims, &EncodingKey::from_secret(secret)).unwrap();
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(public.clone()).unwrap();
    let raw = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
    let forged = [
        ("alg none", together(&with(&header, "alg", json!("none")), &claims, "")),
        ("alg none with a signature", together(&with(&header, "alg", json!("None")), &claims, &signature)),
        ("no signature", together(&header, &claims, "")),
        ("HS256 with the public key", hmac(raw.try_get_as_bytes().unwrap())),
        ("HS256 with the public key as text", hmac(public["x"].as_str().unwrap().as_bytes())),
        ("HS256 with the whole JWK", hmac(public.to_string().as_bytes())),
        ("an unknown key", together(&with(&header, "kid", json!(Uuid::from_u128(7))), &claims, &signature)),
        ("a key that is no id", together(&with(&header, "kid", json!("../../dev/null")), &claims, &signature)),
        ("no key", together(&with(&header, "kid", Value::Null), &claims, &signature)),
        ("something critical", together(&with(&header, "crit", json!(["exp"])), &claims, &signature)),
        ("another user", together(&header, &with(&claims, "sub", json!(stranger())), &signature)),
        ("a longer life", together(&header, &with(&claims, "exp", json!(9_999_999_999_i64)), &signature)),
        ("garbage", "a.b.c".to_owned()),
        ("nothing", String::new()),
        ("four parts", format!("{good}.x")),
        ("too much", format!("{good}{}", "x".repeat(20_000))),
        ("a key of ours for something else", "toc_r_00000000000000000000000000000007_00".to_owned()),
    ];
    for (what, token) in &forged {
        assert_eq!(world.refused(token).await, AuthError::Invalid, "{what}");
    }
    assert!(world.identity.authenticate(good).await.is_ok());
}

#[tokio::test]
async fn a_token_that_we_signed_must_still_be_meant_for_this_and_for_now() {
    let world = World::new().await;
    let user = world.person(1).await;
    let good = world.login(&user).await.tokens.access_token;
    let (header, claims, _) = apart(good.expose());
    let now = start().millis() / 1_000;
    for (field, value, refused) in [
        ("iss", json!("somebody else"), AuthError::Invalid),
        ("iss", json!(["tocsin"]), AuthError::Invalid),
        ("aud", json!("somebody else"), AuthError::Invalid),
        ("aud", json!(["tocsin", "somebody else"]), AuthError::Invalid),
        ("aud", Value::Null, AuthError::Invalid),
        ("sub", json!("nobody"), AuthError::Invalid),
        ("sub", Value::Null, AuthError::Invalid),
        ("sid", Value::Null, AuthError::Invalid),
        ("sid", json!(Uuid::from_u128(7)), AuthError::Ended),
        ("exp", json!(now - 5), AuthError::Expired),
        ("exp", json!("soon"), AuthError::Invalid),
        ("exp", Value::Null, AuthError::Invalid),
        ("iat", json!(now + 60), AuthError::Invalid),
        ("iat", Value::Null, AuthError::Invalid),
        ("nbf", json!(now + 60), AuthError::Invalid),
    ] {
        let mut claims = claims.clone();
        claims[field] = value.clone();
        let token = signed(&world, &header, &claims).await;
        assert_eq!(world.refused(&token).await, refused, "{field}: {value}");
    }
    let mut plain = header.clone();
    plain["typ"] = json!("JWT");
    assert_eq!(world.refused(&signed(&world, &plain, &claims).await).await, AuthError::Invalid, "not an access token");
    assert!(world.identity.authenticate(&signed(&world, &header, &claims).await).await.is_ok(), "the test signs as we do");
    let mut other_users = claims.clone();
    other_users["sub"] = json!(stranger());
    let token = signed(&world, &header, &other_users).await;
    assert_eq!(world.refused(&token).await, AuthError::Ended, "a session is its user's");
}

#[tokio::test]
async fn a_token_expires() {
    let world = World::new().await;
    let user = world.person(1).await;
    let token = world.login(&user).await.tokens.access_token;
    world.clock.set(at(904));
    assert!(world.identity.authenticate(token.expose()).await.is_ok(), "within the leeway");
    world.clock.set(at(905));
    assert_eq!(world.refused(token.expose()).await, AuthError::Expired);
}

#[tokio::test]
async fn somebody_who_was_switched_off_is_out_at_once() {
    let world = World::new().await;
    let user = world.person(1).await;
    let tokens = world.login(&user).await.tokens;
    assert!(world.identity.authenticate(tokens.access_token.expose()).await.is_ok());
    let other = world.another().await;
    assert!(other.authenticate(tokens.access_token.expose()).await.is_ok());
    let off = User { active: false, version: 2, ..user.clone() };
    world.identity.replace_user(off).await.unwrap();
    assert_eq!(world.refused(tokens.access_token.expose()).await, AuthError::Ended);
    assert_eq!(world.identity.refresh(tokens.refresh_token.expose()).await.unwrap_err(), AuthError::Ended);
    assert_eq!(world.identity.login(&user.email, PASSWORD, here()).await.unwrap_err(), LoginRefused::Inactive);
    assert!(other.authenticate(tokens.access_token.expose()).await.is_ok(), "another server has not heard of it");
    world.clock.set(start().after(REMEMBERED));
    assert_eq!(other.authenticate(tokens.access_token.expose()).await.unwrap_err(), AuthError::Ended);
}

#[tokio::test]
async fn somebody_who_was_switched_off_elsewhere_is_out_when_it_is_noticed() {
    let world = World::new().await;
    let user = world.person(1).await;
    let tokens = world.login(&user).await.tokens;
    assert!(world.identity.authenticate(tokens.access_token.expose()).await.is_ok());
    let off = User { active: false, version: 2, ..user };
    world.accounts.replace_user(off).await.unwrap(); // past identity, as another server does
    world.clock.set(start().after(REMEMBERED));
    assert_eq!(world.refused(tokens.access_token.expose()).await, AuthError::Inactive);
    assert_eq!(world.identity.refresh(tokens.refresh_token.expose()).await.unwrap_err(), AuthError::Inactive);
}

#[tokio::test]
async fn an_ended_session_is_out_at_once() {
    let world = World::new().await;
    let user = world.person(1).await;
    let (first, second) = (world.login(&user).await.tokens, world.login(&user).await.tokens);
    for tokens in [&first, &second] {
        assert!(world.identity.authenticate(tokens.access_token.expose()).await.is_ok());
    }
    assert!(!world.identity.revoke(stranger(), first.session).await.unwrap(), "another user's session is an unknown one");
    assert!(world.identity.revoke(user.id, first.session).await.unwrap());
    assert_eq!(world.refused(first.access_token.expose()).await, AuthError::Ended);
    assert!(world.identity.authenticate(second.access_token.expose()).await.is_ok());
    world.identity.logout(second.session).await.unwrap();
    assert_eq!(world.refused(second.access_token.expose()).await, AuthError::Ended);
    assert_eq!(world.identity.refresh(second.refresh_token.expose()).await.unwrap_err(), AuthError::Ended);
}

#[tokio::test]
async fn nothing_secret_shows_in_debug_output() {
    let world = World::new().await;
    let user = world.person(1).await;
    let session = world.login(&user).await;
    let shown = format!("{session:?}");
    assert!(!shown.contains("toc_r_") && !shown.contains("eyJ") && !shown.contains("argon2"), "{shown}");
}
