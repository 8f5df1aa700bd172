//! What every store must keep, one function a promise. [`store_contract!`](crate::store_contract) makes a test of each;
//! [`all`] runs them one after the other.

mod accounts;
mod archive;
mod documents;
mod log;
mod readings;
mod records;

pub use accounts::*;
pub use archive::*;
pub use documents::*;
pub use log::*;
pub use readings::*;
pub use records::*;

use super::builders::*;
use crate::{
    domain::{
        Commit, Org,
        status::{IncidentStatus, ServiceStatus},
    },
    store::{Loaded, Store, StoredDocument},
};
use futures::future::BoxFuture;
use std::sync::Arc;

/// How a promise gets its store. A fixture is made for each promise.
pub trait Fixture: Send + Sync {
    /// An empty store. Called once.
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>>;
    /// Closes the store, whose last owner this is, and opens what it has stored.
    fn reopen(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>>;
}

/// Makes a test of each promise. The expression is evaluated in each of them, inside the runtime, and gives a
/// [`Fixture`].
#[macro_export]
macro_rules! store_contract {
    ($fixture:expr) => {
        $crate::store_contract! { @list tests $fixture }
    };
    (@list $kind:ident $fixture:expr) => {
        $crate::store_contract! { @$kind $fixture;
            a_commit_comes_back_as_it_was
            an_unknown_organization_is_empty
            a_large_commit_comes_back_as_it_was
            a_stale_writer_loses_and_leaves_nothing
            a_hole_is_a_conflict
            one_of_many_writers_wins
            a_conflict_fails_only_its_own_organization
            commits_of_many_organizations_come_back_in_order
            commits_are_read_from_any_point
            a_snapshot_and_its_tail_give_the_organization
            an_older_snapshot_never_replaces_a_newer_one
            everything_is_there_after_opening_again
            documents_follow_commits
            documents_of_deleted_things_vanish
            a_deleted_organization_leaves_no_documents
            projecting_again_or_late_changes_nothing
            rewriting_heals_documents
            the_agenda_names_what_time_will_change
            organizations_are_listed_in_pages
            organizations_of_a_user_follow_the_documents
            the_organization_of_an_entity_is_found_by_its_id
            organizations_are_found_by_what_a_provider_calls_them
            organizations_do_not_see_each_other
            a_user_comes_back_by_every_key
            names_are_unique_whatever_the_case
            an_external_identity_belongs_to_one_user
            only_the_next_version_replaces_a_user
            a_renamed_user_frees_the_old_names
            a_deleted_user_frees_every_name
            one_of_many_users_gets_the_address
            users_are_listed_in_pages
            a_name_has_one_owner
            one_of_many_organizations_gets_the_name
            a_name_can_be_taken_over_from_its_claimant_only
            a_number_is_given_once
            accounts_are_there_after_opening_again
            a_record_comes_back_as_it_was
            a_record_is_made_once
            only_the_next_version_replaces_a_record
            one_of_many_writers_changes_a_record
            records_are_listed_by_owner_in_pages
            records_are_listed_in_pages
            records_of_different_kinds_are_apart
            a_deleted_record_is_gone
            expired_records_are_forgotten_and_no_others
            records_are_there_after_opening_again
            readings_are_summed_up
            readings_are_read_in_a_window
            readings_are_there_after_opening_again
            every_enabled_monitor_is_watched
            names_are_listed_in_pages
            numbers_can_be_skipped_and_never_come_again
            a_record_is_restored_as_it_was
            a_store_is_filled_by_one_at_a_time
        }
    };
    (@tests $fixture:expr; $($promise:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            $crate::testkit::contract::$promise(&$fixture).await;
        }
    )+};
    (@all $fixture:expr; $($promise:ident)+) => {$(
        $crate::testkit::contract::$promise(&$fixture).await;
    )+};
}

/// Every promise, each with a fixture of its own: for suites that have to find out first whether they can run.
pub async fn all<F: Fixture>(fixture: impl Fn() -> F) {
    crate::store_contract! { @list all fixture() }
}

/// A commit and the organization after it.
type Step = (Arc<Commit>, Arc<Org>);

/// A writer of the n-th organization that has done a bit of everything, in several commits which are not stored yet.
/// Organizations share no ids.
fn busy(n: u64) -> (Writer, Vec<Step>) {
    let mut writer = Writer::of(n);
    let id = n * 100;
    let degraded = vec![affected(id + 1, ServiceStatus::DegradedPerformance)];
    let commits = vec![
        writer.commit([create_organization(n)]),
        writer.commit([create_group(id), create_team(id), create_service(id + 1).at(1), create_service(id + 2).at(2)]),
        writer.commit([open_incident(id + 3, degraded).at(3).by(user(n)).keyed(request_key(id + 4))]),
        writer.commit([
            post_update(incident(id + 3), id + 5, Some(IncidentStatus::Identified)).at(4),
            set_status(id + 2, ServiceStatus::PartialOutage).at(5),
            post_update(incident(id + 3), id + 6, Some(IncidentStatus::Resolved)).at(6),
        ]),
        writer.commit([rename(format!("Größe {n} 🚨")).at(7)]),
    ];
    (writer, commits)
}

/// The same, stored.
async fn stored(store: &dyn Store, n: u64) -> Writer {
    let (writer, commits) = busy(n);
    for (commit, after) in commits {
        append(store, commit, after).await.unwrap();
    }
    writer
}

async fn load(store: &dyn Store, n: u64) -> Loaded {
    store.load(org(n)).await.unwrap()
}

/// Waits for the documents and answers them in an order that can be compared.
async fn documents_of(store: &dyn Store, n: u64) -> Vec<StoredDocument> {
    store.settle().await.unwrap();
    sorted(store.documents(org(n)).await.unwrap())
}

fn sorted(mut documents: Vec<StoredDocument>) -> Vec<StoredDocument> {
    documents.sort_by(|a, b| (a.collection, &a.id).cmp(&(b.collection, &b.id)));
    documents
}
