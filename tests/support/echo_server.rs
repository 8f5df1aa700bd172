//! Our sockets with nothing behind them but an echo, for the suite that knows all of RFC 6455 (tests/autobahn/run).
//!
//! Prints `listening 127.0.0.1:PORT` and serves until it is killed. The handshake is done here in a few lines; everything
//! after it is what the server has.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};
use tocsin::live::{
    socket::{
        self, Heard, deflate,
        handshake::{Asked, agree},
    },
    writers::{Answer, ConnectionId, Conversation, Message, Newcomer, Speaker, Stream, WriterSettings, Writers},
};

struct Echo;

impl Conversation for Echo {
    fn heard(&self, who: &Speaker<'_>, what: Heard<'_>) -> Answer {
        match what {
            Heard::Text(text) => Answer::Say(socket::text(text.as_bytes(), who.deflate)),
            Heard::Binary(bytes) => Answer::Say(socket::binary(bytes, who.deflate)),
            Heard::Ping(_) | Heard::Pong | Heard::Close(_) => Answer::Nothing,
        }
    }
    fn gone(&self, _: ConnectionId) {}
}

fn main() -> std::io::Result<()> {
    let most = 64 * 1024 * 1024;
    let settings = WriterSettings { most_message: most, most_said: None, most_unsent: most, ..WriterSettings::default() };
    let conversation: Arc<dyn Conversation> = Arc::new(Echo);
    let writers = Writers::start(&settings, &conversation)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let Some(newcomer) = greet(stream?) else { continue };
        writers.inboxes()[writers.next()].send(Message::Welcome(Box::new(newcomer)));
    }
    Ok(())
}

/// The first words, read a byte at a time so that nothing of what follows is taken.
fn greet(mut stream: TcpStream) -> Option<Newcomer> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let field = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect::<Vec<_>>().join(",")
    };
    let [connection, upgrade, version, key, extensions] =
        ["connection", "upgrade", "sec-websocket-version", "sec-websocket-key", "sec-websocket-extensions"].map(field);
    let asked = Asked { connection: &connection, upgrade: &upgrade, version: &version, key: &key, extensions: &extensions };
    let Ok(agreed) = agree(asked) else {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return None;
    };
    let extension = if agreed.deflate { format!("Sec-WebSocket-Extensions: {}\r\n", deflate::AGREED) } else { String::new() };
    let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n";
    let answer = format!("{switching}Sec-WebSocket-Accept: {}\r\n{extension}\r\n", agreed.accept);
    stream.write_all(answer.as_bytes()).ok()?;
    stream.set_nonblocking(true).ok()?;
    stream.set_nodelay(true).ok()?;
    Some(Newcomer {
        stream: Stream::Tcp(mio::net::TcpStream::from_std(stream)),
        already: Vec::new(),
        answer: Vec::new(),
        client: std::net::Ipv4Addr::LOCALHOST.into(),
        deflate: agreed.deflate,
        follow: None,
        keep: Box::new(()),
        remember: false,
        named: None,
    })
}
