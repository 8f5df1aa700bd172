//! Lists, page by page, while they change: what was there all the time is seen once, and in order.

use crate::support::{Client, Org, Person, Server, in_hours, nobody, text};
use futures::future::join_all;
use serde_json::{Value, json};

/// A list whose items can be made and deleted.
struct Listed {
    client: Client,
    path: String,
    /// What an item is called by in its address.
    id: &'static str,
    /// What makes the n-th of them; the second number is where it would like to stand, if it has a say.
    body: fn(usize, Option<u32>) -> Value,
}

impl Listed {
    async fn make(&self, n: usize, position: Option<u32>) -> String {
        text(&self.client.post(&self.path, (self.body)(n, position)).await.is(201)[self.id])
    }
    async fn delete(&self, id: &str) {
        self.client.delete(&format!("{}/{id}", self.path)).await.is(204);
    }
    async fn ids(&self, limit: usize, meanwhile: impl AsyncFnMut(usize)) -> Vec<String> {
        self.client.all(&self.path, limit, meanwhile).await.iter().map(|item| text(&item[self.id])).collect()
    }
}

fn named(n: usize, _: Option<u32>) -> Value {
    json!({"name": format!("n {n}")})
}
fn placed(n: usize, position: Option<u32>) -> Value {
    json!({"name": format!("n {n}"), "position": position})
}
fn titled(n: usize, _: Option<u32>) -> Value {
    json!({"title": format!("n {n}"), "started_at": "2026-01-01T00:00:00Z"})
}
fn planned(n: usize, _: Option<u32>) -> Value {
    json!({"title": format!("n {n}"), "scheduled_start": in_hours(1), "scheduled_end": in_hours(2)})
}
fn invited(n: usize, _: Option<u32>) -> Value {
    json!({"email": format!("n{n}@example.org"), "role": "viewer"})
}
fn key(n: usize, _: Option<u32>) -> Value {
    json!({"name": format!("n {n}"), "scopes": ["read"]})
}
fn organization(n: usize, _: Option<u32>) -> Value {
    json!({"name": "n", "slug": format!("n-{n}")})
}

fn lists(founder: &Person, org: &Org) -> Vec<Listed> {
    let of = |path: &str, body| Listed { client: founder.client.clone(), path: org.at(path), id: "id", body };
    vec![
        of("/groups", placed),
        of("/services", placed),
        of("/teams", named),
        of("/incidents", titled),
        of("/maintenances", planned),
        of("/invites", invited),
        of("/keys", key),
        Listed { client: founder.client.clone(), path: "/orgs".to_owned(), id: "id", body: organization },
    ]
}

/// What was there before and after was seen once, in the order that it had.
#[track_caller]
fn assert_whole(path: &str, limit: usize, seen: &[String], stayed: &[String]) {
    let of_stayed: Vec<_> = seen.iter().filter(|id| stayed.contains(id)).cloned().collect();
    assert_eq!(of_stayed, stayed, "{path} by {limit}");
    let mut once = seen.to_vec();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "{path} by {limit} repeats: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_skipped_or_repeated_while_items_come_and_go() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    for list in lists(&founder, &org) {
        let mut n = 0;
        for limit in 1..=3 {
            while list.ids(200, async |_| ()).await.len() < 8 {
                list.make(n, None).await;
                n += 1;
            }
            let before = list.ids(200, async |_| ()).await;
            // The organization of the other lists stays.
            let may_go = |id: &&String| **id != org.id;
            let given = before[..limit].iter().rfind(may_go).cloned();
            let to_come = before[limit + 1..].iter().find(may_go).unwrap();
            let seen = list
                .ids(limit, async |page| {
                    if page == 0 {
                        if let Some(given) = &given {
                            list.delete(given).await;
                        }
                        list.delete(to_come).await;
                        list.make(n, Some(0)).await;
                        list.make(n + 1, None).await;
                    }
                })
                .await;
            n += 2;
            let gone = |id: &String| Some(id) == given.as_ref() || id == to_come;
            let stayed: Vec<_> = before.iter().filter(|id| !gone(id)).cloned().collect();
            let seen: Vec<_> = seen.into_iter().filter(|id| Some(id) != given.as_ref()).collect();
            assert_whole(&list.path, limit, &seen, &stayed);
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_its_place_is_seen_once_while_others_are_moved() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    for path in ["/groups", "/services"] {
        let list = Listed { client: founder.client.clone(), path: org.at(path), id: "id", body: placed };
        for n in 0..7 {
            list.make(n, None).await;
        }
        for limit in 1..=3 {
            let before = list.ids(200, async |_| ()).await;
            let last = before.last().unwrap();
            let seen = list
                .ids(limit, async |page| {
                    if page == 0 {
                        founder.client.post(&format!("{}/reorder", list.path), json!({"ids": [last]})).await.is(204);
                    }
                })
                .await;
            let seen: Vec<_> = seen.into_iter().filter(|id| id != last).collect();
            assert_whole(&list.path, limit, &seen, &before[..before.len() - 1]);
            assert_eq!(list.ids(200, async |_| ()).await[0], *last);
        }
        // Several at the same place are told apart.
        for id in list.ids(200, async |_| ()).await {
            founder.client.patch(&format!("{}/{id}", list.path), json!({"position": 7})).await.is(200);
        }
        let before = list.ids(200, async |_| ()).await;
        for limit in 1..=3 {
            assert_eq!(list.ids(limit, async |_| ()).await, before);
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_and_sessions_come_and_go() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let people = join_all((0..8).map(async |n| server.person(&format!("person-{n}")).await)).await;
    for person in &people[..6] {
        founder.let_in(&org, person, "viewer").await;
    }
    let list = Listed { client: founder.client.clone(), path: org.at("/members"), id: "user_id", body: named };
    for limit in 1..=2 {
        let before = list.ids(200, async |_| ()).await;
        let (given, to_come) = (before[0].clone(), before[4].clone());
        let given = Some(given).filter(|id| *id != founder.id).unwrap_or_else(|| before[1].clone());
        let seen = list
            .ids(limit, async |page| {
                if page == 1 {
                    list.delete(&given).await;
                    list.delete(&to_come).await;
                    founder.let_in(&org, &people[5 + limit], "member").await;
                }
            })
            .await;
        let stayed: Vec<_> = before.iter().filter(|id| **id != given && **id != to_come).cloned().collect();
        let seen: Vec<_> = seen.into_iter().filter(|id| *id != given).collect();
        assert_whole(&list.path, limit, &seen, &stayed);
    }
    let logins = join_all((0..6).map(async |_| founder.log_in().await)).await;
    let list = Listed { client: founder.client.clone(), path: "/auth/sessions".to_owned(), id: "id", body: named };
    for limit in 1..=3 {
        let before = list.ids(200, async |_| ()).await;
        let mine = founder.client.get("/auth/sessions").await.is(200);
        let mine = mine["items"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap()["id"].clone();
        let gone = before[limit + 1..].iter().find(|id| mine != id.as_str()).unwrap().clone();
        let seen = list
            .ids(limit, async |page| {
                if page == 0 {
                    list.delete(&gone).await;
                    founder.log_in().await;
                }
            })
            .await;
        let stayed: Vec<_> = before.iter().filter(|id| **id != gone).cloned().collect();
        assert_whole(&list.path, limit, &seen, &stayed);
    }
    drop(logins);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_lists_go_on_where_they_were() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let visitor = server.stranger();
    let mut services = Vec::new();
    for n in 0..9 {
        // Every third one is private: nobody may notice it, neither in the items nor in the cursors.
        let visibility = if n % 3 == 1 { "private" } else { "public" };
        services.push(founder.make(&org, "/services", json!({"name": format!("s {n}"), "visibility": visibility})).await);
    }
    // After the first page, these are deleted: what was seen was seen, and the rest is whole.
    let all = async |list: &str, limit, paths: Vec<String>| {
        let delete = async |page| {
            for path in paths.iter().filter(|_| page == 0) {
                founder.client.delete(&org.at(path)).await.is(204);
            }
        };
        visitor.all(&org.public(list), limit, delete).await
    };
    for limit in 1..=3 {
        let before = all("/uptime?days=2", 200, Vec::new()).await;
        let first = text(&before[0]["service_id"]);
        let is_private = |id: &&String| before.iter().all(|shown| shown["service_id"] != id.as_str());
        let private = services.iter().find(is_private).unwrap().clone();
        let gone = vec![format!("/services/{first}"), format!("/services/{private}")];
        let seen = all("/uptime?days=2", limit, gone).await;
        services.retain(|id| *id != first && *id != private);
        let names = |items: &[Value]| items.iter().map(|item| item["name"].clone()).collect::<Vec<_>>();
        assert_eq!(names(&seen), names(&before), "by {limit}");
    }
    for list in ["/incidents", "/maintenances"] {
        let body = if list == "/incidents" { titled } else { planned };
        for n in 0..9 {
            let mut body = body(n, None);
            body["visibility"] = json!(if n % 3 == 1 { "private" } else { "public" });
            founder.make(&org, list, body).await;
        }
        for limit in 1..=2 {
            let before = visitor.all(&org.public(list), 200, async |_| ()).await;
            let given = text(&before[0]["id"]);
            assert_eq!(all(list, limit, vec![format!("{list}/{given}")]).await, before, "{list} by {limit}");
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_and_a_history_are_whole_while_they_grow() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    // Many at once are one commit, which is nobody's business here.
    join_all((0..30).map(async |n| founder.make(&org, "/services", json!({"name": format!("s {n}")})).await)).await;
    let service = founder.make(&org, "/services", json!({"name": "s"})).await;
    let one = org.at(&format!("/services/{service}"));
    let affected = json!([{"service_id": service, "status": "partial_outage"}]);
    founder.make(&org, "/incidents", json!({"title": "several events at once", "affected": affected, "message": "m"})).await;
    for n in 0..8 {
        let status = ["degraded_performance", "major_outage"][n % 2];
        founder.client.patch(&one, json!({"status": status})).await.is(200);
    }
    let grow = async |_: usize| {
        founder.client.patch(&one, json!({"description": nobody()})).await.is(200);
    };
    let whole = founder.client.all(&org.at("/audit"), 200, async |_| ()).await;
    assert_eq!(whole.last().unwrap()["seq"], 1);
    for pair in whole.windows(2) {
        let events = pair[1]["events"].as_array().unwrap().len() as u64;
        assert_eq!(pair[1]["seq"].as_u64().unwrap() + events, pair[0]["seq"].as_u64().unwrap(), "there is a hole");
    }
    for limit in 1..=3 {
        let newest = founder.client.get(&org.at("/audit?limit=1")).await.is(200)["items"][0]["seq"].clone();
        let seen = founder.client.all(&org.at("/audit"), limit, grow).await;
        assert_eq!(seen[0]["seq"], newest);
        let tail: Vec<_> = seen.iter().skip_while(|entry| entry["seq"] != whole[0]["seq"]).cloned().collect();
        assert_eq!(tail, whole, "by {limit}");
    }
    let history = founder.client.all(&format!("{one}/history"), 200, async |_| ()).await;
    assert!(history.len() >= 9, "{history:?}");
    for limit in 1..=3 {
        let mut n = limit;
        let worse = async |_: usize| {
            n += 1;
            let status = ["operational", "major_outage"][n % 2];
            founder.client.patch(&one, json!({"status": status})).await.is(200);
        };
        let seen = founder.client.all(&format!("{one}/history"), limit, worse).await;
        let tail: Vec<_> = seen.iter().skip_while(|change| change["number"] != history[0]["number"]).cloned().collect();
        assert_eq!(tail, history, "by {limit}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_nobody_gave_is_refused() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let service = founder.make(&org, "/services", json!({"name": "s"})).await;
    let mut paths: Vec<_> = lists(&founder, &org).into_iter().map(|list| list.path).collect();
    paths.extend(["/members", "/audit"].map(|path| org.at(path)));
    paths.push(org.at(&format!("/services/{service}/history")));
    paths.extend(["/incidents", "/maintenances", "/uptime"].map(|path| org.public(path)));
    paths.push("/auth/sessions".to_owned());
    let long = "9".repeat(400);
    let wrong =
        ["", "x", "1", "1_", "_1", "1_2_3", "-", "%00", "%ff", "%C3%A9", "1_1e3", "null", long.as_str(), "99999999999999999999_0"];
    for path in &paths {
        for cursor in wrong {
            founder.client.get(&format!("{path}?cursor={cursor}")).await.refuses_field(400, "cursor");
        }
        for limit in ["0", "201", "-1", "x", "1.5", "", "99999999999999999999", "%00"] {
            founder.client.get(&format!("{path}?limit={limit}")).await.refuses_field(400, "limit");
        }
        founder.client.get(&format!("{path}?limit=1&limit=2")).await.is(400);
        // The farthest that can be said is answered, at once.
        for cursor in ["-9223372036854775808_0", "9223372036854775807_9223372036854775807", "0_0", "-1_-1"] {
            let expected = if path == "/orgs" { 400 } else { 200 };
            founder.client.get(&format!("{path}?cursor={cursor}")).await.is(expected);
        }
    }
    server.end().await;
}
