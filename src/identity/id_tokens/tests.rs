//! What an ID token is good for, and what it is not.

use super::*;
use crate::identity::Who;
use crate::identity::testing::World;
use jsonwebtoken::{EncodingKey, encode};
use serde_json::{Value, json};
use tocsin_actors::testkit::builders::*;

const ISSUER: &str = "http://127.0.0.1:8000/";
const CLIENT: &str = "tocsin";

fn issuers() -> [String; 1] {
    [ISSUER.to_owned()]
}

struct Shown {
    world: World,
    user: User,
    session: Uuid,
    access_token: String,
    token: String,
}

async fn shown() -> Shown {
    let world = World::new().await;
    let user = world.person(1).await;
    let tokens = world.login(&user).await.tokens;
    let told = IdTokenFor { issuer: ISSUER, client: CLIENT, user: &user, org: org(1), session: tokens.session, nonce: Some("n") };
    let token = world.identity.id_token(told).await.unwrap().expose().to_owned();
    Shown { session: tokens.session, access_token: tokens.access_token.expose().to_owned(), token, user, world }
}

impl Shown {
    async fn is_refused(&self, token: &str) -> AuthError {
        self.world.identity.authenticate_id_token(token, CLIENT, &issuers()).await.expect_err("let in")
    }

    /// Signed with the key that signs ID tokens, saying something else.
    async fn signed(&self, kind: &str, claims: &Value) -> String {
        let token = self.world.identity.inner.id_tokens.sign(kind, claims, self.world.identity.now()).await;
        token.unwrap().expose().to_owned()
    }
}

fn claims(token: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode_claims(token).unwrap()
}

#[tokio::test]
async fn it_says_who_and_for_which_organization() {
    let shown = shown().await;
    let (caller, named) = shown.world.identity.authenticate_id_token(&shown.token, CLIENT, &issuers()).await.unwrap();
    assert!(matches!(&caller.who, Who::User(who) if **who == shown.user), "{caller:?}");
    assert_eq!((caller.session, named), (Some(shown.session), OrgRef::Id(org(1))));
    let said = claims(&shown.token);
    let names: Vec<_> = said.as_object().unwrap().keys().map(String::as_str).collect();
    let all = ["aud", "email", "email_verified", "exp", "iat", "iss", "name", "nonce", "org_id", "sid", "sub"];
    assert_eq!(names, all);
    assert_eq!((&said["iss"], &said["aud"], &said["nonce"]), (&json!(ISSUER), &json!(CLIENT), &json!("n")));
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 36_000);
}

#[tokio::test]
async fn other_programs_verify_it_with_the_published_keys() {
    let shown = shown().await;
    let jwks = shown.world.another().await.id_token_jwks().await.unwrap();
    let [key] = jwks["keys"].as_array().unwrap().as_slice() else { panic!("{jwks}") };
    let names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"], "nothing of the private half");
    assert_eq!((&key["alg"], &key["kty"], &key["use"]), (&json!("RS256"), &json!("RSA"), &json!("sig")));
    let header = jsonwebtoken::decode_header(&shown.token).unwrap();
    assert_eq!((header.alg, header.kid.as_deref()), (Algorithm::RS256, key["kid"].as_str()));
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.clone()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(Algorithm::RS256);
    validation.set_audience(&[CLIENT]);
    validation.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
    assert!(jsonwebtoken::decode::<Value>(&shown.token, &key, &validation).is_ok());
}

#[tokio::test]
async fn neither_an_id_token_nor_an_access_token_passes_for_the_other() {
    let shown = shown().await;
    let identity = &shown.world.identity;
    assert_eq!(identity.authenticate(&shown.token).await.unwrap_err(), AuthError::Invalid);
    assert_eq!(shown.is_refused(&shown.access_token).await, AuthError::Invalid);
    // Not even when both have the same issuer.
    let as_us = ["tocsin".to_owned()];
    let refused = identity.authenticate_id_token(&shown.access_token, "tocsin", &as_us).await.unwrap_err();
    assert_eq!(refused, AuthError::Invalid);
    let told =
        IdTokenFor { issuer: "tocsin", client: "tocsin", user: &shown.user, org: org(1), session: shown.session, nonce: None };
    let ours = identity.id_token(told).await.unwrap();
    assert_eq!(identity.authenticate(ours.expose()).await.unwrap_err(), AuthError::Invalid);
    // Nor does the token for asking who one is.
    let info = identity.userinfo_token(ISSUER, shown.user.id, shown.session).await.unwrap();
    assert_eq!(identity.authenticate_userinfo(info.expose(), &issuers()).await.unwrap().id, shown.user.id);
    assert_eq!(identity.authenticate_userinfo(&shown.token, &issuers()).await.unwrap_err(), AuthError::Invalid);
    assert_eq!(shown.is_refused(info.expose()).await, AuthError::Invalid);
    assert_eq!(identity.authenticate(info.expose()).await.unwrap_err(), AuthError::Invalid);
}

#[tokio::test]
async fn a_forged_id_token_is_refused() {
    let shown = shown().await;
    let public = shown.world.identity.id_token_jwks().await.unwrap()["keys"][0].clone();
    let said = claims(&shown.token);
    let header = jsonwebtoken::decode_header(&shown.token).unwrap();
    let with_secret = |algorithm, secret: &[u8]| {
        let header = Header { alg: algorithm, ..header.clone() };
        encode(&header, &said, &EncodingKey::from_secret(secret)).unwrap()
    };
    let modulus = public["n"].as_str().unwrap();
    let parts: Vec<&str> = shown.token.split('.').collect();
    let other = {
        let mut other = said.clone();
        other["sub"] = json!(user(2));
        with_secret(Algorithm::HS256, b"x").split('.').nth(1).map(|_| encode_part(&other)).unwrap()
    };
    let none = encode_part(&json!({ "alg": "none", "typ": "JWT", "kid": header.kid }));
    let forged = [
        ("HS256 with the modulus", with_secret(Algorithm::HS256, modulus.as_bytes())),
        ("HS256 with the whole JWK", with_secret(Algorithm::HS256, public.to_string().as_bytes())),
        ("HS512 with the modulus", with_secret(Algorithm::HS512, modulus.as_bytes())),
        ("no algorithm", format!("{none}.{}.", parts[1])),
        ("no algorithm and the signature", format!("{none}.{}.{}", parts[1], parts[2])),
        ("another user", format!("{}.{other}.{}", parts[0], parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("another signature", format!("{}.{}.{}", parts[0], parts[1], &parts[2][..parts[2].len() - 4])),
        ("nothing", String::new()),
        ("garbage", "a.b.c".to_owned()),
    ];
    for (what, token) in &forged {
        assert_eq!(shown.is_refused(token).await, AuthError::Invalid, "{what}");
    }
}

/// Base64, by having a token made and taking a part of it.
fn encode_part(value: &Value) -> String {
    let token = encode(&Header::default(), value, &EncodingKey::from_secret(b"x")).unwrap();
    token.split('.').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn one_that_we_signed_must_be_meant_for_this_client_and_for_now() {
    let shown = shown().await;
    let good = claims(&shown.token);
    let now = start().millis() / 1_000;
    for (field, value, refused) in [
        ("iss", json!("http://127.0.0.1:8000"), AuthError::Invalid),
        ("iss", json!("https://evil.example.org/"), AuthError::Invalid),
        ("aud", json!("another"), AuthError::Invalid),
        ("aud", Value::Null, AuthError::Invalid),
        ("sub", json!(user(2)), AuthError::Ended),
        ("sub", json!("nobody"), AuthError::Invalid),
        ("sid", json!(Uuid::from_u128(7)), AuthError::Ended),
        ("org_id", Value::Null, AuthError::Invalid),
        ("org_id", json!("acme"), AuthError::Invalid),
        ("org_id", json!(format!("org_{}", org(1))), AuthError::Invalid),
        ("exp", json!(now - 5), AuthError::Expired),
        ("exp", Value::Null, AuthError::Invalid),
        ("iat", json!(now + 60), AuthError::Invalid),
    ] {
        let mut said = good.clone();
        said[field] = value.clone();
        assert_eq!(shown.is_refused(&shown.signed(ID, &said).await).await, refused, "{field}: {value}");
    }
    assert_eq!(shown.is_refused(&shown.signed(INFO, &good).await).await, AuthError::Invalid);
    let token = shown.signed(ID, &good).await;
    let identity = &shown.world.identity;
    assert!(identity.authenticate_id_token(&token, CLIENT, &issuers()).await.is_ok(), "the test signs as we do");
    assert!(identity.authenticate_id_token(&token, "another", &issuers()).await.is_err());
    assert!(identity.authenticate_id_token(&token, CLIENT, &[]).await.is_err());
}

#[tokio::test]
async fn it_ends_with_its_session_and_with_its_day() {
    let shown = shown().await;
    let other = shown.world.another().await;
    assert!(other.authenticate_id_token(&shown.token, CLIENT, &issuers()).await.is_ok(), "another server knows the key");
    shown.world.clock.set(at(36_004));
    assert!(shown.world.identity.authenticate_id_token(&shown.token, CLIENT, &issuers()).await.is_ok(), "within the leeway");
    shown.world.clock.set(at(36_005));
    assert_eq!(shown.is_refused(&shown.token).await, AuthError::Expired);
    shown.world.clock.set(start());
    shown.world.identity.logout(shown.session).await.unwrap();
    assert_eq!(shown.is_refused(&shown.token).await, AuthError::Ended);
}

#[tokio::test]
async fn a_new_key_signs_and_the_old_one_verifies() {
    let shown = shown().await;
    shown.world.clock.set(at(100));
    shown.world.identity.rotate_signing_key().await.unwrap();
    shown.world.clock.set(at(111));
    let told = IdTokenFor { issuer: ISSUER, client: CLIENT, user: &shown.user, org: org(1), session: shown.session, nonce: None };
    let token = shown.world.identity.id_token(told).await.unwrap();
    let key = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    assert_ne!(key(token.expose()), key(&shown.token));
    for token in [token.expose(), &shown.token] {
        assert!(shown.world.identity.authenticate_id_token(token, CLIENT, &issuers()).await.is_ok());
    }
}

#[tokio::test]
async fn servers_that_are_asked_at_once_agree_on_the_first_key() {
    let world = World::new().await;
    let (one, other) = (world.another().await, world.another().await);
    let asked = futures::join!(world.identity.id_token_jwks(), one.id_token_jwks(), other.id_token_jwks());
    assert_eq!(asked.0.clone().unwrap(), asked.1.unwrap());
    assert_eq!(asked.0.unwrap(), asked.2.unwrap());
}

#[test]
fn an_organization_has_one_word_and_nothing_else_is_one() {
    let word = organization_word(org(7));
    assert_eq!(organization_of(&word), Some(org(7)));
    for wrong in ["", "org_", &word[4..], &word.to_uppercase(), &format!("org_{}", org(7)), &format!("{word}0")] {
        assert_eq!(organization_of(wrong), None, "{wrong}");
    }
}
