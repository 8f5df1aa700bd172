//! `tocsin seed`: fills an installation from fixtures or with made-up data.

use super::{Refused, open_store, opened, progress::Progress};
use crate::config::SeedArgs;
use crate::seed::{
    Fixture,
    generate::Amount,
    load::{LoadError, Loader},
    problem::Problems,
    progress::Told,
};
use crate::store;
use futures::StreamExt;
use std::{io::ErrorKind, sync::Arc};
use tocsin_actors::{
    accounts::password::PasswordHash,
    clock::{Clock, SystemClock},
    directory::{Directory, Settings},
    store::Store,
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
            LoadError::Problems(list) => refuse(&Problems::new(&self.file, &self.source, list)),
            error => error.into(),
        }
    }
}

/// Runs the subcommand on the store that it names.
pub async fn run(args: SeedArgs) -> anyhow::Result<()> {
    let fixtures = read_all(&args)?; // before a store is made for nothing
    let store = if args.dry_run { opened(store::rehearse(&args.store.url.0).await)? } else { open_store(&args.store).await? };
    let directory = Directory::start(store.clone(), Arc::new(SystemClock), Settings::default()).await?;
    let filled = fill(&args, fixtures, store.clone(), directory.clone()).await;
    directory.shutdown().await;
    store.settle().await?;
    filled
}

/// The same on a store that is open. Every problem of every fixture is told before anything is changed.
pub async fn run_on(args: SeedArgs, store: Arc<dyn Store>, directory: Directory) -> anyhow::Result<()> {
    fill(&args, read_all(&args)?, store, directory).await
}

fn read_all(args: &SeedArgs) -> anyhow::Result<Vec<Loaded>> {
    let (fixtures, unreadable): (Vec<_>, Vec<_>) = args.files.iter().map(|path| read(path)).partition(Result::is_ok);
    if unreadable.is_empty() {
        return Ok(fixtures.into_iter().flatten().collect());
    }
    let told: Vec<_> = unreadable.into_iter().filter_map(Result::err).collect();
    Err(match told.as_slice() {
        [Unread::File(one)] => Refused(one.clone()).into(),
        _ => refuse(&told.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    })
}

/// Problems of fixtures, each of which takes some lines, under a sentence that says what they mean.
fn refuse(problems: &dyn std::fmt::Display) -> anyhow::Error {
    Refused(format!("nothing was loaded, correct this first:\n{problems}")).into()
}

/// Why a file is no fixture.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("{0}")]
    File(String),
    #[error(transparent)]
    Content(#[from] Problems),
}

fn read(path: &std::path::Path) -> Result<Loaded, Unread> {
    let file = path.display().to_string();
    let source = std::fs::read_to_string(path).map_err(|error| Unread::File(unreadable(&file, &error)))?;
    let fixture = Fixture::read(&file, &source)?;
    Ok(Loaded { file, source, fixture })
}

fn unreadable(file: &str, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("there is no file {file}: name a fixture, YAML or JSON"),
        ErrorKind::IsADirectory => format!("{file} is a folder: name the fixtures in it"),
        ErrorKind::PermissionDenied => format!("{file} cannot be read: give this user the right to"),
        ErrorKind::InvalidData => format!("{file} is not text: name a fixture, YAML or JSON"),
        _ => format!("{file} cannot be read ({error}): name a fixture, YAML or JSON"),
    }
}

async fn fill(args: &SeedArgs, fixtures: Vec<Loaded>, store: Arc<dyn Store>, directory: Directory) -> anyhow::Result<()> {
    let loader = Loader::new(store, directory, SystemClock.now());
    let steps = fixtures.iter().map(|loaded| loaded.fixture.organizations.len()).sum::<usize>();
    let progress = Progress::of(steps + args.generate.as_ref().map_or(0, |amount| amount.orgs), args.quiet);
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
