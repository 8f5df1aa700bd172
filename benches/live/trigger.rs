//! What makes a server broadcast: one request a broadcast, without waiting for the one before.

use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};
use tocsin::loadtest::{clock::Nanos, organizations::Organization};

const PATIENCE: Duration = Duration::from_secs(20);
/// Makes a frame of about 600 bytes.
const DESCRIPTION: usize = 290;
/// How many broadcasts there are at once at most.
pub(crate) const BURST: usize = 10;

pub(crate) enum Trigger {
    /// A change of a service each, at the same time, on connections of their own.
    Ours { connections: Vec<TcpStream>, path: String, key: String },
    /// The frame itself, one after the other on one connection, so that their order is ours.
    Peer { connection: TcpStream, seq: u64 },
}

impl Trigger {
    pub(crate) fn ours(to: SocketAddr, org: &Organization) -> std::io::Result<Self> {
        let connections = (0..BURST).map(|_| connect(to)).collect::<Result<_, _>>()?;
        let path = format!("/api/v1/orgs/{}/services/{}", org.id, org.services[0]);
        Ok(Self::Ours { connections, path, key: org.key().to_owned() })
    }

    pub(crate) fn peer(to: SocketAddr) -> std::io::Result<Self> {
        Ok(Self::Peer { connection: connect(to)?, seq: 0 })
    }

    /// Asks for so many broadcasts.
    pub(crate) fn fire(&mut self, number: usize) -> std::io::Result<()> {
        match self {
            Self::Ours { connections, path, key } => connections.iter_mut().take(number).try_for_each(|connection| {
                let body = json!({ "description": Nanos::now().stamp(DESCRIPTION) }).to_string();
                let head = format!("PATCH {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}");
                connection.write_all(request(&head, &body).as_bytes())
            }),
            Self::Peer { connection, seq } => {
                let requests: String = (0..number)
                    .map(|_| {
                        *seq += 1;
                        request("POST / HTTP/1.1\r\nHost: bench", &frame(*seq).to_string())
                    })
                    .collect();
                connection.write_all(requests.as_bytes())
            }
        }
    }

    /// Reads the answers to as many.
    pub(crate) fn collect(&mut self, number: usize) -> std::io::Result<()> {
        match self {
            Self::Ours { connections, .. } => connections.iter_mut().take(number).try_for_each(|connection| answers(connection, 1)),
            Self::Peer { connection, .. } => answers(connection, number),
        }
    }
}

fn connect(to: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn request(head: &str, body: &str) -> String {
    format!("{head}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// What our own server would say.
fn frame(seq: u64) -> Value {
    let id = "01890000-0000-7000-8000-000000000000";
    let at = "2026-01-01T00:00:00.000Z";
    json!({
        "type": "event", "org": id, "epoch": "bench", "prev": seq - 1, "seq": seq, "event": "service.changed", "at": at,
        "data": {
            "status": "operational",
            "services": [{
                "id": id, "name": "Service 1", "description": Nanos::now().stamp(DESCRIPTION), "group_id": null,
                "status": "operational", "status_since": at,
            }],
        },
    })
}

/// Reads so many answers that say how long they are, and that they are good.
fn answers(connection: &mut TcpStream, number: usize) -> std::io::Result<()> {
    let odd = |what: &str| std::io::Error::new(ErrorKind::InvalidData, what.to_owned());
    let (mut bytes, mut buffer, mut read) = (Vec::new(), [0; 16 * 1024], 0);
    while read < number {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            if !head.starts_with("http/1.1 2") {
                return Err(odd(head.lines().next().unwrap_or_default()));
            }
            let length = head.split_once("content-length:").and_then(|(_, rest)| rest.lines().next()?.trim().parse().ok());
            let whole = end + length.unwrap_or(0_usize);
            if bytes.len() >= whole {
                bytes.drain(..whole);
                read += 1;
                continue;
            }
        }
        match connection.read(&mut buffer)? {
            0 => return Err(odd("the server ended the connection")),
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    }
    Ok(())
}
