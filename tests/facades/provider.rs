//! Tocsin as identity provider: what a browser, a front end and somebody who means no good see of it.

use crate::{
    mongod::Mongod,
    support::{IntoTimestamp, Server, client, has, keys, on_both_stores},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, encode};
use reqwest::{Method, header::HeaderMap, redirect::Policy};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::SystemTime};
use tocsin::{
    app::{App, AppSettings},
    facades::{Name, NotOpened},
    http::{HttpSettings, edge::EdgeSettings},
    identity::organization_word,
    seed::{Fixture, load::Loader},
};
use tocsin_actors::domain::{Command, MemberId, Order, OrgId, Role, entities::Author};
use tokio::net::TcpListener;
use uuid::Uuid;

/// A secret and its challenge, as in RFC 7636.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const APP: &str = "http://localhost:5173";
const DANA: (&str, &str) = ("dana@fastapi.example", "fastapi-admin");
const EVAN: (&str, &str) = ("evan@fastapi.example", "fastapi-member");

/// A browser as far as it keeps cookies.
struct Browser {
    base: String,
    /// What the browser says that a form comes from.
    origin: String,
    cookies: BTreeMap<String, String>,
    client: reqwest::Client,
}

/// What came back.
struct Seen {
    status: u16,
    headers: HeaderMap,
    cookies: Vec<String>,
    body: String,
}

impl Browser {
    fn new(base: &str) -> Self {
        client(); // which has the cryptography chosen
        let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { base: base.to_owned(), origin: base.to_owned(), cookies: BTreeMap::new(), client }
    }

    /// Somebody who is logged in.
    async fn of(server: &Server, who: (&str, &str)) -> Self {
        let mut browser = Self::new(&server.base);
        let seen = browser.log_in(&authorize(&[]), who).await;
        assert_eq!(seen.status, 303, "{}", seen.body);
        browser
    }

    async fn get(&mut self, path: &str) -> Seen {
        self.send(Method::GET, path, &[], None).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let origin = self.origin.clone();
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", &origin)];
        self.send(Method::POST, path, &headers, Some(body)).await
    }

    async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Seen {
        let mut asked = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            asked = asked.header("cookie", cookies.join("; "));
        }
        let answer = asked.body(body.unwrap_or_default()).send().await.unwrap();
        let headers = answer.headers().clone();
        let cookies: Vec<_> = headers.get_all("set-cookie").iter().map(|one| one.to_str().unwrap().to_owned()).collect();
        for cookie in &cookies {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Seen { status: answer.status().as_u16(), headers, cookies, body: answer.text().await.unwrap() }
    }

    /// Opens the page at a path and sends its form.
    async fn log_in(&mut self, path: &str, (email, password): (&str, &str)) -> Seen {
        let page = self.get(path).await;
        let word = page.word();
        self.post(path, &[("form", &word), ("step", "login"), ("email", email), ("password", password)]).await
    }

    /// A code, for somebody who is logged in.
    async fn code(&mut self) -> String {
        self.get(&authorize(&[])).await.code()
    }

    async fn exchange(&mut self, changes: &[(&str, &str)]) -> (u16, Value) {
        let mut fields = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("client_id", "tocsin"),
            ("redirect_uri", APP),
            ("code_verifier", VERIFIER),
        ]);
        for (name, value) in changes {
            fields.insert(name, value);
        }
        let fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let seen = self.post("/oauth/token", &fields).await;
        assert_eq!(seen.headers["cache-control"], "no-store");
        (seen.status, serde_json::from_str(&seen.body).unwrap())
    }

    /// The tokens of somebody who is logged in.
    async fn tokens(&mut self) -> Value {
        let code = self.code().await;
        let (status, tokens) = self.exchange(&[("code", &code)]).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    /// What the frame is told that nobody sees.
    async fn silently(&mut self) -> Value {
        self.get(&authorize(&[("prompt", "none"), ("response_mode", "web_message")])).await.message()
    }
}

impl Seen {
    fn location(&self) -> String {
        self.headers.get("location").map(|at| at.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// What the address says to which the browser is sent.
    fn said(&self) -> BTreeMap<String, String> {
        let location = self.location();
        assert!(location.starts_with(APP), "{} {location:?} {}", self.status, self.body);
        let (_, query) = location.split_once('?').unwrap();
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    fn code(&self) -> String {
        self.said()["code"].clone()
    }

    /// The word that is in the form.
    fn word(&self) -> String {
        let after = self.body.split(r#"name="form" value=""#).nth(1).unwrap_or_else(|| panic!("{} {}", self.status, self.body));
        after.split('"').next().unwrap().to_owned()
    }

    /// What is posted to another window.
    fn message(&self) -> Value {
        let after = self.body.split(r#"data-response=""#).nth(1).unwrap_or_else(|| panic!("{} {}", self.status, self.body));
        let text = after.split('"').next().unwrap();
        let escapes = [("&#34;", "\""), ("&#60;", "<"), ("&#62;", ">"), ("&#39;", "'"), ("&#38;", "&")];
        let text = escapes.iter().fold(text.to_owned(), |text, (escape, letter)| text.replace(escape, letter));
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
    }

    fn policy(&self) -> &str {
        self.headers["content-security-policy"].to_str().unwrap()
    }
}

/// The address to which a front end sends somebody, with changes; an empty value leaves something out.
fn authorize(changes: &[(&str, &str)]) -> String {
    let mut said = BTreeMap::from([
        ("client_id", "tocsin"),
        ("redirect_uri", APP),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("state", "a state"),
        ("nonce", "a nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("auth0Client", "eyJuYW1lIjoiYXV0aDAtc3BhLWpzIn0="),
    ]);
    for (name, value) in changes {
        said.insert(name, value);
    }
    let said = said.into_iter().filter(|(_, value)| !value.is_empty());
    format!("/authorize?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish())
}

/// What a token says, by the keys that are published.
async fn verified(server: &Server, token: &str) -> Value {
    let (status, jwks) = server.ask("GET", "/.well-known/jwks.json", None).await;
    assert_eq!(status, 200);
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_value(jwks).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["tocsin"]);
    validation.set_issuer(&[format!("{}/", server.base)]);
    let key = DecodingKey::from_jwk(jwks.find(&kid).unwrap()).unwrap();
    jsonwebtoken::decode(token, &key, &validation).unwrap().claims
}

/// Whether the facade knows who shows this token: not found, not allowed or not valid is another matter.
async fn is_known(server: &Server, token: &str) -> bool {
    let (status, said) = server.ask_as(token, "POST", "/api/organizations/invite", Some(&json!({}))).await;
    assert!(matches!(status, 403 | 422), "{status} {said}");
    status == 422
}

#[tokio::test]
async fn somebody_logs_in_and_is_known_until_they_log_out() {
    on_both_stores(Name::Fastapi, |server| async move {
        let mut browser = Browser::new(&server.base);
        let page = browser.get(&authorize(&[])).await;
        assert_eq!((page.status, page.headers["content-type"].to_str().unwrap()), (200, "text/html; charset=utf-8"));
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self' http://localhost:5173"]
        {
            assert!(page.policy().contains(part), "{part}: {}", page.policy());
        }
        assert!(!page.policy().contains("script-src") && !page.policy().contains("unsafe"), "{}", page.policy());
        for (name, value) in [("x-frame-options", "DENY"), ("cache-control", "no-store"), ("referrer-policy", "same-origin")] {
            assert_eq!(page.headers[name], value, "{name}");
        }
        assert!(page.cookies[0].starts_with("tocsin_form=") && page.cookies[0].ends_with("; Path=/; HttpOnly; SameSite=Lax"));

        let seen = browser.log_in(&authorize(&[]), DANA).await;
        assert_eq!((seen.status, seen.said()["state"].as_str()), (303, "a state"));
        let cookie = seen.cookies.iter().find(|cookie| cookie.starts_with("tocsin_session=")).unwrap();
        assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000") && !cookie.contains("Domain"), "{cookie}");
        let (status, tokens) = browser.exchange(&[("code", &seen.code())]).await;
        assert_eq!((status, keys(&tokens)), (200, vec!["access_token", "expires_in", "id_token", "scope", "token_type"]));
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(36_000)));
        let id_token = tokens["id_token"].as_str().unwrap();
        let said = verified(&server, id_token).await;
        let org = server.app.find("fastapi-demo").await.unwrap().unwrap();
        let wanted = json!({
            "aud": "tocsin", "nonce": "a nonce", "email": DANA.0, "name": "Dana Diaz", "org_id": organization_word(org),
        });
        assert!(has(&said, &wanted), "{said}");
        assert!(is_known(&server, id_token).await);
        let (status, info) = server.ask_as(tokens["access_token"].as_str().unwrap(), "GET", "/userinfo", None).await;
        assert_eq!((status, &info["sub"], &info["email"]), (200, &said["sub"], &json!(DANA.0)));

        // The next time nobody is asked, seen or unseen.
        let again = browser.get(&authorize(&[("state", "")])).await;
        assert_eq!((again.status, again.said().contains_key("state")), (303, false));
        let told = browser.silently().await;
        assert_eq!(keys(&told), ["code", "state"]);
        // Unless they shall log in again, perhaps as somebody else.
        let page = browser.get(&authorize(&[("prompt", "login"), ("login_hint", EVAN.0)])).await;
        assert!(page.status == 200 && page.body.contains(EVAN.0) && page.word().len() == 43, "{}", page.body);

        let bye = browser.get("/v2/logout?client_id=tocsin&returnTo=http%3A%2F%2Flocalhost%3A5173%2Fbye").await;
        assert_eq!((bye.status, bye.location()), (303, "http://localhost:5173/bye".to_owned()));
        assert!(bye.cookies[0].starts_with("tocsin_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"), "{:?}", bye.cookies);
        assert!(!is_known(&server, id_token).await, "the session has ended");
        assert_eq!(server.ask_as(tokens["access_token"].as_str().unwrap(), "GET", "/userinfo", None).await.0, 401);
        assert_eq!(browser.silently().await["error"], "login_required");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn only_the_window_that_asked_is_told() {
    on_both_stores(Name::Fastapi, |server| async move {
        let mut browser = Browser::new(&server.base);
        let popup = authorize(&[("response_mode", "web_message"), ("prompt", "login")]);
        let seen = browser.log_in(&popup, DANA).await;
        assert_eq!((seen.status, keys(&seen.message())), (200, vec!["code", "state"]));
        assert!(seen.body.contains(r#"data-to="http://localhost:5173""#), "{}", seen.body);
        assert!(seen.policy().contains("frame-ancestors 'none'"), "a window is in no frame: {}", seen.policy());
        assert!(seen.policy().contains("script-src 'sha256-") && !seen.policy().contains("unsafe"), "{}", seen.policy());
        let frame = browser.get(&authorize(&[("response_mode", "web_message"), ("prompt", "none")])).await;
        assert!(frame.policy().contains("frame-ancestors http://localhost:5173"), "{}", frame.policy());
        assert!(!frame.headers.contains_key("x-frame-options"));
        // What is in the address stays text.
        let evil = authorize(&[("response_mode", "web_message"), ("state", "\"><script>alert(1)</script>")]);
        let seen = browser.get(&evil).await;
        assert!(!seen.body.contains("<script>alert") && seen.message()["state"] == "\"><script>alert(1)</script>");
        let page = Browser::new(&server.base).get(&authorize(&[("login_hint", "\"><script>alert(1)</script>")])).await;
        assert!(!page.body.contains("<script"), "{}", page.body);
        let path = authorize(&[("redirect_uri", "http://localhost:5173/callback?x=1")]);
        assert!(browser.get(&path).await.location().starts_with("http://localhost:5173/callback?x=1&code=toc_c_"));
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_wish_that_is_none_is_told_to_whom_it_may_be_told() {
    on_both_stores(Name::Fastapi, |server| async move {
        let mut browser = Browser::of(&server, DANA).await;
        // Nobody is sent anywhere.
        let evil = [
            "https://evil.example.org",
            "http://localhost.evil.org",
            "http://localhost@evil.example.org",
            "//evil.example.org",
            "http://localhost\\@evil.example.org",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://localhost:5173#x",
            "localhost",
            "http://127.0.0.2:5173",
            "http://192.168.0.1",
            "http://localhost:5173\r\nx: y",
            "/",
            "http://localhost:5173/%0d%0a\r\nx",
        ];
        for uri in evil {
            for mode in ["query", "web_message"] {
                let seen = browser.get(&authorize(&[("redirect_uri", uri), ("response_mode", mode)])).await;
                assert_eq!((seen.status, seen.location()), (400, String::new()), "{uri}");
                assert!(!seen.body.contains("data-response") && !seen.body.contains("toc_c_"), "{uri}");
                assert!(seen.policy().contains("frame-ancestors 'none'"));
            }
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("returnTo", uri).finish();
            let seen = Browser::new(&server.base).get(&format!("/v2/logout?{query}")).await;
            assert_eq!((seen.status, seen.location()), (400, String::new()), "{uri}");
        }
        for path in [
            authorize(&[("client_id", "another")]),
            authorize(&[("client_id", "")]),
            authorize(&[("redirect_uri", "")]),
            format!("{}&redirect_uri=http%3A%2F%2Flocalhost%3A1", authorize(&[])),
            format!("{}&state=two", authorize(&[])),
            authorize(&[("state", &"x".repeat(4_001))]),
            "/authorize".to_owned(),
        ] {
            let seen = browser.get(&path).await;
            assert_eq!((seen.status, seen.location()), (400, String::new()), "{path}");
        }
        // The front end is told.
        for (changes, error) in [
            ([("response_type", "token"), ("x", "")], "unsupported_response_type"),
            ([("response_type", ""), ("x", "")], "invalid_request"),
            ([("code_challenge", ""), ("x", "")], "invalid_request"),
            ([("code_challenge", "short"), ("x", "")], "invalid_request"),
            ([("code_challenge_method", "plain"), ("x", "")], "invalid_request"),
            ([("code_challenge_method", ""), ("x", "")], "invalid_request"),
            ([("response_mode", "fragment"), ("x", "")], "invalid_request"),
            ([("response_mode", "form_post"), ("x", "")], "invalid_request"),
            ([("scope", "profile"), ("x", "")], "invalid_scope"),
            ([("scope", ""), ("x", "")], "invalid_scope"),
            ([("prompt", "none login"), ("x", "")], "invalid_request"),
            ([("organization", "org_00000000000000000000000000000007"), ("x", "")], "access_denied"),
        ] {
            let said = browser.get(&authorize(&changes)).await.said();
            assert_eq!((said["error"].as_str(), said["state"].as_str()), (error, "a state"), "{changes:?}");
            assert!(!said.contains_key("code"));
        }
        let told = browser.get(&authorize(&[("response_mode", "web_message"), ("scope", "x")])).await.message();
        assert_eq!(told["error"], "invalid_scope");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn nobody_is_logged_in_by_a_form_of_somebody_else() {
    on_both_stores(Name::Fastapi, |server| async move {
        let path = authorize(&[]);
        let mut known = Browser::new(&server.base);
        let word = known.get(&path).await.word();
        let attempt = async |browser: &mut Browser, word: &str, headers: &[(&str, &str)]| {
            let fields = [("form", word), ("step", "login"), ("email", DANA.0), ("password", DANA.1)];
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
            all.extend(headers);
            let seen = browser.send(Method::POST, &path, &all, Some(body)).await;
            (seen.status, browser.cookies.contains_key("tocsin_session"))
        };
        let refused = (403, false);
        assert_eq!(attempt(&mut Browser::new(&server.base), &word, &[]).await, refused, "without the cookie");
        assert_eq!(attempt(&mut Browser::new(&server.base), "", &[]).await, refused, "with nothing");
        assert_eq!(attempt(&mut known, &"x".repeat(43), &[]).await, refused, "with another word");
        assert_eq!(attempt(&mut known, "", &[]).await, refused, "without the word");
        for origin in ["https://evil.example.org", "null", APP] {
            assert_eq!(attempt(&mut known, &word, &[("origin", origin)]).await, refused, "from {origin}");
        }
        for site in ["cross-site", "same-site"] {
            assert_eq!(attempt(&mut known, &word, &[("sec-fetch-site", site)]).await, refused, "{site}");
        }
        let mut empty = Browser::new(&server.base);
        empty.cookies.insert("tocsin_form".into(), "x".into());
        assert_eq!(attempt(&mut empty, "x", &[]).await, refused, "with a word that we did not choose");
        let json = json!({ "form": word, "step": "login", "email": DANA.0, "password": DANA.1 }).to_string();
        let seen = known.send(Method::POST, &path, &[("content-type", "application/json")], Some(json)).await;
        assert_eq!(seen.status, 403, "a form is no JSON");
        let ours = [("origin", server.base.as_str()), ("sec-fetch-site", "same-origin")];
        assert_eq!(attempt(&mut known, &word, &ours).await, (303, true));
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn who_cannot_be_logged_in_is_told_on_the_page() {
    on_both_stores(Name::Fastapi, |server| async move {
        let mut browser = Browser::new(&server.base);
        let path = authorize(&[]);
        for (who, status, text) in
            [((DANA.0, "wrong"), 401, "is wrong"), (("nobody@example.org", "wrong"), 401, "is wrong"), (("", ""), 401, "is wrong")]
        {
            let seen = browser.log_in(&path, who).await;
            assert_eq!(seen.status, status, "{who:?}");
            assert!(seen.body.contains(text) && seen.body.contains(r#"role="alert""#), "{}", seen.body);
            assert!(!browser.cookies.contains_key("tocsin_session") && seen.location().is_empty());
        }
        assert!(browser.log_in(&path, ("da\"na@x", "wrong")).await.body.contains("da&#34;na@x"), "what was typed is still there");
        for _ in 0..10 {
            browser.log_in(&path, (EVAN.0, "wrong")).await;
        }
        let seen = browser.log_in(&path, EVAN).await;
        assert!(seen.status == 429 && seen.body.contains("Try again in"), "{} {}", seen.status, seen.body);
        let mut dana = Browser::of(&server, DANA).await;
        assert_eq!(dana.log_in(&authorize(&[("prompt", "login")]), (DANA.0, "wrong")).await.status, 401);
        assert_eq!(keys(&dana.silently().await), ["code", "state"], "who was logged in still is");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_code_is_good_once_for_who_asked() {
    on_both_stores(Name::Fastapi, |server| async move {
        let mut browser = Browser::of(&server, DANA).await;
        let good = browser.code().await;
        let another = format!("{}00", &good[..good.len() - 2]);
        for (changes, status, error) in [
            (vec![("code", "")], 400, "invalid_request"),
            (vec![("code", good.as_str()), ("code_verifier", "")], 400, "invalid_request"),
            (vec![("code", good.as_str()), ("redirect_uri", "")], 400, "invalid_request"),
            (vec![("code", good.as_str()), ("client_id", "another")], 401, "invalid_client"),
            (vec![("code", good.as_str()), ("client_id", "")], 401, "invalid_client"),
            (vec![("code", good.as_str()), ("grant_type", "")], 400, "invalid_request"),
            (vec![("code", good.as_str()), ("grant_type", "password")], 400, "unsupported_grant_type"),
            (vec![("code", good.as_str()), ("grant_type", "refresh_token")], 400, "unsupported_grant_type"),
            (vec![("code", another.as_str())], 400, "invalid_grant"),
            (vec![("code", "toc_c_x")], 400, "invalid_grant"),
        ] {
            let (answered, said) = browser.exchange(&changes).await;
            assert_eq!((answered, &said["error"]), (status, &json!(error)), "{changes:?}");
            assert_eq!(keys(&said), ["error", "error_description"]);
        }
        assert_eq!(browser.exchange(&[("code", &good)]).await.0, 200, "none of that has used it up");
        // A try with the right code has, whatever is wrong beside it.
        for wrong in [("code_verifier", CHALLENGE), ("redirect_uri", "http://localhost:5173/")] {
            let code = browser.code().await;
            let (status, said) = browser.exchange(&[("code", &code), wrong]).await;
            assert_eq!((status, &said["error"]), (400, &json!("invalid_grant")), "{wrong:?}");
        }
        let tokens = browser.tokens().await;
        let id_token = tokens["id_token"].as_str().unwrap();
        assert!(is_known(&server, id_token).await);
        // JSON will do as well; and who comes twice with a code ends the session of both.
        let code = browser.code().await;
        let body = json!({
            "grant_type": "authorization_code", "client_id": "tocsin", "redirect_uri": APP, "code_verifier": VERIFIER, "code": code,
        });
        assert_eq!(server.ask("POST", "/oauth/token", Some(&body)).await.0, 200);
        let (status, said) = server.ask("POST", "/oauth/token", Some(&body)).await;
        assert_eq!((status, &said["error"]), (400, &json!("invalid_grant")));
        assert!(!is_known(&server, id_token).await, "every token of the session is worth nothing");
        assert_eq!(browser.silently().await["error"], "login_required");
        for broken in [json!([]), json!("x"), json!({ "grant_type": 7 })] {
            let (status, said) = server.ask("POST", "/oauth/token", Some(&broken)).await;
            assert_eq!((status, &said["error"]), (400, &json!("invalid_request")), "{broken}");
        }
        assert_eq!(server.send("POST", "/oauth/token", Some("{".into())).await.status(), 400);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_code_of_a_session_that_has_ended_is_worth_nothing() {
    on_both_stores(Name::Fastapi, |server| async move {
        let mut browser = Browser::of(&server, DANA).await;
        let code = browser.code().await;
        browser.get("/v2/logout").await;
        assert_eq!(browser.exchange(&[("code", &code)]).await.1["error"], "invalid_grant");
        let mut browser = Browser::of(&server, EVAN).await;
        let (code, tokens) = (browser.code().await, browser.tokens().await);
        let said = verified(&server, tokens["id_token"].as_str().unwrap()).await;
        let org = server.app.find("fastapi-demo").await.unwrap().unwrap();
        leave(&server, org, said["sub"].as_str().unwrap()).await;
        assert_eq!(browser.exchange(&[("code", &code)]).await.1["error"], "invalid_grant", "they are no member any more");
        assert!(!is_known(&server, tokens["id_token"].as_str().unwrap()).await);
        let seen = browser.get(&authorize(&[])).await;
        assert!(seen.status == 403 && seen.body.contains("no organization") && seen.location().is_empty(), "{}", seen.body);
        assert_eq!(browser.silently().await["error"], "interaction_required");
        server.stop().await;
    })
    .await;
}

async fn order(server: &Server, org: OrgId, command: Command) {
    let order = Order { by: Author::System, at: SystemTime::now().into_timestamp(), key: None, only_at: None, command };
    server.app.directory().execute(org, vec![order]).await.unwrap();
}

async fn leave(server: &Server, org: OrgId, user: &str) {
    order(server, org, Command::RemoveMember { user: user.parse().unwrap() }).await;
}

#[tokio::test]
async fn who_has_several_organizations_chooses_one() {
    on_both_stores(Name::Fastapi, |server| async move {
        let founded = json!({ "org_name": "Other, Inc.", "email_id": "olga@example.org", "password": "olga's password" });
        let (status, made) = server.ask("POST", "/api/organizations", Some(&founded)).await;
        assert_eq!((status, &made["name"]), (201, &json!("other-inc")));
        let other = server.app.find("other-inc").await.unwrap().unwrap();
        let mut browser = Browser::of(&server, DANA).await;
        let first = browser.tokens().await;
        let said = verified(&server, first["id_token"].as_str().unwrap()).await;
        let (dana, demo) = (said["sub"].as_str().unwrap(), said["org_id"].as_str().unwrap());
        let member = Command::AddMember {
            id: MemberId::new(Uuid::now_v7()),
            user: dana.parse().unwrap(),
            role: Role::Viewer,
            metadata: Default::default(),
        };
        // Of an organization to which they do not belong they get nothing.
        let theirs = organization_word(other);
        assert_eq!(browser.get(&authorize(&[("organization", &theirs)])).await.said()["error"], "access_denied");
        order(&server, other, member).await;

        let mut asked = Browser::new(&server.base);
        let page = asked.log_in(&authorize(&[]), DANA).await;
        assert_eq!((page.status, page.location()), (200, String::new()));
        assert!(page.body.contains(demo) && page.body.contains(&theirs) && page.body.contains("Other, Inc."), "{}", page.body);
        assert_eq!(asked.silently().await["error"], "interaction_required");
        let (word, path) = (page.word(), authorize(&[]));
        let choose = |word: &str, org: &str| {
            [("form", word), ("step", "organization"), ("organization", org)].map(|(name, value)| (name, value.to_owned()))
        };
        let post = async |browser: &mut Browser, fields: [(&str, String); 3]| {
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            browser.post(&path, &fields).await
        };
        assert_eq!(post(&mut asked, choose("x", &theirs)).await.status, 403, "not by another's form");
        let nobodys = "org_00000000000000000000000000000007";
        assert_eq!(post(&mut asked, choose(&word, nobodys)).await.status, 200, "asked again");
        let mut stranger = Browser::new(&server.base);
        let strangers = stranger.get(&path).await.word();
        assert_eq!(post(&mut stranger, choose(&strangers, &theirs)).await.status, 401, "who is nobody chooses nothing");
        let seen = post(&mut asked, choose(&word, &theirs)).await;
        let (_, tokens) = asked.exchange(&[("code", &seen.code())]).await;
        let said = verified(&server, tokens["id_token"].as_str().unwrap()).await;
        assert_eq!((said["org_id"].as_str(), said["sub"].as_str()), (Some(theirs.as_str()), Some(dana)));
        // It is remembered, and can be said otherwise.
        let tokens = asked.tokens().await;
        assert_eq!(verified(&server, tokens["id_token"].as_str().unwrap()).await["org_id"], theirs);
        let page = asked.get(&authorize(&[("prompt", "select_account")])).await;
        assert!(page.status == 200 && page.body.contains("Choose an organization"), "{}", page.body);
        for named in [demo, "fastapi-demo"] {
            let code = asked.get(&authorize(&[("organization", named)])).await.code();
            let (_, tokens) = asked.exchange(&[("code", &code)]).await;
            assert_eq!(verified(&server, tokens["id_token"].as_str().unwrap()).await["org_id"], demo);
        }
        // What was chosen and is not theirs any more is asked for again.
        leave(&server, other, dana).await;
        let tokens = asked.tokens().await;
        assert_eq!(verified(&server, tokens["id_token"].as_str().unwrap()).await["org_id"], demo);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_not_ours_is_nobodys() {
    on_both_stores(Name::Fastapi, |server| async move {
        let mut browser = Browser::of(&server, DANA).await;
        let tokens = browser.tokens().await;
        let token = tokens["id_token"].as_str().unwrap();
        let (_, jwks) = server.ask("GET", "/.well-known/jwks.json", None).await;
        assert_eq!(keys(&jwks["keys"][0]), ["alg", "e", "kid", "kty", "n", "use"], "nothing of the private half");
        let said: Value = jsonwebtoken::dangerous::insecure_decode_claims(token).unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        let hmac = |secret: &str| {
            let header = Header { alg: Algorithm::HS256, ..header.clone() };
            encode(&header, &said, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
        };
        let parts: Vec<_> = token.split('.').collect();
        let mut others = said.clone();
        others["org_id"] = json!("org_00000000000000000000000000000007");
        let others = encode(&Header::default(), &others, &EncodingKey::from_secret(b"x")).unwrap();
        let others = others.split('.').nth(1).unwrap();
        let access = server.app.identity().login(DANA.0, DANA.1, hint()).await.unwrap().tokens.access_token;
        for (what, wrong) in [
            ("HS256 with the public key", hmac(jwks["keys"][0]["n"].as_str().unwrap())),
            ("HS256 with the whole key", hmac(&jwks["keys"][0].to_string())),
            ("no signature", format!("{}.{}.", parts[0], parts[1])),
            ("another organization", format!("{}.{others}.{}", parts[0], parts[2])),
            ("no algorithm", format!("eyJhbGciOiJub25lIn0.{}.", parts[1])),
            ("what the front end sends to somebody else", "any string".to_owned()),
            ("an access token of the API", access.expose().to_owned()),
            ("the token for /userinfo", tokens["access_token"].as_str().unwrap().to_owned()),
            ("a code", browser.code().await),
        ] {
            assert!(!is_known(&server, &wrong).await, "{what}");
        }
        assert!(server.app.identity().authenticate(token).await.is_err(), "an ID token is none for the API");
        assert_eq!(server.ask_as(token, "GET", "/userinfo", None).await.0, 401, "nor for /userinfo");
        let answer = server.send("POST", "/api/organizations/invite", Some("{}".into())).await;
        assert_eq!(answer.status(), 401, "without a token, and only then");
        assert!(is_known(&server, token).await);
        server.stop().await;
    })
    .await;
}

fn hint() -> tocsin::identity::ClientHint {
    tocsin::identity::ClientHint { address: [127, 0, 0, 1].into(), user_agent: None }
}

#[tokio::test]
async fn an_organization_is_founded_with_its_first_admin() {
    on_both_stores(Name::Fastapi, |server| async move {
        let new = |name: &str, email: &str, password: &str| json!({ "org_name": name, "email_id": email, "password": password });
        let (status, made) = server.ask("POST", "/api/organizations", Some(&new("Acme  Corp!", "ann@example.org", "password 1"))).await;
        assert_eq!((status, keys(&made), &made["name"]), (201, vec!["auth0_org_id", "name"], &json!("acme-corp")));
        let taken = json!({ "detail": "An organization with this name already exists." });
        let missing = |field: &str, input: Value| json!({ "type": "missing", "loc": ["body", field], "msg": "Field required", "input": input });
        let rows = [
            (new("acme corp", "bob@example.org", "password 1"), 409, taken),
            (new("Another", "Ann@Example.org", "password 1"), 409, json!({ "detail": "The user already exists." })),
            (new("Another", "no address", "password 1"), 400, json!({})),
            (new("Another", "bob@example.org", "short"), 400, json!({})),
            (new("!!!", "bob@example.org", "password 1"), 400, json!({})),
            (new("", "bob@example.org", "password 1"), 400, json!({})),
            (new("api", "bob@example.org", "password 1"), 400, json!({})),
            (json!({ "org_name": "x", "email_id": "b@x.org" }), 422, json!({ "detail": [missing("password", json!({ "org_name": "x", "email_id": "b@x.org" }))] })),
            (json!({ "org_name": 7, "email_id": "b@x.org", "password": "password 1" }), 422, json!({ "detail": [
                { "type": "string_type", "loc": ["body", "org_name"], "msg": "Input should be a valid string", "input": 7 },
            ] })),
            (json!([]), 422, json!({ "detail": [{ "type": "model_attributes_type", "loc": ["body"] }] })),
        ];
        for (body, status, wanted) in rows {
            let (answered, answer) = server.ask("POST", "/api/organizations", Some(&body)).await;
            assert_eq!(answered, status, "{body}: {answer}");
            assert!(has(&answer, &wanted), "{body}: {answer}");
        }
        assert_eq!(server.send("POST", "/api/organizations", Some("{".into())).await.status(), 422);
        assert_eq!(server.send("POST", "/api/organizations/", None).await.status(), 422);
        // Nothing is left of those: the same name and address are still free.
        let (status, _) = server.ask("POST", "/api/organizations", Some(&new("Another", "bob@example.org", "password 1"))).await;
        assert_eq!(status, 201);
        let mut ann = Browser::of(&server, ("ann@example.org", "password 1")).await;
        let said = verified(&server, ann.tokens().await["id_token"].as_str().unwrap()).await;
        assert_eq!((&said["org_id"], &said["name"]), (&made["auth0_org_id"], &json!("ann")));
        server.stop().await;
    })
    .await;
}

/// The link that somebody gets who invites.
async fn invite(server: &Server, token: &str, email: &str) -> String {
    let bearer = format!("Bearer {token}");
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str()), ("origin", APP)];
    let body = json!({ "email_id": email }).to_string();
    let answer = server.send_with(&headers, "POST", "/api/organizations/invite", Some(body)).await;
    assert_eq!(answer.status(), 200);
    let link = answer.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(answer.text().await.unwrap(), "null");
    link.strip_prefix(&server.base).unwrap().to_owned()
}

#[tokio::test]
async fn the_invited_join_by_the_link_and_by_nothing_else() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Browser::of(&server, DANA).await.tokens().await["id_token"].as_str().unwrap().to_owned();
        let evan = Browser::of(&server, EVAN).await.tokens().await["id_token"].as_str().unwrap().to_owned();
        let body = json!({ "email_id": "new@example.org" });
        let (status, said) = server.ask_as(&evan, "POST", "/api/organizations/invite", Some(&body)).await;
        assert_eq!((status, said), (403, json!({ "detail": "Only admins of the organization may invite" })));
        let (status, _) = server.ask_as(&dana, "POST", "/api/organizations/invite", Some(&json!({ "email_id": "x" }))).await;
        assert_eq!(status, 400);

        let link = invite(&server, &dana, "new@example.org").await;
        assert!(link.starts_with("/invitations/toc_i_") && link.ends_with("?returnTo=http://localhost:5173"), "{link}");
        let mut new = Browser::new(&server.base);
        let page = new.get(&link).await;
        for text in ["Join FastAPI Demo", "new@example.org", "Create account and join"] {
            assert!(page.body.contains(text), "{text}: {}", page.body);
        }
        let register = async |browser: &mut Browser, link: &str, word: &str, password: &str| {
            let fields = [("form", word), ("step", "register"), ("name", "Nia New"), ("password", password)];
            browser.post(link, &[&fields[..], &[("email", "other@example.org")]].concat()).await
        };
        assert_eq!(register(&mut new, &link, "x", "password 1").await.status, 403);
        let seen = register(&mut new, &link, &page.word(), "short").await;
        assert!(seen.status == 400 && seen.body.contains("at least 8") && seen.body.contains("Nia New"), "{}", seen.body);
        let seen = register(&mut new, &link, &page.word(), "password 1").await;
        assert!(seen.status == 200 && seen.body.contains("Welcome to FastAPI Demo"), "{} {}", seen.status, seen.body);
        assert!(seen.body.contains(r#"href="http://localhost:5173""#), "{}", seen.body);
        let said = verified(&server, new.tokens().await["id_token"].as_str().unwrap()).await;
        assert_eq!((&said["email"], &said["name"]), (&json!("new@example.org"), &json!("Nia New")), "not what the form said");
        assert_eq!(new.get(&link).await.status, 404, "used up");
        assert_eq!(register(&mut Browser::new(&server.base), &link, "x", "password 1").await.status, 404);

        // Who has an account says so; who is logged in already has less to do.
        let founded = json!({ "org_name": "Other", "email_id": "olga@example.org", "password": "olga's password" });
        server.ask("POST", "/api/organizations", Some(&founded)).await;
        let link = invite(&server, &dana, "Olga@Example.org").await;
        let mut olga = Browser::new(&server.base);
        let page = olga.get(&link).await;
        assert!(page.body.contains("Sign in and join"), "{}", page.body);
        let word = page.word();
        assert_eq!(register(&mut olga, &link, &word, "another password").await.status, 409, "nobody makes a second account");
        let fields = |password| [("form", word.as_str()), ("step", "login"), ("email", EVAN.0), ("password", password)];
        assert_eq!(olga.post(&link, &fields("wrong")).await.status, 401);
        assert_eq!(olga.post(&link, &fields(EVAN.1)).await.status, 401, "as who was invited, not as who they say");
        assert_eq!(olga.post(&link, &[("form", &word), ("step", "join")]).await.status, 409, "not without a password");
        let mut other = Browser::of(&server, EVAN).await;
        let page = other.get(&link).await;
        assert!(page.body.contains("Sign in and join"), "not as somebody else: {}", page.body);
        assert_eq!(olga.post(&link, &fields("olga's password")).await.status, 200);
        let said = verified(&server, olga.tokens().await["id_token"].as_str().unwrap()).await;
        assert_eq!(said["org_id"], organization_word(server.app.find("fastapi-demo").await.unwrap().unwrap()));
        let link = invite(&server, &dana, EVAN.0).await;
        let page = other.get(&link).await;
        assert!(page.body.contains("<button type=\"submit\">Join FastAPI Demo"), "{}", page.body);
        assert_eq!(other.post(&link, &[("form", &page.word()), ("step", "join")]).await.status, 200, "also who is there already");

        for nothing in ["/invitations/x", "/invitations/toc_i_00000000000000000000000000000007_00"] {
            assert_eq!(other.get(nothing).await.status, 404);
        }
        let link = invite(&server, &dana, "late@example.org").await.replace(APP, "https://evil.example.org");
        let mut late = Browser::new(&server.base);
        let word = late.get(&link).await.word();
        let seen = register(&mut late, &link, &word, "password 1").await;
        assert!(seen.status == 200 && !seen.body.contains("evil"), "{}", seen.body);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn programs_read_how_it_is_talked_to() {
    on_both_stores(Name::Fastapi, |server| async move {
        let (status, said) = server.ask("GET", "/.well-known/openid-configuration", None).await;
        let at = |path: &str| format!("{}/{path}", server.base);
        let wanted = json!({
            "issuer": at(""), "authorization_endpoint": at("authorize"), "token_endpoint": at("oauth/token"),
            "jwks_uri": at(".well-known/jwks.json"), "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"], "token_endpoint_auth_methods_supported": ["none"],
        });
        assert!(status == 200 && has(&said, &wanted), "{said}");
        let host = [("host", "evil.example.org")];
        let answer = server.send_with(&host, "GET", "/.well-known/openid-configuration", None).await;
        assert!(!answer.text().await.unwrap().contains("evil"), "who asks does not say who we are");
        let answer = server.send_with(&[("origin", APP)], "GET", "/.well-known/jwks.json", None).await;
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert!(!answer.headers().contains_key("access-control-allow-credentials"), "cookies are for nobody's pages");
        server.stop().await;
    })
    .await;
}

/// One that people reach at an address of its own, with the sample data.
async fn at(url: &str, store_url: &str, fill: bool) -> Result<(App, String), NotOpened> {
    let store = tocsin::store::open(store_url).await.unwrap();
    let http = HttpSettings { facade_urls: [("fastapi", url.to_owned())].into(), ..HttpSettings::default() };
    let edge = EdgeSettings { cors_origins: vec!["https://app.example.org".into()], ..EdgeSettings::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut app = App::start(store.clone(), AppSettings { http, edge, ..AppSettings::default() }, listener).await.unwrap();
    if fill {
        let source = std::fs::read_to_string(format!("{}/fixtures/fastapi.yaml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let fixture = Fixture::read("sample", &source).unwrap();
        let loader = Loader::new(store, app.directory().clone(), SystemTime::now().into_timestamp());
        let survey = loader.survey(&fixture).await.unwrap();
        loader.carry_out(&fixture, survey, |_| {}).await.unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    match app.open_facade(Name::Fastapi, listener, None).await {
        Ok(()) => Ok((app, base)),
        Err(refused) => {
            app.shutdown().await;
            Err(refused)
        }
    }
}

#[tokio::test]
async fn in_earnest_it_is_by_https_only_and_for_named_pages_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().join("data").display());
    let refused = at("http://login.example.org", &store, false).await.err();
    assert_eq!(refused, Some(NotOpened::InClear(Name::Fastapi, "http://login.example.org".into())));
    let (app, base) = at("https://login.example.org", &store, true).await.unwrap();
    let mut browser = Browser { origin: "https://login.example.org".into(), ..Browser::new(&base) };
    assert_eq!(browser.get(&authorize(&[])).await.status, 400, "this machine is nobody's page any more");
    let path = authorize(&[("redirect_uri", "https://app.example.org/callback")]);
    let seen = browser.log_in(&path, DANA).await;
    assert!(seen.location().starts_with("https://app.example.org/callback?code="), "{} {}", seen.status, seen.body);
    for cookie in &seen.cookies {
        assert!(cookie.starts_with("__Host-tocsin_") && cookie.contains("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    }
    let code = seen.location().split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let (status, tokens) = browser.exchange(&[("code", &code), ("redirect_uri", "https://app.example.org/callback")]).await;
    assert_eq!(status, 200, "{tokens}");
    let said: Value = jsonwebtoken::dangerous::insecure_decode_claims(tokens["id_token"].as_str().unwrap()).unwrap();
    assert_eq!(said["iss"], "https://login.example.org/");
    // It goes on where it was after a restart.
    app.shutdown().await;
    let (app, base) = at("https://login.example.org", &store, false).await.unwrap();
    browser.base = base;
    assert!(browser.get(&path).await.location().starts_with("https://app.example.org/callback?code="));
    app.shutdown().await;
}

#[tokio::test]
async fn another_server_exchanges_the_code_and_knows_the_session() {
    let url = Mongod::shared().await.uri(&format!("provider_{}", Uuid::now_v7().simple()));
    let (one, base) = at("https://login.example.org", &url, true).await.unwrap();
    let (other, beside) = at("https://login.example.org", &url, false).await.unwrap();
    let mut browser = Browser { origin: "https://login.example.org".into(), ..Browser::new(&base) };
    let place = ("redirect_uri", "https://app.example.org");
    let page = browser.get(&authorize(&[place])).await;
    browser.base = beside;
    let fields = [("form", page.word()), ("step", "login".into()), ("email", DANA.0.into()), ("password", DANA.1.into())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let seen = browser.post(&authorize(&[place]), &fields).await;
    let code = seen.location().split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    browser.base = base;
    let (status, tokens) = browser.exchange(&[("code", &code), place]).await;
    assert_eq!(status, 200, "{tokens}");
    let issuers = ["https://login.example.org/".to_owned()];
    let token = tokens["id_token"].as_str().unwrap();
    assert!(other.identity().authenticate_id_token(token, "tocsin", &issuers).await.is_ok());
    one.shutdown().await;
    other.shutdown().await;
}
