//! What a load test found, for people and for programs.

use super::{
    process::Usage,
    readers::{Tally, Times},
    settings::Settings,
    verify::Faults,
    writer::Written,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    time::Duration,
};

/// How many differences, and how many faults, are told in words; a program is told of more faults.
const TOLD: usize = 5;

/// Times, in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Quantiles {
    /// How many were measured.
    pub count: u64,
    /// Half of them were not longer.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// 99 of a hundred.
    pub p99: f64,
    /// 999 of a thousand.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl From<&Times> for Quantiles {
    fn from(times: &Times) -> Self {
        let [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map(|share| times.ms(share));
        Self { count: times.len(), p50, p90, p99, p999, max: times.longest_ms() }
    }
}

/// What the server's process cost.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ServerCosts {
    /// Processor time while it was measured, writes included.
    pub cpu_seconds: f64,
    /// The same for a million deliveries; null when there were none.
    pub cpu_seconds_per_million_deliveries: Option<f64>,
    /// Resident memory for a connection, before anything was written.
    pub bytes_per_connection: f64,
    /// Memory of the kernel for a connection, both ends.
    pub kernel_bytes_per_connection: f64,
}

impl ServerCosts {
    /// Of a process that was looked at before the readers came, when they were there, and at the end.
    pub fn new([before, connected, after]: [Usage; 3], connections: usize, deliveries: u64) -> Self {
        let cpu = after.cpu.saturating_sub(connected.cpu).as_secs_f64();
        let each = |more: u64, less: u64| (more as f64 - less as f64) / connections.max(1) as f64;
        Self {
            cpu_seconds: cpu,
            cpu_seconds_per_million_deliveries: (deliveries > 0).then(|| cpu * 1e6 / deliveries as f64),
            bytes_per_connection: each(connected.resident, before.resident),
            kernel_bytes_per_connection: each(connected.sockets, before.sockets),
        }
    }
}

/// Everything.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The server.
    pub url: String,
    /// Organizations.
    pub orgs: usize,
    /// Readers, slow ones not counted.
    pub readers: usize,
    /// Readers who never read.
    pub slow: usize,
    /// How long it was measured.
    pub seconds: f64,
    /// Readers who got their page, a second, while they all came.
    pub connects_per_second: f64,
    /// Writes that were answered.
    pub writes: u64,
    /// The same a second.
    pub writes_per_second: f64,
    /// Writes that were not, by why.
    pub failed_writes: BTreeMap<String, u64>,
    /// From a write to its answer.
    pub answer_ms: Quantiles,
    /// Steps that readers received.
    pub deliveries: u64,
    /// The same a second.
    pub deliveries_per_second: f64,
    /// From a write's request to a reader's frame.
    pub latency_ms: Quantiles,
    /// From a write's request to the last reader's frame.
    pub last_reader_ms: Quantiles,
    /// Connections that readers dropped.
    pub dropped: u64,
    /// And came back on.
    pub resumed: u64,
    /// Pages that they got instead of steps.
    pub pages_instead_of_steps: u64,
    /// Connections that the server ended, by how.
    pub ended: BTreeMap<String, u64>,
    /// Upgrades that did not come about, by why.
    pub refused: BTreeMap<String, u64>,
    /// What the server cost, if that was asked.
    pub server: Option<ServerCosts>,
    /// Readers who were not at the end when everything was written.
    pub behind: usize,
    /// Organizations whose page was not what REST answers, the first ones in words.
    pub pages_that_differ: Differing,
    /// Broken promises.
    pub faults: Faults,
    /// Whether nothing was lost, repeated, out of order or different.
    pub whole: bool,
}

/// Pages that are not what they should be.
#[derive(Debug, Default, Serialize)]
pub struct Differing {
    /// How many.
    pub count: usize,
    /// How, the first ones.
    pub told: Vec<String>,
}

impl Differing {
    /// One more.
    pub fn add(&mut self, told: String) {
        self.count += 1;
        if self.told.len() < TOLD {
            self.told.push(told);
        }
    }
}

/// What a report is made of.
pub struct Findings {
    /// When the readers were there.
    pub connecting: Duration,
    /// How long it was measured.
    pub measured: Duration,
    /// What the writer did.
    pub written: Written,
    /// What the readers met.
    pub tally: Tally,
    /// From a write to the last reader of each step.
    pub to_last: Times,
    /// The server, looked at three times.
    pub usage: Option<[Usage; 3]>,
    /// Readers who were not at the end.
    pub behind: usize,
    /// Pages that were not what REST answers.
    pub differing: Differing,
}

impl Report {
    /// Puts it together.
    pub fn new(settings: &Settings, found: Findings) -> Self {
        let Findings { connecting, measured, written, tally, to_last, usage, behind, differing } = found;
        let a_second = |number: f64, time: Duration| if time.is_zero() { 0.0 } else { number / time.as_secs_f64() };
        let connections = settings.readers + settings.slow;
        Self {
            url: settings.target.url.clone(),
            orgs: settings.orgs,
            readers: settings.readers,
            slow: settings.slow,
            seconds: measured.as_secs_f64(),
            connects_per_second: a_second(settings.readers as f64, connecting),
            writes: written.done,
            writes_per_second: a_second(written.done as f64, measured),
            failed_writes: written.failed,
            answer_ms: (&written.answered).into(),
            deliveries: tally.deliveries,
            deliveries_per_second: a_second(tally.deliveries as f64, measured),
            latency_ms: (&tally.latency).into(),
            last_reader_ms: (&to_last).into(),
            dropped: tally.dropped,
            resumed: tally.resumed,
            pages_instead_of_steps: tally.later_pages,
            server: usage.map(|usage| ServerCosts::new(usage, connections, tally.deliveries)),
            whole: tally.faults.total() == 0 && behind == 0 && differing.count == 0,
            ended: tally.ended,
            refused: tally.refused,
            behind,
            pages_that_differ: differing,
            faults: tally.faults,
        }
    }
}

/// `name ×3, other ×1`.
pub(super) fn listed<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let listed: Vec<_> = counts.iter().map(|(what, number)| format!("{what} ×{number}")).collect();
    listed.join(", ")
}

/// Numbers that people compare want their thousands apart.
fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    format!("{}{}", if number <= -0.5 { "-" } else { "" }, groups.join(","))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<28} {value}");
        let slow = if self.slow == 0 { String::new() } else { format!(", and {} who never read", thousands(self.slow as f64)) };
        let (readers, orgs) = (thousands(self.readers as f64), thousands(self.orgs as f64));
        row("readers", format!("{readers} of {orgs} organizations{slow}"))?;
        row("connects/s", thousands(self.connects_per_second))?;
        row(
            "writes/s",
            format!("{} ({} in {:.1} s)", thousands(self.writes_per_second), thousands(self.writes as f64), self.seconds),
        )?;
        row("deliveries/s", format!("{} ({} in all)", thousands(self.deliveries_per_second), thousands(self.deliveries as f64)))?;
        row("", format!("{:>9} {:>9} {:>9} {:>9} {:>9}  ms", "p50", "p90", "p99", "p99.9", "max"))?;
        for (name, times) in [
            ("write to its answer", self.answer_ms),
            ("write to a reader", self.latency_ms),
            ("write to the last reader", self.last_reader_ms),
        ] {
            let mut values = String::new();
            for value in [times.p50, times.p90, times.p99, times.p999, times.max] {
                write!(values, "{value:>9.2} ")?;
            }
            row(name, values.trim_end().to_owned())?;
        }
        if self.dropped > 0 {
            row(
                "connections dropped",
                format!("{}, {} came back", thousands(self.dropped as f64), thousands(self.resumed as f64)),
            )?;
        }
        if self.pages_instead_of_steps > 0 {
            row("pages instead of steps", thousands(self.pages_instead_of_steps as f64))?;
        }
        for (name, counts) in
            [("ended by the server", &self.ended), ("upgrades refused", &self.refused), ("writes that failed", &self.failed_writes)]
        {
            if !counts.is_empty() {
                row(name, listed(counts))?;
            }
        }
        if let Some(server) = &self.server {
            let per_million = server.cpu_seconds_per_million_deliveries.map_or("–".to_owned(), |cpu| format!("{cpu:.2} s"));
            row("server CPU", format!("{:.2} s, {per_million} per million deliveries, writes included", server.cpu_seconds))?;
            let (own, kernel) = (thousands(server.bytes_per_connection), thousands(server.kernel_bytes_per_connection));
            row("memory per connection", format!("{own} bytes resident, {kernel} of the kernel for both ends"))?;
        }
        let mut wrong = Vec::new();
        if self.faults.total() > 0 {
            wrong.push(listed(&self.faults.counts));
        }
        if self.behind > 0 {
            wrong.push(format!("{} readers did not get to the end", thousands(self.behind as f64)));
        }
        if self.pages_that_differ.count > 0 {
            wrong.push(format!("{} pages are not what REST answers", thousands(self.pages_that_differ.count as f64)));
        }
        let verdict =
            if wrong.is_empty() { "every seq once and in order, pages equal to REST".to_owned() } else { wrong.join(", ") };
        row("verified", verdict)?;
        let told = self.pages_that_differ.told.iter().chain(self.faults.told.iter().take(TOLD));
        told.into_iter().try_for_each(|told| writeln!(f, "  {told}"))
    }
}

#[cfg(test)]
mod tests;
