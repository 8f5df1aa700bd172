//! A server that goes and comes back: readers are told, return, and have missed nothing.

use crate::{
    follower::{Follower, hear},
    joining::furnished,
    support::Server,
};
use futures::future::join_all;
use serde_json::json;

#[tokio::test]
async fn readers_of_a_server_that_goes_are_told_when_to_come_back() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("going").await;
    furnished(&founder, &org).await;
    let mut readers = join_all((0..30).map(|_| async { Follower::following(&server.stranger(), &org.slug).await })).await;
    let (_, told) = futures::join!(
        server.stop(),
        join_all(readers.iter_mut().map(|reader| async { hear(reader.socket()).await.expect_err("it goes") }))
    );
    let mut waits: Vec<u64> = Vec::new();
    for close in told {
        let close = close.expect("it says why");
        assert_eq!(u16::from(close.code), 1012);
        let reason: serde_json::Value = serde_json::from_str(&close.reason).unwrap();
        assert_eq!(reason["code"], "restart");
        waits.push(reason["retry_after_ms"].as_u64().unwrap());
    }
    waits.sort_unstable();
    assert!(waits[0] >= 500 && waits[29] < 5_000 && waits[29] - waits[0] > 1_000, "not all at once: {waits:?}");
}

#[tokio::test]
async fn after_a_restart_a_reader_gets_what_it_missed_and_nothing_else() {
    let mut server = Server::start_unlimited().await;
    let (founder, org) = server.founder("restart").await;
    let services = furnished(&founder, &org).await;
    let mut up_to_date = Follower::following(&server.stranger(), &org.slug).await;
    let mut behind = Follower::following(&server.stranger(), &org.slug).await;
    let change = async |turn: usize| {
        let body = json!({"status": if turn.is_multiple_of(2) { "major_outage" } else { "operational" }});
        founder.client.patch(&org.at(&format!("/services/{}", services[0])), body).await.is(200);
    };
    change(0).await;
    behind.hear().await;
    behind.vanish();
    for turn in 1..=5 {
        change(turn).await;
    }
    for _ in 0..=5 {
        up_to_date.hear().await;
    }
    server = server.restart().await;
    let base = server.stranger().base;
    for reader in [&mut up_to_date, &mut behind] {
        reader.moved(&base);
        reader.connect().await;
    }
    for _ in 0..5 {
        behind.hear().await;
    }
    assert_eq!((behind.snapshots, behind.seq), (1, up_to_date.seq), "from what is stored");
    let founder = founder.at(&base);
    founder.client.patch(&org.at(&format!("/services/{}", services[1])), json!({"status": "major_outage"})).await.is(200);
    for reader in [&mut up_to_date, &mut behind] {
        reader.hear().await;
        assert_eq!(reader.snapshots, 1);
        reader.assert_as_told_by(&server.stranger(), &org.slug).await;
    }
    server.end().await;
}
