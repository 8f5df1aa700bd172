//! HTTP beside what it stands on, in one run: writes beside the engine's own durable rate, reads beside a bare warp route
//! that gives the same bytes with the same headers. The load comes from `wrk`, another process, for both.
//!
//! `cargo bench --bench http [-- --seconds 4 --rounds 5] [--only reads|writes|calm] [--database-apart]`; MongoDB takes part
//! when `TOCSIN_TEST_MONGOD` is set. With `--database-apart` it has a core of its own, and everything else has another.

#![allow(missing_docs, clippy::unwrap_used, dead_code)]

mod bare;
mod calm;
#[path = "../../tests/support/mongod.rs"]
mod mongod;
#[path = "../engine/work.rs"]
mod work;
mod wrk;

use bare::bare_route;
use calm::{Calm, on_a_thread};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tocsin::{
    app::{App, AppSettings},
    http::edge::{EdgeSettings, RateSettings},
    identity::{Access, Scopes},
};
use tocsin_actors::{directory::Directory, domain::Author, store::Store, testkit::builders::*};
use tokio::net::TcpListener;
use work::{Kind, change, found, median};
use wrk::{STATUSES, Target, wrk};

/// As in the product; the bare route has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ORGS: u64 = 1_000;
const CONNECTIONS: u32 = 100;

pub(crate) struct Options {
    pub(crate) seconds: Duration,
    pub(crate) rounds: usize,
    pub(crate) only: Option<String>,
}

impl Options {
    fn measures(&self, what: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == what)
    }
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default(); // the client asks for one, also for plain HTTP
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |flag: &str, default: u64| {
        args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).and_then(|n| n.parse().ok()).unwrap_or(default)
    };
    let options = Options {
        seconds: Duration::from_secs(number("--seconds", 4)),
        rounds: number("--rounds", 5) as usize,
        only: args.iter().position(|arg| arg == "--only").and_then(|at| args.get(at + 1)).cloned(),
    };
    let apart = args.iter().any(|arg| arg == "--database-apart");
    if apart {
        stay_on("1"); // and so does what is started now
    }
    let starting = tokio::runtime::Runtime::new().unwrap();
    let mongod = std::env::var_os("TOCSIN_TEST_MONGOD").is_some().then(|| starting.block_on(mongod::Mongod::start()));
    drop(starting);
    if apart {
        stay_on("0");
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stores = std::iter::once(Kind::Embedded).chain(mongod.as_ref().map(|mongod| Kind::Mongodb(mongod.uri("bench"))));
    for kind in stores {
        runtime.block_on(run(&kind, &options));
    }
}

/// From now on this thread, and the ones that it starts, have one core.
fn stay_on(core: &str) {
    let done = std::process::Command::new("taskset").args(["-pc", core, &std::process::id().to_string()]).output().unwrap();
    assert!(done.status.success(), "taskset: {}", String::from_utf8_lossy(&done.stderr));
}

async fn run(kind: &Kind, options: &Options) {
    let place = kind.place();
    let store = tocsin::store::open(&place.url).await.unwrap_or_else(|error| panic!("{error}"));
    let rates = RateSettings::of_requests_per_second(0);
    let settings = AppSettings { edge: EdgeSettings { rates, ..EdgeSettings::default() }, ..AppSettings::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let app = App::start(store.clone(), settings, listener).await.unwrap();
    found(app.directory(), ORGS, 10).await;
    let mut targets = Vec::new();
    for n in 1..=ORGS {
        let scopes = Scopes::all(Access::Write);
        let (_, secret) = app.identity().create_key(org(n), Author::System, "bench".into(), scopes, None).await.unwrap();
        let path = format!("/api/v1/orgs/{}/services/{}", org(n), service_of(app.directory(), n).await);
        targets.push(Target { path, token: secret.expose().to_owned(), words: STATUSES });
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(url(server, &targets[0])).bearer_auth(&targets[0].token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let bare = bare_route(answer).await;

    let (mut reads, mut bares, mut writes, mut engine, mut quiet, mut busy) = (vec![], vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..options.rounds {
        if options.measures("reads") {
            rested(&*store).await;
            let one = &targets[..1];
            reads.push(wrk(server, one, CONNECTIONS, options.seconds, "GET").await);
            bares.push(wrk(bare, one, CONNECTIONS, options.seconds, "GET").await);
        }
        if options.measures("writes") {
            // Whoever writes leaves the store with documents to write: the next one is not to pay for them.
            rested(&*store).await;
            engine.push(through_actors(app.directory(), options.seconds).await);
            rested(&*store).await;
            writes.push(wrk(server, &targets, ORGS as u32, options.seconds, "PATCH").await);
        }
        if !options.measures("calm") {
            continue;
        }
        // A reader at a calm pace, alone and beside a thousand organizations that write, each once a second.
        rested(&*store).await;
        quiet.push(calm_reader(server, &targets[0], options.seconds).await);
        let load = paced_writes(server, targets.clone(), options.seconds + Duration::from_secs(1));
        let calm = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            calm_reader(server, &targets[0], options.seconds).await
        };
        busy.push(tokio::join!(load, calm).1);
    }
    let rate = |all: &[wrk::Measured]| median(all.iter().map(|one| one.per_second).collect());
    let ratio = |a: &[f64], b: &[f64]| median(a.iter().zip(b).map(|(a, b)| a / b).collect());
    let answers = |all: &[Calm]| all.iter().map(|one| one.answer).collect::<Vec<_>>();
    let rates = |all: &[wrk::Measured]| all.iter().map(|one| one.per_second).collect::<Vec<_>>();
    println!("HTTP, {}: medians of {} interleaved rounds of {} s", kind.name(), options.rounds, options.seconds.as_secs());
    println!("| | per second | beside | ratio |\n|---|---|---|---|");
    if options.measures("reads") {
        println!(
            "| reads of one service | {:.0} | {:.0} bare warp | {:.2} |",
            rate(&reads),
            rate(&bares),
            ratio(&rates(&reads), &rates(&bares))
        );
    }
    if options.measures("writes") {
        println!(
            "| writes, {ORGS} organizations | {:.0} | {:.0} engine | {:.2} |",
            rate(&writes),
            median(engine.clone()),
            ratio(&rates(&writes), &engine)
        );
    }
    if options.measures("calm") {
        println!(
            "| a calm reader's p99, ms | {:.2} beside 1,000 writes/s | {:.2} quiet | {:.2} |",
            median(answers(&busy)),
            median(answers(&quiet)),
            ratio(&answers(&busy), &answers(&quiet))
        );
        let late = |all: &[Calm]| median(all.iter().map(|one| one.late).collect());
        println!(
            "| how late it got the processor, p99, ms | {:.2} beside 1,000 writes/s | {:.2} quiet | |",
            late(&busy),
            late(&quiet)
        );
    }
    let failed: u64 = reads.iter().chain(&bares).chain(&writes).map(|one| one.failed).sum();
    println!("| answers that were no success | {failed} | | |\n");
    app.shutdown().await;
}

/// What a reader asks for, as the one whose it is.
fn url(server: SocketAddr, target: &Target) -> String {
    format!("http://{server}{}", target.path)
}

async fn calm_reader(server: SocketAddr, target: &Target, time: Duration) -> Calm {
    let bearer = format!("Bearer {}", target.token);
    calm::reader(url(server, target), &[("authorization", &bearer)], Duration::from_millis(2), time).await
}

/// What was done before this is done with, and the database has a moment to put it away.
async fn rested(store: &dyn Store) {
    store.settle().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
}

async fn service_of(directory: &Directory, n: u64) -> uuid::Uuid {
    directory.view(org(n)).await.unwrap().services().keys().next().unwrap().uuid()
}

/// The engine's own rate, as many callers as there are connections in the other case.
async fn through_actors(directory: &Directory, time: Duration) -> f64 {
    let done = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let callers: Vec<_> = (1..=ORGS)
        .map(|n| {
            let (directory, done) = (directory.clone(), done.clone());
            tokio::spawn(async move {
                for round in 0.. {
                    if began.elapsed() >= time {
                        return;
                    }
                    directory.execute(org(n), vec![change(2, round)]).await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    futures::future::join_all(callers).await.into_iter().for_each(|caller| caller.unwrap());
    done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

/// A thousand writes a second, one after the other in each organization, from a thread of their own.
async fn paced_writes(server: SocketAddr, targets: Vec<Target>, time: Duration) {
    on_a_thread("load", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let (began, mut pace, mut asked) = (Instant::now(), tokio::time::interval(Duration::from_millis(1)), Vec::new());
            for n in 0.. {
                pace.tick().await;
                if began.elapsed() >= time {
                    break;
                }
                let target = &targets[n % targets.len()];
                let status = if (n / targets.len()).is_multiple_of(2) { "major_outage" } else { "operational" };
                let ask = client.patch(format!("http://{server}{}", target.path)).bearer_auth(&target.token);
                let ask = ask.json(&serde_json::json!({ "status": status }));
                asked.push(tokio::spawn(
                    async move { ask.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap() },
                ));
            }
            futures::future::join_all(asked).await.into_iter().for_each(|answer| drop(answer.unwrap()));
        });
    })
    .await
}
