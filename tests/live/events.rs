//! The same as an event stream.

use crate::{
    follower::{Follower, SOON},
    joining::{change_something, furnished},
    support::{Client, Server},
};
use serde_json::{Value, json};

/// Reads events one after the other.
struct Events {
    answer: reqwest::Response,
    read: String,
    id: String,
    /// When to come back if it breaks, in milliseconds.
    retry: u64,
}

impl Events {
    async fn open(client: &Client, org: &str, last: Option<&str>) -> Self {
        let mut ask = client.raw_get(&format!("/api/v1/orgs/{org}/events"));
        if let Some(last) = last {
            ask = ask.header("last-event-id", last);
        }
        let answer = ask.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { answer, read: String::new(), id: String::new(), retry: 0 }
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((message, rest)) = self.read.split_once("\n\n") {
                let field =
                    |name| message.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim_start().to_owned());
                let (id, data) = (field("id:"), field("data:"));
                self.retry = field("retry:").map_or(self.retry, |retry| retry.parse().unwrap());
                self.read = rest.to_owned();
                if let (Some(id), Some(data)) = (id, data) {
                    self.id = id;
                    return Some(serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let chunk = tokio::time::timeout(SOON, self.answer.chunk()).await.expect("waited for an event").ok()??;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn the_readers_of_event_streams_that_break_together_do_not_come_back_together() {
    let server = Server::start_unlimited().await;
    let (_, org) = server.founder("event-storm").await;
    let visitor = server.stranger();
    let mut told = std::collections::BTreeSet::new();
    for _ in 0..16 {
        let mut events = Events::open(&visitor, &org.slug, None).await;
        events.next().await.unwrap();
        assert!((500..5_000).contains(&events.retry), "{}", events.retry);
        told.insert(events.retry);
    }
    assert!(told.len() > 8, "all are told the same: {told:?}");
}

#[tokio::test]
async fn an_event_stream_tells_the_same_and_goes_on_where_it_was_left() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("event-stream").await;
    let services = furnished(&founder, &org).await;
    let visitor = server.stranger();
    let mut follower = Follower::of(&visitor, &org.slug);
    let mut events = Events::open(&visitor, &org.slug, None).await;
    follower.take(events.next().await.unwrap());
    for turn in 0..60 {
        change_something(&founder, &org, &services, turn).await;
        if turn % 20 == 10 {
            events = Events::open(&visitor, &org.slug, Some(&events.id)).await;
        }
        if turn % 7 == 0 {
            follower.take(events.next().await.unwrap());
        }
    }
    let end = json!({"name": "The end"});
    founder.client.patch(&org.at(""), end).await.is(200);
    while follower.page["name"] != "The end" {
        follower.take(events.next().await.unwrap());
    }
    assert_eq!(follower.snapshots, 1);
    follower.assert_as_told_by(&visitor, &org.slug).await;
    server.end().await;
}

#[tokio::test]
async fn an_event_stream_of_a_member_ends_with_the_session() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("event-session").await;
    furnished(&founder, &org).await;
    let elsewhere = founder.log_in().await;
    let mut events = Events::open(&elsewhere.client, &org.slug, None).await;
    assert_eq!(events.next().await.unwrap()["page"]["services"].as_array().unwrap().len(), 4);
    elsewhere.client.post("/auth/logout", json!({})).await.is(204);
    while events.next().await.is_some() {}
    server.end().await;
}
