//! Readers against a server that says what it is told to, on real sockets.

use super::{Greeting, Readers};
use crate::loadtest::{clock::Nanos, verify::Fault};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);
const UPGRADE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn text(message: &serde_json::Value) -> Vec<u8> {
    frame(0x81, message.to_string().as_bytes())
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, 126];
    if payload.len() < 126 {
        bytes[1] = payload.len() as u8;
    } else {
        bytes.extend((payload.len() as u16).to_be_bytes());
    }
    bytes.extend(payload);
    bytes
}

fn page(seq: u64) -> Vec<u8> {
    text(&json!({ "type": "snapshot", "org": "o", "epoch": "e 1", "seq": seq, "page": { "seq": seq, "status": "up" } }))
}

fn event(prev: u64, seq: u64) -> Vec<u8> {
    text(&json!({ "type": "event", "epoch": "e 1", "prev": prev, "seq": seq, "data": { "status": Nanos::now().stamp(300) } }))
}

/// A server that answers every request with the next of its lines, then keeps the connection for the test.
struct Mock {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    connections: Receiver<TcpStream>,
}

impl Mock {
    fn start(lines: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (tell, connections): (Sender<TcpStream>, _) = channel();
        let seen = asked.clone();
        std::thread::spawn(move || {
            for line in lines {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.push(byte[0]);
                }
                seen.lock().unwrap().push(String::from_utf8(request).unwrap().lines().next().unwrap().to_owned());
                stream.write_all(&line).unwrap();
                if tell.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { address, asked, connections }
    }

    fn readers(&self, greeting: Greeting, number: usize) -> Readers {
        let mut readers = Readers::new(self.address, self.address.to_string()).unwrap();
        let channel = readers.open("/ws/acme".into(), greeting);
        readers.add(channel, number, false);
        readers
    }
}

#[track_caller]
fn until(readers: &mut Readers, what: &str, done: impl Fn(&Readers) -> bool) {
    let began = Instant::now();
    while !done(readers) {
        assert!(began.elapsed() < PATIENCE, "{what} did not happen: {:?}", readers.tally());
        readers.turn(Duration::from_millis(5)).unwrap();
    }
}

fn upgraded(more: &[Vec<u8>]) -> Vec<u8> {
    [UPGRADE, &more.concat()].concat()
}

#[test]
fn readers_keep_a_page_and_measure_what_comes() {
    let mock = Mock::start(vec![upgraded(&[page(5)]); 2]);
    let mut readers = mock.readers(Greeting::Page, 2);
    until(&mut readers, "connecting", |readers| readers.tally().live == 2);
    let streams: Vec<_> = mock.connections.iter().take(2).collect();
    let (first, second) = (event(5, 6), event(6, 8));
    for mut stream in &streams {
        stream.write_all(&frame(0x89, b"hello")).unwrap();
        // In pieces, as slow networks do.
        for piece in [&first[..], &second[..]].concat().chunks(100) {
            stream.write_all(piece).unwrap();
            readers.turn(Duration::from_millis(1)).unwrap();
        }
    }
    until(&mut readers, "four deliveries", |readers| readers.tally().deliveries == 4);
    until(&mut readers, "two pongs", |readers| readers.tally().pings == 2);
    for mut stream in &streams {
        let mut pong = [0; 11];
        stream.read_exact(&mut pong).unwrap();
        assert_eq!(pong[..2], [0x8a, 0x85]);
    }
    let tally = readers.tally();
    assert_eq!((tally.faults.total(), tally.first_pages, tally.latency.len()), (0, 2, 4), "{tally:?}");
    assert_eq!(readers.channels()[0].page.as_ref().unwrap()["seq"], 8);
    assert_eq!(readers.channels()[0].history.times_to_last().count(), 2);
    assert_eq!((readers.elsewhere(&[(0, 8)]), readers.elsewhere(&[(0, 9)])), (0, 2));
    readers.close();
    assert_eq!(readers.tally().live, 0);
}

#[test]
fn a_server_that_repeats_or_forgets_is_found() {
    let mock = Mock::start(vec![upgraded(&[page(5), event(5, 6), event(5, 6), event(7, 8)])]);
    let mut readers = mock.readers(Greeting::Page, 1);
    until(&mut readers, "two faults", |readers| readers.tally().faults.total() == 2);
    let faults = &readers.tally().faults;
    assert_eq!(faults.counts.keys().copied().collect::<Vec<_>>(), [Fault::Lost, Fault::Repeated]);
    assert!(faults.told[0].starts_with("repeated: reader 0 of /ws/acme with seq 6 got {"), "{faults:?}");
}

#[test]
fn whoever_loses_the_connection_comes_back_for_the_rest() {
    let bye = frame(0x88, &[&1012_u16.to_be_bytes()[..], br#"{"code":"restart","retry_after_ms":20}"#].concat());
    let mock = Mock::start(vec![
        upgraded(&[page(5), event(5, 6), bye]),
        upgraded(&[event(6, 7)]),
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\n\r\n".to_vec(),
        upgraded(&[]),
    ]);
    let mut readers = mock.readers(Greeting::Page, 1);
    until(&mut readers, "coming back", |readers| readers.tally().deliveries == 2);
    readers.drop_connection(0);
    until(&mut readers, "coming back twice", |readers| readers.tally().resumed == 2);
    mock.connections.iter().take(3).for_each(drop);
    let mut last = mock.connections.recv().unwrap();
    last.write_all(&event(7, 8)).unwrap();
    until(&mut readers, "the last step", |readers| readers.tally().deliveries == 3);
    let asked = mock.asked.lock().unwrap();
    let again = "GET /ws/acme?epoch=e+1&seq=";
    assert_eq!(
        *asked,
        ["GET /ws/acme HTTP/1.1", &format!("{again}6 HTTP/1.1"), &format!("{again}7 HTTP/1.1"), &format!("{again}7 HTTP/1.1")]
    );
    let tally = readers.tally();
    assert_eq!((tally.faults.total(), tally.dropped, tally.live), (0, 1, 1), "{tally:?}");
    assert_eq!(tally.ended.iter().map(|(how, n)| (how.as_str(), *n)).collect::<Vec<_>>(), [("closed 1012 restart", 1)]);
    assert_eq!(tally.refused.iter().map(|(how, n)| (how.as_str(), *n)).collect::<Vec<_>>(), [("503", 1)]);
}

#[test]
fn who_reads_nothing_stays_and_who_is_told_nothing_is_there_at_once() {
    let mock = Mock::start(vec![upgraded(&[]); 2]);
    let mut readers = mock.readers(Greeting::Nothing { epoch: "e 1".into(), seq: 5 }, 1);
    readers.add(0, 1, true);
    until(&mut readers, "two connections", |readers| (readers.tally().live, readers.tally().deaf) == (1, 1));
    for mut stream in mock.connections.iter().take(2) {
        stream.write_all(&event(5, 6)).unwrap();
    }
    until(&mut readers, "a delivery", |readers| readers.tally().deliveries == 1);
    assert_eq!(readers.tally().faults.total(), 0);
}

#[tokio::test]
async fn a_crew_reads_on_a_thread_of_its_own() {
    let mock = Mock::start(vec![upgraded(&[page(5)]); 40]);
    let crew = super::Crew::start(mock.readers(Greeting::Page, 2)).unwrap();
    let began = Instant::now();
    crew.churn(200.0).unwrap();
    while crew.ask(|readers| readers.tally().later_pages).await.unwrap() < 5 {
        assert!(began.elapsed() < PATIENCE, "nobody comes back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    crew.churn(0.0).unwrap();
    let readers = crew.stop().unwrap();
    assert_eq!(readers.tally().faults.total(), 0, "{:?}", readers.tally());
}
