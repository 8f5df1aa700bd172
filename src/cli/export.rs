//! `tocsin export`.

use super::{Refused, opened, progress::Progress, told, unusable};
use crate::{config::ExportArgs, store, transfer::export::export};
use anyhow::Context;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;
use tocsin_actors::clock::{Clock, SystemClock};

/// Writes the store into a file, which is there only when all of it is.
pub async fn run(args: ExportArgs) -> anyhow::Result<()> {
    let target = Target::of(&args.file)?; // before a store is opened, and perhaps read for hours, for nothing
    let store = opened(store::open_existing(&args.store.url.0).await)?;
    let progress = Progress::uncounted("organizations");
    let (now, tell) = (SystemClock.now(), || progress.step());
    match target {
        // Nothing is said there: the reader wants the file and nothing else.
        Target::Stdout => export(&store, now, io::stdout(), tell).await.map(drop)?,
        Target::Stream(stream) => export(&store, now, stream, tell).await.map(drop)?,
        Target::New { partial, file } => {
            let (counts, partial) = export(&store, now, partial, tell).await?;
            keep(partial, &file).with_context(|| format!("the export cannot be kept as {}", file.display()))?;
            progress.line(format_args!("exported {} to {}", told(&counts), file.display()));
        }
    }
    Ok(())
}

/// Where it goes.
enum Target {
    Stdout,
    /// A pipe or a device.
    Stream(File),
    /// Written under another name beside it, and only for this user to read, because there are secrets in it.
    New {
        partial: NamedTempFile,
        file: PathBuf,
    },
}

impl Target {
    fn of(file: &Path) -> Result<Self, Refused> {
        if file == Path::new("-") {
            return Ok(Self::Stdout);
        }
        match fs::metadata(file) {
            Ok(found) if found.is_file() => {
                Err(Refused(format!("{} is there already: remove it, or name another file", file.display())))
            }
            Ok(_) => OpenOptions::new().write(true).open(file).map(Self::Stream).map_err(|error| unusable(file, &error)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let name = file.file_name().ok_or_else(|| unusable(file, &error))?.to_string_lossy();
                let partial = tempfile::Builder::new().prefix(&format!("{name}.")).suffix(".partial").tempfile_in(folder(file));
                let partial = partial.map_err(|error| unusable(file, &error))?;
                Ok(Self::New { partial, file: file.to_owned() })
            }
            Err(error) => Err(unusable(file, &error)),
        }
    }
}

/// Gives it its name when it is on the disk, and not to somebody who was faster.
fn keep(partial: NamedTempFile, file: &Path) -> io::Result<()> {
    partial.as_file().sync_all()?;
    partial.persist_noclobber(file).map_err(|refused| refused.error)?;
    File::open(folder(file))?.sync_all()
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
