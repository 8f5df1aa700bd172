//! Verifies a store: replays every organization's commits and compares what comes out with what is stored beside them:
//! documents, the snapshot, and the names. Commits are the truth; everything else can be written again.

use crate::store::documents::{self, Collection, told};
use bson::Bson;
use std::{collections::BTreeMap, fmt, sync::Arc};
use tocsin_actors::{
    domain::{Org, OrgId, Seq, Slug, Timestamp},
    store::{AccountError, Loaded, Store, StoreError, StoredDocument},
};
use uuid::Uuid;

/// How many commits are read at once: bounded memory, whatever an organization's age.
const PAGE: usize = 500;
/// How often an organization is looked at that somebody changes meanwhile: a server may run beside us.
const LOOKS: u32 = 5;
/// How much of a value is shown.
const WIDTH: usize = 120;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// In which organization.
    pub org: OrgId,
    /// Its slug, as far as it is known.
    pub slug: Option<Slug>,
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
        match &self.slug {
            Some(slug) => write!(f, "{slug} ({}): {}", self.org, self.what),
            None => write!(f, "{}: {}", self.org, self.what),
        }
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
        for id in orgs {
            let look = look_until_still(store, id).await?;
            report.organizations += 1;
            report.events += look.org.seq();
            report.documents += look.documents;
            report.behind += u64::from(look.is_behind);
            if repair && look.log_is_whole && look.differences.iter().any(|(_, can_be_repaired)| *can_be_repaired) {
                mend(store, &look.org, now).await?;
                report.repaired += 1;
            }
            let slug = look.org.organization().map(|organization| organization.slug.clone());
            let named = |(what, can_be_repaired)| Difference { org: id, slug: slug.clone(), what, can_be_repaired };
            report.differences.extend(look.differences.into_iter().map(named));
            tell(&report);
        }
        last = Some(end);
    }
}

/// What one look at one organization shows.
struct Look {
    /// What the commits say.
    org: Arc<Org>,
    /// Whether all of them are there: what cannot be replayed must not be written.
    log_is_whole: bool,
    /// How many documents were compared.
    documents: u64,
    is_behind: bool,
    /// What is wrong, and whether it can be repaired.
    differences: Vec<(String, bool)>,
}

/// A commit that comes between the reading of commits and of documents looks like a difference. So one counts only when
/// nothing was committed meanwhile.
async fn look_until_still(store: &Arc<dyn Store>, id: OrgId) -> Result<Look, StoreError> {
    let mut look = Look::at(store, id).await?;
    for _ in 1..LOOKS {
        if look.differences.is_empty() || !moved(store, &look.org).await? {
            break;
        }
        look = Look::at(store, id).await?;
    }
    Ok(look)
}

impl Look {
    async fn at(store: &Arc<dyn Store>, id: OrgId) -> Result<Self, StoreError> {
        let (snapshot, documents_at, cannot_be_loaded) = match store.load(id).await {
            Ok(Loaded { snapshot, documents_at, .. }) => (snapshot, documents_at, None),
            Err(StoreError::Corrupt(problem)) => (None, 0, Some(problem)),
            Err(error) => return Err(error),
        };
        let (org, log) = replay(store, id, snapshot.as_ref()).await?;
        let mut look = Self { org: Arc::new(org), log_is_whole: false, documents: 0, is_behind: false, differences: Vec::new() };
        let snapshot_is_right = match log {
            Ok(snapshot_is_right) => snapshot_is_right,
            Err(problem) => return Ok(look.broken(problem)),
        };
        if let Some(problem) = cannot_be_loaded {
            return Ok(look.broken(format!("cannot be loaded: {problem}")));
        }
        let org = look.org.clone();
        let stored = match store.documents(id).await {
            Ok(stored) => Some(stored),
            Err(StoreError::Corrupt(problem)) => {
                look.differences.push((format!("documents cannot be read: {problem}"), true));
                None
            }
            Err(error) => return Err(error),
        };
        // What was shown was durable once: a log that ends earlier has lost its end.
        let shown = stored.iter().flatten().map(|document| document.seq).max().unwrap_or(0);
        let shown = shown.max(documents_at).max(snapshot.as_ref().map_or(0, Org::seq));
        if shown > org.seq() {
            let problem =
                format!("the log ends with event {}, but event {shown} was stored: commits are missing at its end", org.seq());
            return Ok(look.broken(problem));
        }
        look.log_is_whole = true;
        if !snapshot_is_right {
            look.differences.push(("the snapshot is not what the commits say".into(), true));
        }
        if documents_at < org.seq() {
            look.is_behind = true;
        } else if let Some(stored) = stored {
            look.compare(store.expected_documents(&org), stored);
        }
        if let Some(organization) = org.organization() {
            for name in organization.names() {
                let kind = if name.is_domain() { "domain" } else { "slug" };
                match store.holder(name.clone()).await? {
                    Some((claimant, _)) if claimant == id => {}
                    Some((other, _)) => {
                        let what = format!("its {kind} `{name}` belongs to organization {other}: one of them must be renamed");
                        look.differences.push((what, false));
                    }
                    None => look.differences.push((format!("its {kind} `{name}` is not claimed for it"), true)),
                }
            }
        }
        Ok(look)
    }

    fn broken(mut self, problem: String) -> Self {
        self.log_is_whole = false;
        self.differences = vec![(problem, false)];
        self
    }

    fn compare(&mut self, expected: Vec<StoredDocument>, stored: Vec<StoredDocument>) {
        let key = |document: StoredDocument| ((document.collection, document.id.clone()), document);
        let mut stored: BTreeMap<_, _> = stored.into_iter().map(key).collect();
        self.documents += expected.len() as u64;
        for ((collection, id), expected) in expected.into_iter().map(key) {
            match stored.remove(&(collection, id.clone())) {
                None => self.differences.push((format!("{collection} {id} is missing"), true)),
                Some(stored) if stored == expected => {}
                Some(stored) => {
                    let mut fields = Vec::new();
                    compare("", Some(&Bson::Document(expected.fields)), Some(&Bson::Document(stored.fields)), &mut fields);
                    self.differences.push((format!("{collection} {id}: {}", fields.join("; ")), true));
                }
            }
        }
        for ((collection, id), document) in stored {
            if collection != Collection::StatusChanges.name() || !is_forgotten(&self.org, &document) {
                self.differences.push((format!("{collection} {id} should not be there"), true));
            }
        }
    }
}

/// Replays all commits. Answers also whether they led past the snapshot, or what is wrong with them.
async fn replay(store: &Arc<dyn Store>, id: OrgId, snapshot: Option<&Org>) -> Result<(Org, Result<bool, String>), StoreError> {
    let mut org = Org::new(id);
    let mut snapshot_is_right = snapshot.is_none();
    loop {
        let commits = match store.commits_after(id, org.seq(), PAGE).await {
            Ok(commits) => commits,
            Err(StoreError::Corrupt(problem)) => {
                let problem = format!("a commit after event {} cannot be read: {problem}", org.seq());
                return Ok((org, Err(problem)));
            }
            Err(error) => return Err(error),
        };
        if commits.is_empty() {
            return Ok((org, Ok(snapshot_is_right)));
        }
        for commit in commits {
            let events: Seq = commit.entries.iter().map(|entry| entry.events.len() as Seq).sum();
            if commit.first != org.seq() + 1 || commit.last != org.seq() + events {
                let problem = format!(
                    "the log has a hole: event {} is followed by a commit of events {} to {}; restore the missing commits from a backup",
                    org.seq(),
                    commit.first,
                    commit.last
                );
                return Ok((org, Err(problem)));
            }
            commit.entries.iter().for_each(|entry| org.apply(entry));
            if let Some(snapshot) = snapshot.filter(|snapshot| snapshot.seq() == org.seq()) {
                snapshot_is_right = *snapshot == org;
            }
        }
    }
}

/// Whether more was committed since.
async fn moved(store: &Arc<dyn Store>, org: &Org) -> Result<bool, StoreError> {
    match store.commits_after(org.id(), org.seq(), 1).await {
        Ok(commits) => Ok(commits.first().is_some_and(|commit| commit.first == org.seq() + 1)),
        Err(StoreError::Corrupt(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Changes of a status remain in the store when memory has forgotten them.
fn is_forgotten(org: &Org, change: &StoredDocument) -> bool {
    let service = match change.fields.get("service") {
        Some(Bson::Binary(binary)) => binary.to_uuid().ok().map(|uuid| Uuid::from_bytes(uuid.bytes())),
        _ => None,
    };
    let number = change.fields.get_document("_id").ok().and_then(|id| match id.get("number") {
        Some(Bson::Int32(number)) => Some(i64::from(*number)),
        Some(Bson::Int64(number)) => Some(*number),
        _ => None,
    });
    documents::forgotten(org)
        .any(|(its, oldest)| Some(its.uuid()) == service && number.is_some_and(|number| number < oldest.into()))
}

/// The fields that differ, as `field is X, should be Y`, as deep inside as they do.
fn compare(path: &str, expected: Option<&Bson>, stored: Option<&Bson>, differing: &mut Vec<String>) {
    match (expected, stored) {
        _ if expected == stored => {}
        (Some(Bson::Document(expected)), Some(Bson::Document(stored))) => {
            let mut fields: Vec<&String> = expected.keys().chain(stored.keys()).collect();
            fields.sort();
            fields.dedup();
            for field in fields {
                let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
                compare(&path, expected.get(field), stored.get(field), differing);
            }
        }
        (Some(Bson::Array(expected)), Some(Bson::Array(stored))) => {
            for index in 0..expected.len().max(stored.len()) {
                compare(&format!("{path}[{index}]"), expected.get(index), stored.get(index), differing);
            }
        }
        _ => differing.push(format!("`{path}` is {}, should be {}", shown(stored), shown(expected))),
    }
}

fn shown(value: Option<&Bson>) -> String {
    let Some(value) = value else { return "absent".to_owned() };
    let text = told(value);
    if text.chars().count() <= WIDTH { text } else { text.chars().take(WIDTH).chain(['…']).collect() }
}

async fn mend(store: &Arc<dyn Store>, org: &Arc<Org>, now: Timestamp) -> Result<(), StoreError> {
    store.rewrite(org.clone()).await?;
    let Some(organization) = org.organization() else { return Ok(()) };
    for name in organization.names() {
        // One that is somebody else's by now is for a person to decide.
        if let Err(AccountError::Store(error)) = store.claim_name(name, org.id(), now).await {
            return Err(error);
        }
    }
    Ok(())
}
