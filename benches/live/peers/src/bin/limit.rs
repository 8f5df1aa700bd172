//! `limit PORT [coalesce]`: the least that a server can do on one thread. It writes the same bytes to every socket, knows
//! nothing, checks nothing, and has one organization. With `coalesce` it writes all frames that are there at once.
//!
//! `GET` upgrades, `POST` broadcasts its body. Only for clients whose key is the example of RFC 6455, as the load's is: no
//! hash is computed.

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use std::io::{ErrorKind, Read, Write};

const LISTENER: Token = Token(usize::MAX);
const UPGRADE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const DONE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// How long the log may become before it is looked at.
const ENOUGH: usize = 1 << 20;

struct Connection {
    stream: TcpStream,
    /// What came and was no whole request yet; only before the upgrade.
    asked: Vec<u8>,
    /// How much of the log it has; none when it is no WebSocket.
    cursor: Option<usize>,
}

#[derive(Default)]
struct Server {
    connections: Vec<Option<Connection>>,
    /// Frames, one after the other.
    log: Vec<u8>,
    coalesce: bool,
}

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().and_then(|port| port.parse().ok()).expect("limit PORT [coalesce]");
    let mut server = Server { coalesce: args.next().is_some(), ..Server::default() };
    let mut listener = TcpListener::bind(([127, 0, 0, 1], port).into())?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1_024));
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    loop {
        poll.poll(&mut events, None)?;
        let new_from = server.log.len();
        for event in &events {
            if event.token() != LISTENER {
                server.look_at(event.token().0, event.is_writable());
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                let place = server.connections.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
                stream.set_nodelay(true)?;
                poll.registry().register(&mut stream, Token(place), Interest::READABLE | Interest::WRITABLE)?;
                let connection = Connection { stream, asked: Vec::new(), cursor: None };
                match server.connections.get_mut(place) {
                    Some(free) => *free = Some(connection),
                    None => server.connections.push(Some(connection)),
                }
            }
        }
        if server.coalesce && server.log.len() > new_from {
            server.sweep(new_from);
        }
        server.forget();
    }
}

impl Server {
    fn look_at(&mut self, place: usize, is_writable: bool) {
        let Some(mut connection) = self.connections.get_mut(place).and_then(Option::take) else { return };
        let mut buffer = [0; 16 * 1024];
        loop {
            match connection.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) if connection.cursor.is_none() => {
                    connection.asked.extend_from_slice(&buffer[..length]);
                    self.requests(&mut connection);
                }
                Ok(_) => {} // a client that reads has nothing to say
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return,
            }
        }
        if is_writable && !flush(&mut connection, &self.log) {
            return;
        }
        self.connections[place] = Some(connection);
    }

    fn requests(&mut self, connection: &mut Connection) {
        while let Some(end) = connection.asked.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) {
            if connection.asked.starts_with(b"GET ") {
                let _ = connection.stream.write(UPGRADE);
                connection.asked = Vec::new();
                connection.cursor = Some(self.log.len());
                return;
            }
            let head = String::from_utf8_lossy(&connection.asked[..end]).to_lowercase();
            let length = head.split_once("content-length:").and_then(|(_, rest)| rest.lines().next()?.trim().parse().ok());
            let whole = end + length.unwrap_or(0);
            if connection.asked.len() < whole {
                return;
            }
            let from = self.log.len();
            encode(&connection.asked[end..whole], &mut self.log);
            connection.asked.drain(..whole);
            if !self.coalesce {
                self.sweep(from);
            }
            let _ = connection.stream.write(DONE);
        }
    }

    /// Everybody who has everything before gets what is new.
    fn sweep(&mut self, from: usize) {
        for place in &mut self.connections {
            if let Some(connection) = place
                && connection.cursor == Some(from)
                && !flush(connection, &self.log)
            {
                *place = None;
            }
        }
    }

    /// Nothing is kept that everybody has.
    fn forget(&mut self) {
        let end = self.log.len();
        let mut cursors = self.connections.iter().flatten().filter_map(|connection| connection.cursor);
        if end > ENOUGH && cursors.all(|cursor| cursor == end) {
            self.log.clear();
            self.connections
                .iter_mut()
                .flatten()
                .filter_map(|connection| connection.cursor.as_mut())
                .for_each(|cursor| *cursor = 0);
        }
    }
}

/// False when the connection is over.
fn flush(connection: &mut Connection, log: &[u8]) -> bool {
    let Some(cursor) = &mut connection.cursor else { return true };
    while *cursor < log.len() {
        match connection.stream.write(&log[*cursor..]) {
            Ok(written) => *cursor += written,
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
    true
}

fn encode(payload: &[u8], into: &mut Vec<u8>) {
    into.push(0x81);
    match payload.len() {
        length if length < 126 => into.push(length as u8),
        length if length < 65_536 => {
            into.push(126);
            into.extend((length as u16).to_be_bytes());
        }
        length => {
            into.push(127);
            into.extend((length as u64).to_be_bytes());
        }
    }
    into.extend(payload);
}
