//! Opening the file, or saying in one sentence why not.

use super::{
    rehearsal::Rehearsal,
    tables::{self, IMPORTING, META, SCHEMA, SCHEMA_KEY, Tables},
};
use crate::store::OpenError;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableHandle, backends::InMemoryBackend};
use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, ErrorKind},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// The file in the folder.
const NAME: &str = "tocsin.redb";

/// How much of the file is kept in memory. The working set of an engine is small, because organizations are read once
/// and then live in their actors; redb's own default is a gigabyte.
const CACHE_BYTES: usize = 64 << 20;

/// Whether there is something in a folder that could be a store. When that cannot be known, opening it will tell why.
pub(super) fn is_there(folder: &Path) -> bool {
    !matches!(fs::metadata(folder.join(NAME)), Err(error) if error.kind() == ErrorKind::NotFound)
}

/// Opens what is there, or an empty store, with everything that is written kept in memory: neither file nor folder is
/// changed or made.
pub(super) fn rehearse(folder: &Path) -> Result<Database, OpenError> {
    let path = folder.join(NAME);
    if folder.is_file() {
        return Err(refuse(folder, IS_A_FILE));
    }
    if !is_there(folder) {
        return in_memory();
    }
    let database = guarded(&path, || builder().create_with_backend(Rehearsal::of(&path)?))?;
    check_schema(&path, &database)?;
    prepare(&database).map_err(|error| refuse(&path, &because_redb(&error)))?;
    Ok(database)
}

/// An empty store without a file.
pub(super) fn in_memory() -> Result<Database, OpenError> {
    let failed = |error: redb::Error| OpenError(format!("cannot make a store in memory: {error}"));
    let database = builder().create_with_backend(InMemoryBackend::new()).map_err(|error| failed(error.into()))?;
    prepare(&database).map_err(failed)?;
    Ok(database)
}

/// Opens the file in a folder and makes both if they are not there.
pub(super) fn open(folder: &Path) -> Result<Database, OpenError> {
    if folder.is_file() {
        return Err(refuse(folder, IS_A_FILE));
    }
    fs::create_dir_all(folder).map_err(|error| refuse(folder, &because(&error)))?;
    let path = folder.join(NAME);
    let size = match fs::metadata(&path) {
        Ok(metadata) if !metadata.is_file() => return Err(refuse(&path, "is not a file: remove it or choose another folder")),
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => 0,
        Err(error) => return Err(refuse(&path, &because(&error))),
    };
    if size > 0 {
        let rehearsed = guarded(&path, || builder().create_with_backend(Rehearsal::of(&path)?))?;
        check_schema(&path, &rehearsed)?;
    }
    let database = guarded(&path, || builder().create(&path))?;
    prepare(&database).map_err(|error| refuse(&path, &because_redb(&error)))?;
    if size == 0 {
        // The file's name is durable only when its folder is.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| refuse(folder, &because(&error)))?;
    }
    Ok(database)
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn check_schema(path: &Path, database: &Database) -> Result<(), OpenError> {
    let read = || -> Result<(Option<u64>, bool), redb::Error> {
        let transaction = database.begin_read()?;
        match transaction.open_table(META) {
            Ok(meta) => Ok((meta.get(SCHEMA_KEY)?.map(|version| version.value()), meta.get(IMPORTING)?.is_some())),
            // Its maker was interrupted before the first commit: as good as empty.
            Err(redb::TableError::TableDoesNotExist(_)) if transaction.list_tables()?.next().is_none() => Ok((Some(SCHEMA), false)),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok((None, false)),
            Err(error) => Err(error.into()),
        }
    };
    let (schema, importing) = read().map_err(|error| refuse(path, &because_redb(&error)))?;
    match schema {
        Some(SCHEMA) if importing => Err(refuse(path, "is incomplete, an import into it did not end: remove it and import again")),
        Some(SCHEMA) => Ok(()),
        Some(newer) if newer > SCHEMA => Err(refuse(
            path,
            &format!(
                "was written by a newer version (schema {newer}, this one knows {SCHEMA}): use that version, or restore a backup"
            ),
        )),
        _ => Err(refuse(path, "is a database of something else: choose another folder")),
    }
}

/// Makes every table, so that readers find them: in a new file all, in an older one those that came since.
pub(super) fn prepare(database: &Database) -> Result<(), redb::Error> {
    let there: HashSet<_> = database.begin_read()?.list_tables()?.map(|table| table.name().to_owned()).collect();
    if tables::names().into_iter().all(|name| there.contains(name)) {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    let mut last = HashMap::new();
    Tables::open(&transaction, &mut last)?.meta.insert(SCHEMA_KEY, SCHEMA)?;
    transaction.commit()?;
    Ok(())
}

/// A damaged file can make its reader panic; that is an answer too.
fn guarded<T>(path: &Path, open: impl FnOnce() -> Result<T, DatabaseError>) -> Result<T, OpenError> {
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(error)) => Err(refuse(path, &why(&error))),
        Err(_) => Err(refuse(path, DAMAGED)),
    }
}

const IS_A_FILE: &str = "is a file: name the folder in which the store shall be";
const DAMAGED: &str = "is damaged or is no Tocsin store: restore it from a backup, or choose another folder";

fn why(error: &DatabaseError) -> String {
    match error {
        DatabaseError::DatabaseAlreadyOpen => "is in use by another process: stop it, or choose another folder".into(),
        DatabaseError::UpgradeRequired(format) => {
            format!("has the old file format {format}: open it once with the version that wrote it and export it")
        }
        DatabaseError::Storage(StorageError::Io(error)) => because(error),
        _ => DAMAGED.into(),
    }
}

fn because_redb(error: &redb::Error) -> String {
    match error {
        redb::Error::Io(error) => because(error),
        _ => DAMAGED.into(),
    }
}

fn because(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "cannot be written: give this user the right to, or choose another folder".into()
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "has no room left: free some space on its disk".into(),
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => DAMAGED.into(),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "lies behind something that is no folder: choose another".into(),
        _ => format!("cannot be opened: {error}"),
    }
}

fn refuse(path: &Path, what: &str) -> OpenError {
    OpenError(format!("the store {} {what}", path.display()))
}
