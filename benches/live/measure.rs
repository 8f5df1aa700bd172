//! One server, so many readers: everything that is measured of them.

use crate::{
    servers::{Kind, Server},
    trigger::{BURST, Trigger},
};
use std::time::{Duration, Instant};
use tocsin::loadtest::{
    organizations::Api,
    process::Usage,
    readers::{Greeting, Readers, Times},
    settings::Target,
};

/// How long one broadcast may take to its last reader, and each connection to come about.
const PATIENCE: Duration = Duration::from_secs(20);
const EACH: Duration = Duration::from_millis(5);
/// How long a server may lie idle before its memory is looked at.
const SETTLE: Duration = Duration::from_millis(500);
/// What is sent before never-reading readers are full: more than the kernel keeps for a socket.
const FULL: usize = 400;

/// What was measured.
#[derive(Clone, Default)]
pub(crate) struct Measured {
    pub(crate) connects_per_second: f64,
    /// Of the server's processor, for one connection, in microseconds.
    pub(crate) connect_cpu: f64,
    /// Of the server's processor, for a million deliveries of single broadcasts.
    pub(crate) cpu_seconds_per_million: f64,
    /// Of single broadcasts, to the last reader, in milliseconds.
    pub(crate) last_reader_ms: f64,
    /// The p99 of all readers of single broadcasts.
    pub(crate) p99_ms: f64,
    pub(crate) burst_deliveries_per_second: f64,
    pub(crate) bytes_per_connection: f64,
    pub(crate) faults: u64,
}

struct Run {
    readers: Readers,
    trigger: Trigger,
    number: usize,
    /// Deliveries that must have been when everything that was asked for has arrived.
    expected: u64,
}

/// Starts a server, measures it, ends it.
pub(crate) fn measure(
    kind: Kind,
    number: usize,
    deaf: usize,
    time: Duration,
    runtime: &tokio::runtime::Runtime,
) -> Result<Measured, String> {
    let server = Server::start(kind)?;
    let told = |error: std::io::Error| error.to_string();
    let mut readers = Readers::new(server.address, server.address.to_string()).map_err(told)?;
    let (channel, trigger) = match kind {
        Kind::Ours => {
            let target = Target::find(&format!("http://{}", server.address), false).map_err(|error| error.to_string())?;
            let founded = runtime.block_on(async {
                let api = Api::new(&target)?;
                let token = api.register().await?;
                api.found(&token, 1).await
            });
            let org = founded.map_err(|error| error.to_string())?;
            (readers.open(format!("/ws/{}", org.slug), Greeting::Page), Trigger::ours(server.address, &org).map_err(told)?)
        }
        _ => {
            let greeting = Greeting::Nothing { epoch: "bench".to_owned(), seq: 0 };
            (readers.open("/ws".to_owned(), greeting), Trigger::peer(server.address).map_err(told)?)
        }
    };
    let usage = || Usage::of(server.pid()).map_err(told);
    let before = usage()?;
    readers.add(channel, number, false);
    readers.add(channel, deaf, true);
    let mut run = Run { readers, trigger, number, expected: 0 };
    run.until(PATIENCE + EACH * number as u32, |readers| readers.tally().live == number && readers.tally().deaf == deaf)?;
    let connecting = run.readers.tally().connecting().as_secs_f64();
    run.rest(SETTLE)?;
    let idle = usage()?;
    let connect_cpu = idle.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6 / (number + deaf) as f64;

    for _ in 0..if deaf > 0 { FULL / BURST } else { 1 } {
        run.broadcast(BURST)?;
    }
    run.rest(SETTLE)?;
    run.readers.tally_mut().latency = Times::default();
    let mut last_reader = Times::default();
    let (cpu, deliveries, began) = (usage()?.cpu, run.expected, Instant::now());
    while began.elapsed() < time {
        last_reader.add(run.broadcast(1)?);
    }
    let cpu = usage()?.cpu.saturating_sub(cpu).as_secs_f64();
    let singles = (run.expected - deliveries) as f64;
    let p99_ms = run.readers.tally().latency.ms(0.99);

    let (began, deliveries, mut bursting) = (Instant::now(), run.expected, Duration::ZERO);
    while began.elapsed() < time {
        bursting += run.broadcast(BURST)?;
    }
    let bursts = (run.expected - deliveries) as f64;
    let faults = run.readers.tally().faults.total();
    for told in &run.readers.tally().faults.told {
        eprintln!("{}: {told}", kind.name());
    }
    Ok(Measured {
        connects_per_second: number as f64 / connecting,
        connect_cpu,
        cpu_seconds_per_million: cpu * 1e6 / singles,
        last_reader_ms: last_reader.ms(0.5),
        p99_ms,
        burst_deliveries_per_second: bursts / bursting.as_secs_f64(),
        bytes_per_connection: (idle.resident as f64 - before.resident as f64) / (number + deaf) as f64,
        faults,
    })
}

impl Run {
    /// Asks for so many broadcasts at once and answers how long it took to the last delivery of all of them.
    fn broadcast(&mut self, number: usize) -> Result<Duration, String> {
        self.expected += (number * self.number) as u64;
        let (expected, began) = (self.expected, Instant::now());
        self.trigger.fire(number).map_err(|error| format!("a broadcast could not be asked for: {error}"))?;
        self.until(PATIENCE, |readers| readers.tally().deliveries >= expected)?;
        let took = began.elapsed();
        self.trigger.collect(number).map_err(|error| format!("a broadcast was refused: {error}"))?;
        Ok(took)
    }

    fn until(&mut self, patience: Duration, done: impl Fn(&Readers) -> bool) -> Result<(), String> {
        let began = Instant::now();
        while !done(&self.readers) {
            if began.elapsed() > patience {
                return Err(format!("it took too long: {:?}", self.readers.tally()));
            }
            self.readers.turn(Duration::from_millis(100)).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Lets time pass.
    fn rest(&mut self, time: Duration) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < time {
            self.readers.turn(Duration::from_millis(50)).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}
