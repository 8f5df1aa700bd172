//! Members hear what is private, and only for as long as they are members.

use crate::{
    follower::{Follower, auth, hear, open, say},
    joining::furnished,
    support::Server,
};
use serde_json::{Value, json};

fn close_code(heard: Result<Value, Option<tokio_tungstenite::tungstenite::protocol::CloseFrame>>) -> Option<u16> {
    match heard {
        Err(close) => close.map(|close| close.code.into()),
        Ok(heard) => panic!("it was told {heard}"),
    }
}

#[tokio::test]
async fn visitors_hear_nothing_of_what_is_private() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("private").await;
    let services = furnished(&founder, &org).await;
    let mut visitor = Follower::following(&server.stranger(), &org.slug).await;
    let mut member = Follower::following(&founder.client, &org.slug).await;
    let change = async |service: &str, body: Value| {
        founder.client.patch(&org.at(&format!("/services/{service}")), body).await.is(200);
    };
    assert_eq!(visitor.page["services"].as_array().unwrap().len(), 3);
    assert_eq!(member.page["services"].as_array().unwrap().len(), 4);
    change(&services[3], json!({"status": "major_outage"})).await;
    member.hear().await;
    assert_eq!(member.page["services"][3]["status"], "major_outage");
    let hidden = json!({"title": "hidden", "visibility": "private", "affected": [{"service_id": services[3]}]});
    founder.make(&org, "/incidents", hidden).await;
    change(&services[0], json!({"metadata": {"secret": "value"}})).await;
    change(&services[0], json!({"status": "partial_outage"})).await;
    let before = visitor.seq;
    visitor.hear().await;
    assert_eq!(visitor.names, ["service.status_changed"], "the first that is anything to visitors");
    assert!(visitor.seq > before + 2, "what lies between is not told");
    // What becomes public is told whole; what becomes private is gone.
    change(&services[3], json!({"visibility": "public"})).await;
    visitor.hear().await;
    assert_eq!(visitor.page["services"][3]["status"], "major_outage");
    change(&services[3], json!({"visibility": "private"})).await;
    visitor.hear().await;
    assert_eq!(visitor.page["services"].as_array().unwrap().len(), 3);
    visitor.assert_as_told_by(&server.stranger(), &org.slug).await;
    assert!(!visitor.page.to_string().contains("visibility"), "who sees what is nobody's business");
    server.end().await;
}

#[tokio::test]
async fn a_token_on_the_socket_makes_a_member_of_a_visitor() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("introduced").await;
    furnished(&founder, &org).await;
    let mut follower = Follower::following(&server.stranger(), &org.slug).await;
    say(follower.socket(), json!({"type": "auth", "token": "made.up.token"})).await;
    assert_eq!(hear(follower.socket()).await.unwrap()["code"], "unauthorized");
    say(follower.socket(), auth(&founder.client)).await;
    assert_eq!(hear(follower.socket()).await.unwrap(), json!({"type": "authenticated"}));
    follower.hear().await;
    assert_eq!(follower.page["services"].as_array().unwrap().len(), 4);

    // Who says that it will introduce itself is told nothing before.
    let mut waits = open(&founder.client.base, &format!("/ws/{}?audience=members", org.slug), None).await.unwrap();
    say(&mut waits, auth(&founder.client)).await;
    assert_eq!(hear(&mut waits).await.unwrap(), json!({"type": "authenticated"}));
    assert_eq!(hear(&mut waits).await.unwrap()["page"]["services"].as_array().unwrap().len(), 4);
    let (stranger, _) = server.founder("introduced-elsewhere").await;
    let mut waits = open(&founder.client.base, &format!("/ws/{}?audience=members", org.slug), None).await.unwrap();
    say(&mut waits, auth(&stranger.client)).await;
    assert_eq!(hear(&mut waits).await.unwrap(), json!({"type": "authenticated"}));
    assert_eq!(close_code(hear(&mut waits).await), Some(4401), "known, but not here");
    server.end().await;
}

#[tokio::test]
async fn who_is_no_member_any_more_is_told_and_hears_no_more() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("no-more").await;
    let services = furnished(&founder, &org).await;
    let (member, other) = (server.person("no-more-member").await, server.person("no-more-other").await);
    founder.let_in(&org, &member, "viewer").await;
    founder.let_in(&org, &other, "viewer").await;
    let key = founder.key(&org, "read", None).await;
    let mut leaves = Follower::following(&member.client, &org.slug).await;
    let elsewhere = other.log_in().await;
    let mut logs_out = Follower::following(&elsewhere.client, &org.slug).await;
    let mut with_key = Follower::following(&key, &org.slug).await;
    let mut stays = Follower::following(&other.client, &org.slug).await;

    founder.client.delete(&org.at(&format!("/members/{}", member.id))).await.is(204);
    leaves.hear().await; // that somebody is gone is told to all who were there
    assert_eq!(close_code(hear(leaves.socket()).await), Some(4401));

    elsewhere.client.post("/auth/logout", json!({})).await.is(204);
    logs_out.hear().await;
    assert_eq!(close_code(hear(logs_out.socket()).await), Some(4401));

    let keys = founder.client.get(&org.at("/keys")).await.is(200);
    founder.client.delete(&org.at(&format!("/keys/{}", keys["items"][0]["id"].as_str().unwrap()))).await.is(204);
    with_key.hear().await;
    assert_eq!(close_code(hear(with_key.socket()).await), Some(4401));

    founder.client.patch(&org.at(&format!("/services/{}", services[3])), json!({"status": "major_outage"})).await.is(200);
    stays.hear().await;
    stays.hear().await;
    assert_eq!(stays.page["services"][3]["status"], "major_outage", "the others go on");
    server.end().await;
}
