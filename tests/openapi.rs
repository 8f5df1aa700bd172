//! The documentation, as programs and people read it: whole, right about itself, and served from here alone.
//!
//! Whether the server does what it says is asked by `tests/schemathesis/run`.

#![allow(missing_docs, clippy::unwrap_used)]

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Once,
};
use tempfile::TempDir;
use tocsin::app::{App, AppSettings};
use tocsin_actors::domain::Domain;
use tokio::net::TcpListener;

/// What an operation may be called.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

struct Server {
    app: App,
    base: String,
    http: reqwest::Client,
    _folder: TempDir,
}

/// An answer, read to its end.
struct Page {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Server {
    async fn start() -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let folder = tempfile::tempdir().unwrap();
        let store = tocsin::store::open(&format!("file:{}", folder.path().join("data").display())).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = App::start(store, AppSettings::default(), listener).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { app, base, http, _folder: folder }
    }

    async fn get(&self, path: &str) -> Page {
        let answer = self.http.get(format!("{}{path}", self.base)).send().await.unwrap();
        Page { status: answer.status().as_u16(), headers: answer.headers().clone(), text: answer.text().await.unwrap() }
    }

    async fn document(&self) -> Value {
        serde_json::from_str(&self.get("/openapi.json").await.text).unwrap()
    }
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Every operation, with its path and method.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(|(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// Every value in a document, with its place as a JSON pointer.
fn everything<'a>(value: &'a Value, place: &str, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(place, value);
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| everything(value, &format!("{place}/{}", name.replace('/', "~1")), visit))
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(n, value)| everything(value, &format!("{place}/{n}"), visit)),
        _ => {}
    }
}

fn texts(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_nothing_is_left_over() {
    let server = Server::start().await;
    let document = server.document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    let mut used = BTreeSet::new();
    everything(&document, "", &mut |place, value| {
        let Some(target) = value.get("$ref").and_then(Value::as_str) else { return };
        let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{place} leads out of the document: {target}"));
        assert!(document.pointer(pointer).is_some(), "{place} leads to {target}, where nothing is");
        used.insert(target.rsplit('/').next().unwrap());
    });
    let schemas: BTreeSet<_> = document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(schemas, used, "schemas on the left, those that are of use on the right");
    server.app.shutdown().await;
}

#[tokio::test]
async fn every_operation_says_who_may_what_it_takes_and_how_it_ends() {
    let server = Server::start().await;
    let document = server.document().await;
    let mut names = BTreeMap::new();
    for (path, method, operation) in operations(&document) {
        let here = format!("{method} {path}");
        assert!(METHODS.contains(&method), "{here}");
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{here} has no name"));
        if let Some(other) = names.insert(name, here.clone()) {
            panic!("{here} and {other} are both called {name}");
        }
        for text in ["summary", "description"] {
            assert!(!operation[text].as_str().unwrap_or_default().is_empty(), "{here} has no {text}");
        }
        parameters(&here, path, operation);
        answers(&here, operation);
        for needed in operation["security"].as_array().unwrap() {
            for scheme in needed.as_object().unwrap().keys() {
                assert!(document["components"]["securitySchemes"][scheme].is_object(), "{here} asks for an unknown {scheme}");
            }
        }
    }
    assert!(names.len() > 60, "only {} operations", names.len());
    server.app.shutdown().await;
}

/// Each variable of the path once, and nothing else of it; no name twice; each of some type.
fn parameters(here: &str, path: &str, operation: &Value) {
    let variables: BTreeSet<_> = path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}')).collect();
    let (mut said, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, at) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
        assert!(seen.insert((at, name)), "{here} has {name} twice");
        assert!(parameter["schema"]["type"].is_string() || parameter["schema"]["type"].is_array(), "{here}: what is {name}?");
        if at == "path" {
            assert_eq!(parameter["required"], true, "{here}: {name} is part of the path");
            said.insert(name);
        }
    }
    assert_eq!(variables, said, "{here}: the variables of the path, and those that are told of");
}

/// One way to succeed at least, and the ways to fail that everything has; each with what is in it.
fn answers(here: &str, operation: &Value) {
    let answers = operation["responses"].as_object().unwrap();
    assert!(answers.keys().any(|status| status.starts_with('2')), "{here} cannot succeed");
    let mut failures = vec!["401", "403", "429", "503"];
    failures.extend(operation.get("requestBody").map(|_| ["400", "413", "415", "422"]).into_iter().flatten());
    failures.extend(here.contains('{').then_some("404"));
    for status in failures {
        assert!(answers.contains_key(status), "{here} does not say that it may answer {status}");
    }
    for (status, answer) in answers {
        assert!(!answer["description"].as_str().unwrap_or_default().is_empty(), "{here}: what is a {status}?");
        let streams = answer["content"]["text/event-stream"].is_object();
        let content = &answer["content"][if streams { "text/event-stream" } else { "application/json" }]["schema"];
        match status.as_str() {
            "204" => assert!(content.is_null(), "{here}: a 204 has no content"),
            _ if status.starts_with('2') => assert!(content.is_object(), "{here}: what does a {status} show?"),
            _ => assert_eq!(content["$ref"], "#/components/schemas/Error", "{here}: a {status} has the shape of all errors"),
        }
    }
}

#[tokio::test]
async fn every_example_is_one() {
    let server = Server::start().await;
    let document = server.document().await;
    let mut examples = 0;
    everything(&document, "", &mut |place, schema| {
        let shown = schema.get("example").into_iter().chain(schema.get("examples").and_then(Value::as_array).into_iter().flatten());
        // A field may be called so as well.
        for example in shown.filter(|_| !place.ends_with("/properties")) {
            fits(place, schema, example);
            examples += 1;
        }
    });
    assert!(examples > 10, "only {examples} examples");
    server.app.shutdown().await;
}

/// Whether an example is what its schema says. It knows the words that stand beside examples; of another it says so.
fn fits(place: &str, schema: &Value, example: &Value) {
    let length = example.as_str().map_or(0, |text| text.chars().count() as u64);
    for (word, said) in schema.as_object().unwrap() {
        let right = match word.as_str() {
            "type" => example.is_string() && (said == "string" || texts(said).contains("string")),
            "enum" => said.as_array().unwrap().contains(example),
            "minLength" => length >= said.as_u64().unwrap(),
            "maxLength" => length <= said.as_u64().unwrap(),
            "pattern" if place.ends_with("/domain") => example.as_str().unwrap().parse::<Domain>().is_ok(),
            "description" | "example" | "examples" => true,
            _ => panic!("{place}: this test does not know `{word}` yet: teach it"),
        };
        assert!(right, "{place}: the example {example} is not {word} {said}");
    }
}

#[tokio::test]
async fn the_viewer_is_all_ours() {
    let server = Server::start().await;
    let moved = server.get("/docs").await;
    assert_eq!((moved.status, moved.header("location")), (301, "/docs/"));
    let page = server.get("/docs/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html"));
    let policy = page.header("content-security-policy");
    // A browser that keeps to this loads nothing from elsewhere, whatever is in the files.
    assert!(policy.starts_with("default-src 'self';"), "{policy}");
    assert!(["http:", "https:", "*", "unsafe-eval", "script-src"].iter().all(|hole| !policy.contains(hole)), "{policy}");

    let loaded: Vec<_> = ["src=\"", "href=\""].iter().flat_map(|name| page.text.split(name).skip(1)).collect();
    let loaded: BTreeSet<_> = loaded.iter().filter_map(|rest| rest.split('"').next()).collect();
    let kinds = [(".css", "text/css"), (".js", "text/javascript"), (".png", "image/png")];
    for file in &loaded {
        assert!(!file.contains("//"), "the page loads {file}");
        let answer = server.get(&format!("/docs/{}", file.trim_start_matches("./"))).await;
        let kind = kinds.iter().find(|(end, _)| file.ends_with(end)).map(|(_, kind)| *kind);
        assert_eq!((answer.status, Some(answer.header("content-type"))), (200, kind), "{file}");
        if file.ends_with(".css") {
            let outside = answer.text.split("url(").skip(1).find(|rest| !rest.trim_start_matches(['"', '\'']).starts_with("data:"));
            assert_eq!(outside.map(|rest| &rest[..rest.len().min(60)]), None, "{file} loads something");
        }
        if file.ends_with("initializer.js") {
            assert!(answer.text.contains("\"url\": \"/openapi.json\"") && !answer.text.contains("://"), "{}", answer.text);
        }
    }
    assert!(loaded.len() > 4, "{loaded:?}");
    assert!(!page.text.contains("<script>"), "a script in the page is refused by its own policy");
    assert_eq!(server.get("/docs/missing.js").await.status, 404);
    server.app.shutdown().await;
}
