//! Questions to the log: one organization's life, and what is due in all of them.

use super::{
    database::{COMMITS, Database, PROJECTIONS, aggregate, id, number, number_in, org_in, read, read_all},
    snapshots,
};
use crate::store::documents::{self, Collection};
use bson::doc;
use std::collections::HashMap;
use tocsin_actors::{
    domain::{Commit, OrgId, Seq, Timestamp, incident::Incident},
    store::{Loaded, StoreError},
};

/// What brings an organization to life. Two steps: which commits are wanted is known when the snapshot is.
pub(super) async fn load(database: &Database, org: OrgId) -> Result<Loaded, StoreError> {
    let marks = database.collection(PROJECTIONS);
    let mark = read(marks.find_one(doc! { "_id": id(org.uuid()) }));
    let (snapshot, mark) = futures::try_join!(snapshots::load(database, org), mark)?;
    let documents_at = mark.map_or(Ok(0), |mark| number_in(&mark, "seq"))?;
    let seen = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq());
    let commits = commits_after(database, org, seen, usize::MAX).await?;
    whole(org, seen, &commits)?;
    Ok(Loaded { snapshot, commits, documents_at })
}

/// A commit can only be missing when somebody removed it by hand; going on without it would be going on wrong.
fn whole(org: OrgId, seen: Seq, commits: &[Commit]) -> Result<(), StoreError> {
    let mut last = seen;
    for commit in commits {
        // The first one may begin before the snapshot ends.
        if commit.first > last + 1 || (commit.first <= last && last != seen) {
            return Err(StoreError::Corrupt(format!("commits of {org} go from {last} to {}", commit.first)));
        }
        last = commit.last;
    }
    Ok(())
}

/// Commits with events after `after`. All but the first begin after it, which the unique index answers; the first may
/// begin before, and is the newest that does.
pub(super) async fn commits_after(database: &Database, org: OrgId, after: Seq, limit: usize) -> Result<Vec<Commit>, StoreError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let commits = database.collection(COMMITS);
    let later = commits.find(doc! { "org": id(org.uuid()), "first": { "$gt": number(after) } }).sort(doc! { "org": 1, "first": 1 });
    let later = later.limit(i64::try_from(limit).unwrap_or(0)); // 0 is no limit
    let before = async {
        if after == 0 {
            return Ok(None);
        }
        let newest = commits.find_one(doc! { "org": id(org.uuid()), "first": { "$lte": number(after) } });
        read(newest.sort(doc! { "org": -1, "first": -1 })).await
    };
    let (before, later) = futures::try_join!(before, read_all(later))?;
    let mut found = Vec::with_capacity(later.len() + 1);
    if let Some(before) = before
        && number_in(&before, "last")? > after
    {
        found.push(documents::decode(before.as_bytes())?);
    }
    for commit in later.iter().take(limit - found.len()) {
        found.push(documents::decode(commit.as_bytes())?);
    }
    Ok(found)
}

/// Whom time alone will change, and whose documents are behind and so cannot tell.
pub(super) async fn agenda(database: &Database) -> Result<Vec<(OrgId, Timestamp)>, StoreError> {
    let incidents = database.collection(Collection::Incidents.name());
    let planned = incidents.find(doc! { "automatic": true, "status": { "$in": ["scheduled", "in_progress", "verifying"] } });
    let marks = database.collection(PROJECTIONS);
    // One after the other, the marks first: what another server writes in between makes its organization look behind,
    // which costs a look; the other way round it could look up to date, with an incident that was not seen.
    let marks = read_all(marks.find(doc! {})).await?;
    let planned = read_all(planned).await?;
    let newest = newest_commits(database).await?;

    let mut due = HashMap::new();
    let mut note = |org: OrgId, at: Timestamp| {
        let earliest = due.entry(org).or_insert(at);
        *earliest = at.min(*earliest);
    };
    for incident in planned {
        let org = org_in(&incident, "org")?;
        if let Some(at) = documents::decode::<Incident>(incident.as_bytes())?.next_due() {
            note(org, at);
        }
    }
    let marks = marks.iter().map(|mark| Ok((org_in(mark, "_id")?, number_in(mark, "seq")?)));
    let marks = marks.collect::<Result<HashMap<_, _>, StoreError>>()?;
    for (org, first) in newest {
        if marks.get(&org).is_none_or(|mark| first > *mark) {
            note(org, Timestamp::from_millis(0));
        }
    }
    Ok(due.into_iter().collect())
}

/// Where each organization's newest commit begins. A mark always stands at the end of a commit, so that this is enough
/// to know who is behind. The server jumps through the index from one organization to the next.
async fn newest_commits(database: &Database) -> Result<Vec<(OrgId, Seq)>, StoreError> {
    let found = aggregate(&database.collection(COMMITS), newest_commits_pipeline()).await?;
    found.iter().map(|newest| Ok((org_in(newest, "_id")?, number_in(newest, "first")?))).collect()
}

fn newest_commits_pipeline() -> Vec<bson::Document> {
    vec![doc! { "$sort": { "org": -1, "first": -1 } }, doc! { "$group": { "_id": "$org", "first": { "$first": "$first" } } }]
}

/// Organizations with commits, in the order of their ids.
pub(super) async fn organizations(database: &Database, after: Option<OrgId>, limit: usize) -> Result<Vec<OrgId>, StoreError> {
    let mut pipeline = vec![
        doc! { "$sort": { "org": 1, "first": 1 } },
        doc! { "$group": { "_id": "$org" } },
        doc! { "$sort": { "_id": 1 } },
        doc! { "$limit": i64::try_from(limit.max(1)).unwrap_or(i64::MAX) },
    ];
    if let Some(after) = after {
        pipeline.insert(0, doc! { "$match": { "org": { "$gt": id(after.uuid()) } } });
    }
    let found = aggregate(&database.collection(COMMITS), pipeline).await?;
    found.iter().take(limit).map(|org| org_in(org, "_id")).collect()
}
