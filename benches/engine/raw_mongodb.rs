//! MongoDB, driven directly: one insert of the group's commits, majority and journal, while the documents of the group
//! before it are written.

use crate::durable::{Group, Measured};
use bson::{RawDocumentBuf, doc, rawdoc};
use mongodb::{
    Client, Collection, Database,
    options::{Acknowledgment, InsertManyOptions, WriteConcern},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tocsin::store::documents::{DocumentId, Write};

pub(crate) async fn run(url: &str, groups: &[Group], time: Duration) -> Measured {
    let client = Client::with_uri_str(url).await.unwrap();
    let database = client.default_database().unwrap();
    let commits: Collection<RawDocumentBuf> = database.collection("commits");
    commits
        .create_index(mongodb::IndexModel::builder().keys(doc! { "org": 1, "first": 1 }).options(unique()).build())
        .await
        .unwrap();
    let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let options = InsertManyOptions::builder().ordered(false).write_concern(durable).build();
    let (founding, groups) = groups.split_first().unwrap();
    let first: Vec<_> = founding.commits.iter().map(|(_, _, bytes)| bytes).collect();
    commits.insert_many(first).with_options(options.clone()).await.unwrap();
    write(database.clone(), updates(founding, 0)).await;
    let (began, mut commands, mut latencies) = (Instant::now(), 0, Vec::new());
    let mut documents: Option<tokio::task::JoinHandle<()>> = None;
    // One organization has one commit on its way, so there is nothing that a second message could carry.
    let lanes = if founding.commits.len() > 1 { 2 } else { 1 };
    for n in (0..).step_by(lanes) {
        if began.elapsed() >= time {
            break;
        }
        let group = |n: usize| (&groups[n % groups.len()], 1 + (n / groups.len()) as u64);
        let messages = (n..n + lanes).map(|n| {
            let (group, round) = group(n);
            let fresh: Vec<RawDocumentBuf> =
                group.commits.iter().map(|(_, first, bytes)| renumbered(bytes, first + round * 1_000_000)).collect();
            let message = commits.insert_many(fresh).with_options(options.clone());
            async move {
                let started = Instant::now();
                message.await.unwrap();
                started.elapsed()
            }
        });
        latencies.extend(futures::future::join_all(messages).await);
        if let Some(before) = documents.take() {
            before.await.unwrap();
        }
        let writes: Vec<_> = (n..n + lanes).map(group).map(|(group, round)| updates(group, round)).collect();
        let database = database.clone();
        documents = Some(tokio::spawn(async move {
            for writes in writes {
                write(database.clone(), writes).await;
            }
        }));
        commands += (n..n + lanes).map(|n| group(n).0.commands).sum::<u64>();
    }
    if let Some(last) = documents {
        last.await.unwrap();
    }
    latencies.sort();
    Measured {
        group: groups[0].commits.len() as f64,
        per_second: commands as f64 / began.elapsed().as_secs_f64(),
        p50: latencies[latencies.len() / 2],
        p99: latencies[latencies.len() * 99 / 100],
    }
}

fn unique() -> mongodb::options::IndexOptions {
    mongodb::options::IndexOptions::builder().unique(true).build()
}

/// The same commit with another number and id, so that it is a new one.
fn renumbered(commit: &RawDocumentBuf, first: u64) -> RawDocumentBuf {
    let mut fresh = RawDocumentBuf::new();
    fresh.append(bson::cstr!("_id"), binary(bson::Uuid::new().bytes()));
    fresh.append(bson::cstr!("first"), first as i64);
    for field in commit.iter() {
        let (key, value) = field.unwrap();
        if key != "_id" && key != "first" {
            fresh.append(key, value);
        }
    }
    fresh
}

fn binary(uuid: [u8; 16]) -> bson::Binary {
    bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: uuid.to_vec() }
}

/// What is written into a collection: status changes are inserted, everything else replaced.
type Writes = BTreeMap<(&'static str, &'static str, &'static str), Vec<RawDocumentBuf>>;

fn updates(group: &Group, round: u64) -> Writes {
    let mut writes = Writes::new();
    for write in &group.documents {
        let Write::Put { collection, id, body } = write else { continue };
        let rest = body.iter().map(Result::unwrap).filter(|(key, _)| *key != "_id");
        match id {
            DocumentId::Entity(id) => {
                let mut replacement = RawDocumentBuf::new();
                rest.for_each(|(key, value)| replacement.append(key, value));
                let update = rawdoc! { "q": { "_id": binary(*id) }, "u": replacement, "upsert": true };
                writes.entry((collection.name(), "update", "updates")).or_default().push(update);
            }
            DocumentId::Numbered(org, number) => {
                let id =
                    rawdoc! { "org": binary(*org.uuid().as_bytes()), "number": i64::from(*number) + (round * 1_000_000) as i64 };
                let mut change = rawdoc! { "_id": id };
                rest.for_each(|(key, value)| change.append(key, value));
                writes.entry((collection.name(), "insert", "documents")).or_default().push(change);
            }
        }
    }
    writes
}

async fn write(database: Database, writes: Writes) {
    for ((collection, verb, plural), statements) in writes {
        for chunk in statements.chunks(1_000) {
            let mut list = bson::RawArrayBuf::new();
            chunk.iter().for_each(|statement| list.push(statement.clone()));
            let list = bson::Bson::try_from(bson::RawBson::Array(list)).unwrap();
            let answer = database.run_command(doc! { verb: collection, plural: list, "ordered": false }).await.unwrap();
            assert!(!answer.contains_key("writeErrors"), "{answer}");
        }
    }
}
