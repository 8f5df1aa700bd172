//! What is said of an organization that was loaded.

use super::{
    load::Outcome,
    plan::{Count, Counts},
};
use std::fmt;

/// What was done for an organization, or would be.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// What.
    pub outcome: &'a Outcome,
    /// Nothing was done, it is only said what would be.
    pub dry_run: bool,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { slug, is_new, counts, orders, requests } = self.outcome;
        write!(f, "{slug}: {}: ", listed(&rows(counts), |count| count.all).unwrap_or_else(|| "empty".to_owned()))?;
        let would = if self.dry_run { "would be " } else { "" };
        match listed(&rows(counts), |count| count.new) {
            _ if *orders == 0 => return f.write_str("nothing to do"),
            _ if *is_new => write!(f, "{would}created")?,
            Some(new) => write!(f, "{new} {would}added")?,
            None => write!(f, "{would}changed")?,
        }
        if *requests > 1 { write!(f, " in {requests} parts, because it is too large for one") } else { Ok(()) }
    }
}

type Row = (Count, &'static str, &'static str);

fn rows(counts: &Counts) -> [Row; 7] {
    [
        (counts.services, "service", "services"),
        (counts.incidents, "incident", "incidents"),
        (counts.maintenances, "maintenance", "maintenances"),
        (counts.monitors, "monitor", "monitors"),
        (counts.groups, "group", "groups"),
        (counts.teams, "team", "teams"),
        (counts.members, "member", "members"),
    ]
}

/// `14 services, 1 incident`; none if there is nothing.
fn listed(rows: &[Row], number: fn(&Count) -> usize) -> Option<String> {
    let some = rows.iter().map(|(count, one, many)| (number(count), one, many)).filter(|(count, ..)| *count > 0);
    let words: Vec<_> = some.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many })).collect();
    (!words.is_empty()).then(|| words.join(", "))
}
