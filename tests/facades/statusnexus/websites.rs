//! Websites, which belong to a person, in the organization of their token.

use super::{NOTHING, World, with_world};
use crate::support::{Server, has};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const PATH: &str = "/api/v1/website";

impl World {
    async fn new_website(&self, url: &str) -> String {
        let (status, made) = self.ask("POST", PATH, Some(json!({ "url": url }))).await;
        assert_eq!((status, made.as_object().unwrap().len()), (201, 1), "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    async fn website(&self, id: &str) -> Value {
        let (status, shown) = self.ask("GET", &format!("{PATH}/status?websiteId={id}"), None).await;
        assert_eq!(status, 200, "{shown}");
        shown
    }

    async fn ping(&self) {
        let pinged = self.ask("POST", "/api/v1/website/ping", None).await;
        assert_eq!(pinged, (200, json!({ "message": "All websites pinged successfully" })));
    }
}

fn statuses(website: &Value) -> Vec<&str> {
    website["ticks"].as_array().unwrap().iter().map(|tick| tick["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn websites_are_answered_as_the_contract_says() {
    with_world(|world| async move {
        let id = world.new_website("https://example.org/").await;
        let message = |text: &str| json!({ "message": text });
        let (one, nothing) =
            (format!("{PATH}/status?websiteId={id}"), format!("{PATH}/status?websiteId={NOTHING}"));
        let cast = r#"Cast to ObjectId failed for value "zz" (type string) at path "_id" for model "Website""#;
        let shown = json!({ "_id": id, "id": id, "url": "https://example.org/", "userId": "user_ann", "disabled": false, "ticks": [], "__v": 0 });
        let undefined = |name: &str| format!("Cannot destructure property '{name}' of 'req.body' as it is undefined.");
        let rows: Vec<(&str, &str, Option<Value>, u16, Value)> = vec![
            ("GET", PATH, None, 200, json!({ "websites": [shown] })),
            ("GET", &one, None, 200, shown.clone()),
            ("GET", &nothing, None, 404, message("Website not found")),
            ("GET", "/api/v1/website/status", None, 400, message("Website ID is required")),
            ("GET", "/api/v1/website/status?websiteId=zz", None, 400, json!({ "error": cast })),
            ("POST", PATH, Some(json!({})), 400, message("URL is required")),
            ("POST", PATH, Some(json!({ "url": "" })), 400, message("URL is required")),
            ("POST", PATH, Some(json!({ "url": 7 })), 400, message("URL is required")),
            ("POST", PATH, Some(json!({ "url": "x".repeat(2_001) })), 400, json!({})),
            ("POST", PATH, None, 400, message(&undefined("url"))),
            ("POST", PATH, Some(json!({ "url": "any text" })), 201, json!({})),
            ("DELETE", PATH, None, 400, json!({ "error": undefined("websiteId") })),
            ("DELETE", PATH, Some(json!({})), 400, message("Website ID is required")),
            ("DELETE", PATH, Some(json!({ "websiteId": "zz" })), 400, json!({ "error": cast })),
            ("DELETE", PATH, Some(json!({ "websiteId": NOTHING })), 404, message("Website not found")),
            ("DELETE", PATH, Some(json!({ "websiteId": id })), 200, message("Deleted website successfully")),
            ("DELETE", PATH, Some(json!({ "websiteId": id })), 200, message("Deleted website successfully")),
            ("GET", &one, None, 200, json!({ "_id": id, "disabled": true })),
            ("GET", PATH, None, 200, json!({ "websites": [{ "url": "any text" }] })),
        ];
        for (method, path, body, status, wanted) in rows {
            let (answered, answer) = world.ask(method, path, body.clone()).await;
            assert_eq!(answered, status, "{method} {path} {body:?}: {answer}");
            assert!(has(&answer, &wanted), "{method} {path} {body:?}: {answer}, wanted {wanted}");
        }
        world.server
    })
    .await;
}

#[tokio::test]
async fn a_ping_asks_every_website_once_and_nobody_whom_we_must_not_ask() {
    with_world(|world| async move {
        // Is listened to by nobody who ever answers: one after the other would take for ever.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refuses = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let up = world.new_website(&world.issuer.url).await;
        let down = world.new_website(&format!("http://{refuses}/")).await;
        let inside = world.new_website("http://169.254.169.254/latest/meta-data/").await;
        let text = world.new_website("no address at all").await;
        let stopped = world.new_website(&world.issuer.url).await;
        world.ask("DELETE", PATH, Some(json!({ "websiteId": stopped }))).await;
        world.ping().await;
        for (id, status) in [(&up, "up"), (&down, "down"), (&inside, "down"), (&text, "down")] {
            let website = world.website(id).await;
            assert_eq!(statuses(&website), [status], "{website}");
            assert_eq!(website["__v"], 1);
            let tick = &website["ticks"][0];
            assert_eq!(tick["_id"].as_str().unwrap().len(), 24);
            assert!(tick["timestamp"].is_string() && (status == "up" || tick["responseTime"] == 0), "{tick}");
        }
        assert_eq!(world.website(&stopped).await["ticks"], json!([]));
        let before = world.website(&up).await;
        world.ping().await;
        let after = world.website(&up).await;
        assert_eq!((statuses(&after), &after["ticks"][0]), (vec!["up", "up"], &before["ticks"][0]), "{after}");
        let (_, all) = world.ask("GET", PATH, None).await;
        assert_eq!(all["websites"][0], after);

        // While somebody's are asked, they are not asked again.
        world.new_website(&format!("http://{}/", silent.local_addr().unwrap())).await;
        let first = world.ping();
        let second = async {
            let _asked = silent.accept().await.unwrap();
            let second = world.ask("POST", "/api/v1/website/ping", None).await;
            assert_eq!(second.0, 429, "{}", second.1);
            drop(_asked);
        };
        futures::join!(first, second);
        world.server
    })
    .await;
}

#[tokio::test]
async fn nobody_sees_the_websites_of_others() {
    with_world(|world| async move {
        let id = world.new_website(&world.issuer.url).await;
        let sign = |role: &str| world.issuer.sign("user_bob", json!({ "org_id": "org_sample", "org_role": role }));
        let (member, viewer) = (sign("org:member"), sign("org:viewer"));
        let ask = |token: String, method: &'static str, path: String, body: Option<Value>| {
            let server: &Server = &world.server;
            async move { server.ask_as(&token, method, &path, body.as_ref()).await }
        };
        assert_eq!(ask(member.clone(), "GET", PATH.into(), None).await, (200, json!({ "websites": [] })));
        let one = format!("{PATH}/status?websiteId={id}");
        assert_eq!(ask(member.clone(), "GET", one.clone(), None).await.0, 404);
        let delete = Some(json!({ "websiteId": id }));
        assert_eq!(ask(member.clone(), "DELETE", PATH.into(), delete.clone()).await.0, 404);
        assert_eq!(ask(member, "POST", "/api/v1/website/ping".into(), None).await.0, 200);
        for (method, path, body) in [
            ("POST", PATH.to_owned(), Some(json!({ "url": "x" }))),
            ("DELETE", PATH.to_owned(), delete),
            ("POST", "/api/v1/website/ping".to_owned(), None),
        ] {
            let (status, answer) = ask(viewer.clone(), method, path, body).await;
            assert_eq!((status, answer["message"].is_string()), (403, true), "{method}: {answer}");
        }
        for method in ["GET", "POST", "DELETE"] {
            assert_eq!(ask(String::new(), method, PATH.into(), None).await.0, 401);
            let homeless = world.issuer.sign("user_ann", json!({}));
            let (status, answer) = ask(homeless, method, PATH.into(), None).await;
            assert_eq!((status, &answer["error"]), (403, &json!("Organization required")));
        }
        assert_eq!(world.website(&id).await["ticks"], json!([]), "nobody else asks it");
        // What was found is still there after a restart.
        world.ping().await;
        let before = world.website(&id).await;
        let world = World { server: world.server.restarted().await, ..world };
        assert_eq!(world.website(&id).await, before);
        world.server
    })
    .await;
}
