//! `tocsin rotate-key`: for the day on which somebody may have seen the signing key, and for the calendar.

use super::open_store;
use crate::{config::RotateKeyArgs, identity::Identity};
use std::sync::Arc;
use tocsin_actors::clock::SystemClock;

/// Makes a new key. Tokens that the old one signed are good until they expire.
pub async fn run(args: RotateKeyArgs) -> anyhow::Result<()> {
    let store = open_store(&args.store).await?;
    let identity = Identity::start(store.clone(), store.clone(), Arc::new(SystemClock), Default::default()).await?;
    identity.rotate_signing_key().await?;
    println!("access tokens are signed with a new key from now on");
    Ok(())
}
