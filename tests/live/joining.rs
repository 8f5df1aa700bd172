//! Whoever joins, whenever they do, is told everything from then on, once and in order.

use crate::{
    follower::{Follower, SOON, open, refusal},
    support::{Org, Person, Server, nobody},
};
use futures::future::join_all;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A page with something on it.
pub(crate) async fn furnished(founder: &Person, org: &Org) -> Vec<String> {
    let group = founder.make(org, "/groups", json!({"name": "Group"})).await;
    let mut services = Vec::new();
    for n in 0..4 {
        let visibility = if n == 3 { "private" } else { "public" };
        let body = json!({"name": format!("Service {n}"), "group_id": group, "visibility": visibility});
        services.push(founder.make(org, "/services", body).await);
    }
    services
}

/// Everything that can be done to a page, in an order that depends on the turn.
pub(crate) async fn change_something(founder: &Person, org: &Org, services: &[String], turn: usize) {
    let client = &founder.client;
    let service = &services[turn % services.len()];
    let status = ["major_outage", "operational", "degraded_performance", "partial_outage"][turn / 3 % 4];
    match turn % 11 {
        0 => {
            let body = json!({"title": format!("Incident {turn}"), "affected": [{"service_id": service, "status": status}]});
            founder.make(org, "/incidents", body).await;
        }
        1 => {
            let ongoing = client.get(&org.at("/incidents?active=true")).await.is(200);
            if let Some(id) = ongoing["items"][0]["id"].as_str() {
                client.post(&org.at(&format!("/incidents/{id}/resolve")), json!({"message": "over"})).await.is(200);
            }
        }
        2 => {
            let mut ids = services.to_vec();
            ids.rotate_left(turn % 4);
            client.post(&org.at("/services/reorder"), json!({"ids": ids})).await;
        }
        3 => drop(client.patch(&org.at(&format!("/services/{service}")), json!({"name": format!("Renamed {turn}")})).await.is(200)),
        4 => {
            let visibility = if turn.is_multiple_of(2) { "public" } else { "private" };
            client.patch(&org.at(&format!("/services/{service}")), json!({"visibility": visibility})).await.is(200);
        }
        5 => {
            let (start, end) = (crate::support::in_hours(1), crate::support::in_hours(2));
            let body = json!({"title": format!("Work {turn}"), "scheduled_start": start, "scheduled_end": end, "affected": [{"service_id": service}]});
            let id = founder.make(org, "/maintenances", body).await;
            if turn.is_multiple_of(2) {
                client.post(&org.at(&format!("/maintenances/{id}/cancel")), json!({})).await.is(200);
            }
        }
        6 => drop(client.patch(&org.at(""), json!({"description": format!("As of {turn}")})).await.is(200)),
        7 => {
            let group = founder.make(org, "/groups", json!({"name": format!("Group {turn}")})).await;
            client.patch(&org.at(&format!("/services/{service}")), json!({"group_id": group})).await.is(200);
            if turn.is_multiple_of(2) {
                client.delete(&org.at(&format!("/groups/{group}"))).await.is(204);
            }
        }
        _ => drop(
            client.patch(&org.at(&format!("/services/{service}")), json!({"status": status, "reason": "it is so"})).await.is(200),
        ),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_joins_or_returns_at_any_moment_misses_nothing_and_hears_nothing_twice() {
    misses_nothing(Server::start_unlimited().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_anybody_when_several_writers_share_a_page() {
    misses_nothing(Server::start_with_writers(3).await).await;
}

async fn misses_nothing(server: Server) {
    let (founder, org) = server.founder("joining").await;
    let services = furnished(&founder, &org).await;
    let over = Arc::new(AtomicBool::new(false));
    let turns = if std::env::var_os("TOCSIN_LONG").is_some() { 3_000 } else { 250 };

    let readers: Vec<_> = (0..24_u64)
        .map(|n| {
            let (client, over, slug) = (server.stranger(), over.clone(), org.slug.clone());
            let client = if n % 4 == 3 { client.with(founder.client.token.as_ref().unwrap()) } else { client };
            tokio::spawn(async move {
                let mut reader = Follower::of(&client, &slug);
                let (mut chance, mut visits) = (n * 7_919 + 1, 0);
                while !over.load(Ordering::Relaxed) {
                    reader.connect().await;
                    visits += 1;
                    chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    for _ in 0..chance >> 60 {
                        reader.hear_within(Duration::from_millis(300)).await;
                    }
                    reader.vanish();
                    tokio::time::sleep(Duration::from_millis(chance >> 32 & 0x3f)).await;
                }
                (reader, visits)
            })
        })
        .collect();
    for turn in 0..turns {
        change_something(&founder, &org, &services, turn).await;
    }
    over.store(true, Ordering::Relaxed);
    let (mut visits, mut snapshots, mut events) = (0, 0, 0);
    for (n, reader) in join_all(readers).await.into_iter().enumerate() {
        let (mut reader, visited) = reader.unwrap();
        reader.connect().await;
        if n % 4 == 3 {
            // Members are told more than any one answer of the API shows: a new snapshot is what they should have.
            let wanted = Follower::following(&founder.client, &org.slug).await;
            while reader.seq < wanted.seq {
                reader.hear().await;
            }
            assert_eq!(
                reader.page,
                Value::Object({
                    let mut page = wanted.page.as_object().unwrap().clone();
                    page.insert("seq".to_owned(), reader.page["seq"].clone());
                    page
                })
            );
        } else {
            reader.assert_as_told_by(&server.stranger(), &org.slug).await;
        }
        (visits, snapshots, events) = (visits + visited, snapshots + reader.snapshots, events + reader.names.len());
    }
    assert!(visits > 200 && events > 500, "{visits} visits, {events} events");
    assert!(snapshots < visits / 2, "who returns at once has missed little: {snapshots} snapshots in {visits} visits");
    server.end().await;
}

#[tokio::test]
async fn who_returns_after_too_long_gets_the_page_as_it_is_now() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("too-long").await;
    let services = furnished(&founder, &org).await;
    let mut reader = Follower::following(&server.stranger(), &org.slug).await;
    let mut stays = Follower::following(&server.stranger(), &org.slug).await;
    reader.vanish();
    for turn in 0..600_u32 {
        let body = json!({"status": if turn.is_multiple_of(2) { "major_outage" } else { "operational" }});
        founder.client.patch(&org.at(&format!("/services/{}", services[0])), body).await.is(200);
        stays.hear().await;
    }
    reader.connect().await;
    reader.hear().await;
    assert_eq!((reader.snapshots, reader.names.len()), (2, 0));
    reader.assert_as_told_by(&server.stranger(), &org.slug).await;
    stays.assert_as_told_by(&server.stranger(), &org.slug).await;
    assert_eq!((stays.snapshots, stays.names.len()), (1, 600), "who stays is told each of them");
    server.end().await;
}

#[tokio::test]
async fn a_number_from_another_life_or_from_the_future_is_no_place_to_go_on_from() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("another-life").await;
    furnished(&founder, &org).await;
    let reader = Follower::following(&server.stranger(), &org.slug).await;
    let epoch = reader.page["epoch"].as_str().unwrap_or_default().to_owned();
    let seq = reader.seq;
    for had in
        [format!("epoch=made-up&seq={seq}"), format!("epoch={epoch}&seq=99999999"), format!("seq={seq}"), "seq=x&epoch".to_owned()]
    {
        let mut socket = open(&server.stranger().base, &format!("/ws/{}?{had}", org.slug), None).await.unwrap();
        let heard = crate::follower::hear(&mut socket).await.unwrap();
        assert_eq!((&heard["type"], heard["seq"].as_u64()), (&json!("snapshot"), Some(seq)), "{had}");
    }
    server.end().await;
}

#[tokio::test]
async fn an_organization_that_nobody_has_is_no_socket() {
    let server = Server::start_unlimited().await;
    let (_, org) = server.founder("there").await;
    let base = server.stranger().base;
    for path in ["/ws/nowhere".to_owned(), format!("/ws/{}", nobody()), "/ws/not%20a%20slug".to_owned()] {
        assert_eq!(refusal(&base, &path, None).await, 404, "{path}");
    }
    assert_eq!(refusal(&base, &format!("/ws/{}", org.slug), Some("made.up.token")).await, 401);
    let (stranger, _) = server.founder("elsewhere").await;
    let token = stranger.client.token.as_deref();
    assert_eq!(refusal(&base, &format!("/ws/{}", org.slug), token).await, 404, "not a member: as if it were not there");
    let plain = server.stranger().http_get(&format!("/ws/{}", org.slug)).await;
    assert_eq!(plain, 426);
    server.end().await;
}

#[tokio::test]
async fn one_socket_may_follow_several_organizations() {
    let server = Server::start_unlimited().await;
    let (founder, one) = server.founder("several-one").await;
    let two = founder.found("several-two").await;
    let services = (furnished(&founder, &one).await, furnished(&founder, &two).await);
    let mut follower = Follower::following(&server.stranger(), &one.slug).await;
    let socket = follower.socket();
    crate::follower::say(socket, json!({"type": "subscribe", "org": two.slug})).await;
    assert_eq!(crate::follower::hear(socket).await.unwrap(), json!({"type": "subscribed", "org": two.id}));
    let snapshot = crate::follower::hear(socket).await.unwrap();
    assert_eq!((&snapshot["type"], &snapshot["org"]), (&json!("snapshot"), &json!(two.id)));
    let down = json!({"status": "major_outage"});
    for (org, service) in [(&two, &services.1[0]), (&one, &services.0[0])] {
        founder.client.patch(&org.at(&format!("/services/{service}")), down.clone()).await.is(200);
        assert_eq!(crate::follower::hear(socket).await.unwrap()["org"], json!(org.id));
    }
    crate::follower::say(socket, json!({"type": "unsubscribe", "org": one.id})).await;
    assert_eq!(crate::follower::hear(socket).await.unwrap(), json!({"type": "unsubscribed", "org": one.id}));
    let up = json!({"status": "operational"});
    for (org, service) in [(&one, &services.0[0]), (&two, &services.1[0])] {
        founder.client.patch(&org.at(&format!("/services/{service}")), up.clone()).await.is(200);
    }
    assert_eq!(crate::follower::hear(socket).await.unwrap()["org"], json!(two.id), "nothing more of the first one");
    server.end().await;
}

#[tokio::test]
async fn an_organization_that_is_deleted_sends_its_readers_away() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("deleted").await;
    let mut follower = Follower::following(&server.stranger(), &org.slug).await;
    founder.client.delete(&org.at("")).await.is(204);
    let close = tokio::time::timeout(SOON, async {
        loop {
            if let Err(close) = crate::follower::hear(follower.socket()).await {
                return close;
            }
        }
    });
    assert_eq!(close.await.unwrap().map(|close| u16::from(close.code)), Some(4404));
    assert_eq!(refusal(&server.stranger().base, &format!("/ws/{}", org.id), None).await, 404);
    server.end().await;
}
