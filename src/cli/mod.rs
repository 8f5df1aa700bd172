//! The subcommands, one file each. Whatever goes wrong before anything is changed is one sentence and exit code 2.

pub mod check;
pub mod demo;
pub mod seed;
pub mod serve;

use crate::{config::StoreArgs, store};
use std::sync::Arc;
use tocsin_actors::store::Store;

/// An error of the person who called us: bad input, or a world that is not as they said. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Opens the store, or says in one sentence why not.
pub async fn open_store(args: &StoreArgs) -> anyhow::Result<Arc<dyn Store>> {
    Ok(store::open(&args.url.0).await.map_err(|error| Refused(error.to_string()))?)
}
