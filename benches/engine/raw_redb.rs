//! redb, driven directly: one write transaction with an fsync per group.

use crate::durable::{Group, Measured};
use redb::{Database, Durability, TableDefinition};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tocsin::store::documents::{DocumentId, Write};

const COMMITS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("commits");
const DOCUMENTS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("documents");

pub(crate) fn run(folder: &Path, groups: &[Group], time: Duration) -> Measured {
    std::fs::create_dir_all(folder).unwrap();
    let database = Database::create(folder.join("raw.redb")).unwrap();
    let (founding, groups) = groups.split_first().unwrap();
    write(&database, founding, 0);
    let (began, mut commands, mut latencies) = (Instant::now(), 0, Vec::new());
    for n in 0.. {
        if began.elapsed() >= time {
            break;
        }
        let group = &groups[n % groups.len()];
        let started = Instant::now();
        write(&database, group, 1 + (n / groups.len()) as u64);
        latencies.push(started.elapsed());
        commands += group.commands;
    }
    latencies.sort();
    Measured {
        group: groups[0].commits.len() as f64,
        per_second: commands as f64 / began.elapsed().as_secs_f64(),
        p50: latencies[latencies.len() / 2],
        p99: latencies[latencies.len() * 99 / 100],
    }
}

/// A log only grows: each round through the groups has numbers behind those of the round before.
fn write(database: &Database, group: &Group, round: u64) {
    let mut transaction = database.begin_write().unwrap();
    transaction.set_durability(Durability::Immediate).unwrap();
    {
        let mut commits = transaction.open_table(COMMITS).unwrap();
        for (org, first, bytes) in &group.commits {
            let key = [org.uuid().as_bytes().as_slice(), &(first + round * 1_000_000).to_be_bytes()].concat();
            commits.insert(key.as_slice(), bytes.as_bytes()).unwrap();
        }
        let mut documents = transaction.open_table(DOCUMENTS).unwrap();
        for write in &group.documents {
            let Write::Put { collection, id, body } = write else { continue };
            let mut key = vec![*collection as u8];
            match id {
                DocumentId::Entity(id) => {
                    // In the order of organizations, as a store that lists an organization's documents has to keep them.
                    key.extend_from_slice(body.get_binary("org").unwrap().bytes);
                    key.extend_from_slice(id);
                }
                DocumentId::Numbered(org, number) => {
                    key.extend_from_slice(org.uuid().as_bytes());
                    key.extend_from_slice(body.get_binary("service").unwrap().bytes);
                    key.extend_from_slice(&(u64::from(*number) + round * 1_000_000).to_be_bytes());
                }
            }
            documents.insert(key.as_slice(), body.as_bytes()).unwrap();
        }
    }
    transaction.commit().unwrap();
}
