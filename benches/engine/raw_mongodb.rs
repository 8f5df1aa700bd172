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
    for n in 0.. {
        if began.elapsed() >= time {
            break;
        }
        let (group, round) = (&groups[n % groups.len()], 1 + (n / groups.len()) as u64);
        let fresh: Vec<RawDocumentBuf> =
            group.commits.iter().map(|(_, first, bytes)| renumbered(bytes, first + round * 1_000_000)).collect();
        let started = Instant::now();
        commits.insert_many(fresh).with_options(options.clone()).await.unwrap();
        latencies.push(started.elapsed());
        if let Some(before) = documents.take() {
            before.await.unwrap();
        }
        documents = Some(tokio::spawn(write(database.clone(), updates(group, round))));
        commands += group.commands;
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

fn updates(group: &Group, round: u64) -> BTreeMap<&'static str, Vec<RawDocumentBuf>> {
    let mut by_collection: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for write in &group.documents {
        let Write::Put { collection, id, body } = write else { continue };
        let query = match id {
            DocumentId::Entity(id) => rawdoc! { "_id": binary(*id) },
            DocumentId::Numbered(org, number) => {
                rawdoc! { "_id": { "org": binary(*org.uuid().as_bytes()), "number": i64::from(*number) + (round * 1_000_000) as i64 } }
            }
        };
        let mut replacement = RawDocumentBuf::new();
        for field in body.iter() {
            let (key, value) = field.unwrap();
            if key != "_id" {
                replacement.append(key, value);
            }
        }
        by_collection.entry(collection.name()).or_default().push(rawdoc! { "q": query, "u": replacement, "upsert": true });
    }
    by_collection
}

async fn write(database: Database, updates: BTreeMap<&'static str, Vec<RawDocumentBuf>>) {
    for (collection, updates) in updates {
        for chunk in updates.chunks(1_000) {
            let mut list = bson::RawArrayBuf::new();
            chunk.iter().for_each(|update| list.push(update.clone()));
            let answer = database.run_command(doc! { "update": collection, "updates": bson::Bson::try_from(bson::RawBson::Array(list)).unwrap(), "ordered": false }).await.unwrap();
            assert!(!answer.contains_key("writeErrors"), "{answer}");
        }
    }
}
