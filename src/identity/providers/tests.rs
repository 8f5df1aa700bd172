//! A provider of our own, on this machine, that rotates, breaks down and lies.

use super::*;
use crate::identity::{
    Caller, Who,
    testing::{World, here},
};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use jsonwebtoken::{EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tocsin_actors::{
    accounts::User,
    store::{AccountStore, UserKey},
    testkit::builders::*,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A key of the provider.
struct Key {
    name: &'static str,
    algorithm: Algorithm,
    private: EncodingKey,
}

impl Key {
    fn new(name: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        Self { name, algorithm: Algorithm::ES256, private: EncodingKey::from_ec_der(pair.as_ref()) }
    }

    fn rsa(name: &'static str) -> Self {
        use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // PKCS#1, which is what is expected, follows after 26 bytes that say what it is.
        Self { name, algorithm: Algorithm::RS256, private: EncodingKey::from_rsa_der(&der.as_ref()[26..]) }
    }

    fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.name.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.name.to_owned());
        encode(&header, claims, &self.private).unwrap()
    }
}

/// Serves whatever it is told to, and counts how often it was asked.
struct Server {
    url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn start(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::default()), Arc::new(AtomicUsize::new(0)));
        let server = Self { url, answer, asked };
        server.serve(keys);
        let (answer, asked) = (server.answer.clone(), server.asked.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                asked.fetch_add(1, Ordering::SeqCst);
                let answer = answer.lock().unwrap().clone();
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        server
    }

    fn serve(&self, keys: &[&Key]) {
        let body = json!({ "keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>() }).to_string();
        self.say("200 OK", "", &body);
    }

    fn say(&self, status: &str, header: &str, body: &str) {
        let length = body.len();
        *self.answer.lock().unwrap() =
            format!("HTTP/1.1 {status}\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The server as a provider; `rest` is further lines of its entry.
    fn provider(&self, rest: &str) -> Vec<Provider> {
        let source = format!("providers:\n- issuer: {}\n  audience: us\n  algorithms: [ES256, RS256]\n  {rest}\n", self.url);
        read(&source, "tocsin").unwrap()
    }

    /// Claims that are good for an hour, and whatever else is told.
    fn claims(&self, more: Value) -> Value {
        let now = start().millis() / 1_000;
        let mut claims = json!({ "iss": self.url, "aud": "us", "sub": "ann", "iat": now, "exp": now + 400_000 });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }
}

async fn world(rest: &str) -> (World, Server, Key) {
    let key = Key::new("one");
    let server = Server::start(&[&key]).await;
    let world = World::with(server.provider(rest)).await;
    (world, server, key)
}

async fn caller(world: &World, token: &str) -> Caller {
    world.identity.authenticate(token).await.unwrap()
}

async fn user_of(world: &World, token: &str) -> Arc<User> {
    let caller = caller(world, token).await;
    let Who::User(user) = caller.who else { panic!("not a user: {caller:?}") };
    user
}

#[tokio::test]
async fn somebody_new_gets_an_account_and_keeps_it() {
    let (world, server, key) = world("").await;
    let more = json!({ "email": "Ann@example.org", "email_verified": true, "name": "Ann Lee" });
    let token = key.sign(&server.claims(more));
    let ann = user_of(&world, &token).await;
    assert_eq!((&*ann.email, ann.shown_name(), ann.superadmin), ("Ann@example.org", "Ann Lee".to_owned(), false));
    world.clock.set(at(60));
    assert_eq!(user_of(&world, &token).await.id, ann.id);
    let bob = user_of(&world, &key.sign(&server.claims(json!({ "sub": "bob" })))).await;
    assert_ne!(bob.id, ann.id);
    assert!(bob.email.ends_with("@external.invalid"), "{}", bob.email);
    let caller = caller(&world, &token).await;
    assert_eq!((caller.session, caller.external_role), (None, None));
}

#[tokio::test]
async fn many_first_requests_at_once_make_one_account() {
    let (world, server, key) = world("").await;
    let token = key.sign(&server.claims(json!({})));
    let users = futures::future::join_all((0..10).map(|_| user_of(&world, &token))).await;
    assert!(users.iter().all(|user| user.id == users[0].id));
    assert_eq!(server.asked(), 1, "and fetch the keys once");
}

#[tokio::test]
async fn nobody_takes_an_account_over_by_its_e_mail_address() {
    let (world, server, key) = world("").await;
    let owner = world.person(1).await;
    let more = json!({ "email": owner.email, "email_verified": true });
    let stranger = user_of(&world, &key.sign(&server.claims(more))).await;
    assert_ne!(stranger.id, owner.id);
    assert!(stranger.email.ends_with("@external.invalid"), "{}", stranger.email);
    let unverified = json!({ "sub": "eve", "email": "eve@example.org" });
    let eve = user_of(&world, &key.sign(&server.claims(unverified))).await;
    assert!(eve.email.ends_with("@external.invalid"), "an address that nobody verified is nobody's");
    assert!(world.identity.login(&eve.email, "", here()).await.is_err());
}

#[tokio::test]
async fn somebody_from_outside_who_was_switched_off_stays_out() {
    let (world, server, key) = world("").await;
    let token = key.sign(&server.claims(json!({})));
    let ann = user_of(&world, &token).await;
    world.identity.replace_user(User { active: false, version: 2, ..(*ann).clone() }).await.unwrap();
    assert_eq!(world.refused(&token).await, AuthError::Inactive);
}

#[tokio::test]
async fn a_token_of_a_provider_that_is_not_right_is_refused_and_makes_nobody() {
    let (world, server, key) = world("authorized_parties: https://app.example.org").await;
    let good = |more: Value| {
        let mut claims = server.claims(json!({ "azp": "https://app.example.org" }));
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    let now = start().millis() / 1_000;
    let thief = Key::new("one");
    let public = key.public();
    let mut hmac = Header::new(Algorithm::HS256);
    hmac.kid = Some("one".to_owned());
    let claims = good(json!({}));
    let symmetric = encode(&hmac, &claims, &EncodingKey::from_secret(public.to_string().as_bytes())).unwrap();
    for (what, token, refused) in [
        ("another's signature", thief.sign(&claims), AuthError::Invalid),
        ("a shared secret", symmetric, AuthError::Invalid),
        ("another audience", key.sign(&good(json!({ "aud": "them" }))), AuthError::Invalid),
        ("no audience", key.sign(&good(json!({ "aud": null }))), AuthError::Invalid),
        ("another issuer", key.sign(&good(json!({ "iss": "https://evil.example.org" }))), AuthError::Invalid),
        ("our issuer", key.sign(&good(json!({ "iss": "tocsin" }))), AuthError::Invalid),
        ("another application", key.sign(&good(json!({ "azp": "https://evil.example.org" }))), AuthError::Invalid),
        ("nobody", key.sign(&good(json!({ "sub": "" }))), AuthError::Invalid),
        ("somebody half logged in", key.sign(&good(json!({ "sts": "pending" }))), AuthError::Invalid),
        ("too early", key.sign(&good(json!({ "nbf": now + 60 }))), AuthError::Invalid),
        ("too late", key.sign(&good(json!({ "exp": now - 5 }))), AuthError::Expired),
    ] {
        assert_eq!(world.refused(&token).await, refused, "{what}");
    }
    assert_eq!(world.accounts.users(None, 10).await.unwrap(), []);
    assert!(world.identity.authenticate(&key.sign(&claims)).await.is_ok());
}

#[tokio::test]
async fn a_new_key_is_fetched_when_it_is_first_seen() {
    let (world, server, one) = world("").await;
    let old = one.sign(&server.claims(json!({})));
    user_of(&world, &old).await;
    let two = Key::new("two");
    server.serve(&[&two]);
    let new = two.sign(&server.claims(json!({})));
    world.clock.set(at(60));
    user_of(&world, &new).await;
    assert_eq!(server.asked(), 2);
    assert_eq!(world.refused(&old).await, AuthError::Invalid, "its key was withdrawn");
}

#[tokio::test]
async fn invented_keys_do_not_make_us_fetch_all_day() {
    let (world, server, one) = world("").await;
    user_of(&world, &one.sign(&server.claims(json!({})))).await;
    for n in 0..10 {
        let token = Key::new("invented").sign(&server.claims(json!({ "sub": n.to_string() })));
        assert_eq!(world.refused(&token).await, AuthError::Invalid);
    }
    assert_eq!(server.asked(), 1, "not within a minute of the last time");
    world.clock.set(at(60));
    for _ in 0..10 {
        let token = Key::new("invented").sign(&server.claims(json!({})));
        assert_eq!(world.refused(&token).await, AuthError::Invalid);
    }
    assert_eq!(server.asked(), 2);
    let stranger = Key::new("one").sign(&json!({ "iss": "https://elsewhere.example.org", "sub": "x", "iat": 0, "exp": 0 }));
    assert_eq!(world.refused(&stranger).await, AuthError::Invalid);
    assert_eq!(server.asked(), 2, "nor does a provider that is none");
}

#[tokio::test]
async fn keys_are_kept_through_an_outage_but_not_for_ever() {
    let (world, server, key) = world("").await;
    let token = key.sign(&server.claims(json!({})));
    user_of(&world, &token).await;
    server.say("503 Service Unavailable", "", "");
    for seconds in [600, 3_600, 86_000] {
        world.clock.set(at(seconds));
        user_of(&world, &token).await;
    }
    assert_eq!(server.asked(), 4);
    world.clock.set(at(86_400));
    assert_eq!(world.refused(&token).await, AuthError::ProviderUnavailable);
    server.serve(&[&key]);
    assert_eq!(world.refused(&token).await, AuthError::ProviderUnavailable, "not asked again at once");
    world.clock.set(at(86_405));
    user_of(&world, &token).await;
}

#[tokio::test]
async fn an_answer_that_is_no_key_set_lets_nobody_in() {
    let (world, server, key) = world("").await;
    let token = key.sign(&server.claims(json!({})));
    let huge = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000));
    let elsewhere = Server::start(&[&key]).await;
    let redirect = format!("location: {}/\r\n", elsewhere.url);
    let secret_key = json!({ "keys": [{ "kty": "oct", "kid": "one", "k": "c2VjcmV0" }, { "kid": "one" }, 7] }).to_string();
    let answers = [
        ("200 OK", "", "not json"),
        ("200 OK", "", "{\"keys\": []}"),
        ("200 OK", "", &*secret_key),
        ("200 OK", "", &*huge),
        ("302 Found", &*redirect, ""),
    ];
    for (n, (status, header, body)) in answers.into_iter().enumerate() {
        server.say(status, header, body);
        world.clock.set(at(5 * n as i64));
        assert_eq!(world.refused(&token).await, AuthError::ProviderUnavailable, "{status} {body:.20}");
    }
    assert_eq!((server.asked(), elsewhere.asked()), (answers.len(), 0), "a redirection is not followed");
}

#[tokio::test]
async fn nobody_names_an_organization_of_another_provider() {
    let key = Key::rsa("rsa");
    let server = Server::start(&[&key]).await;
    let other = "- {preset: clerk, issuer: 'https://other.example.org', organization_prefix: 'other:'}";
    let file = format!("providers:\n- {{preset: clerk, issuer: '{}'}}\n{other}\n", server.url);
    let world = World::with(read(&file, "tocsin").unwrap()).await;
    for (named, here) in [("org_2", Some(OrgRef::External("org_2".to_owned()))), ("other:org_2", None)] {
        let token = key.sign(&server.claims(json!({ "org_id": named, "org_role": "org:admin", "aud": null })));
        let caller = caller(&world, &token).await;
        assert_eq!(caller.external_org.map(|org| org.here), here, "{named}");
        assert_eq!(caller.external_role.map(|(org, _)| org), here, "{named}");
    }
}

#[tokio::test]
async fn tokens_as_auth0_and_clerk_write_them_are_understood() {
    let key = Key::rsa("rsa");
    let server = Server::start(&[&key]).await;
    let read = |rest: &str| read(&format!("providers:\n- issuer: {}\n  {rest}\n", server.url), "tocsin").unwrap();
    let auth0 = "preset: auth0\n  audience: us\n  claims: {role: 'https://example.org/roles'}\n  organizations: {org_1: acme}";
    let clerk = "preset: clerk\n  default_role: viewer";
    let plain = "preset: clerk\n  organizations: {org_1: acme}";
    let (slug, external) = (OrgRef::Slug("acme".parse().unwrap()), OrgRef::External("org_2".to_owned()));
    for (setup, more, expected) in [
        (
            auth0,
            json!({ "org_id": "org_1", "https://example.org/roles": ["x", "viewer", "admin"] }),
            Some((slug.clone(), Role::Admin)),
        ),
        (auth0, json!({ "org_id": "org_1" }), None),
        (auth0, json!({ "https://example.org/roles": ["admin"] }), None),
        (clerk, json!({ "org_id": "org_2", "org_role": "org:admin", "aud": null }), Some((external.clone(), Role::Admin))),
        (clerk, json!({ "o": { "id": "org_2", "rol": "member" }, "v": 2, "aud": null }), Some((external.clone(), Role::Member))),
        (clerk, json!({ "o": { "id": "org_2", "rol": "billing" }, "v": 2, "aud": null }), Some((external.clone(), Role::Viewer))),
        (clerk, json!({ "o": { "id": "org_2" }, "v": 2, "aud": null }), Some((external.clone(), Role::Viewer))),
        (plain, json!({ "org_id": "org_1", "aud": null }), Some((slug.clone(), Role::Member))),
        (plain, json!({ "org_id": "org_2", "org_role": "org:billing", "aud": null }), None),
        (clerk, json!({ "aud": null }), None),
    ] {
        let world = World::with(read(setup)).await;
        let caller = caller(&world, &key.sign(&server.claims(more.clone()))).await;
        assert_eq!(caller.external_role, expected, "{more}");
        // Where they are is known whatever they are there.
        let named = more.get("org_id").or_else(|| more.get("o")?.get("id")).and_then(Value::as_str);
        let here = |name| if name == "org_1" { slug.clone() } else { external.clone() };
        let organization = named.map(|name| ExternalOrg { name: name.to_owned(), here: here(name) });
        assert_eq!(caller.external_org, organization, "{more}");
        let by = UserKey::External { issuer: server.url.clone(), subject: "ann".to_owned() };
        assert!(world.accounts.find_user(by).await.unwrap().is_some());
    }
}
