//! When Socket.IO clients hear of a change.

use crate::spoken::Spoken;
use futures::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

pub(crate) const LISTENERS: usize = 100;
pub(crate) const CHANGES: usize = 300;

/// How long each client waited for each change, from asking for it, sorted.
pub(crate) async fn after_changes(spoken: &Spoken, event: &str) -> Vec<Duration> {
    let (hear, mut heard) = mpsc::unbounded_channel();
    let wanted = format!("42[\"{event}\"");
    for _ in 0..LISTENERS {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", spoken.facade);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        socket.next().await.unwrap().unwrap(); // the transport is open
        let shown = if spoken.token.is_empty() { String::new() } else { json!({ "token": spoken.token }).to_string() };
        socket.send(Message::text(format!("40{shown}"))).await.unwrap();
        // And so is the namespace, perhaps after a question whether we are there.
        while !socket.next().await.unwrap().unwrap().to_text().unwrap().starts_with("40") {
            socket.send(Message::text("3")).await.unwrap();
        }
        let (hear, wanted) = (hear.clone(), wanted.clone());
        tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                match message.to_text() {
                    Ok("2") => socket.send(Message::text("3")).await.unwrap(),
                    Ok(text) if text.starts_with(&wanted) => hear.send(Instant::now()).unwrap(),
                    _ => {}
                }
            }
        });
    }
    let (paths, method, statuses) = spoken.changes().await;
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let change = async |n: usize| {
        spoken.ask(method.clone(), &paths[0], Some(&json!({ "status": statuses[n % 2] }))).await;
    };
    // So that the first one that counts changes something, whatever was there before.
    for n in 0..2 {
        change(n).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    while heard.try_recv().is_ok() {}
    let mut late = Vec::new();
    for n in 0..CHANGES {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let began = Instant::now();
        change(n).await;
        for _ in 0..LISTENERS {
            let heard = tokio::time::timeout(Duration::from_secs(10), heard.recv()).await.expect("everybody is told");
            late.push(heard.unwrap() - began);
        }
    }
    late.sort();
    late
}
