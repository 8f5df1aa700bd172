//! Who asks too often, of facades as of everybody's API.

use crate::{flask, issuer::Issuer, statusnexus, support::Server};
use serde_json::{Value, json};
use tocsin::{
    facades::Name,
    http::edge::{Rate, RateSettings},
};

const NONE: RateSettings = RateSettings { address: Rate::OFF, auth: Rate::OFF, reads: Rate::OFF, writes: Rate::OFF };
/// So many at once, and then none for minutes.
const FIVE: Rate = Rate::new(0.01, 5);

/// Asks the same five times, and is told the sixth time that it is enough.
async fn five_are_enough(server: &Server, token: &str, (method, path): (&str, &str), body: Option<&Value>) -> Value {
    for _ in 0..5 {
        let (status, answer) = server.ask_as(token, method, path, body).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
    }
    let bearer = format!("Bearer {token}");
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let response = server.send_with(&headers, method, path, body.map(ToString::to_string)).await;
    assert_eq!(response.status().as_u16(), 429, "{method} {path}");
    assert!(response.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 1);
    response.json().await.unwrap()
}

#[tokio::test]
async fn somebody_who_asks_flask_too_often_is_told_so_and_others_go_on() {
    let server = Server::limited(Name::Flask, RateSettings { reads: FIVE, writes: FIVE, ..NONE }, "").await;
    let (alice, org) = flask::log_in(&server, "alice").await;
    let (bob, _) = flask::log_in(&server, "bob").await;
    let list = format!("/api/services?org_id={org}");
    let told = five_are_enough(&server, &alice, ("GET", &list), None).await;
    assert_eq!(told, json!({ "error": "too many requests, try again later" }));
    let (status, services) = server.ask_as(&bob, "GET", &list, None).await;
    assert_eq!(status, 200, "{services}");
    let service = format!("/api/services/{}", services["services"][0]["id"].as_str().unwrap());
    // What was read does not count against what is changed.
    five_are_enough(&server, &alice, ("PUT", &service), Some(&json!({}))).await;
    server.stop().await;
}

#[tokio::test]
async fn somebody_who_asks_statusnexus_too_often_is_told_so() {
    let issuer = Issuer::start().await;
    let server = Server::limited(Name::Statusnexus, RateSettings { reads: FIVE, ..NONE }, &statusnexus::providers(&issuer)).await;
    let token = statusnexus::member(&issuer);
    let told = five_are_enough(&server, &token, ("GET", "/api/services"), None).await;
    assert_eq!(told, json!({ "message": "too many requests, try again later" }));
    server.stop().await;
}

#[tokio::test]
async fn somebody_who_asks_fastapi_too_often_is_told_so() {
    let server = Server::limited(Name::Fastapi, RateSettings { reads: FIVE, ..NONE }, "").await;
    let token = server.id_token("dana@fastapi.example", "fastapi-demo").await;
    let told = five_are_enough(&server, &token, ("GET", "/api/services"), None).await;
    assert_eq!(told, json!({ "detail": "too many requests, try again later" }));
    server.stop().await;
}

#[tokio::test]
async fn whoever_tries_passwords_at_flask_has_so_many_tries() {
    let server = Server::limited(Name::Flask, RateSettings { auth: FIVE, ..NONE }, "").await;
    let right = json!({ "email": "alice@flask.example", "password": "statuspage" });
    five_are_enough(&server, "", ("POST", "/api/auth/login"), Some(&right)).await;
    // Accounts are made with a hash, too.
    let (status, _) = flask::register(&server, "mallory", "Mallory Inc").await;
    assert_eq!(status, 429);
    server.stop().await;
}
