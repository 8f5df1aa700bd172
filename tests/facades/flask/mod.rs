//! The contract of `flask`, row by row.

mod incidents;
mod logins;
mod organizations;
mod page;
mod services;
mod sockets;
mod teams;

use crate::support::{Server, has};
use serde_json::{Value, json};

pub(super) const NOBODY: &str = "7f1b5b0c-95c5-4b58-9a55-0e0f3c7a1111";
const PASSWORD: &str = "statuspage";

/// Who asks how for what, and what is answered.
pub(super) type Row<'a> = (&'a str, &'a str, String, Option<Value>, u16, Value);

pub(super) async fn check(server: &Server, rows: Vec<Row<'_>>) {
    for (token, method, path, body, status, wanted) in rows {
        let (answered, answer) = server.ask_as(token, method, &path, body.as_ref()).await;
        assert_eq!(answered, status, "{method} {path} {body:?}: {answer}");
        assert!(has(&answer, &wanted), "{method} {path} {body:?}: {answer}, wanted {wanted}");
    }
}

pub(super) fn error(text: &str) -> Value {
    json!({ "error": text })
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The sample organization, and people in it with each role; and somebody else with an organization of their own.
pub(super) struct Cast {
    pub(super) org: String,
    pub(super) admin: String,
    pub(super) member: String,
    pub(super) viewer: String,
    pub(super) root: String,
    pub(super) stranger: String,
    pub(super) strangers_org: String,
}

impl Cast {
    pub(super) async fn of(server: &Server) -> Self {
        let (admin, org) = log_in(server, "alice").await;
        let (member, _) = log_in(server, "bob").await;
        let (viewer, _) = log_in(server, "carol").await;
        let (root, _) = log_in(server, "root").await;
        let (_, made) = register(server, "mallory", "Mallory Inc").await;
        let (stranger, strangers_org) = (text(&made["access_token"]), text(&made["organization"]["id"]));
        Self { org, admin, member, viewer, root, stranger, strangers_org }
    }
}

/// Their access token, and their first organization.
pub(super) async fn log_in(server: &Server, name: &str) -> (String, String) {
    let body = json!({ "email": format!("{name}@flask.example"), "password": PASSWORD });
    let (status, answer) = server.ask("POST", "/api/auth/login", Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
    let org = answer["organizations"][0]["id"].as_str().unwrap_or_default();
    (text(&answer["access_token"]), org.to_owned())
}

pub(super) async fn register(server: &Server, name: &str, organization: &str) -> (u16, Value) {
    let email = format!("{name}@else.example");
    let body = json!({ "email": email, "username": name, "password": "correct horse", "organization_name": organization });
    server.ask("POST", "/api/auth/register", Some(&body)).await
}
