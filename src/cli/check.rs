//! `tocsin check`.

use super::open_store;
use crate::{check::check, config::CheckArgs};
use tocsin_actors::clock::{Clock, SystemClock};

/// How many differences are shown: enough to see a pattern.
const SHOWN: usize = 50;

/// Verifies the store. True when it is as it should be, or was made so.
pub async fn run(args: CheckArgs) -> anyhow::Result<bool> {
    let store = open_store(&args.store).await?;
    let report = check(&store, args.repair, SystemClock.now(), |_| {}).await?;
    store.settle().await?;
    for difference in report.differences.iter().take(SHOWN) {
        println!("{difference}");
    }
    if report.differences.len() > SHOWN {
        println!("… and {} more", report.differences.len() - SHOWN);
    }
    println!(
        "{} organizations, {} events replayed, {} documents compared, {} differences{}{}",
        report.organizations,
        report.events,
        report.documents,
        report.differences.len(),
        if report.repaired > 0 { format!(", {} organizations written again", report.repaired) } else { String::new() },
        if report.behind > 0 {
            format!("; {} organizations have documents that the next start will catch up", report.behind)
        } else {
            String::new()
        },
    );
    let left = report.differences.iter().filter(|difference| !(args.repair && difference.can_be_repaired)).count();
    if left > 0 && !args.repair && report.differences.iter().any(|difference| difference.can_be_repaired) {
        println!("run it again with --repair to write documents and snapshots again");
    }
    Ok(left == 0)
}
