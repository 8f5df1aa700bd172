//! `tocsin loadtest`: how much a running server bears, and whether it keeps its promises meanwhile.

use super::{Refused, progress::Progress};
use crate::{
    config::LoadtestArgs,
    loadtest::{
        run::{LoadError, Told, run as drive},
        settings::{Settings, Target},
    },
};
use std::{cell::RefCell, time::Duration};
use tokio::sync::watch;

/// Runs a load test and tells what it found. False when something was lost, repeated or out of order.
pub async fn run(args: LoadtestArgs) -> anyhow::Result<bool> {
    let target = Target::find(&args.url, args.anywhere).map_err(|error| Refused(error.to_string()))?;
    let settings = Settings {
        target,
        orgs: args.orgs as usize,
        readers: args.readers as usize,
        writes: f64::from(args.writes),
        time: Duration::from_secs(args.seconds),
        slow: args.slow as usize,
        churn: f64::from(args.churn),
        server_pid: args.server_pid,
    };
    let shown = Shown::new(&settings, args.json);
    let (stop, stopped) = watch::channel(false);
    let interrupted = tokio::spawn(async move {
        // If nobody can listen for it, Ctrl-C ends the program as ever.
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = stop.send(true);
        }
        std::future::pending::<()>().await; // the sender stays: without it nobody could be told apart from stopped
    });
    let report = drive(&settings, |told| shown.tell(&told), stopped).await;
    interrupted.abort();
    drop(shown);
    let report = match report {
        Err(LoadError::Settings(error)) => return Err(Refused(error.to_string()).into()),
        report => report?,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(report.whole)
}

/// What people see meanwhile: a bar for each part.
struct Shown {
    orgs: usize,
    connections: usize,
    seconds: usize,
    quiet: bool,
    part: RefCell<Option<(&'static str, Progress)>>,
}

impl Shown {
    fn new(settings: &Settings, quiet: bool) -> Self {
        let connections = settings.readers + settings.slow;
        Self { orgs: settings.orgs, connections, seconds: settings.time.as_secs() as usize, quiet, part: RefCell::default() }
    }

    fn tell(&self, told: &Told) {
        match told {
            Told::Organizations(made) => self.paint("organizations", self.orgs, *made, String::new()),
            Told::Readers(there) => self.paint("readers", self.connections, *there, String::new()),
            Told::Measuring { time, live, deliveries, faults, p99_ms } => {
                let note = format!("{live} readers, {deliveries} deliveries, p99 {p99_ms:.2} ms, {faults} faults");
                self.paint("seconds", self.seconds, time.as_secs() as usize, note);
            }
            Told::Comparing => self.paint("comparing", 1, 0, String::new()),
        }
    }

    /// Moves the bar of a part; the one before goes, which is what dropping it does.
    fn paint(&self, name: &'static str, steps: usize, step: usize, note: String) {
        let mut part = self.part.borrow_mut();
        if part.as_ref().is_none_or(|(known, _)| *known != name) {
            *part = None;
        }
        let (_, bar) = part.get_or_insert_with(|| (name, Progress::noted(name, steps, self.quiet)));
        bar.at(step);
        bar.note(note);
    }
}
