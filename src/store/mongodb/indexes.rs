//! The indexes: two that keep promises, the others for the questions that people and programs ask.
//!
//! Making one that is there already is nothing, so all are made at every start. None of the readable collections has a
//! unique one beside `_id`: they follow the commits in no particular order, and a rule of the domain must not be able to
//! stop them. (Somebody who left and came back has two memberships for the moment between two writes.)

use super::{
    accounts::{EMAIL_INDEX, EXTERNAL, IDENTITY_INDEX, NAMES, USERNAME_INDEX, USERS},
    database::{COMMITS, Database},
    readings::READINGS,
    snapshots::PARTS,
};
use crate::store::documents::Collection;
use bson::{Document, doc};
use mongodb::{IndexModel, options::IndexOptions};
use std::time::Duration;
use tocsin_actors::records::RecordKind;

/// Makes sure of all of them.
pub(super) async fn create(database: &Database) -> mongodb::error::Result<()> {
    let records = RecordKind::ALL.map(|kind| (kind.name(), records()));
    for (collection, indexes) in all().into_iter().chain(records) {
        database.collection(collection).create_indexes(indexes).await?;
    }
    Ok(())
}

fn all() -> Vec<(&'static str, Vec<IndexModel>)> {
    vec![
        // Promise: one writer takes a place in the log. Reads of one organization, and the jump from each to the next,
        // go by it too.
        (COMMITS, vec![unique("org_first", doc! { "org": 1, "first": 1 }, None)]),
        // Promise: a name belongs to one person.
        (
            USERS,
            vec![
                unique(EMAIL_INDEX, doc! { "email_folded": 1 }, None),
                unique(USERNAME_INDEX, doc! { "username_folded": 1 }, Some("username_folded")),
                unique(IDENTITY_INDEX, doc! { "external.issuer": 1, "external.subject": 1 }, Some("external")),
            ],
        ),
        // For who knows all names but the new ones.
        (NAMES, vec![plain(doc! { "at": 1 })]),
        // The server throws away what has expired.
        (READINGS, vec![expiring()]),
        (PARTS, vec![plain(doc! { "org": 1, "seq": 1 })]),
        (
            Collection::Organizations.name(),
            vec![
                plain(doc! { "slug": 1 }),
                plain(doc! { "org": 1 }),
                // Few say so.
                partial("external", doc! { EXTERNAL: 1 }, doc! { EXTERNAL: { "$exists": true } }),
            ],
        ),
        (Collection::Members.name(), vec![plain(doc! { "user": 1 }), plain(doc! { "org": 1, "user": 1 })]),
        (Collection::Teams.name(), vec![plain(doc! { "org": 1, "name": 1 }), plain(doc! { "org": 1, "members.user": 1 })]),
        (Collection::ServiceGroups.name(), vec![plain(doc! { "org": 1, "position": 1 })]),
        (Collection::Services.name(), vec![plain(doc! { "org": 1, "position": 1 })]),
        (
            Collection::Incidents.name(),
            vec![
                plain(doc! { "org": 1, "started_at": -1 }),
                plain(doc! { "org": 1, "status": 1 }),
                plain(doc! { "org": 1, "affected.service": 1 }),
                // For the agenda: only the few that move by themselves, and of those it reads only the unfinished.
                partial("automatic", doc! { "status": 1 }, doc! { "automatic": true }),
            ],
        ),
        (Collection::Monitors.name(), vec![plain(doc! { "org": 1 }), plain(doc! { "enabled": 1 })]),
        (Collection::StatusChanges.name(), vec![plain(doc! { "service": 1, "at": 1 }), plain(doc! { "org": 1, "at": 1 })]),
    ]
}

/// Of every kind: whose they are, in the order in which they are listed, and those that expire.
fn records() -> Vec<IndexModel> {
    vec![plain(doc! { "owner": 1, "_id": 1 }), plain(doc! { "expires_at": 1 })]
}

fn expiring() -> IndexModel {
    let options = IndexOptions::builder().expire_after(Duration::ZERO).build();
    IndexModel::builder().keys(doc! { "expires_at": 1 }).options(options).build()
}

fn plain(keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).build()
}

fn partial(name: &str, keys: Document, only: Document) -> IndexModel {
    let options = IndexOptions::builder().name(name.to_owned()).partial_filter_expression(only).build();
    IndexModel::builder().keys(keys).options(options).build()
}

/// A unique index; with `present` only over documents that have this field.
fn unique(name: &str, keys: Document, present: Option<&str>) -> IndexModel {
    let present = present.map(|field| doc! { field: { "$exists": true } });
    let options = IndexOptions::builder().name(name.to_owned()).unique(true).partial_filter_expression(present).build();
    IndexModel::builder().keys(keys).options(options).build()
}
