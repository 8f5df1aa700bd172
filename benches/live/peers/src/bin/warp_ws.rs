//! `warp_ws PORT`: what one writes with `warp::ws`: a channel and a task for each connection. `GET /ws` upgrades, `POST`
//! broadcasts its body.

use futures::{SinkExt, StreamExt};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use warp::{
    Filter,
    ws::{Message, WebSocket},
};

type Clients = Arc<Mutex<Vec<UnboundedSender<Message>>>>;

#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("warp_ws PORT");
    let clients = Clients::default();
    let all = clients.clone();
    let upgrade = warp::path("ws").and(warp::ws()).map(move |ws: warp::ws::Ws| {
        let all = all.clone();
        ws.on_upgrade(move |socket| serve(socket, all))
    });
    let broadcast = warp::post().and(warp::body::bytes()).map(move |body: warp::hyper::body::Bytes| {
        let message = Message::text(String::from_utf8_lossy(&body).into_owned());
        clients.lock().unwrap().retain(|client| client.send(message.clone()).is_ok());
        String::new()
    });
    warp::serve(upgrade.or(broadcast)).run(([127, 0, 0, 1], port)).await;
}

async fn serve(socket: WebSocket, clients: Clients) {
    let (mut sink, mut stream) = socket.split();
    let (client, mut messages) = unbounded_channel();
    clients.lock().unwrap().push(client);
    let writing = tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(_)) = stream.next().await {}
    writing.abort();
}
