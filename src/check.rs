//! Verifies a store: replays every organization's commits and compares what comes out with what is stored beside them:
//! documents, the snapshot, and the slug. Commits are the truth; everything else can be written again.

use std::{collections::BTreeMap, fmt, sync::Arc};
use tocsin_actors::{
    domain::{Org, OrgId, Seq, Timestamp},
    store::{AccountError, Store, StoreError, StoredDocument},
};

/// How many commits are read at once: bounded memory, whatever an organization's age.
const PAGE: usize = 500;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// In which organization.
    pub org: OrgId,
    /// What, in words for a person.
    pub what: String,
    /// Whether `--repair` mends it.
    pub can_be_repaired: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many organizations were looked at.
    pub organizations: u64,
    /// How many events were replayed.
    pub events: u64,
    /// How many documents were compared.
    pub documents: u64,
    /// How many organizations have documents that are merely behind: the next start catches them up.
    pub behind: u64,
    /// What is wrong.
    pub differences: Vec<Difference>,
    /// How many organizations were written again.
    pub repaired: u64,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.org, self.what)
    }
}

/// Looks at every organization, and mends what can be mended if asked to. Tells each as it goes.
pub async fn check(
    store: &Arc<dyn Store>,
    repair: bool,
    now: Timestamp,
    mut tell: impl FnMut(&Report),
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut last = None;
    loop {
        let orgs = store.organizations(last, 200).await?;
        let Some(&end) = orgs.last() else { return Ok(report) };
        for org in orgs {
            let found = report.differences.len();
            let replayed = check_one(store, org, &mut report).await?;
            report.organizations += 1;
            let repairable = report.differences[found..].iter().any(|difference| difference.can_be_repaired);
            if let Some(replayed) = replayed.filter(|_| repair && repairable) {
                mend(store, &replayed, now).await?;
                report.repaired += 1;
            }
            tell(&report);
        }
        last = Some(end);
    }
}

/// Answers the replayed organization, unless the commits themselves are broken.
async fn check_one(store: &Arc<dyn Store>, id: OrgId, report: &mut Report) -> Result<Option<Arc<Org>>, StoreError> {
    let wrong = |what: String, can_be_repaired| Difference { org: id, what, can_be_repaired };
    let loaded = store.load(id).await;
    let (snapshot, documents_at) = match loaded {
        Ok(loaded) => (loaded.snapshot, loaded.documents_at),
        Err(StoreError::Corrupt(problem)) => {
            report.differences.push(wrong(format!("cannot be loaded: {problem}"), false));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut org = Org::new(id);
    let mut snapshot_is_right = snapshot.is_none();
    loop {
        let commits = match store.commits_after(id, org.seq(), PAGE).await {
            Ok(commits) => commits,
            Err(StoreError::Corrupt(problem)) => {
                report.differences.push(wrong(format!("a commit after {} cannot be read: {problem}", org.seq()), false));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if commits.is_empty() {
            break;
        }
        for commit in commits {
            let events: Seq = commit.entries.iter().map(|entry| entry.events.len() as Seq).sum();
            if commit.first != org.seq() + 1 || commit.last != org.seq() + events {
                let what =
                    format!("commit {}–{} does not follow event {}: the log has a hole", commit.first, commit.last, org.seq());
                report.differences.push(wrong(what, false));
                return Ok(None);
            }
            commit.entries.iter().for_each(|entry| org.apply(entry));
            report.events += events;
            if let Some(snapshot) = snapshot.as_ref().filter(|snapshot| snapshot.seq() == org.seq()) {
                snapshot_is_right = *snapshot == org;
            }
        }
    }
    if !snapshot_is_right {
        report.differences.push(wrong("the snapshot is not what the commits say".into(), true));
    }
    if documents_at < org.seq() {
        report.behind += 1;
    } else {
        compare(store, &org, report).await?;
    }
    if let Some(organization) = org.organization() {
        let claimed = store.slug(organization.slug.clone()).await?;
        if claimed.map(|(claimant, _)| claimant) != Some(id) {
            report.differences.push(wrong(format!("its slug `{}` is not claimed for it", organization.slug), true));
        }
    }
    Ok(Some(Arc::new(org)))
}

async fn compare(store: &Arc<dyn Store>, org: &Org, report: &mut Report) -> Result<(), StoreError> {
    let key = |document: &StoredDocument| (document.collection, document.id.clone());
    let expected: BTreeMap<_, _> = store.expected_documents(org).into_iter().map(|document| (key(&document), document)).collect();
    let mut stored: BTreeMap<_, _> =
        store.documents(org.id()).await?.into_iter().map(|document| (key(&document), document)).collect();
    let mut wrong = |what| report.differences.push(Difference { org: org.id(), what, can_be_repaired: true });
    report.documents += expected.len() as u64;
    for (key, expected) in &expected {
        match stored.remove(key) {
            None => wrong(format!("{} {} is missing", key.0, key.1)),
            Some(stored) if stored == *expected => {}
            Some(stored) => wrong(format!("{} {}: {}", key.0, key.1, difference(&expected.fields, &stored.fields))),
        }
    }
    for (collection, id) in stored.into_keys() {
        // Older changes of a status remain in the store when memory has forgotten them.
        if collection != "status_changes" || org.organization().is_none() {
            wrong(format!("{collection} {id} should not be there"));
        }
    }
    Ok(())
}

/// The fields that differ, as `field is X, should be Y`.
fn difference(expected: &bson::Document, stored: &bson::Document) -> String {
    let show =
        |value: Option<&bson::Bson>| value.map_or("absent".to_owned(), |value| value.to_string().chars().take(120).collect());
    let mut fields: Vec<&String> = expected.keys().chain(stored.keys()).collect();
    fields.sort();
    fields.dedup();
    let differing = fields.into_iter().filter(|field| expected.get(*field) != stored.get(*field));
    let told: Vec<_> = differing
        .map(|field| format!("`{field}` is {}, should be {}", show(stored.get(field)), show(expected.get(field))))
        .collect();
    told.join("; ")
}

async fn mend(store: &Arc<dyn Store>, org: &Arc<Org>, now: Timestamp) -> Result<(), StoreError> {
    store.rewrite(org.clone()).await?;
    let Some(organization) = org.organization() else { return Ok(()) };
    match store.claim_slug(organization.slug.clone(), org.id(), now).await {
        Ok(()) | Err(AccountError::SlugTaken) => Ok(()), // somebody else's now: a person must choose
        Err(AccountError::Store(error)) => Err(error),
        Err(_) => Ok(()),
    }
}
