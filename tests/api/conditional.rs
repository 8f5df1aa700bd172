//! Reading again and writing on condition: what HTTP promises of tags, methods and paths.

use crate::support::{Server, in_hours, text};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_has_it_already_gets_304_until_it_changes() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let service = founder.make(&org, "/services", json!({"name": "s"})).await;
    let one = org.at(&format!("/services/{service}"));
    for path in [&one, &org.at("/services"), &org.at(""), &org.public(""), "/orgs", "/auth/me"] {
        let tag = founder.client.get(path).await.tag();
        assert_eq!(founder.client.get(path).await.tag(), tag, "{path}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = founder.client.ask(Method::GET, path).header("if-none-match", &known).send().await;
            again.is(304);
            assert_eq!(again.tag(), tag);
        }
        for other in ["\"other\"", "other", &tag.to_uppercase().replace('"', "")] {
            founder.client.ask(Method::GET, path).header("if-none-match", other).send().await.is(200);
        }
    }
    let before = founder.client.get(&one).await.tag();
    founder.client.patch(&one, json!({"description": "new"})).await.is(200);
    let answer = founder.client.ask(Method::GET, &one).header("if-none-match", &before).send().await;
    assert_eq!(answer.is(200)["description"], "new");
    // What may be kept is kept by the reader alone, and asked for again.
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_condition_is_done_only_if_nothing_changed() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let service = founder.make(&org, "/services", json!({"name": "s"})).await;
    let one = org.at(&format!("/services/{service}"));
    let tag = founder.client.get(&one).await.tag();
    let write =
        |tag: &str, name: &str| founder.client.ask(Method::PATCH, &one).header("if-match", tag).json(&json!({"name": name}));
    // A neighbour's change is not a change of this one.
    founder.make(&org, "/services", json!({"name": "neighbour"})).await;
    assert_eq!(write(&tag, "first").send().await.is(200)["name"], "first");
    write(&tag, "second").send().await.refuses(412, "precondition_failed");
    write("\"other\"", "second").send().await.refuses(412, "precondition_failed");
    assert_eq!(founder.client.get(&one).await.is(200)["name"], "first");
    write("*", "third").send().await.is(200);
    let tag = founder.client.get(&one).await.tag();
    let delete = |tag: &str| founder.client.ask(Method::DELETE, &one).header("if-match", tag);
    delete("\"other\"").send().await.refuses(412, "precondition_failed");
    delete(&tag).send().await.is(204);
    // Whoever may not write is told that, not whether the tag is right.
    let viewer = server.person("viewer").await;
    founder.let_in(&org, &viewer, "viewer").await;
    let answer = viewer.client.ask(Method::PATCH, &org.at("")).header("if-match", "*").json(&json!({"name": "x"})).send().await;
    answer.refuses(403, "forbidden");
    server.end().await;
}

/// What is done to an incident is done under its address: its tag is the condition.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tag_of_an_incident_is_the_condition_of_what_is_done_to_it() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let incident = founder.make(&org, "/incidents", json!({"title": "i"})).await;
    let one = org.at(&format!("/incidents/{incident}"));
    let old = founder.client.get(&one).await.tag();
    let on = |method, path: &str, tag: &str, body| {
        founder.client.ask(method, &format!("{one}{path}")).header("if-match", tag).json(&body)
    };
    on(Method::POST, "/updates", &old, json!({"message": "found"})).send().await.is(201);
    on(Method::POST, "/resolve", &old, json!({})).send().await.refuses(412, "precondition_failed");
    let now = founder.client.get(&one).await;
    let update = text(&now.json()["updates"][0]["id"]);
    on(Method::PATCH, &format!("/updates/{update}"), &now.tag(), json!({"message": "edited"})).send().await.is(200);
    let now = founder.client.get(&one).await.tag();
    on(Method::POST, "/resolve", &now, json!({})).send().await.is(200);
    on(Method::PUT, "/postmortem", &now, json!({"body": "b"})).send().await.refuses(412, "precondition_failed");
    let planned = json!({"title": "m", "scheduled_start": in_hours(1), "scheduled_end": in_hours(2)});
    let planned = org.at(&format!("/maintenances/{}", founder.make(&org, "/maintenances", planned).await));
    let tag = founder.client.get(&planned).await.tag();
    let start = || founder.client.ask(Method::POST, &format!("{planned}/start")).header("if-match", &tag).json(&json!({}));
    start().send().await.is(200);
    start().send().await.refuses(412, "precondition_failed");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_write_on_the_same_tag_one_wins() {
    const WRITERS: usize = 24;
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let service = founder.make(&org, "/services", json!({"name": "s"})).await;
    let group = founder.make(&org, "/groups", json!({"name": "g"})).await;
    let incident = founder.make(&org, "/incidents", json!({"title": "i"})).await;
    let team = founder.make(&org, "/teams", json!({"name": "t"})).await;
    type Body = fn(usize) -> serde_json::Value;
    let cases: [(String, Body); 7] = [
        (org.at(&format!("/services/{service}")), |n| json!({"name": format!("by-{n}")})),
        (org.at(&format!("/groups/{group}")), |n| json!({"name": format!("by-{n}")})),
        (org.at(&format!("/incidents/{incident}")), |n| json!({"title": format!("by-{n}")})),
        (org.at(&format!("/teams/{team}")), |n| json!({"name": format!("by-{n}")})),
        (org.at(""), |n| json!({"description": format!("by-{n}")})),
        (org.at(""), |n| json!({"slug": format!("by-{n}")})),
        (org.at(""), |n| json!({"name": format!("by-{n}"), "slug": format!("with-name-{n}")})),
    ];
    for (path, body) in cases {
        let tag = founder.client.get(&path).await.tag();
        let (path, tag, client) = (&path, &tag, &founder.client);
        let write = async |n| client.ask(Method::PATCH, path).header("if-match", tag).json(&body(n)).send().await;
        // Neighbours write meanwhile, on no condition.
        let noise = async |n| founder.make(&org, "/services", json!({"name": format!("noise-{n}")})).await;
        let (answers, _) = tokio::join!(join_all((0..WRITERS).map(write)), join_all((0..8).map(noise)));
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{path}: {answers:#?}");
        let lost = answers.iter().filter(|answer| answer.status == 412).count();
        assert_eq!(lost, WRITERS - 1, "{path}: {answers:#?}");
        assert_eq!(founder.client.get(path).await.text, won[0].text, "what stands is what the winner was told");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_name_and_slug_is_made_whole_or_not_at_all() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    founder.found("taken").await;
    let before = founder.client.get(&org.at("")).await.text;
    founder.client.patch(&org.at(""), json!({"name": "New", "slug": "taken"})).await.refuses(409, "slug_taken");
    founder.client.patch(&org.at(""), json!({"name": "", "slug": "free"})).await.refuses_field(422, "name");
    founder.client.patch(&org.at(""), json!({"name": "New", "slug": "No Slug"})).await.refuses_field(422, "slug");
    assert_eq!(founder.client.get(&org.at("")).await.text, before);
    let both = founder.client.patch(&org.at(""), json!({"name": "New", "slug": "free"})).await.is(200);
    assert_eq!((both["name"].as_str(), both["slug"].as_str()), (Some("New"), Some("free")));
    server.stranger().get("/public/free").await.is(200);
    server.stranger().get("/public/acme").await.refuses(404, "unknown_page");
    // The old one is free for others.
    founder.found("acme").await;
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_says_what_get_would_say_without_saying_it() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let missing = org.at(&format!("/services/{}", crate::support::nobody()));
    for path in [&org.at(""), &org.at("/services"), &org.public(""), "/auth/me", "/openapi.json", &missing] {
        let get = founder.client.get(path).await;
        let head = founder.client.ask(Method::HEAD, path).send().await;
        assert_eq!(head.status, get.status, "{path}");
        for name in ["content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
        if *path != missing {
            assert_eq!(head.header("content-length").map(str::to_owned), Some(get.text.len().to_string()), "{path}");
        }
    }
    let tag = founder.client.get(&org.at("")).await.tag();
    founder.client.ask(Method::HEAD, &org.at("")).header("if-none-match", &tag).send().await.is(304);
    // It writes nothing, so that no condition keeps it from doing so.
    founder.client.ask(Method::HEAD, &org.at("")).header("if-match", "\"other\"").send().await.is(200);
    server.stranger().ask(Method::HEAD, &org.at("")).send().await.is(401);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_says_which_methods_it_answers() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let document = founder.client.get("/openapi.json").await.is(200);
    for (path, methods) in document["paths"].as_object().unwrap() {
        let known: Vec<_> = methods.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        let at = path.replace("{org}", &org.id).replace("{slug}", &org.slug);
        let at = ["id", "user", "update", "token"].iter().fold(at, |at, word| at.replace(&format!("{{{word}}}"), &org.id));
        let mut expected: Vec<_> = known.iter().map(String::as_str).collect();
        expected.extend(known.contains(&"GET".to_owned()).then_some("HEAD"));
        expected.push("OPTIONS");
        expected.sort_unstable();
        let allowed = |header: Option<&str>| {
            let mut allowed: Vec<_> = header.unwrap_or_default().split(", ").map(str::to_owned).collect();
            allowed.sort_unstable();
            allowed
        };
        let options = server.stranger().ask(Method::OPTIONS, &at).send().await;
        options.is(204);
        assert_eq!(allowed(options.header("allow")), expected, "{path}");
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE] {
            if !known.contains(&method.to_string()) {
                // Also without credentials: what the documentation says is no secret.
                let answer = founder.client.ask(method.clone(), &at).send().await;
                answer.refuses(405, "method_not_allowed");
                assert_eq!(allowed(answer.header("allow")), expected, "{method} {path}");
            }
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slash_at_the_end_changes_nothing() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    for path in ["/orgs".to_owned(), org.at(""), org.at("/services"), org.public("")] {
        let plain = founder.client.get(&path).await;
        let slash = founder.client.get(&format!("{path}/")).await;
        assert_eq!((plain.is(200), plain.tag()), (slash.is(200), slash.tag()));
        founder.client.get(&format!("{path}//")).await.refuses(404, "not_found");
    }
    let made = founder.client.post(&format!("{}/", org.at("/services")), json!({"name": "s"})).await;
    let id = text(&made.is(201)["id"]);
    let place = made.header("location").unwrap().to_owned();
    assert_eq!(place, format!("/api/v1{}/{id}", org.at("/services")));
    founder.client.get(&place).await.is(200);
    for nothing in ["/", "/nothing", "/orgs/x/y/z", "/api/v2/orgs", "/api/v1"] {
        server.stranger().get(nothing).await.refuses(404, "not_found");
    }
    server.end().await;
}
