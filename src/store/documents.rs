//! Readable documents: what a person sees who opens the database in a shell. One collection an entity, made from
//! commits, and the same in both stores.
//!
//! A document is its entity with `_id`, the organization it belongs to (`org`) and the `seq` up to which it is true.

use bson::{Bson, Document, RawDocument, RawDocumentBuf, cstr};
use serde::Serialize;
use std::collections::BTreeSet;
use tocsin_actors::{
    domain::{
        Commit, GroupId, IncidentId, MemberId, MonitorId, Org, OrgId, Seq, ServiceId, TeamId, UserId,
        event::Touched,
        history::{History, StatusChange},
    },
    store::{StoreError, StoredDocument},
};

/// Where a document is kept. The discriminant is its key in the embedded store: never changed, never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Collection {
    /// One a tenant.
    Organizations = 1,
    /// Who belongs to whom.
    Members = 2,
    /// Teams with their members.
    Teams = 3,
    /// Headings of services.
    ServiceGroups = 4,
    /// Services as they are now.
    Services = 5,
    /// Incidents and maintenances with their timelines.
    Incidents = 6,
    /// Every change of a service's status, also those that memory has forgotten.
    StatusChanges = 7,
    /// Website checks, with how they have turned.
    Monitors = 8,
}

impl Collection {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Organizations,
        Self::Members,
        Self::Teams,
        Self::ServiceGroups,
        Self::Services,
        Self::Incidents,
        Self::StatusChanges,
        Self::Monitors,
    ];

    /// Those whose documents clients address by their id alone.
    pub const WITH_OWN_ADDRESS: [Self; 4] = [Self::Services, Self::Incidents, Self::Teams, Self::Members];

    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organizations => "organizations",
            Self::Members => "members",
            Self::Teams => "teams",
            Self::ServiceGroups => "service_groups",
            Self::Services => "services",
            Self::Incidents => "incidents",
            Self::StatusChanges => "status_changes",
            Self::Monitors => "monitors",
        }
    }
}

/// The `_id` of a document in its collection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DocumentId {
    /// An entity's own id.
    Entity([u8; 16]),
    /// A status change: `{org, number}`.
    Numbered(OrgId, u32),
}

/// What has to be done to the documents so that they follow some commits.
#[derive(Debug)]
pub enum Write {
    /// Puts this document in place of the one with its id.
    Put {
        /// Where.
        collection: Collection,
        /// Which.
        id: DocumentId,
        /// The whole document.
        body: RawDocumentBuf,
    },
    /// Removes a document. It may not be there.
    Delete {
        /// Where.
        collection: Collection,
        /// Which.
        id: DocumentId,
    },
    /// Removes every status change of a deleted service.
    DeleteHistory {
        /// Whose.
        service: ServiceId,
    },
    /// Removes every document of a deleted organization.
    DeleteAll,
}

#[derive(Serialize)]
struct Stored<'a, T> {
    org: OrgId,
    seq: Seq,
    #[serde(flatten)]
    entity: &'a T,
}

#[derive(Serialize)]
struct StoredChange<'a> {
    #[serde(rename = "_id")]
    id: ChangeId,
    org: OrgId,
    service: ServiceId,
    /// Its `seq` is that of the event that made it: it is true for ever.
    #[serde(flatten)]
    change: &'a StatusChange,
}

#[derive(Serialize)]
struct ChangeId {
    org: OrgId,
    number: u32,
}

/// What these commits of one organization mean for its documents; `after` is the organization after the last of them.
pub fn writes(commits: &[&Commit], after: &Org) -> Result<Vec<Write>, StoreError> {
    let mut touched = BTreeSet::new();
    let mut first = Seq::MAX;
    for commit in commits {
        first = first.min(commit.first);
        commit.entries.iter().flat_map(|entry| &entry.events).for_each(|event| {
            event.touches(|one| {
                touched.insert(one);
            })
        });
    }
    if touched.contains(&Touched::Everything) {
        return Ok(vec![Write::DeleteAll]);
    }
    let mut out = Writer { after, seq: after.seq(), writes: Vec::with_capacity(touched.len()) };
    for one in touched {
        match one {
            Touched::Everything => unreachable!("answered above"),
            Touched::Organization => out.organization()?,
            Touched::Teams => out.teams()?,
            Touched::Services => out.services()?,
            Touched::Monitors => out.monitors()?,
            Touched::Member(id, user) => out.member(id, user)?,
            Touched::Team(id) => out.team(id)?,
            Touched::Group(id) => out.group(id)?,
            Touched::Service(id) => out.service(id)?,
            Touched::History(id) => out.history(id, |change| change.seq >= first)?,
            Touched::Incident(id) => out.incident(id)?,
            Touched::Monitor(id) => out.monitor(id)?,
        }
    }
    Ok(out.writes)
}

/// Every document of an organization as of now.
pub fn all(org: &Org) -> Result<Vec<Write>, StoreError> {
    let mut out = Writer { after: org, seq: org.seq(), writes: Vec::new() };
    if org.organization().is_none() {
        return Ok(out.writes);
    }
    out.organization()?;
    org.members().values().try_for_each(|member| out.member(member.id, member.user))?;
    out.teams()?;
    org.groups().keys().try_for_each(|id| out.group(*id))?;
    out.services()?;
    org.services().keys().try_for_each(|id| out.history(*id, |_| true))?;
    org.incidents().keys().try_for_each(|id| out.incident(*id))?;
    out.monitors()?;
    Ok(out.writes)
}

/// Services of whose life memory has forgotten the beginning, with the oldest number that it still has. Older changes are
/// in the store only, and a repair must leave them there.
pub fn forgotten(org: &Org) -> impl Iterator<Item = (ServiceId, u32)> {
    org.services().keys().filter_map(|service| {
        let history = org.history(*service).filter(|history| history.len() == History::MAX)?;
        Some((*service, history.first()?.number))
    })
}

/// The documents of `all` in the form in which documents are compared and shown.
pub fn expected(org: &Org) -> Vec<StoredDocument> {
    let writes = all(org).expect("an organization in memory can be written");
    let stored = |write| match write {
        Write::Put { collection, body, .. } => Some(readable(collection, Document::try_from(body).expect("just written"))),
        Write::Delete { .. } | Write::DeleteHistory { .. } | Write::DeleteAll => None,
    };
    writes.into_iter().filter_map(stored).collect()
}

/// A document in the form in which documents are compared and shown: fields in order, without the `seq` it was written at.
pub fn readable(collection: Collection, document: Document) -> StoredDocument {
    let id = document.get("_id").map(told).unwrap_or_default();
    let seq = document.get_i64("seq").ok().and_then(|seq| Seq::try_from(seq).ok()).unwrap_or_default();
    let mut fields: Vec<_> = document.into_iter().filter(|(key, _)| key != "seq").collect();
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    StoredDocument { collection: collection.name(), id, fields: fields.into_iter().collect(), seq }
}

/// A value as a person would write it, ids as they stand everywhere else.
pub fn told(value: &Bson) -> String {
    match value {
        Bson::Binary(binary) => binary.to_uuid().map_or_else(|_| value.to_string(), |uuid| uuid.to_string()),
        Bson::DateTime(at) => at.try_to_rfc3339_string().unwrap_or_else(|_| value.to_string()),
        Bson::Document(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {}", told(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Bson::Array(items) => format!("[{}]", items.iter().map(told).collect::<Vec<_>>().join(", ")),
        Bson::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

struct Writer<'a> {
    after: &'a Org,
    seq: Seq,
    writes: Vec<Write>,
}

impl Writer<'_> {
    fn organization(&mut self) -> Result<(), StoreError> {
        let id = DocumentId::Entity(*self.after.id().uuid().as_bytes());
        self.entity(Collection::Organizations, id, self.after.organization().map(AsRef::as_ref))
    }
    fn member(&mut self, id: MemberId, user: UserId) -> Result<(), StoreError> {
        // Somebody who left and came back has another membership, and so another document.
        let member = self.after.members().get(&user).filter(|member| member.id == id);
        self.entity(Collection::Members, DocumentId::Entity(*id.uuid().as_bytes()), member.map(AsRef::as_ref))
    }
    fn team(&mut self, id: TeamId) -> Result<(), StoreError> {
        self.entity(Collection::Teams, DocumentId::Entity(*id.uuid().as_bytes()), self.after.teams().get(&id).map(AsRef::as_ref))
    }
    fn teams(&mut self) -> Result<(), StoreError> {
        self.after.teams().keys().try_for_each(|id| self.team(*id))
    }
    fn group(&mut self, id: GroupId) -> Result<(), StoreError> {
        self.entity(
            Collection::ServiceGroups,
            DocumentId::Entity(*id.uuid().as_bytes()),
            self.after.groups().get(&id).map(AsRef::as_ref),
        )
    }
    fn service(&mut self, id: ServiceId) -> Result<(), StoreError> {
        let service = self.after.services().get(&id).map(AsRef::as_ref);
        if service.is_none() {
            self.writes.push(Write::DeleteHistory { service: id });
        }
        self.entity(Collection::Services, DocumentId::Entity(*id.uuid().as_bytes()), service)
    }
    fn services(&mut self) -> Result<(), StoreError> {
        self.after.services().keys().try_for_each(|id| self.service(*id))
    }
    fn incident(&mut self, id: IncidentId) -> Result<(), StoreError> {
        let incident = self.after.incidents().get(&id).map(AsRef::as_ref);
        self.entity(Collection::Incidents, DocumentId::Entity(*id.uuid().as_bytes()), incident)
    }

    fn monitor(&mut self, id: MonitorId) -> Result<(), StoreError> {
        let monitor = self.after.monitors().get(&id).map(AsRef::as_ref);
        self.entity(Collection::Monitors, DocumentId::Entity(*id.uuid().as_bytes()), monitor)
    }
    fn monitors(&mut self) -> Result<(), StoreError> {
        self.after.monitors().keys().try_for_each(|id| self.monitor(*id))
    }

    /// The newest changes of a service's status, as long as they are wanted.
    fn history(&mut self, service: ServiceId, wanted: impl Fn(&StatusChange) -> bool) -> Result<(), StoreError> {
        let Some(history) = self.after.history(service) else { return Ok(()) };
        let org = self.after.id();
        for change in history.iter().rev().take_while(|change| wanted(change)) {
            let id = ChangeId { org, number: change.number };
            let body = encode(&StoredChange { id, org, service, change })?;
            let id = DocumentId::Numbered(org, change.number);
            self.writes.push(Write::Put { collection: Collection::StatusChanges, id, body });
        }
        Ok(())
    }

    /// Puts an entity that is there, deletes the document of one that is not.
    fn entity<T: Serialize>(&mut self, collection: Collection, id: DocumentId, entity: Option<&T>) -> Result<(), StoreError> {
        self.writes.push(match entity {
            Some(entity) => Write::Put { collection, id, body: encode(&Stored { org: self.after.id(), seq: self.seq, entity })? },
            None => Write::Delete { collection, id },
        });
        Ok(())
    }
}

/// The one way in which anything of ours becomes BSON; see `domain::ids`.
pub fn encode<T: Serialize>(value: &T) -> Result<RawDocumentBuf, StoreError> {
    let bytes = bson::serialize_to_vec(value).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    RawDocumentBuf::from_bytes(bytes).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The one way in which BSON becomes something of ours.
pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    bson::deserialize_from_slice(bytes).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Which one of an identity provider the organization in a document says that it is; nothing else of it is read.
pub fn external(organization: &[u8]) -> Result<Option<&str>, StoreError> {
    let corrupt = |error: bson::error::Error| StoreError::Corrupt(error.to_string());
    let document = RawDocument::from_bytes(organization).map_err(corrupt)?;
    let metadata = document.get(cstr!("metadata")).map_err(corrupt)?.and_then(|metadata| metadata.as_document());
    let external = metadata.map_or(Ok(None), |metadata| metadata.get(cstr!("external_org"))).map_err(corrupt)?;
    Ok(external.and_then(|external| external.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tocsin_actors::domain::{Author, Entry, Event, Timestamp, command::NewOrganization};
    use uuid::Uuid;

    fn entry(org: &Org, event: Event) -> Entry {
        Entry { seq: org.seq() + 1, at: Timestamp::from_millis(5), by: Author::System, key: None, events: vec![event] }
    }

    #[test]
    fn an_organization_survives_being_written_and_read() {
        let mut org = Org::new(OrgId::new(Uuid::from_u128(1)));
        let owner = Some((MemberId::new(Uuid::from_u128(2)), UserId::new(Uuid::from_u128(3))));
        let new = NewOrganization {
            id: org.id(),
            number: 1,
            slug: "acme".parse().unwrap(),
            name: "Acme".into(),
            description: String::new(),
            time_zone: "Europe/Berlin".parse().unwrap(),
            branding: Default::default(),
            domain: None,
            indexed: true,
            metadata: Default::default(),
            owner,
        };
        org.apply(&entry(&org, Event::OrganizationCreated(Box::new(new))));
        assert_eq!(decode::<Org>(encode(&org).unwrap().as_bytes()).unwrap(), org);
        let documents = expected(&org);
        assert_eq!(documents.len(), 2);
        let organization = &documents[0].fields;
        assert_eq!(organization.get_str("time_zone").unwrap(), "Europe/Berlin");
        assert!(organization.get_datetime("created_at").is_ok() && organization.get("id").is_none(), "{organization}");
    }
}
