//! `tocsin seed`: fills an installation from fixtures or with made-up data.

use super::{Refused, open_store};
use crate::config::SeedArgs;
use crate::seed::{
    Fixture,
    generate::Amount,
    load::{LoadError, Loader},
    problem::Problems,
    progress::{Progress, Told},
};
use anyhow::Context;
use futures::StreamExt;
use std::sync::Arc;
use tocsin_actors::{
    accounts::password::PasswordHash,
    clock::{Clock, SystemClock},
    directory::{Directory, Settings},
    store::AccountStore,
};

/// How many organizations are made up at the same time: enough to fill a group commit, few enough to stay small.
const AT_ONCE: usize = 128;

/// A fixture with its source, to which problems point.
struct Loaded {
    file: String,
    source: String,
    fixture: Fixture,
}

impl Loaded {
    /// What went wrong with this file: for its author if it is theirs to mend, else for the operator.
    fn failed(&self, error: LoadError) -> anyhow::Error {
        match error {
            LoadError::Problems(list) => Refused(Problems::new(&self.file, &self.source, list).to_string()).into(),
            error => error.into(),
        }
    }
}

/// Runs the subcommand on the store that it names.
pub async fn run(args: SeedArgs) -> anyhow::Result<()> {
    let fixtures = read_all(&args)?; // before a store is made for nothing
    let store = open_store(&args.store).await?;
    let directory = Directory::start(store.clone(), Arc::new(SystemClock), Settings::default()).await?;
    let filled = fill(&args, fixtures, store.clone(), directory.clone()).await;
    directory.shutdown().await;
    store.settle().await?;
    filled
}

/// The same on a store that is open. Every problem of every fixture is told before anything is changed.
pub async fn run_on(args: SeedArgs, accounts: Arc<dyn AccountStore>, directory: Directory) -> anyhow::Result<()> {
    fill(&args, read_all(&args)?, accounts, directory).await
}

fn read_all(args: &SeedArgs) -> anyhow::Result<Vec<Loaded>> {
    let (fixtures, unreadable): (Vec<_>, Vec<_>) = args.files.iter().map(|path| read(path)).partition(Result::is_ok);
    if unreadable.is_empty() {
        return Ok(fixtures.into_iter().flatten().collect());
    }
    let told: Vec<_> = unreadable.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    Err(Refused(told.join("\n")).into())
}

fn read(path: &std::path::Path) -> anyhow::Result<Loaded> {
    let file = path.display().to_string();
    let source = std::fs::read_to_string(path).with_context(|| format!("{file} cannot be read"))?;
    let fixture = Fixture::read(&file, &source)?;
    Ok(Loaded { file, source, fixture })
}

async fn fill(args: &SeedArgs, fixtures: Vec<Loaded>, accounts: Arc<dyn AccountStore>, directory: Directory) -> anyhow::Result<()> {
    let loader = Loader::new(accounts, directory, SystemClock.now());
    let steps = fixtures.iter().map(|loaded| loaded.fixture.organizations.len()).sum::<usize>();
    let progress = Progress::new(steps + args.generate.as_ref().map_or(0, |amount| amount.orgs), args.quiet);
    let mut surveys = Vec::new();
    for loaded in &fixtures {
        surveys.push(loader.survey(&loaded.fixture).await.map_err(|error| loaded.failed(error))?);
    }
    for (loaded, survey) in fixtures.iter().zip(surveys) {
        let (all, new) = survey.users();
        match (new, args.dry_run) {
            (0, _) => {}
            (new, true) => progress.line(format_args!("{}: {new} of {all} users would be created", loaded.file)),
            (new, false) => progress.line(format_args!("{}: {new} of {all} users created", loaded.file)),
        }
        if args.dry_run {
            for outcome in survey.organizations() {
                progress.line(Told { outcome, dry_run: true });
            }
            continue;
        }
        let tell = |outcome: &_| {
            progress.line(Told { outcome, dry_run: false });
            progress.step();
        };
        loader.carry_out(&loaded.fixture, survey, tell).await.map_err(|error| loaded.failed(error))?;
    }
    if let Some(amount) = &args.generate {
        generate(amount, &loader.splitting(), args.dry_run, &progress).await?;
    }
    progress.done();
    Ok(())
}

async fn generate(amount: &Amount, loader: &Loader, dry_run: bool, progress: &Progress) -> anyhow::Result<()> {
    // Hashed once for everybody: a thousand times would take minutes and protect nobody.
    let hash = match amount.password.clone() {
        Some(password) if !dry_run => Some(tokio::task::spawn_blocking(move || PasswordHash::new(&password)).await?),
        _ => None,
    };
    let hash = hash.as_ref();
    let one = |n: usize| async move {
        let fixture = amount.organization(n, hash);
        let survey = loader.survey(&fixture).await?;
        if dry_run { Ok(survey.organizations().to_vec()) } else { loader.carry_out(&fixture, survey, |_| {}).await }
    };
    let mut done = futures::stream::iter(0..amount.orgs).map(one).buffer_unordered(AT_ONCE);
    let (mut made, mut added, mut split) = (0, 0, 0);
    while let Some(outcomes) = done.next().await {
        for outcome in outcomes.map_err(|error| Loaded::generated().failed(error))? {
            made += usize::from(outcome.is_new);
            added += usize::from(!outcome.is_new && outcome.orders > 0);
            split += usize::from(outcome.requests > 1);
        }
        progress.step();
    }
    let would = if dry_run { "would be " } else { "" };
    progress.line(match (made, added) {
        (0, 0) => format!("{} generated organizations: nothing to do", amount.orgs),
        (made, 0) => format!("{} generated organizations: {made} {would}created", amount.orgs),
        (made, added) => format!("{} generated organizations: {made} {would}created, {added} {would}completed", amount.orgs),
    });
    if split > 0 {
        progress.line(format_args!("{split} of them in several parts, because they are too large for one"));
    }
    Ok(())
}

impl Loaded {
    fn generated() -> Self {
        Self { file: "generated data".to_owned(), source: String::new(), fixture: Fixture::default() }
    }
}
