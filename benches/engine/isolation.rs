//! What a neighbour feels: quiet, beside a flood of 10,000 queued commands, beside an organization that panics in a loop.

use crate::{Options, work::*};
use hdrhistogram::Histogram;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tocsin_actors::{
    clock::SystemClock,
    directory::{Directory, Settings},
    store::Store,
    testkit::{Call, FailingStore, Fault, Rule, builders::*},
};

/// A neighbour's pace: a busy status page, not a load test.
const PAUSE: Duration = Duration::from_millis(2);

pub(crate) async fn run(kind: &Kind, options: &Options) {
    let (mut quiet, mut flooded, mut panicking) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        quiet.push(neighbour(kind, options.seconds, Noise::None).await);
        flooded.push(neighbour(kind, options.seconds, Noise::Flood).await);
        panicking.push(neighbour(kind, options.seconds, Noise::Panic).await);
    }
    println!("isolation, {}: the neighbour's write latency, medians of {} interleaved rounds", kind.name(), options.rounds);
    println!("| beside | p50 ms | p99 ms | p99 : quiet |\n|---|---|---|---|");
    for (name, rows) in
        [("nothing", &quiet), ("10,000 queued commands, again and again", &flooded), ("panics in a loop", &panicking)]
    {
        let of = |quantile: f64| median(rows.iter().map(|row| row.value_at_quantile(quantile) as f64 / 1e3).collect());
        let ratios =
            rows.iter().zip(&quiet).map(|(row, quiet)| row.value_at_quantile(0.99) as f64 / quiet.value_at_quantile(0.99) as f64);
        println!("| {name} | {:.2} | {:.2} | {:.2} |", of(0.5), of(0.99), median(ratios.collect()));
    }
    println!();
}

enum Noise {
    None,
    Flood,
    Panic,
}

async fn neighbour(kind: &Kind, time: Duration, noise: Noise) -> Histogram<u64> {
    let place = kind.place();
    let inner = tocsin::store::open(&place.url).await.unwrap_or_else(|error| panic!("{error}"));
    let store = FailingStore::new(inner);
    let log: Arc<dyn Store> = store.clone();
    let directory = Directory::start(log, Arc::new(SystemClock), Settings::default()).await.unwrap();
    found(&directory, 2, 10).await;
    let until = Instant::now() + time;
    let mut noisy = Vec::new();
    match noise {
        Noise::None => {}
        Noise::Flood => {
            // Queued at once; when the last is answered, the next 10,000.
            let directory = directory.clone();
            noisy.push(apart(async move {
                for round in 0.. {
                    if Instant::now() >= until {
                        return;
                    }
                    // As a network delivers it: 100 each millisecond, several times as fast as they can be stored.
                    let mut queued = Vec::with_capacity(10_000);
                    let mut pace = tokio::time::interval(Duration::from_millis(1));
                    for n in 0..10_000 {
                        if n % 100 == 0 {
                            pace.tick().await;
                        }
                        let directory = directory.clone();
                        let order = change(n % 10 + 1, round * 1_000 + n / 10);
                        queued.push(tokio::spawn(async move { directory.execute(org(1), vec![order]).await.map(drop) }));
                    }
                    futures::future::join_all(queued).await.into_iter().for_each(|answer| answer.unwrap().unwrap());
                }
            }));
        }
        Noise::Panic => {
            std::panic::set_hook(Box::new(|_| {})); // thousands of backtraces would be the measurement
            store.fail(Rule::new(Call::Append, Fault::Panic).of(org(1)).always());
            let directory = directory.clone();
            noisy.push(tokio::spawn(async move {
                for round in 0.. {
                    if Instant::now() >= until {
                        return;
                    }
                    let _ = directory.execute(org(1), vec![change(1, round)]).await;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }));
        }
    }
    let asking = directory.clone();
    let latencies = apart(async move {
        let mut latencies = Histogram::new(3).unwrap();
        for round in 0.. {
            let began = Instant::now();
            if began >= until {
                break;
            }
            asking.execute(org(2), vec![change(1, round)]).await.unwrap();
            latencies.record(began.elapsed().as_micros() as u64).unwrap();
            tokio::time::sleep(PAUSE).await;
        }
        latencies
    });
    let latencies = latencies.await.unwrap();
    for task in noisy {
        task.await.unwrap();
    }
    directory.shutdown().await;
    latencies
}

/// On a thread of its own, as a client is: who asks must not share the engine's threads, for it is they that are measured.
fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn_blocking(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work))
}
