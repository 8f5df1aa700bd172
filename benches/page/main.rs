//! The public page and the summary that programs ask for, beside a bare warp route that gives the same bytes with the same
//! headers; and what others do to the slowest answers: of a herd that asks as fast as it can, and of one calm reader.
//!
//! `cargo bench --bench page [-- --seconds 4 --rounds 5 --only rates|herd|calm]`; the load comes from `wrk`, another process.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../http/bare.rs"]
mod bare;
#[path = "../http/calm.rs"]
mod calm;
#[path = "../http/people.rs"]
mod people;

use bare::bare_route;
use calm::{Calm, on_a_thread};
use ipnet::IpNet;
use people::People;
use serde_json::json;
use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tocsin::{
    app::{App, AppSettings},
    http::edge::{EdgeSettings, Rate, RateSettings},
};
use tokio::net::TcpListener;

/// As in the product; the bare route has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVICES: usize = 100;
const CONNECTIONS: u32 = 100;
const CROWD: u32 = 50;
const PER_SECOND: u32 = 200;
/// Fewer pages than an address may ask for in a second.
const PAUSE: Duration = Duration::from_millis(6);

/// One thing that readers ask for.
struct Case {
    name: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
}

impl Case {
    async fn asked(&self, client: &reqwest::Client, server: SocketAddr) -> reqwest::Response {
        let asked = client.get(format!("http://{server}{}", self.path));
        self.headers.iter().fold(asked, |asked, (name, value)| asked.header(*name, value)).send().await.unwrap()
    }
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default(); // the client asks for one, also for plain HTTP
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |flag: &str, default: u64| {
        args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).and_then(|n| n.parse().ok()).unwrap_or(default)
    };
    let (time, rounds) = (Duration::from_secs(number("--seconds", 4)), number("--rounds", 5));

    let only = args.iter().position(|arg| arg == "--only").and_then(|at| args.get(at + 1));
    if only.is_none_or(|only| only == "rates") {
        throughput(time, rounds).await;
    }
    if only.is_none_or(|only| only == "herd") {
        herd(time, rounds).await;
    }
    if only.is_some_and(|only| only != "calm") {
        return;
    }
    calmness(time, rounds, RateSettings::of_requests_per_second(0), "no limits").await;
    let one_person_writes_a_lot = RateSettings { reads: Rate::OFF, writes: Rate::OFF, ..RateSettings::default() };
    calmness(time, rounds, one_person_writes_a_lot, "the limits of an address as they are by default").await;
}

/// A server with two organizations, and what they are for.
struct Bench {
    app: App,
    server: SocketAddr,
    people: People,
    /// A service of the one that is not looked at.
    writer: String,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn start(rates: RateSettings, trusted_proxies: Vec<IpNet>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = tocsin::store::open(&format!("file:{}", folder.path().join("data").display())).await.unwrap();
        let edge = EdgeSettings { rates, trusted_proxies, ..EdgeSettings::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let app = App::start(store, AppSettings { edge, ..AppSettings::default() }, listener).await.unwrap();
        let people = People::new(server).await;
        people.found("seen", SERVICES).await;
        let writer = people.found("writer", 1).await;
        Self { app, server, people, writer, _folder: folder }
    }
}

/// Requests per second, of a warp route's that does nothing else.
async fn throughput(time: Duration, rounds: u64) {
    let Bench { app, server, people, _folder, .. } = Bench::start(RateSettings::of_requests_per_second(0), Vec::new()).await;
    let packed = || vec![("accept-encoding", "br".to_owned())];
    let mut cases = Vec::new();
    for (name, path) in [("the page", "/status/seen"), ("summary.json", "/status/seen/api/v2/summary.json")] {
        let answer = people.client.get(format!("http://{server}{path}")).header("accept-encoding", "br").send().await.unwrap();
        let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
        println!("{name}: {} bytes with brotli", answer.bytes().await.unwrap().len());
        cases.push(Case { name, path, headers: packed() });
        let known = [packed(), vec![("if-none-match", tag)]].concat();
        cases.push(Case { name, path, headers: known });
    }
    println!("\n| {SERVICES} services, {CONNECTIONS} connections | per second | bare warp | ratio |\n|---|---|---|---|");
    for case in &cases {
        let bare = bare_route(case.asked(&people.client, server).await).await;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(wrk(server, case, time).await);
            theirs.push(wrk(bare, case, time).await);
        }
        let ratio = median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect());
        let what = if case.headers.len() > 1 { "not changed (304)" } else { "brotli" };
        println!("| {}, {what} | {:.0} | {:.0} | {ratio:.2} |", case.name, median(ours), median(theirs));
    }
    app.shutdown().await;
}

/// The slowest answers of a page that a crowd asks for as fast as it can, with the limits of an address as they are by
/// default: everybody in the crowd has one of their own.
async fn herd(time: Duration, rounds: u64) {
    let one_person_writes_a_lot = RateSettings { reads: Rate::OFF, writes: Rate::OFF, ..RateSettings::default() };
    let proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let Bench { app, server, people, writer, _folder } = Bench::start(one_person_writes_a_lot, proxies).await;
    let (mut quiet, mut written, mut guessed) = (Vec::new(), Vec::new(), Vec::new());
    let second = Duration::from_secs(1);
    for _ in 0..rounds {
        quiet.push(crowd(server, time).await);
        let writes = often(&people, reqwest::Method::PATCH, &writer, time + second);
        written.push(tokio::join!(writes, crowd(server, time)).1);
        let mut guesses = guess(server, time + second);
        guessed.push(crowd(server, time).await);
        guesses.wait().unwrap();
    }
    println!("\n| a crowd of {CROWD} connections at full speed | p99, ms | of quiet | per second |\n|---|---|---|---|");
    let beside = [
        ("quiet".to_owned(), &quiet),
        (format!("{PER_SECOND} writes/s to another organization"), &written),
        ("unknown names at full speed".to_owned(), &guessed),
    ];
    for (what, crowd) in &beside {
        let ratio = median(crowd.iter().zip(&quiet).map(|(busy, quiet)| busy.p99 / quiet.p99).collect());
        let [p99, rate] = [|one: &Crowd| one.p99, |one: &Crowd| one.per_second].map(|of| median(crowd.iter().map(of).collect()));
        println!("| {what} | {p99:.2} | {ratio:.2} | {rate:.0} |");
    }
    app.shutdown().await;
}

/// What a crowd gets.
struct Crowd {
    /// In milliseconds.
    p99: f64,
    per_second: f64,
}

async fn crowd(server: SocketAddr, time: Duration) -> Crowd {
    let script = std::env::temp_dir().join(format!("tocsin-crowd-{}.lua", std::process::id()));
    std::fs::write(
        &script,
        r#"
local n = math.random(0, 65535)
function request()
  n = n + 1
  local who = string.format("10.%d.%d.%d", n % 250, math.floor(n / 250) % 250, math.floor(n / 62500) % 250)
  return wrk.format("GET", "/status/seen", { ["Accept-Encoding"] = "br", ["X-Forwarded-For"] = who })
end
function done(summary, latency, requests)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(99), failed))
end
"#,
    )
    .unwrap();
    let mut command = Command::new("wrk");
    command.args(["-t", "1", "-c", &CROWD.to_string(), "-d", &format!("{}s", time.as_secs()), "-s"]).arg(script);
    command.arg(format!("http://{server}"));
    let output = tokio::task::spawn_blocking(move || command.output().expect("wrk is needed: install the package wrk"));
    let text = String::from_utf8(output.await.unwrap().stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT ")).unwrap_or_else(|| panic!("wrk said: {text}"));
    let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
    assert_eq!(numbers[3], 0.0, "something was refused");
    Crowd { p99: numbers[2] / 1e3, per_second: numbers[0] / (numbers[1] / 1e6) }
}

/// What somebody who reads the page now and then notices of others.
async fn calmness(time: Duration, rounds: u64, rates: RateSettings, limits: &str) {
    // Clients say themselves who they are, as a proxy would of those behind it.
    let Bench { app, server, people, writer, _folder } = Bench::start(rates, vec!["127.0.0.0/8".parse().unwrap()]).await;
    let headers = [("accept-encoding", "br"), ("x-forwarded-for", "192.0.2.1")];
    let reader = |time| calm::reader(format!("http://{server}/status/seen"), &headers, PAUSE, time);
    let (mut quiet, mut read, mut written, mut guessed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let second = Duration::from_secs(1);
    for _ in 0..rounds {
        quiet.push(reader(time).await);
        let reads = often(&people, reqwest::Method::GET, &writer, time + second);
        read.push(tokio::join!(reads, reader(time)).1);
        let writes = often(&people, reqwest::Method::PATCH, &writer, time + second);
        written.push(tokio::join!(writes, reader(time)).1);
        let mut guesses = guess(server, time + second);
        guessed.push(reader(time).await);
        guesses.wait().unwrap();
    }
    let answers = |all: &[Calm]| median(all.iter().map(|one| one.answer).collect());
    let late = |all: &[Calm]| median(all.iter().map(|one| one.late).collect());
    println!(
        "\n| a calm reader of the page, {limits} | p99, ms | of quiet | got the processor so late, p99, ms |\n|---|---|---|---|"
    );
    let beside = [
        ("quiet".to_owned(), &quiet),
        (format!("{PER_SECOND} reads/s of another organization"), &read),
        (format!("{PER_SECOND} writes/s to another organization"), &written),
        ("unknown names at full speed".to_owned(), &guessed),
    ];
    for (what, calm) in &beside {
        let ratio = median(calm.iter().zip(&quiet).map(|(busy, quiet)| busy.answer / quiet.answer).collect());
        println!("| {what} | {:.2} | {ratio:.2} | {:.2} |", answers(calm), late(calm));
    }
    app.shutdown().await;
}

/// Asks the same again and again, from a thread of its own: it is not the server's work.
async fn often(people: &People, method: reqwest::Method, path: &str, time: Duration) {
    let (url, token) = (format!("{}{path}", people.api), people.token.clone());
    let write = async move {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let (began, mut pace) = (Instant::now(), tokio::time::interval(Duration::from_secs(1) / PER_SECOND));
        for status in ["major_outage", "operational"].into_iter().cycle() {
            pace.tick().await;
            if began.elapsed() >= time {
                return;
            }
            let asked = client.request(method.clone(), &url).bearer_auth(&token).json(&json!({ "status": status }));
            asked.send().await.unwrap().error_for_status().unwrap();
        }
    };
    on_a_thread("load", || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(write)).await;
}

/// Requests per second.
async fn wrk(server: SocketAddr, case: &Case, time: Duration) -> f64 {
    let mut command = Command::new("wrk");
    command.args(["-t", "2", "-c", &CONNECTIONS.to_string(), "-d", &format!("{}s", time.as_secs())]);
    for (name, value) in &case.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    command.arg(format!("http://{server}{}", case.path));
    let output = tokio::task::spawn_blocking(move || command.output().expect("wrk is needed: install the package wrk"));
    let text = String::from_utf8(output.await.unwrap().stdout).unwrap();
    assert!(!text.contains("Non-2xx") || case.headers.len() > 1, "{text}");
    let line = text.lines().find_map(|line| line.strip_prefix("Requests/sec:")).unwrap_or_else(|| panic!("wrk said: {text}"));
    line.trim().parse().unwrap()
}

/// Somebody who asks for names that nobody has, as fast as they are answered.
fn guess(server: SocketAddr, time: Duration) -> Child {
    let script = std::env::temp_dir().join(format!("tocsin-guess-{}.lua", std::process::id()));
    let lua = "local n = 0\nfunction request() n = n + 1; return wrk.format('GET', '/status/nobody-' .. n) end\n";
    std::fs::write(&script, lua).unwrap();
    let mut command = Command::new("wrk");
    command.args(["-t", "1", "-c", "50", "-d", &format!("{}s", time.as_secs()), "-s"]).arg(script);
    command
        .args(["-H", "x-forwarded-for: 192.0.2.2"])
        .arg(format!("http://{server}"))
        .stdout(Stdio::null())
        .spawn()
        .expect("wrk is needed: install the package wrk")
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
