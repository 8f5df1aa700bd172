//! A store with a bit of everything in it.

use crate::program::{Place, fixture};
use tocsin::store;
use tocsin_actors::{
    accounts::{ExternalIdentity, User},
    domain::{Command, Edit, Timestamp, command::OrganizationChange, entities::Scalar, status::ServiceStatus},
    records::{Record, RecordKind},
    store::Store,
    testkit::builders::*,
};

/// The address of a folder of a place, wherever one stands.
pub(crate) fn folder(place: &Place, name: &str) -> String {
    format!("file:{}", place.path().join(name).display())
}

/// Fixtures, generated data, and what neither has.
pub(crate) async fn fill(place: &Place, url: &str) {
    place.run(&["seed", "--store", url, "--quiet", &fixture("demo.yaml"), &fixture("plive.yaml")]).ok();
    place.run(&["seed", "--store", url, "--quiet", "--generate", "orgs=30,services=4,incidents=6"]).ok();
    let store = store::open(url).await.unwrap();
    let store = &*store;
    organizations(store).await;
    accounts(store).await;
    store.settle().await.unwrap();
}

/// One that lived long, one that was deleted, and the words that spoil files.
async fn organizations(store: &dyn Store) {
    let mut old = Writer::of(1);
    old.append(store, [create_organization(1), create_service(1)]).await.unwrap();
    for n in 0..250 {
        let flap = [ServiceStatus::MajorOutage, ServiceStatus::Operational].map(|status| set_status(1, status).at(n));
        let flaps = std::iter::repeat_n(flap, 6).flatten();
        let name = rename(format!("Größe {n} \"🚨\" \\u0000 {{\"end\":1}}")).at(n);
        let description = Edit::Set(format!("line 1\nline 2\r\n{{\"end\":{n}}}\n\tdone\n"));
        let describe = order(Command::ChangeOrganization(Box::new(OrganizationChange { description, ..Default::default() }))).at(n);
        old.append(store, flaps.chain([name, describe])).await.unwrap();
    }
    let mut gone = Writer::of(2);
    gone.append(store, [create_organization(2), create_service(2)]).await.unwrap();
    gone.append(store, [delete_organization()]).await.unwrap();
    store.claim_name("org-1".parse().unwrap(), org(1), at(1)).await.unwrap();
    store.claim_name("status.org-1.example".parse().unwrap(), org(1), at(2)).await.unwrap();
    // Somebody who began to found an organization and never came back.
    store.claim_name("never-founded".parse().unwrap(), org(77), Timestamp::from_millis(-1)).await.unwrap();
}

async fn accounts(store: &dyn Store) {
    let identity = |subject: &str| ExternalIdentity { issuer: "https://id.example.org".into(), subject: subject.into() };
    let metadata = [
        ("whole".to_owned(), Scalar::Int(3)),
        ("part".to_owned(), Scalar::Float(-0.1)),
        ("round".to_owned(), Scalar::Float(3.0)),
        ("end".to_owned(), Scalar::Text("$date".into())),
    ];
    let ann = User { version: 1, external: vec![identity("a"), identity("b")], metadata: metadata.into(), ..person(1) };
    store.create_user(ann.clone()).await.unwrap();
    store.replace_user(User { version: 2, superadmin: true, ..ann }).await.unwrap();
    store.create_user(User { username: None, active: false, ..person(2) }).await.unwrap();
    for kind in RecordKind::ALL {
        for n in 1..=3_u64 {
            let expires_at = (n != 2).then(|| at(i64::try_from(n).unwrap()));
            let record = Record::new(kind, api_key(n).uuid(), user(n % 2).uuid(), expires_at, &person(n)).unwrap();
            store.put_record(record.clone()).await.unwrap();
            let changed = record.changed(record.expires_at, &person(n + 10)).unwrap();
            if n == 3 {
                store.put_record(changed).await.unwrap();
            }
        }
    }
    store.skip_numbers(1_000).await.unwrap();
}
