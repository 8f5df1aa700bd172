//! The written form of an event is a promise to every future version: what was once stored loads, and says the same.
//!
//! `fixtures/events/v1.json` has an entry for each kind of event with every field in use. When a kind is added, add an
//! example; when a field is added, add a file `v2.json` and leave this one alone. There it is, for what came later.

#![allow(clippy::unwrap_used)] // a test that meets a surprise shall stop right there

use serde_json::Value;
use std::collections::BTreeSet;
use tocsin_actors::domain::{Domain, Entry, Event, Org, OrgId};
use uuid::Uuid;

const V1: &str = include_str!("../../fixtures/events/v1.json");
const V2: &str = include_str!("../../fixtures/events/v2.json");

fn entries(stored: &str) -> Vec<Entry> {
    serde_json::from_str(stored).expect("what was stored can be read")
}

/// The word under which a kind is stored. No catch-all: a new kind does not compile before it is named here, and
/// `every_kind_of_event_has_an_example` fails before it has an example.
fn stored_as(event: &Event) -> &'static str {
    match event {
        Event::OrganizationCreated(_) => "organization_created",
        Event::OrganizationChanged(_) => "organization_changed",
        Event::OrganizationDeleted => "organization_deleted",
        Event::MemberAdded { .. } => "member_added",
        Event::MemberChanged { .. } => "member_changed",
        Event::MemberRemoved { .. } => "member_removed",
        Event::TeamCreated { .. } => "team_created",
        Event::TeamChanged { .. } => "team_changed",
        Event::TeamDeleted { .. } => "team_deleted",
        Event::TeamMemberSet { .. } => "team_member_set",
        Event::TeamMemberRemoved { .. } => "team_member_removed",
        Event::GroupCreated { .. } => "group_created",
        Event::GroupChanged { .. } => "group_changed",
        Event::GroupDeleted { .. } => "group_deleted",
        Event::GroupsReordered { .. } => "groups_reordered",
        Event::ServiceCreated(_) => "service_created",
        Event::ServiceChanged { .. } => "service_changed",
        Event::ServiceStatusChanged { .. } => "service_status_changed",
        Event::ServiceDeleted { .. } => "service_deleted",
        Event::ServicesReordered { .. } => "services_reordered",
        Event::IncidentOpened(_) => "incident_opened",
        Event::IncidentChanged { .. } => "incident_changed",
        Event::UpdatePosted(_) => "update_posted",
        Event::UpdateEdited { .. } => "update_edited",
        Event::UpdateDeleted { .. } => "update_deleted",
        Event::IncidentDeleted { .. } => "incident_deleted",
        Event::PostmortemSet { .. } => "postmortem_set",
        Event::PostmortemRemoved { .. } => "postmortem_removed",
        Event::MonitorCreated(_) => "monitor_created",
        Event::MonitorChanged { .. } => "monitor_changed",
        Event::MonitorDeleted { .. } => "monitor_deleted",
        Event::MonitorTurned { .. } => "monitor_turned",
    }
}

/// Every kind that serde knows, by its own account: what it says when it is given a word that is none.
fn kinds() -> BTreeSet<String> {
    let complaint = serde_json::from_str::<Event>("\"no such event\"").expect_err("it is none").to_string();
    let (_, words) = complaint.split_once("expected one of ").expect("serde lists the words");
    words.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_kind_of_event_has_an_example() {
    let examples: Vec<_> = entries(V1).iter().flat_map(|entry| entry.events.iter().map(stored_as)).collect();
    let distinct: BTreeSet<_> = examples.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(distinct, kinds());
    assert_eq!(distinct.len(), examples.len(), "one example each");
}

#[test]
fn what_was_stored_loads_and_is_written_back_the_same() {
    let stored = |version| serde_json::from_str::<Vec<Value>>(version).unwrap();
    for (entry, stored) in [V1, V2].into_iter().flat_map(|version| entries(version).into_iter().zip(stored(version))) {
        let event = &stored["events"][0];
        let word = event.as_str().map_or_else(|| event.as_object().unwrap().keys().next().unwrap().clone(), str::to_owned);
        assert_eq!(stored_as(&entry.events[0]), word);
        assert_eq!(serde_json::to_value(&entry).unwrap(), stored, "{word}");
        let document: Entry = bson::deserialize_from_slice(&bson::serialize_to_vec(&entry).unwrap()).unwrap();
        assert_eq!(document, entry, "{word} as a document");
    }
}

#[test]
fn an_organization_can_be_loaded_from_them() {
    let mut org = Org::new(OrgId::new(Uuid::from_u128(0x7000_8000_0000_0000_0001)));
    for entry in entries(V1).into_iter().filter(|entry| entry.events != [Event::OrganizationDeleted]) {
        org.apply(&Entry { seq: org.seq() + 1, ..entry });
    }
    assert_eq!(org.organization().map(|organization| organization.slug.as_str()), Some("acme-2"));
    assert_eq!(org.seq(), 31);
    let organization = org.organization().unwrap();
    assert_eq!((&organization.domain, organization.indexed), (&None, true), "nobody had said anything about these");
    for entry in entries(V2) {
        org.apply(&Entry { seq: org.seq() + 1, ..entry });
    }
    let organization = org.organization().unwrap();
    assert_eq!(organization.domain.as_ref().map(Domain::as_str), Some("status.acme.example"));
    assert!(!organization.indexed);
}
