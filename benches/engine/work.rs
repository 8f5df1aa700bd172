//! The work that engine and raw store are both given.

use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;
use tocsin::store;
use tocsin_actors::{
    clock::SystemClock,
    directory::{Directory, Settings},
    domain::{Order, status::ServiceStatus},
    store::Store,
    testkit::builders::*,
};

/// Which store is measured.
#[derive(Clone)]
pub(crate) enum Kind {
    Embedded,
    Mongodb(String),
}

/// A store of its own for one measurement.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) folder: PathBuf,
    _temp: TempDir,
}

impl Kind {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded (redb)",
            Self::Mongodb(_) => "MongoDB",
        }
    }

    /// An empty one each time, on the disk of the build rather than in a memory file system.
    pub(crate) fn place(&self) -> Place {
        let temp = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let folder = temp.path().join("data");
        let url = match self {
            Self::Embedded => format!("file:{}", folder.display()),
            Self::Mongodb(uri) => {
                let (base, query) = uri.split_once('?').unwrap_or((uri, ""));
                let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
                let base = &base[..base.rfind('/').unwrap()];
                format!("{base}/{name}{}{query}", if query.is_empty() { "" } else { "?" })
            }
        };
        Place { url, folder, _temp: temp }
    }
}

impl Place {
    pub(crate) async fn engine(&self) -> (Arc<dyn Store>, Directory) {
        self.engine_with(Settings::default()).await
    }
    pub(crate) async fn engine_with(&self, settings: Settings) -> (Arc<dyn Store>, Directory) {
        let store = store::open(&self.url).await.unwrap_or_else(|error| panic!("{error}"));
        let directory = Directory::start(store.clone(), Arc::new(SystemClock), settings).await.unwrap();
        (store, directory)
    }
}

/// Organizations 1 to `orgs`, each with so many services.
pub(crate) async fn found(directory: &Directory, orgs: u64, services: u64) {
    let founded = (1..=orgs).map(|n| {
        let directory = directory.clone();
        tokio::spawn(async move {
            directory.execute(org(n), vec![create_organization(n)]).await.unwrap();
            let services: Vec<Order> = (1..=services).map(create_service).collect();
            for some in services.chunks(100) {
                directory.execute(org(n), some.to_vec()).await.unwrap();
            }
        })
    });
    futures::future::join_all(founded.collect::<Vec<_>>()).await.into_iter().for_each(Result::unwrap);
}

/// The n-th change of a caller: a status that is always another one than before.
pub(crate) fn change(service: u64, n: u64) -> Order {
    let status = if n.is_multiple_of(2) { ServiceStatus::MajorOutage } else { ServiceStatus::Operational };
    Order { at: chrono::Utc::now().into(), ..set_status(service, status) }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
