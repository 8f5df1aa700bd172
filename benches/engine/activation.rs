//! Bringing a sleeping organization to life: 50 services, 500 incidents with three updates each.

use crate::work::*;
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};
use tocsin_actors::{
    directory::Settings,
    domain::status::{IncidentStatus, ServiceStatus},
    testkit::builders::*,
};

const TIMES: u64 = 200;

pub(crate) async fn run(kind: &Kind) {
    let place = kind.place();
    let settings = Settings { sleep_after: Duration::ZERO, sweep_every: Duration::from_secs(3_600), ..Settings::default() };
    let (store, directory) = place.engine_with(settings).await;
    found(&directory, 1, 50).await;
    for n in 0..500 {
        let service = n % 50 + 1;
        let orders = vec![
            open_incident(n, vec![affected(service, ServiceStatus::MajorOutage)]),
            post_update(incident(n), 3 * n + 10_000, Some(IncidentStatus::Identified)),
            post_update(incident(n), 3 * n + 10_001, Some(IncidentStatus::Monitoring)),
            post_update(incident(n), 3 * n + 10_002, Some(IncidentStatus::Resolved)),
        ];
        directory.execute(org(1), orders).await.unwrap();
    }
    store.settle().await.unwrap();
    let mut latencies = Histogram::<u64>::new(3).unwrap();
    for _ in 0..TIMES {
        while directory.awake_count() > 0 {
            directory.sweep().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        directory.sweep().await; // forgets the view that outlives the actor
        store.settle().await.unwrap();
        let began = Instant::now();
        let view = directory.view(org(1)).await.unwrap();
        latencies.record(began.elapsed().as_micros() as u64).unwrap();
        assert_eq!((view.services().len(), view.incidents().len()), (50, 500));
    }
    let ms = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
    println!("activation, {}: 50 services, 500 incidents, 2,000 updates; {TIMES} times", kind.name());
    println!("| p50 ms | p99 ms | max ms |\n|---|---|---|");
    println!("| {:.1} | {:.1} | {:.1} |\n", ms(0.5), ms(0.99), latencies.max() as f64 / 1e3);
    directory.shutdown().await;
}
