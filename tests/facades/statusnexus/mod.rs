//! The contract of `statusnexus`, row by row.

mod people;
mod rows;
mod times;
mod websites;

use crate::{
    issuer::Issuer,
    support::{Server, on_both_stores_with},
};
use serde_json::{Value, json};
use tocsin::facades::Name;

/// An id that nothing has.
const NOTHING: &str = "7f1b5b0c95c54b589a550e0f";

/// Somebody in the sample's organization, which the file of providers names.
pub(super) struct World {
    server: Server,
    issuer: Issuer,
    token: String,
}

impl World {
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.server.ask_as(&self.token, method, path, body.as_ref()).await
    }

    /// What is answered with 200 or 201 under this name.
    async fn done(&self, method: &str, path: &str, body: Value, name: &str) -> Value {
        let (status, mut answer) = self.ask(method, path, Some(body)).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer[name].take()
    }

    /// A list, whole.
    async fn all(&self, path: &str, name: &str) -> Vec<Value> {
        let (status, answer) = self.ask("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer[name].as_array().unwrap_or_else(|| panic!("{answer} has no {name}")).clone()
    }

    async fn new_service(&self, name: &str) -> String {
        id(&self.done("POST", "/api/services", json!({ "name": name }), "service").await)
    }
}

/// The file of providers that names the sample's organization.
pub(super) fn providers(issuer: &Issuer) -> String {
    format!("providers:\n- preset: clerk\n  issuer: {}\n  organizations: {{ org_sample: statusnexus }}\n", issuer.url)
}

/// The token of an ordinary member of it.
pub(super) fn member(issuer: &Issuer) -> String {
    issuer.sign("user_ann", json!({ "org_id": "org_sample", "org_role": "org:member", "org_slug": "sample" }))
}

/// Runs a test on both stores, asked by an ordinary member of the sample's organization.
pub(super) async fn with_world<F: Future<Output = Server>>(test: impl Fn(World) -> F) {
    let issuer = Issuer::start().await;
    on_both_stores_with(Name::Statusnexus, &providers(&issuer), |server| async {
        let token = member(&issuer);
        test(World { server, issuer: issuer.clone(), token }).await.stop().await;
    })
    .await;
}

pub(super) fn id(thing: &Value) -> String {
    thing["_id"].as_str().unwrap_or_else(|| panic!("{thing} has no id")).to_owned()
}
