//! Opening a store: the one place that knows which stores there are.

use super::embedded::EmbeddedStore;
use super::mongodb::{MongoStore, OpenError as MongoError};
use std::{path::PathBuf, sync::Arc};
use tocsin_actors::store::Store;

/// Why a store could not be opened: one sentence for the operator that says what is wrong and what to do. Nothing was
/// changed in what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

impl From<MongoError> for OpenError {
    fn from(error: MongoError) -> Self {
        Self(error.to_string())
    }
}

/// Opens the store that a URL names, and makes it if there is none.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    Ok(match Place::of(url)? {
        Place::Folder(folder) => Arc::new(blocking(move || EmbeddedStore::open(&folder)).await?),
        Place::Database(uri) => MongoStore::open(uri).await?,
    })
}

/// Opens the store that a URL names, which must be there already: to look for something in a store that was made by a
/// slip of the finger helps nobody.
pub async fn open_existing(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    Ok(match Place::of(url)? {
        Place::Folder(folder) => {
            let missing = format!("there is no store in {}: name the folder of one with --store", folder.display());
            Arc::new(blocking(move || EmbeddedStore::open_existing(&folder)).await?.ok_or(OpenError(missing))?)
        }
        Place::Database(uri) => MongoStore::open_existing(uri).await?,
    })
}

/// Opens the store that a URL names to try something out. One that is not there is not made. What is written to a file
/// is forgotten; a database is the real one, and it is the caller's to leave it as it is.
pub async fn rehearse(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    Ok(match Place::of(url)? {
        Place::Folder(folder) => Arc::new(blocking(move || EmbeddedStore::rehearse(&folder)).await?),
        Place::Database(uri) => match MongoStore::open_existing(uri).await {
            Err(MongoError::Missing { .. }) => Arc::new(blocking(EmbeddedStore::in_memory).await?),
            opened => opened?,
        },
    })
}

enum Place<'a> {
    Folder(PathBuf),
    Database(&'a str),
}

impl<'a> Place<'a> {
    fn of(url: &'a str) -> Result<Self, OpenError> {
        if let Some(path) = url.strip_prefix("file:") {
            // `file:///var/lib/tocsin` and `file:data` both.
            let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
            if path.as_os_str().is_empty() {
                return Err(OpenError("the store `file:` names no folder: write for example `file:./data`".into()));
            }
            return Ok(Self::Folder(path));
        }
        if url.starts_with("mongodb://") || url.starts_with("mongodb+srv://") {
            return Ok(Self::Database(url));
        }
        // A database's address may carry a password: only its scheme is repeated.
        Err(OpenError(match url.split_once(':') {
            Some((scheme, _)) => format!("`{scheme}:` is no kind of store: use `file:FOLDER` or `mongodb://HOST/DATABASE`"),
            None => "the store's address has no kind: write `file:FOLDER` or `mongodb://HOST/DATABASE`".to_owned(),
        }))
    }
}

async fn blocking<T: Send + 'static>(open: impl FnOnce() -> Result<T, OpenError> + Send + 'static) -> Result<T, OpenError> {
    let opening = tokio::task::spawn_blocking(open);
    opening.await.map_err(|error| OpenError(format!("opening the store failed: {error}")))?
}
