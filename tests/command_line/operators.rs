//! What whoever runs the server does from its command line: superadmins, signing keys, health.

use crate::program::{Place, Server, ask};
use std::{
    net::{TcpListener, TcpStream},
    process::Command,
};

/// Asks with curl, as the documentation does. Answers status and body.
fn curl(server: &Server, path: &str, args: &[&str]) -> (u16, serde_json::Value) {
    let url = format!("http://{}{path}", server.address);
    let output = Command::new("curl").args(["-s", "-w", "\n%{http_code}", &url]).args(args).output().expect("curl is needed");
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

fn login(server: &Server, email: &str, password: &str) -> (u16, serde_json::Value) {
    let body = serde_json::json!({ "email": email, "password": password }).to_string();
    curl(server, "/api/v1/auth/login", &["-H", "Content-Type: application/json", "-d", &body])
}

#[test]
fn a_superadmin_is_made_and_unmade_on_the_command_line_only() {
    let place = Place::new();
    place.run(&["seed", "--quiet", &crate::program::fixture("demo.yaml")]).ok();
    let made = place.run(&["superadmin", "root@example.org", "--password", "correct horse"]).ok();
    assert_eq!(made, "root@example.org has an account now and is a superadmin\n");
    assert_eq!(place.run(&["superadmin", "ROOT@example.org"]).ok(), "root@example.org is a superadmin already\n");
    let server = Server::start(&place, &[]);
    let (status, session) = login(&server, "root@example.org", "correct horse");
    assert_eq!((status, &session["user"]["superadmin"]), (200, &serde_json::json!(true)), "{session}");
    let token = format!("Authorization: Bearer {}", session["access_token"].as_str().unwrap());
    assert_eq!(curl(&server, "/api/v1/orgs/kestrel/audit", &["-H", &token]).0, 200);
    assert_eq!(server.terminate().0, Some(0));

    assert_eq!(place.run(&["superadmin", "--revoke", "root@example.org"]).ok(), "root@example.org is no longer a superadmin\n");
    let server = Server::start(&place, &[]);
    assert_eq!(curl(&server, "/api/v1/orgs/kestrel/audit", &["-H", &token]).0, 404, "the same token, but nobody's");
    assert_eq!(server.terminate().0, Some(0));

    let unknown = place.run(&["superadmin", "--revoke", "nobody@example.org"]);
    assert_eq!((unknown.code, unknown.err.as_str()), (Some(2), "tocsin: nobody has an account with nobody@example.org\n"));
    let short = place.run(&["superadmin", "new@example.org", "--password", "short"]);
    assert_eq!((short.code, short.err.as_str()), (Some(2), "tocsin: password must have at least 8 characters\n"));
}

#[test]
fn tokens_of_before_are_good_after_the_signing_key_was_replaced() {
    let place = Place::new();
    place.run(&["superadmin", "root@example.org", "--password", "correct horse"]).ok();
    let keys = |server: &Server| curl(server, "/.well-known/jwks.json", &[]).1["keys"].as_array().unwrap().len();
    let server = Server::start(&place, &[]);
    let (_, session) = login(&server, "root@example.org", "correct horse");
    let token = format!("Authorization: Bearer {}", session["access_token"].as_str().unwrap());
    assert_eq!(keys(&server), 1);
    server.terminate();
    assert_eq!(place.run(&["rotate-key"]).ok(), "access tokens are signed with a new key from now on\n");
    let server = Server::start(&place, &[]);
    assert_eq!(keys(&server), 2);
    assert_eq!(curl(&server, "/api/v1/auth/me", &["-H", &token]).0, 200);
    server.terminate();
}

#[test]
fn health_says_whether_a_server_can_work() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let address = server.address.to_string();
    assert_eq!(place.run(&["health", "--listen", &address]).ok(), "ready\n");
    server.terminate();
    let gone = place.run(&["health", "--listen", &address]);
    assert!(gone.code == Some(1) && gone.out.starts_with("not reachable"), "{gone:?}");
}

#[test]
fn metrics_ask_for_their_token() {
    let place = Place::new();
    let server = Server::start(&place, &["--metrics-token", "s3cret"]);
    assert_eq!(curl(&server, "/metrics", &[]).0, 401);
    assert_eq!(curl(&server, "/metrics", &["-H", "Authorization: Bearer wrong"]).0, 401);
    assert_eq!(curl(&server, "/metrics", &["-H", "Authorization: Bearer s3cret"]).0, 200);
    server.terminate();
}

#[test]
fn metrics_can_have_an_address_of_their_own() {
    let place = Place::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let server = Server::start(&place, &["--metrics-listen", &free]);
    for (path, status) in [("/metrics", 404), ("/health", 200)] {
        assert_eq!(curl(&server, path, &[]).0, status, "{path}");
    }
    for (path, status) in [("/metrics", 200), ("/health", 404), ("/api/v1/orgs", 404)] {
        let (answered, _, text) = ask(TcpStream::connect(&free).unwrap(), "GET", path);
        assert_eq!((answered, text.contains("tocsin_http_requests")), (status, status == 200), "{path}");
    }
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn settings_that_make_no_sense_are_refused_before_anything_starts() {
    let place = Place::new();
    place.write("providers.yaml", "providers: [{preset: auth0, issuer: http://example.org, audience: x}]");
    for (args, begins) in [
        (&["serve", "--cors-origin", "example.org"][..], "tocsin: --cors-origin example.org: "),
        (&["serve", "--identity-providers", "none.yaml"], "tocsin: --identity-providers none.yaml: cannot be read"),
        (&["serve", "--identity-providers", "providers.yaml"], "tocsin: --identity-providers providers.yaml: "),
        (&["serve", "--trusted-proxy", "everybody"], "tocsin: invalid value 'everybody' for '--trusted-proxy <NETWORK>'"),
        (&["serve", "--public-url", "example.org"], "tocsin: invalid value 'example.org' for '--public-url <URL>'"),
        (&["serve", "--registration", "maybe"], "tocsin: invalid value 'maybe' for '--registration"),
        (
            &["demo", "--listen", "127.0.0.1:0", "--facade", "statusnexus=127.0.0.1:0"],
            "tocsin: the facade statusnexus takes the tokens of an identity provider: name it with --identity-providers FILE",
        ),
    ] {
        let done = place.run(args);
        assert!(done.code == Some(2) && done.err.starts_with(begins) && done.err.lines().count() == 1, "{args:?}: {done:?}");
    }
    assert!(!place.path().join("data").exists(), "nothing was made");
}
