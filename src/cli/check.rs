//! `tocsin check`.

use super::{counted, opened, progress::Progress};
use crate::{
    check::{Report, check},
    config::CheckArgs,
    store,
};
use tocsin_actors::clock::{Clock, SystemClock};

/// How many differences are shown: enough to see a pattern.
const SHOWN: usize = 50;

/// Verifies the store. True when it is as it should be, or was made so.
pub async fn run(args: CheckArgs) -> anyhow::Result<bool> {
    let store = opened(store::open_existing(&args.store.url.0).await)?;
    let progress = Progress::uncounted("organizations");
    let report = check(&store, args.repair, SystemClock.now(), |_| progress.step()).await?;
    store.settle().await?;
    drop(progress);
    Ok(tell(&report, args.repair))
}

/// Says what was found, and answers whether all of it is well now.
pub(super) fn tell(report: &Report, repair: bool) -> bool {
    for difference in report.differences.iter().take(SHOWN) {
        println!("{difference}");
    }
    if report.differences.len() > SHOWN {
        println!("… and {} more", report.differences.len() - SHOWN);
    }
    println!(
        "{}, {} replayed, {} compared: {}",
        counted(report.organizations, "organization", "organizations"),
        counted(report.events, "event", "events"),
        counted(report.documents, "document", "documents"),
        match report.differences.len() as u64 {
            0 => "no differences".to_owned(),
            number => counted(number, "difference", "differences"),
        }
    );
    if report.behind > 0 {
        println!(
            "{} documents that are behind their commits; the next start of `tocsin serve` brings them up to date",
            counted(report.behind, "organization has", "organizations have")
        );
    }
    if report.repaired > 0 {
        println!("{} written again from the commits", counted(report.repaired, "organization was", "organizations were"));
    }
    let (can_be_repaired, cannot): (Vec<_>, Vec<_>) = report.differences.iter().partition(|difference| difference.can_be_repaired);
    if !can_be_repaired.is_empty() && !repair {
        println!("`tocsin check --repair` writes documents, snapshots and names again from the commits");
    }
    if !cannot.is_empty() {
        println!("{} cannot be repaired from what is in the store", counted(cannot.len() as u64, "difference", "differences"));
    }
    cannot.is_empty() && (repair || can_be_repaired.is_empty())
}
