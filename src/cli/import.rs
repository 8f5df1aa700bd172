//! `tocsin import`.

use super::{Refused, check, open_store, progress::Progress, told, unusable};
use crate::{
    check::check,
    config::ImportArgs,
    transfer::{
        FileError,
        import::{ImportError, import, occupant, verify},
    },
};
use anyhow::Context;
use std::{
    fs::File,
    io::{self, Read, Seek},
    path::Path,
};
use tocsin_actors::clock::{Clock, SystemClock};
use tokio::task::spawn_blocking;

/// Fills an empty store. True when what it holds then is as it should be.
pub async fn run(args: ImportArgs) -> anyhow::Result<bool> {
    let name = if args.file == Path::new("-") { "stdin".to_owned() } else { args.file.display().to_string() };
    let path = args.file.clone();
    // Before a store is made for nothing.
    let file = spawn_blocking(move || source(&path)).await??;
    let (file, size) = verified(file).await?.map_err(|error| Refused(format!("{name} {error}; nothing was changed")))?;

    let store = open_store(&args.store).await?;
    if let Some(occupant) = occupant(&store).await? {
        return Err(Refused(format!(
            "the store has {occupant} in it already, and only an empty one can be filled: name another with --store"
        ))
        .into());
    }
    let progress = Progress::of_bytes("writing", size);
    let counts = match import(&store, file, |bytes| progress.advance(bytes)).await {
        Ok(counts) => counts,
        Err(ImportError::NotBegun(why)) => return Err(Refused(ImportError::NotBegun(why).to_string()).into()),
        Err(error) => {
            return Err(error).context("the store is incomplete and cannot be opened: remove it and import again");
        }
    };
    drop(progress);
    let progress = Progress::uncounted("organizations");
    let report = check(&store, false, SystemClock.now(), |_| progress.step()).await?;
    progress.line(format_args!("imported {} from {name}", told(&counts)));
    drop(progress);
    Ok(check::tell(&report, false))
}

/// A file that can be read twice: what comes through a pipe is kept in one without a name.
fn source(path: &Path) -> anyhow::Result<File> {
    if path == Path::new("-") {
        return spool(io::stdin().lock());
    }
    let file = File::open(path).map_err(|error| unusable(path, &error))?;
    let found = file.metadata().map_err(|error| unusable(path, &error))?;
    if found.is_dir() {
        return Err(unusable(path, &io::ErrorKind::IsADirectory.into()).into());
    }
    if found.is_file() { Ok(file) } else { spool(file) }
}

fn spool(mut stream: impl Read) -> anyhow::Result<File> {
    let mut kept = || -> io::Result<File> {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut stream, &mut file)?;
        file.rewind()?;
        Ok(file)
    };
    Ok(kept().map_err(|error| {
        Refused(format!("what is to be imported cannot be kept in {}: {error}", std::env::temp_dir().display()))
    })?)
}

/// Reads all of it, and goes back to its beginning.
async fn verified(mut file: File) -> anyhow::Result<Result<(File, u64), FileError>> {
    let size = file.metadata()?.len();
    let progress = Progress::of_bytes("reading", size);
    let reading = spawn_blocking(move || {
        verify(&file, |bytes| progress.advance(bytes))?;
        file.rewind()?;
        Ok((file, size))
    });
    Ok(reading.await?)
}
