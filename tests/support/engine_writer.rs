//! A server process that writes as fast as it can and says on stdout what was acknowledged: the victim of the crash
//! tests. It is the whole server (`App`), because what dies in production is the whole server.
//!
//! `engine_writer STORE ROUND ORGS WRITERS [RETRY…]` prints `ready`, then `ack WRITER N` for each acknowledged order.
//! Each `RETRY` is `ROUND:WRITER:N`, an order of an earlier life whose fate nobody knows: it is sent again first.

use std::{io::Write, sync::Arc, time::Duration};
use tocsin::{app::App, store};
use tocsin_actors::{
    accounts::founding::found_organization,
    directory::{Directory, Settings},
    domain::{Author, Command, Order},
    org::OrgError,
    testkit::builders::{OrderExt, create_service, new_organization, order, org, request_key, service, start},
};

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let url = args.next().expect("a store");
    let mut number = || args.next().and_then(|n| n.parse::<u64>().ok()).expect("a number");
    let (round, orgs, writers) = (number(), number(), number());
    let retries: Vec<String> = args.collect();

    let store = store::open(&url).await.unwrap_or_else(|error| panic!("{error}"));
    let accounts = store.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    // Falling asleep all the time is part of the test.
    let settings =
        Settings { sleep_after: Duration::from_millis(40), sweep_every: Duration::from_millis(20), ..Settings::default() };
    let app = App::start(store, settings, listener).await.expect("the server starts");
    let directory = Arc::new(app.directory().clone());

    for n in 1..=orgs {
        while directory.view(org(n)).await.map_or(true, |view| view.organization().is_none()) {
            let founded = found_organization(&*accounts, &directory, new_organization(n), Author::System, start(), None).await;
            if let Err(error) = founded {
                eprintln!("organization {n}: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    for retry in retries {
        let mut parts = retry.split(':').map(|part| part.parse::<u64>().expect("a number"));
        let mut next = || parts.next().expect("three numbers");
        let (round, writer, n) = (next(), next(), next());
        execute(&directory, writer % orgs + 1, write(round, writer, n)).await;
        say(&format!("retried {round} {writer} {n}"));
    }
    say("ready");
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let directory = directory.clone();
            tokio::spawn(async move {
                for n in 0.. {
                    execute(&directory, writer % orgs + 1, write(round, writer, n)).await;
                    say(&format!("ack {writer} {n}"));
                }
            })
        })
        .collect();
    futures::future::join_all(tasks).await;
}

/// The n-th order of a writer in a round. A service limit of an organization is never reached: every other order
/// deletes what the one before it made.
fn write(round: u64, writer: u64, n: u64) -> Order {
    let id = number(round, writer, n - n % 2);
    let order = if n.is_multiple_of(2) { create_service(id) } else { order(Command::DeleteService { id: service(id) }) };
    order.keyed(request_key(number(round, writer, n)))
}

/// One number for all three; the parent computes the same.
fn number(round: u64, writer: u64, n: u64) -> u64 {
    (1 << 40) | (round << 28) | (writer << 18) | n
}

/// Until it is acknowledged: a caller who is told "unknown" or "not now" asks again with the same key.
async fn execute(directory: &Directory, n: u64, order: Order) {
    loop {
        match directory.execute(org(n), vec![order.clone()]).await {
            Ok(_) => return,
            Err(OrgError::OutcomeUnknown | OrgError::Unavailable { .. } | OrgError::Busy { .. }) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // Only its own key can have made or deleted it: this is a second application.
            Err(error) => {
                say(&format!("wrong {order:?}: {error}"));
                std::process::exit(3);
            }
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent is gone: so are we.
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}
