//! Opening a store: the one place that knows which stores there are.

use super::{embedded::EmbeddedStore, mongodb::MongoStore};
use std::{path::PathBuf, sync::Arc};
use tocsin_actors::store::Store;

/// Why a store could not be opened: one sentence for the operator that says what is wrong and what to do. Nothing was
/// changed in what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

/// Opens the store that a URL names.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    if let Some(path) = url.strip_prefix("file:") {
        // `file:///var/lib/tocsin` and `file:data` both.
        let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
        if path.as_os_str().is_empty() {
            return Err(OpenError("the store `file:` names no folder: write for example `file:./data`".into()));
        }
        let opening = tokio::task::spawn_blocking(move || EmbeddedStore::open(&path));
        let store = opening.await.map_err(|error| OpenError(format!("opening the store failed: {error}")))??;
        return Ok(Arc::new(store));
    }
    if url.starts_with("mongodb://") || url.starts_with("mongodb+srv://") {
        let store = MongoStore::open(url).await.map_err(|error| OpenError(error.to_string()))?;
        return Ok(store);
    }
    // A database's address may carry a password: only its scheme is repeated.
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    Err(OpenError(format!("`{scheme}:` is no kind of store: use `file:FOLDER` or `mongodb://HOST/DATABASE`")))
}
