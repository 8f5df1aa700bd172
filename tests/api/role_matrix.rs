//! Who may do what, for every route and every kind of caller. The routes come from the documentation, which is made of
//! the server's own table: a route that nobody wrote down here fails the test, and so does a line without a route.

use crate::support::{Client, Org, PASSWORD, Person, Server, in_hours, nobody, text};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The columns of the table: nobody; people by their role; the admin of another organization; somebody who may
/// everything; API keys by their scope; a key with the scope `write` for one service only; a viewer who leads a team.
const CALLERS: [&str; 11] =
    ["anonymous", "viewer", "member", "admin", "stranger", "superadmin", "read", "write", "key", "bound", "lead"];

/// In the order in which they are asked: what ends sessions, and the organization, comes last.
const TABLE: &str = "
route                        anonymous viewer member admin stranger superadmin read write key bound lead
auth.register                      201    201    201   201      201        201  201   201 201   201  201
auth.login                         200    200    200   200      200        200  200   200 200   200  200
auth.refresh                       200    200    200   200      200        200  200   200 200   200  200
auth.me                            401    200    200   200      200        200  403   403 403   403  200
auth.sessions                      401    200    200   200      200        200  403   403 403   403  200
auth.end_session                   401    204    204   204      204        204  403   403 403   403  204
auth.logout                        401    204    204   204      204        204  403   403 403   403  204
auth.password                      401    204    204   204      204        204  403   403 403   403  204
invites.get                        200    200    200   200      200        200  200   200 200   200  200
invites.accept                     401    403    403   403      403        403  403   403 403   403  403

organizations.list                 401    200    200   200      200        200  200   200 200   200  200
organizations.create               401    201    201   201      201        201  403   403 403   403  201
organizations.get                  401    200    200   200      404        200  200   200 200   200  200
organizations.change               401    403    403   200      404        200  403   403 200   403  403

members.list                       401    200    200   200      404        200  200   200 200   200  200
members.add                        401    403    403   201      404        201  403   403 201   403  403
members.get                        401    200    200   200      404        200  200   200 200   200  200
members.change                     401    403    403   200      404        200  403   403 200   403  403
members.remove                     401    403    403   204      404        204  403   403 204   403  403

invites.list                       401    403    403   200      404        200  403   403 200   403  403
invites.create                     401    403    403   201      404        201  403   403 201   403  403
invites.delete                     401    403    403   204      404        204  403   403 204   403  403

teams.list                         401    200    200   200      404        200  200   200 200   200  200
teams.create                       401    403    403   201      404        201  403   403 201   403  403
teams.get                          401    200    200   200      404        200  200   200 200   200  200
teams.change                       401    403    403   200      404        200  403   403 200   403  200
teams.set_member                   401    403    403   200      404        200  403   403 200   403  200
teams.remove_member                401    403    403   204      404        204  403   403 204   403  204
teams.delete                       401    403    403   204      404        204  403   403 204   403  403

groups.list                        401    200    200   200      404        200  200   200 200   200  200
groups.create                      401    403    201   201      404        201  403   201 201   403  403
groups.reorder                     401    403    204   204      404        204  403   204 204   403  403
groups.get                         401    200    200   200      404        200  200   200 200   200  200
groups.change                      401    403    200   200      404        200  403   200 200   403  403
groups.delete                      401    403    204   204      404        204  403   204 204   403  403

services.list                      401    200    200   200      404        200  200   200 200   200  200
services.create                    401    403    201   201      404        201  403   201 201   403  403
services.reorder                   401    403    204   204      404        204  403   204 204   403  403
services.get                       401    200    200   200      404        200  200   200 200   200  200
services.change                    401    403    200   200      404        200  403   200 200   200  403
services.history                   401    200    200   200      404        200  200   200 200   200  200
services.uptime                    401    200    200   200      404        200  200   200 200   200  200
services.delete                    401    403    403   204      404        204  403   403 204   403  403

incidents.list                     401    200    200   200      404        200  200   200 200   200  200
incidents.create                   401    403    201   201      404        201  403   201 201   403  403
incidents.get                      401    200    200   200      404        200  200   200 200   200  200
incidents.change                   401    403    200   200      404        200  403   200 200   403  403
incidents.post_update              401    403    201   201      404        201  403   201 201   403  403
incidents.edit_update              401    403    200   200      404        200  403   200 200   403  403
incidents.delete_update            401    403    204   204      404        204  403   204 204   403  403
incidents.resolve                  401    403    200   200      404        200  403   200 200   403  403
incidents.set_postmortem           401    403    200   200      404        200  403   200 200   403  403
incidents.remove_postmortem        401    403    204   204      404        204  403   204 204   403  403
incidents.delete                   401    403    403   204      404        204  403   403 204   403  403

maintenances.list                  401    200    200   200      404        200  200   200 200   200  200
maintenances.create                401    403    201   201      404        201  403   201 201   403  403
maintenances.get                   401    200    200   200      404        200  200   200 200   200  200
maintenances.change                401    403    200   200      404        200  403   200 200   403  403
maintenances.post_update           401    403    201   201      404        201  403   201 201   403  403
maintenances.start                 401    403    200   200      404        200  403   200 200   403  403
maintenances.complete              401    403    200   200      404        200  403   200 200   403  403
maintenances.cancel                401    403    200   200      404        200  403   200 200   403  403
maintenances.delete                401    403    403   204      404        204  403   403 204   403  403

monitors.list                      401    200    200   200      404        200  200   200 200   200  200
monitors.create                    401    403    201   201      404        201  403   201 201   403  403
monitors.get                       401    200    200   200      404        200  200   200 200   200  200
monitors.change                    401    403    200   200      404        200  403   200 200   403  403
monitors.check                     401    403    200   200      404        200  403   200 200   403  403
monitors.history                   401    200    200   200      404        200  200   200 200   200  200
response_times.get                 401    200    200   200      404        200  200   200 200   200  200
monitors.delete                    401    403    403   204      404        204  403   403 204   403  403

audit.list                         401    403    403   200      404        200  403   403 200   403  403
keys.list                          401    403    403   200      404        200  403   403 200   403  403
keys.create                        401    403    403   201      404        201  403   403 201   403  403
keys.delete                        401    403    403   204      404        204  403   403 204   403  403

live.events                        200    200    200   200      404        200  200   200 200   200  200
public.page                        200    200    200   200      200        200  200   200 200   200  200
public.incidents                   200    200    200   200      200        200  200   200 200   200  200
public.incident                    200    200    200   200      200        200  200   200 200   200  200
public.maintenances                200    200    200   200      200        200  200   200 200   200  200
public.uptime                      200    200    200   200      200        200  200   200 200   200  200
public.monitors                    200    200    200   200      200        200  200   200 200   200  200

organizations.delete               401    403    403   204      404        204  403   403 204   403  403
";

/// The table as it was read: a route's name, and a status for each caller.
fn lines() -> Vec<(&'static str, Vec<u16>)> {
    let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty()).map(|line| line.split_whitespace());
    assert_eq!(lines.next().unwrap().skip(1).collect::<Vec<_>>(), CALLERS);
    let line = |mut words: std::str::SplitWhitespace<'static>| {
        (words.next().unwrap(), words.map(|status| status.parse().unwrap()).collect::<Vec<u16>>())
    };
    let lines: Vec<_> = lines.map(line).collect();
    assert!(lines.iter().all(|(_, statuses)| statuses.len() == CALLERS.len()));
    lines
}

/// What the server says that it answers, by the names of the table.
async fn routes(client: &Client) -> BTreeMap<String, (Method, String)> {
    let document = client.get("/openapi.json").await.is(200);
    let mut routes = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            let twice = routes.insert(text(&operation["operationId"]), (method, path.clone()));
            assert!(twice.is_none(), "{twice:?} and {path} have one name");
        }
    }
    routes
}

/// An organization made for one column, with something for each route to do its work on.
struct Stage {
    org: Org,
    column: &'static str,
    ids: BTreeMap<&'static str, String>,
    refresh: String,
}

impl Stage {
    async fn build(column: &'static str, founder: &Person, spare: &Person, lead: &Person, newcomer: &Person) -> Self {
        let org = founder.found(&format!("stage-{column}")).await;
        founder.let_in(&org, spare, "viewer").await;
        founder.let_in(&org, lead, "viewer").await;
        let mut ids = BTreeMap::from([
            ("newcomer", newcomer.id.clone()),
            ("spare_member", spare.id.clone()),
            ("lead", lead.id.clone()),
            ("founder", founder.id.clone()),
        ]);
        for name in ["group", "spare_group"] {
            ids.insert(name, founder.make(&org, "/groups", json!({"name": name})).await);
        }
        for name in ["team", "spare_team"] {
            ids.insert(name, founder.make(&org, "/teams", json!({"name": name, "lead": lead.id})).await);
        }
        let of_team = json!({"name": "service", "group_id": ids["group"], "team_id": ids["team"]});
        ids.insert("service", founder.make(&org, "/services", of_team).await);
        for name in ["other_service", "spare_service"] {
            ids.insert(name, founder.make(&org, "/services", json!({"name": name})).await);
        }
        let affected = json!([{"service_id": ids["service"], "status": "partial_outage"}]);
        for name in ["incident", "to_resolve", "spare_incident"] {
            let body = json!({"title": name, "affected": affected, "message": "we look"});
            ids.insert(name, founder.make(&org, "/incidents", body).await);
        }
        for name in ["learned", "to_learn"] {
            let body = json!({"title": name, "status": "resolved", "started_at": in_hours(-3), "resolved_at": in_hours(-2)});
            ids.insert(name, founder.make(&org, "/incidents", body).await);
        }
        let postmortem = org.at(&format!("/incidents/{}/postmortem", ids["learned"]));
        founder.client.put(&postmortem, json!({"body": "it was us"})).await.is(200);
        let updates = org.at(&format!("/incidents/{}/updates", ids["incident"]));
        let told = founder.client.post(&updates, json!({"message": "we still look"})).await.is(201);
        ids.insert("update", text(&told["updates"][0]["id"]));
        ids.insert("spare_update", text(&told["updates"][1]["id"]));
        for name in ["maintenance", "to_start", "to_complete", "to_cancel", "spare_maintenance"] {
            let body = json!({"title": name, "scheduled_start": in_hours(5), "scheduled_end": in_hours(6)});
            ids.insert(name, founder.make(&org, "/maintenances", body).await);
        }
        let start = org.at(&format!("/maintenances/{}/start", ids["to_complete"]));
        founder.client.post(&start, json!({})).await.is(200);
        for name in ["monitor", "spare_monitor"] {
            let body = json!({"name": name, "url": "http://nowhere.invalid/", "enabled": false});
            ids.insert(name, founder.make(&org, "/monitors", body).await);
        }
        ids.insert("spare_key", founder.make(&org, "/keys", json!({"name": "spare", "scopes": ["read"]})).await);
        let invite = json!({"email": format!("{column}-invited@example.org"), "role": "viewer"});
        ids.insert("spare_invite", founder.make(&org, "/invites", invite.clone()).await);
        let open = founder.client.post(&org.at("/invites"), invite).await.is(201);
        ids.insert("invitation", text(&open["token"]));
        Self { org, column, ids, refresh: founder.log_in().await.refresh }
    }

    /// What a route is asked: the words of its path by the names of what they name, and a body that it accepts.
    fn question(&self, route: &str, session: &str) -> (Vec<(&'static str, String)>, Value) {
        let column = self.column;
        let id = |name: &str| vec![("id", self.ids[name].clone())];
        let update = |name: &str| vec![("id", self.ids["incident"].clone()), ("update", self.ids[name].clone())];
        let user = |name: &str| vec![("user", self.ids[name].clone())];
        let in_team = |name: &str| vec![("id", self.ids["team"].clone()), ("user", self.ids[name].clone())];
        let none = Vec::new;
        let renamed = || json!({"name": "renamed"});
        match route {
            "auth.register" => (none(), json!({"email": format!("{column}-new@example.org"), "password": PASSWORD})),
            "auth.login" => (none(), json!({"email": "founder@example.org", "password": PASSWORD})),
            "auth.refresh" => (none(), json!({"refresh_token": self.refresh})),
            "auth.password" => (none(), json!({"old_password": PASSWORD, "new_password": PASSWORD})),
            "auth.end_session" => (vec![("id", session.to_owned())], Value::Null),
            "invites.get" => (vec![("token", self.ids["invitation"].clone())], Value::Null),
            "invites.accept" => (vec![("token", self.ids["invitation"].clone())], json!({})),
            "organizations.create" => (none(), json!({"name": "Another", "slug": format!("by-{column}")})),
            "organizations.change" => (none(), renamed()),
            "members.add" => (none(), json!({"user_id": self.ids["newcomer"], "role": "viewer"})),
            "members.get" => (user("founder"), Value::Null),
            "members.change" => (user("spare_member"), json!({"role": "member"})),
            "members.remove" => (user("spare_member"), Value::Null),
            "invites.create" => (none(), json!({"email": "somebody@example.org", "role": "admin"})),
            "invites.delete" => (id("spare_invite"), Value::Null),
            "teams.create" | "groups.create" | "services.create" => (none(), json!({"name": "new"})),
            "teams.get" => (id("team"), Value::Null),
            "teams.change" => (id("team"), renamed()),
            "teams.delete" => (id("spare_team"), Value::Null),
            "teams.set_member" => (in_team("founder"), json!({"role": "member"})),
            "teams.remove_member" => (in_team("founder"), Value::Null),
            "groups.reorder" => (none(), json!({"ids": [self.ids["spare_group"], self.ids["group"]]})),
            "groups.get" => (id("group"), Value::Null),
            "groups.change" => (id("group"), renamed()),
            "groups.delete" => (id("spare_group"), Value::Null),
            "services.reorder" => (none(), json!({"ids": [self.ids["other_service"], self.ids["service"]]})),
            "services.get" | "services.history" | "services.uptime" => (id("service"), Value::Null),
            "services.change" => (id("service"), json!({"status": "major_outage", "reason": "it fell"})),
            "services.delete" => (id("spare_service"), Value::Null),
            "incidents.create" => (none(), json!({"title": "new"})),
            "incidents.get" | "public.incident" => (id("incident"), Value::Null),
            "incidents.change" => (id("incident"), json!({"title": "renamed"})),
            "incidents.delete" => (id("spare_incident"), Value::Null),
            "incidents.post_update" => (id("incident"), json!({"message": "found", "status": "identified"})),
            "incidents.edit_update" => (update("update"), json!({"message": "we looked"})),
            "incidents.delete_update" => (update("spare_update"), Value::Null),
            "incidents.resolve" => (id("to_resolve"), json!({"message": "over"})),
            "incidents.set_postmortem" => (id("to_learn"), json!({"body": "we learned"})),
            "incidents.remove_postmortem" => (id("learned"), Value::Null),
            "maintenances.create" => {
                (none(), json!({"title": "new", "scheduled_start": in_hours(7), "scheduled_end": in_hours(8)}))
            }
            "maintenances.get" => (id("maintenance"), Value::Null),
            "maintenances.change" => (id("maintenance"), json!({"title": "renamed"})),
            "maintenances.delete" => (id("spare_maintenance"), Value::Null),
            "maintenances.post_update" => (id("maintenance"), json!({"message": "soon"})),
            "maintenances.start" => (id("to_start"), json!({})),
            "maintenances.complete" => (id("to_complete"), json!({})),
            "maintenances.cancel" => (id("to_cancel"), json!({})),
            // What is no address of the Internet is never asked for, and a monitor that is off not by itself.
            "monitors.create" => (none(), json!({"name": "new", "url": "http://nowhere.invalid/", "enabled": false})),
            "monitors.get" | "monitors.check" | "monitors.history" | "response_times.get" => (id("monitor"), Value::Null),
            "monitors.change" => (id("monitor"), renamed()),
            "monitors.delete" => (id("spare_monitor"), Value::Null),
            "keys.create" => (none(), json!({"name": "new", "scopes": ["read"]})),
            "keys.delete" => (id("spare_key"), Value::Null),
            _ => (none(), Value::Null),
        }
    }
}

fn filled(path: &str, words: &[(&'static str, String)], org: &str, slug: &str) -> String {
    let path = path.replace("{org}", org).replace("{slug}", slug);
    let path = words.iter().fold(path, |path, (name, word)| path.replace(&format!("{{{name}}}"), word));
    assert!(!path.contains('{'), "{path} has a word that nobody filled in");
    path
}

async fn ask(client: &Client, method: &Method, path: &str, body: &Value) -> crate::support::Answer {
    let ask = client.ask(method.clone(), path);
    if body.is_null() { ask.send().await } else { ask.json(body).send().await }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_what_the_table_says_and_nothing_else() {
    let server = Server::start().await;
    let routes = routes(&server.stranger()).await;
    let lines = lines();
    let named: BTreeSet<_> = lines.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(named, routes.keys().cloned().collect(), "left: the table of this test, right: the server's");
    assert_eq!(named.len(), lines.len(), "a route is in the table twice");

    let founder = server.person("founder").await;
    let (spare, newcomer) = (server.person("spare").await, server.person("newcomer").await);
    let (viewer, member, admin) = (server.person("viewer").await, server.person("member").await, server.person("admin").await);
    let (stranger, _) = server.founder("elsewhere").await;
    let superadmin = server.superadmin("superadmin").await;
    let lead = server.person("lead").await;

    let mut wrong = Vec::new();
    for (column, caller) in CALLERS.into_iter().enumerate() {
        let stage = Stage::build(caller, &founder, &spare, &lead, &newcomer).await;
        let org = &stage.org;
        let (person, client) = match caller {
            "viewer" | "member" | "admin" => {
                let person = [("viewer", &viewer), ("member", &member), ("admin", &admin)].into_iter();
                let person = person.filter(|(role, _)| *role == caller).map(|(_, person)| person).next().unwrap();
                founder.let_in(org, person, caller).await;
                (Some(person), person.client.clone())
            }
            "stranger" => (Some(&stranger), stranger.client.clone()),
            "superadmin" => (Some(&superadmin), superadmin.client.clone()),
            "lead" => (Some(&lead), lead.client.clone()),
            "read" | "write" => (None, founder.key(org, caller, None).await),
            "key" => (None, founder.key(org, "admin", None).await),
            "bound" => (None, founder.key(org, "write", Some(&[&stage.ids["service"]])).await),
            _ => (None, server.stranger()),
        };
        // Two sessions to lose: one to log out of, one to end from elsewhere.
        let (mut leaves, mut session) = (client.clone(), nobody());
        if let Some(person) = person {
            leaves = person.log_in().await.client;
            let other = person.log_in().await.client.get("/auth/sessions").await.is(200);
            let current = other["items"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
            session = text(&current["id"]);
        }
        for (route, expected) in &lines {
            let (method, path) = &routes[*route];
            let (words, body) = stage.question(route, &session);
            let asks = if *route == "auth.logout" { &leaves } else { &client };
            let answer = ask(asks, method, &filled(path, &words, &org.id, &org.slug), &body).await;
            if answer.status != expected[column] {
                wrong.push(format!("{route} for {caller}: {}, got {answer:?}", expected[column]));
            }
            if caller == "stranger" && path.contains("{org}") {
                // Not only the status: nothing in the answer tells an organization of others from one that is not there.
                for (there, nowhere) in [(&org.id, &nobody()), (&org.slug, &"stage-nowhere".to_owned())] {
                    let theirs = ask(&client, method, &filled(path, &words, there, ""), &body).await;
                    let nobodys = ask(&client, method, &filled(path, &words, nowhere, ""), &body).await;
                    assert_eq!(theirs.without(there), nobodys.without(nowhere), "{route}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells are not as the table says:\n{}", wrong.len(), wrong.join("\n"));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_one_service_changes_that_one_only() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let mine = founder.make(&org, "/services", json!({"name": "mine"})).await;
    let other = founder.make(&org, "/services", json!({"name": "other"})).await;
    let key = founder.key(&org, "write", Some(&[&mine])).await;
    let fallen = json!({"status": "major_outage"});
    assert_eq!(key.patch(&org.at(&format!("/services/{mine}")), fallen.clone()).await.is(200)["status"], "major_outage");
    key.patch(&org.at(&format!("/services/{other}")), fallen.clone()).await.refuses(403, "forbidden");
    key.patch(&org.at(&format!("/services/{}", nobody())), fallen.clone()).await.refuses(403, "forbidden");
    assert_eq!(key.get(&org.at(&format!("/services/{other}"))).await.is(200)["status"], "operational");
    // What it reads is not bound, but a key that may only read is not made to write by naming a service.
    let reader = founder.key(&org, "read", Some(&[&mine])).await;
    reader.get(&org.at(&format!("/services/{mine}"))).await.is(200);
    reader.patch(&org.at(&format!("/services/{mine}")), fallen).await.refuses(403, "forbidden");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_wrong_are_an_error_everywhere() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let good = founder.client.token.clone().unwrap();
    let cut = good[..good.len() - 3].to_owned();
    for token in ["", "x", "a.b.c", "tocsin_key_x", &cut, &format!("{good}x")] {
        let wrong = server.stranger().with(token);
        for path in ["/auth/me", "/orgs", &org.at(""), &org.at("/services"), &org.public("")] {
            wrong.get(path).await.is(401);
        }
    }
    for header in ["Bearer", "Basic YTpi", &format!("Token {good}"), "é"] {
        let answer = server.stranger().ask(Method::GET, "/auth/me").header("authorization", header).send().await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{header}");
    }
    // The word before the token is not a matter of case.
    let answer = server.stranger().ask(Method::GET, "/auth/me").header("authorization", &format!("bearer {good}")).send().await;
    answer.is(200);
    server.end().await;
}
