//! One thing that travels, as a line and back.

use super::json;
use crate::store::{documents, records};
use bson::{RawBsonRef, RawDocument, RawDocumentBuf, cstr};
use serde::{Deserialize, Serialize};
use tocsin_actors::{
    accounts::User,
    domain::{Commit, OrgId, Seq},
    records::{Record, RecordKind},
    store::{NameClaim, StoreError},
};

/// One thing.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A durable step of an organization. Organizations come by id, each with its commits in order.
    Commit(Box<Commit>),
    /// A person.
    User(Box<User>),
    /// A name that is taken. Its line calls it a slug, which were all the names there were.
    Name(NameClaim),
    /// A session, a key, an invitation.
    Record(Box<Record>),
    /// The last number that was given to an organization or a user.
    Number(u64),
}

/// How many things there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Organizations.
    pub organizations: u64,
    /// Their commits.
    pub commits: u64,
    /// What happened in them.
    pub events: u64,
    /// Users.
    pub users: u64,
    /// Slugs and domains.
    #[serde(rename = "slugs")]
    pub names: u64,
    /// Records of all kinds.
    pub records: u64,
}

impl Item {
    /// Writes it as a line, without the end of the line.
    pub(super) fn write(&self, line: &mut Vec<u8>) -> Result<(), String> {
        let told = |error: StoreError| error.to_string();
        let (name, document) = match self {
            Self::Commit(commit) => ("commit", documents::encode(commit.as_ref()).map_err(told)?),
            Self::User(user) => ("user", documents::encode(user.as_ref()).map_err(told)?),
            Self::Name(claim) => ("slug", documents::encode(claim).map_err(told)?),
            Self::Record(record) => ("record", with_kind(record).map_err(told)?),
            Self::Number(number) => {
                line.extend_from_slice(format!("{{\"number\":{{\"$numberLong\":\"{number}\"}}}}").as_bytes());
                return Ok(());
            }
        };
        line.extend_from_slice(format!("{{\"{name}\":").as_bytes());
        json::write(&document, line)?;
        line.push(b'}');
        Ok(())
    }

    /// Reads a line.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let line = json::read(line)?;
        let mut fields = line.iter();
        let (name, value) = fields.next().ok_or("it is empty")?.map_err(|error| error.to_string())?;
        if fields.next().is_some() {
            return Err("it holds more than one thing".into());
        }
        let told = |error: StoreError| error.to_string();
        let document = || value.as_document().map(RawDocument::as_bytes).ok_or(format!("`{name}` is no document"));
        match name.as_str() {
            "commit" => documents::decode(document()?).map(|commit| Self::Commit(Box::new(commit))).map_err(told),
            "user" => documents::decode(document()?).map(|user| Self::User(Box::new(user))).map_err(told),
            "slug" => documents::decode(document()?).map(Self::Name).map_err(told),
            "record" => {
                let document = document()?;
                records::decode(kind_of(document)?, document).map(|record| Self::Record(Box::new(record))).map_err(told)
            }
            "number" => match value {
                RawBsonRef::Int64(number) => u64::try_from(number).map(Self::Number).map_err(|_| "the number is none".into()),
                _ => Err("the number is none".into()),
            },
            _ => Err(format!("nobody knows what `{name}` is")),
        }
    }
}

fn with_kind(record: &Record) -> Result<RawDocumentBuf, StoreError> {
    let stored = records::encode(record)?;
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("kind"), record.kind.name());
    for field in stored.iter() {
        let (name, value) = field.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        document.append(name, value);
    }
    Ok(document)
}

fn kind_of(document: &[u8]) -> Result<RecordKind, String> {
    let document = RawDocument::from_bytes(document).map_err(|error| error.to_string())?;
    let kind = document.get_str("kind").map_err(|_| "a record has no kind")?;
    RecordKind::ALL.into_iter().find(|one| one.name() == kind).ok_or(format!("nobody knows what `{kind}` are"))
}

/// Counts, and sees that organizations come one after the other, each without holes: whoever fills a store need not look
/// again, and nothing has to be remembered for it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    last: Option<(OrgId, Seq)>,
}

impl Tally {
    pub(super) fn add(&mut self, item: &Item) -> Result<(), String> {
        match item {
            Item::Commit(commit) => self.commit(commit)?,
            Item::User(_) => self.counts.users += 1,
            Item::Name(_) => self.counts.names += 1,
            Item::Record(_) => self.counts.records += 1,
            Item::Number(_) => {}
        }
        Ok(())
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), String> {
        let before = match self.last {
            Some((org, last)) if org == commit.org => last,
            Some((org, _)) if org > commit.org => return Err(format!("organization {} comes after {org}", commit.org)),
            _ => {
                self.counts.organizations += 1;
                0
            }
        };
        let mut last = before;
        for entry in &commit.entries {
            if entry.seq != last + 1 || entry.events.is_empty() {
                return Err(hole(commit.org, last));
            }
            last = entry.last();
        }
        if last == before || (commit.first, commit.last) != (before + 1, last) {
            return Err(hole(commit.org, before));
        }
        self.last = Some((commit.org, last));
        self.counts.commits += 1;
        self.counts.events += last - before;
        Ok(())
    }
}

fn hole(org: OrgId, last: Seq) -> String {
    format!("the log of organization {org} has a hole after event {last}")
}
