//! A server with the test's settings around the test's routes, and a client that writes what no client would.

use crate::routes;
use prometheus_client::registry::Registry;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tocsin::http::{
    edge::{Edge, EdgeSettings},
    serve_routes,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

/// Longer than every limit that a test sets.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) edge: Edge,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(settings: EdgeSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let edge = Edge::new(settings);
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve_routes(listener, routes::table(), edge.clone(), stopped, PATIENCE));
        Self { address, edge, stop, serving }
    }

    pub(crate) async fn connect(&self) -> Client {
        self.connect_from("127.0.0.1").await
    }

    pub(crate) async fn connect_from(&self, address: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
        Client { stream: socket.connect(self.address).await.unwrap(), read: Vec::new() }
    }

    /// A request of its own, with these lines in its head.
    pub(crate) async fn ask(&self, line: &str, headers: &[&str]) -> Answer {
        self.ask_from("127.0.0.1", line, headers).await
    }

    pub(crate) async fn ask_from(&self, address: &str, line: &str, headers: &[&str]) -> Answer {
        let mut client = self.connect_from(address).await;
        client.ask(line, headers).await;
        client.answer().await
    }

    /// The value of a counter.
    pub(crate) fn count(&self, sample: &str) -> f64 {
        let mut registry = Registry::default();
        self.edge.telemetry().register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    pub(crate) async fn wait_for_count(&self, sample: &str, expected: f64) {
        wait_until(sample, || self.count(sample) == expected).await;
    }

    /// Ends, and with it every connection.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.serving).await.expect("the server ends").unwrap();
    }
}

pub(crate) async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(crate) async fn ask(&mut self, line: &str, headers: &[&str]) {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        self.send(format!("{line} HTTP/1.1\r\nHost: tocsin\r\n{headers}\r\n").as_bytes()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next answer. Its body has a length, comes in chunks, or is not there.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.until(b"\r\n\r\n").await;
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut answer = Answer { status, headers: headers.collect(), body: Vec::new() };
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = String::from_utf8(self.until(b"\r\n").await).unwrap();
                let chunk = self.exactly(usize::from_str_radix(size.trim(), 16).unwrap() + 2).await;
                answer.body.extend(&chunk[..chunk.len() - 2]);
                if chunk.len() == 2 {
                    break;
                }
            }
        } else if let Some(length) = answer.header("content-length").filter(|_| ![101, 204, 304].contains(&status)) {
            answer.body = self.exactly(length.parse().unwrap()).await;
        }
        answer
    }

    /// Only the head, when the body never ends or does not come.
    pub(crate) async fn head(&mut self) -> String {
        String::from_utf8(self.until(b"\r\n\r\n").await).unwrap().to_lowercase()
    }

    pub(crate) async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            assert!(self.more().await > 0, "it ended after {:?}", String::from_utf8_lossy(&self.read));
        }
        self.read.drain(..length).collect()
    }

    async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return self.read.drain(..at + end.len()).collect();
            }
            assert!(self.more().await > 0, "it ended after {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    /// Whether the server ends the connection, and says nothing more.
    pub(crate) async fn is_ended(&mut self) -> bool {
        self.read.is_empty() && self.more().await == 0
    }

    async fn more(&mut self) -> usize {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await.expect("an answer or the end");
        read.unwrap_or(0) // a reset is an end too
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value of a header, in lower case.
    pub(crate) fn all(&self, name: &str) -> String {
        let values: Vec<_> =
            self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_lowercase()).collect();
        values.join(", ")
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// Whether it is an error in our shape, which names the request as its header does.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: &str) {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"));
        assert_eq!((self.status, body["error"]["code"].as_str()), (status, Some(code)), "{self:?}");
        assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{self:?}");
        assert_eq!(body["request_id"].as_str(), self.header("x-request-id"), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"));
    }
}
