//! A reader at a calm pace: what somebody notices while others are busy.

use std::time::{Duration, Instant};

/// Does something on a thread of its own, by whose name it is told from the server's.
pub(crate) async fn on_a_thread<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = tokio::sync::oneshot::channel();
    let work = move || drop(tell.send(work()));
    std::thread::Builder::new().name(name.to_owned()).spawn(work).unwrap();
    told.await.unwrap()
}

/// What a reader who asks now and then gets, in milliseconds.
pub(crate) struct Calm {
    /// The p99 of its answers.
    pub(crate) answer: f64,
    /// The p99 of how late it gets the processor when it has slept: what the machine alone is to blame for.
    pub(crate) late: f64,
}

/// On a thread of its own: it measures the server.
pub(crate) async fn reader(url: String, headers: &[(&str, &str)], pause: Duration, time: Duration) -> Calm {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    on_a_thread("calm-reader", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let (began, mut latencies, mut late) = (Instant::now(), Vec::new(), Vec::new());
            while began.elapsed() < time {
                let asked = Instant::now();
                let asked_for = headers.iter().fold(client.get(&url), |asked, (name, value)| asked.header(name, value));
                let answer = asked_for.send().await.unwrap().error_for_status().unwrap();
                answer.bytes().await.unwrap();
                latencies.push(asked.elapsed());
                let slept = Instant::now();
                std::thread::sleep(pause);
                late.push(slept.elapsed() - pause);
            }
            let p99 = |mut all: Vec<Duration>| {
                all.sort();
                all[all.len() * 99 / 100].as_secs_f64() * 1e3
            };
            Calm { answer: p99(latencies), late: p99(late) }
        })
    })
    .await
}
