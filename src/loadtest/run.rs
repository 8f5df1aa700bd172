//! A load test from its beginning to its end: organizations, readers, writes, and the comparison of what everybody has.

use super::{
    organizations::{Api, ApiError, Organization},
    process::Usage,
    readers::{Crew, Greeting, Readers, Tally, Times},
    report::{Differing, Findings, Report, listed},
    settings::{Settings, SettingsError},
    writer,
};
use futures::{StreamExt, TryStreamExt};
use std::{
    io,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How many organizations are made or asked for at the same time.
const AT_ONCE: usize = 8;
/// How long readers may take to come, beside a little for each.
const COMING: Duration = Duration::from_secs(30);
const COMING_EACH: Duration = Duration::from_millis(5);
/// How long they may take to get to the end after the last write.
const CATCHING_UP: Duration = Duration::from_secs(20);
/// How often it is looked how far they are, and told.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Comes later, or never: the server limits how often it is asked.
const TOO_MANY: &str = "429";

/// What is going on.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// So many organizations were made.
    Organizations(usize),
    /// So many readers are there.
    Readers(usize),
    /// So long it was measured, and what was found up to now.
    Measuring {
        /// Since the first write.
        time: Duration,
        /// Readers who are connected.
        live: usize,
        /// In all.
        deliveries: u64,
        /// In all.
        faults: u64,
        /// Of all latencies up to now, in milliseconds.
        p99_ms: f64,
    },
    /// Everything was written; readers catch up, pages are compared.
    Comparing,
}

/// Why there is nothing to report.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing was sent.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Nothing to begin with.
    #[error("the server does not let a load test begin ({0}): is it there, with --registration open?")]
    Register(ApiError),
    /// No organizations.
    #[error("an organization could not be made or asked for: {0}")]
    Organization(ApiError),
    /// Not all readers.
    #[error(
        "only {there} of {wanted} connections came about ({why}): start the server with `--requests-per-second 0`, or ask for fewer"
    )]
    Connections {
        /// So many are there.
        there: usize,
        /// So many should be.
        wanted: usize,
        /// What the others were told.
        why: String,
    },
    /// By whoever runs it.
    #[error("stopped before anything was measured")]
    Stopped,
    /// This machine.
    #[error("the system does not do what a load test needs: {0}")]
    System(#[from] io::Error),
    /// A bug.
    #[error(transparent)]
    Readers(#[from] super::readers::Stopped),
}

/// Runs it. Whoever stops it early gets the report of what was until then.
pub async fn run(settings: &Settings, tell: impl Fn(Told), stop: watch::Receiver<bool>) -> Result<Report, LoadError> {
    settings.check(crate::descriptors::raise())?;
    if let Some(pid) = settings.server_pid {
        Usage::of(pid)?; // before anything is made
    }
    let api = Api::new(&settings.target).map_err(LoadError::Register)?;
    let token = api.register().await.map_err(LoadError::Register)?;
    let founding = futures::stream::iter((1..=settings.orgs).map(|n| api.found(&token, n))).buffer_unordered(AT_ONCE);
    let mut orgs = Vec::with_capacity(settings.orgs);
    let mut founding = std::pin::pin!(founding);
    let mut founded = Ok(());
    while let Some(org) = founding.next().await {
        match org {
            Ok(org) => orgs.push(org),
            Err(error) => {
                founded = Err(LoadError::Organization(error));
                break;
            }
        }
        tell(Told::Organizations(orgs.len()));
        if *stop.borrow() {
            founded = Err(LoadError::Stopped);
            break;
        }
    }
    let report = match founded {
        Ok(()) => drive(settings, &api, &orgs, tell, stop).await,
        Err(error) => Err(error),
    };
    // Nothing is left behind that can be taken away; what cannot is in nobody's way.
    futures::stream::iter(&orgs).for_each_concurrent(AT_ONCE, async |org| drop(api.delete(org).await)).await;
    report
}

async fn drive(
    settings: &Settings,
    api: &Api,
    orgs: &[Organization],
    tell: impl Fn(Told),
    stop: watch::Receiver<bool>,
) -> Result<Report, LoadError> {
    let usage = || settings.server_pid.map(Usage::of).transpose();
    let before = usage()?;
    let mut readers = Readers::new(settings.target.address, settings.target.host.clone())?;
    for (n, org) in orgs.iter().enumerate() {
        let channel = readers.open(format!("/ws/{}", org.slug), Greeting::Page);
        readers.add(channel, share(settings.readers, orgs.len(), n), false);
        readers.add(channel, share(settings.slow, orgs.len(), n), true);
    }
    let crew = Crew::start(readers)?;
    all_there(settings, &crew, &tell, &stop).await?;
    let connecting = crew.ask(|readers| readers.tally().connecting()).await?;
    let connected = usage()?;

    crew.churn(settings.churn)?;
    let began = Instant::now();
    let mut writing = std::pin::pin!(writer::write(api, orgs, settings.writes, settings.time, stop));
    let written = loop {
        tokio::select! {
            written = &mut writing => break written,
            () = tokio::time::sleep(LOOK_EVERY) => tell(crew.ask(move |readers| progress(readers.tally(), began)).await?),
        }
    };
    let measured = began.elapsed();
    crew.churn(0.0)?;
    let after = usage()?;

    tell(Told::Comparing);
    let pages: Vec<_> = futures::stream::iter(orgs)
        .map(|org| api.last_page(org))
        .buffered(AT_ONCE)
        .try_collect()
        .await
        .map_err(LoadError::Organization)?;
    let seqs = pages.iter().map(|page| page["seq"].as_u64().unwrap_or_default());
    let behind = wait_for_all(&crew, seqs.enumerate().collect()).await?;
    let mut readers = crew.stop()?;
    let mut differing = Differing::default();
    for ((org, page), channel) in orgs.iter().zip(&pages).zip(readers.channels()) {
        let kept = channel.page.as_ref().unwrap_or(&serde_json::Value::Null);
        if let Some(difference) = super::page::difference(kept, page) {
            differing.add(format!("{}: {difference}", org.slug));
        }
    }
    let mut to_last = Times::default();
    readers.channels().iter().flat_map(|channel| channel.history.times_to_last()).for_each(|time| to_last.add(time));
    readers.close();
    let tally = std::mem::take(readers.tally_mut());
    let usage = before.zip(connected).zip(after).map(|((before, connected), after)| [before, connected, after]);
    Ok(Report::new(settings, Findings { connecting, measured, written, tally, to_last, usage, behind, differing }))
}

/// How many of so many the n-th of so many gets.
fn share(all: usize, among: usize, n: usize) -> usize {
    all / among + usize::from(n < all % among)
}

/// Waits until everybody is connected, or for long enough.
async fn all_there(settings: &Settings, crew: &Crew, tell: &impl Fn(Told), stop: &watch::Receiver<bool>) -> Result<(), LoadError> {
    let wanted = settings.readers + settings.slow;
    let patience = COMING + COMING_EACH * u32::try_from(wanted).unwrap_or(u32::MAX);
    let began = Instant::now();
    loop {
        let there = crew.ask(|readers| readers.tally().live + readers.tally().deaf).await?;
        tell(Told::Readers(there));
        if there == wanted {
            return Ok(());
        }
        if *stop.borrow() {
            return Err(LoadError::Stopped);
        }
        let refused = crew.ask(|readers| readers.tally().refused.clone()).await?;
        if began.elapsed() > patience || refused.keys().any(|how| is_final(how)) {
            let mut why = listed(&refused);
            if refused.contains_key(TOO_MANY) {
                why += "; start the server with `--requests-per-second 0`";
            }
            return Err(LoadError::Connections { there, wanted, why });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether asking again would get the same answer: a client's mistake, as HTTP says it.
fn is_final(how: &str) -> bool {
    how != TOO_MANY && how.parse::<u16>().is_ok_and(|status| (400..500).contains(&status))
}

/// Waits until every reader is where REST is, or for long enough. Answers how many are not.
async fn wait_for_all(crew: &Crew, seqs: Vec<(usize, u64)>) -> Result<usize, LoadError> {
    let began = Instant::now();
    loop {
        let expected = seqs.clone();
        let behind = crew.ask(move |readers| readers.elsewhere(&expected)).await?;
        if behind == 0 || began.elapsed() > CATCHING_UP {
            return Ok(behind);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn progress(tally: &Tally, began: Instant) -> Told {
    Told::Measuring {
        time: began.elapsed(),
        live: tally.live,
        deliveries: tally.deliveries,
        faults: tally.faults.total(),
        p99_ms: tally.latency.ms(0.99),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_final, share};

    #[test]
    fn everybody_gets_a_fair_share() {
        let shares = |all, among| (0..among).map(|n| share(all, among, n)).collect::<Vec<_>>();
        assert_eq!(shares(10, 3), [4, 3, 3]);
        assert_eq!(shares(2, 4), [1, 1, 0, 0]);
    }

    #[test]
    fn who_is_told_to_come_later_does() {
        assert!(is_final("404") && is_final("401"));
        assert!(!is_final("429") && !is_final("503") && !is_final("cut: connection reset"));
    }
}
