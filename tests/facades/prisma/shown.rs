//! How it looks: fields and their order, what is no row, what was made elsewhere, and what is left after a restart.

use super::{error, get, id, made};
use crate::support::{client, has, keys, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::Name;
use tocsin_actors::domain::{
    Command, IncidentId, ServiceId,
    command::NewIncident,
    entities::Metadata,
    incident::Affected,
    status::{Impact, IncidentStatus, Visibility},
};
use uuid::Uuid;

#[tokio::test]
async fn prisma_says_no_in_its_own_words() {
    on_both_stores(Name::Prisma, |server| async move {
        for (body, status) in [
            ("{\"name\":".to_owned(), 400),
            ("7".to_owned(), 400),
            ("null".to_owned(), 400),
            ("\u{0}".to_owned(), 400),
            (format!("{{\"name\":\"{}\"}}", "x".repeat(110_000)), 413),
        ] {
            for (method, path) in [("POST", "/api/services"), ("POST", "/api/users"), ("PUT", "/api/organizations/x")] {
                let answer = server.send(method, path, Some(body.clone())).await;
                assert_eq!(answer.status(), status, "{path}: {:.20}", body);
                assert_eq!(keys(&answer.json().await.unwrap()), ["error"]);
            }
        }
        // What does not say that it is JSON is not read.
        let plain = server.send_with(&[("content-type", "text/plain")], "POST", "/api/users", Some("{".into())).await;
        assert_eq!((plain.status().as_u16(), plain.json::<Value>().await.unwrap()), (400, error("email is required")));
        for (method, path, said) in [
            ("GET", "/api/nothing", "Cannot GET /api/nothing"),
            ("PATCH", "/api/users", "Cannot PATCH /api/users"),
            ("GET", "/", "Cannot GET /"),
        ] {
            let answer = server.send(method, path, None).await;
            assert_eq!(answer.status(), 404);
            assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
            assert!(answer.text().await.unwrap().contains(&format!("<pre>{said}</pre>")), "{path}");
        }
        let asked = client().request(reqwest::Method::OPTIONS, format!("{}/api/services", server.base));
        let asked = asked.header("origin", "https://anywhere.example").header("access-control-request-method", "PATCH");
        let preflight = asked.header("access-control-request-headers", "content-type").send().await.unwrap();
        assert_eq!(preflight.status(), 204);
        let headers = preflight.headers();
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["access-control-allow-headers"], "content-type");
        assert!(!headers.contains_key("access-control-allow-credentials"));
        for method in ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"] {
            assert!(headers["access-control-allow-methods"].to_str().unwrap().contains(method), "{method}");
        }
        server.stop().await;
    })
    .await;
}

/// Field by field: what is there, in which order, and nothing else.
#[tokio::test]
async fn prisma_has_its_fields_and_its_order() {
    on_both_stores(Name::Prisma, |server| async move {
        const ORG: &str = "id name createdAt updatedAt";
        const USER: &str = "id email name createdAt updatedAt";
        const MEMBER: &str = "id userId organizationId role createdAt updatedAt";
        const SERVICE: &str = "id name status organizationId createdAt updatedAt";
        const INCIDENT: &str = "id title description status serviceId organizationId createdAt updatedAt";
        const UPDATE: &str = "id incidentId message status createdAt updatedAt";
        let org = server.org;
        let incident = id(&get(&server, "/api/incidents").await[0]).to_owned();
        let user = id(&get(&server, "/api/users").await[0]).to_owned();
        let rows = [
            ("/api/services".to_owned(), "", format!("{SERVICE} organization incidents")),
            ("/api/services".to_owned(), "/organization", ORG.to_owned()),
            ("/api/services".to_owned(), "/incidents/0", INCIDENT.to_owned()),
            (format!("/api/services/organization/{org}"), "", format!("{SERVICE} incidents")),
            ("/api/incidents".to_owned(), "", format!("{INCIDENT} service organization updates")),
            ("/api/incidents".to_owned(), "/service", SERVICE.to_owned()),
            ("/api/incidents".to_owned(), "/updates/0", UPDATE.to_owned()),
            (format!("/api/incidents/organization/{org}"), "", format!("{INCIDENT} service updates")),
            ("/api/organizations".to_owned(), "", format!("{ORG} services incidents")),
            ("/api/organizations".to_owned(), "/services/0", SERVICE.to_owned()),
            ("/api/organizations".to_owned(), "/incidents/0", INCIDENT.to_owned()),
            (format!("/api/organizations/{org}"), "", format!("{ORG} services incidents members")),
            (format!("/api/organizations/{org}"), "/members/0", format!("{MEMBER} user")),
            (format!("/api/organizations/{org}"), "/members/0/user", USER.to_owned()),
            ("/api/users".to_owned(), "", format!("{USER} orgs")),
            ("/api/users".to_owned(), "/orgs/0", format!("{MEMBER} organization")),
            (format!("/api/users/{user}"), "", format!("{USER} orgs")),
            (format!("/api/members/organization/{org}"), "", format!("{MEMBER} user organization")),
            (format!("/api/members/user/{user}"), "", format!("{MEMBER} organization")),
            (format!("/api/incident-updates/incident/{incident}"), "", UPDATE.to_owned()),
        ];
        for (path, part, wanted) in &rows {
            let text = server.send("GET", path, None).await.text().await.unwrap();
            let answer: Value = serde_json::from_str(&text).unwrap();
            // The last has an incident, where there are several.
            let first = answer.as_array().map_or(&answer, |all| all.last().unwrap());
            let there = first.pointer(part).unwrap_or_else(|| panic!("{path} has no {part}"));
            let mut sorted: Vec<_> = wanted.split(' ').collect();
            let in_order: Vec<_> = sorted.iter().map(|field| format!("\"{field}\":")).collect();
            sorted.sort_unstable();
            assert_eq!(keys(there), sorted, "{path}{part}");
            if part.is_empty() {
                let mut rest = text.as_str();
                for field in &in_order {
                    let (_, after) = rest.split_once(field.as_str()).unwrap_or_else(|| panic!("{path}: {field} is not in order"));
                    rest = after;
                }
            }
            let time = there["createdAt"].as_str().unwrap();
            assert!(time.len() == 24 && time.ends_with('Z'), "{path}: {time}");
        }
        server.stop().await;
    })
    .await;
}

fn incident(title: &str, status: IncidentStatus, affected: Vec<Affected>) -> Command {
    Command::OpenIncident(Box::new(NewIncident {
        id: IncidentId::new(Uuid::now_v7()),
        title: title.to_owned(),
        description: String::new(),
        status,
        impact: Impact::Minor,
        visibility: Visibility::Public,
        affected,
        started_at: None,
        resolved_at: None,
        scheduled_start: None,
        scheduled_end: None,
        automatic: false,
        update: None,
        metadata: Metadata::new(),
    }))
}

/// Its pages show nothing at all when an incident has no service, and ours need not have one.
#[tokio::test]
async fn prisma_pages_do_not_break_on_what_was_made_elsewhere() {
    on_both_stores(Name::Prisma, |server| async move {
        let services = get(&server, "/api/services").await;
        let service = |n: usize| ServiceId::new(id(&services[n]).parse().unwrap());
        let affected = |service: Option<ServiceId>, name: &str| Affected { service, name: name.to_owned(), status: None };
        use IncidentStatus::{Identified, Scheduled};
        server.execute(incident("About nothing", Identified, vec![])).await;
        server.execute(incident("About a name", Identified, vec![affected(None, "The building")])).await;
        let both = vec![affected(Some(service(0)), ""), affected(Some(service(2)), "")];
        server.execute(incident("About two", Identified, both)).await;
        server.execute(incident("Later", Scheduled, vec![affected(Some(service(2)), "")])).await;
        server.execute(Command::DeleteService { id: service(0) }).await;
        let incidents = get(&server, "/api/incidents").await;
        let names: Vec<_> = incidents.as_array().unwrap().iter().take(3).map(|one| &one["service"]["name"]).collect();
        assert_eq!(names, ["Website", "The building", "TechCorp Inc."]);
        let of_database = &get(&server, "/api/services").await[1]["incidents"];
        assert!(has(of_database, &json!([{ "title": "About two", "serviceId": id(&services[2]) }])), "{of_database}");
        let all = get(&server, &format!("/api/incidents/organization/{}", server.org)).await;
        assert!(has(&all[0], &json!({ "title": "Later", "status": "MAINTENANCE" })), "{}", all[0]);
        // What it calls open already is not moved back by saying so again.
        let two = format!("/api/incidents/{}", id(&incidents[0]));
        assert_eq!(server.ask("PUT", &two, Some(&json!({ "status": "OPEN", "title": "Still" }))).await.0, 200);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_prisma_was_told_is_there_after_a_restart() {
    on_both_stores(Name::Prisma, |server| async move {
        let org = server.org.to_string();
        let service =
            made(&server, "/api/services", json!({ "name": "Search", "organizationId": org, "status": "DEGRADED" })).await;
        let opened = json!({ "title": "Slow", "description": "It is", "serviceId": id(&service), "organizationId": org });
        let opened = made(&server, "/api/incidents", opened).await;
        made(&server, "/api/incident-updates", json!({ "incidentId": id(&opened), "message": "Looking", "status": "MAINTENANCE" }))
            .await;
        let ann = made(&server, "/api/users", json!({ "email": "ann@example.org", "name": "Ann" })).await;
        made(&server, "/api/members", json!({ "userId": id(&ann), "organizationId": org, "role": "owner" })).await;
        made(&server, "/api/users", json!({ "email": "guest@example.org" })).await;
        let lists = ["services", "incidents", "organizations", "users"].map(|kind| format!("/api/{kind}"));
        let lists: Vec<_> = lists
            .into_iter()
            .chain(["services", "incidents", "members"].map(|kind| format!("/api/{kind}/organization/{org}")))
            .collect();
        let mut before = Vec::new();
        for path in &lists {
            before.push(get(&server, path).await);
        }
        let server = server.restarted().await;
        for (path, before) in lists.iter().zip(before) {
            assert_eq!(get(&server, path).await, before, "{path}");
        }
        server.stop().await;
    })
    .await;
}
