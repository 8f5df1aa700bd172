//! `tocsin seed` on both stores.

use crate::{
    mongod::Mongod,
    program::{Place, fixture},
};

fn seeds(place: &Place, url: &str) {
    let seed = |args: &[&str]| place.run(&[&["seed", "--store", url][..], args].concat()).ok();
    let demo = fixture("demo.yaml");
    let dry = seed(&["--dry-run", &demo]);
    assert!(dry.contains("kestrel: ") && dry.contains("would be created"), "{dry}");
    assert!(place.files().is_empty(), "a dry run makes nothing: {:?}", place.files().keys());
    assert!(seed(&[&demo]).contains("members: created"));
    let again = seed(&[&demo]);
    assert!(again.lines().count() == 2 && again.lines().all(|line| line.ends_with(": nothing to do")), "{again}");
    assert!(seed(&["--dry-run", &demo]).lines().all(|line| line.ends_with(": nothing to do")));
    let all = ["fastapi", "flask", "plive", "prisma", "statusnexus"].map(|name| fixture(&format!("{name}.yaml")));
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    assert!(seed(&all).contains("created"));
    let dry = seed(&["--dry-run", "--generate", "orgs=50,services=5,incidents=3"]);
    assert_eq!(dry, "50 generated organizations: 50 would be created\n");
    let made = seed(&["--generate", "orgs=50,services=5,incidents=3"]);
    assert_eq!(made, "50 generated organizations: 50 created\n");
    assert_eq!(seed(&["--quiet", "--generate", "orgs=50,services=5,incidents=3"]), "");
    let checked = place.run(&["check", "--store", url]).ok();
    assert!(checked.ends_with(": no differences\n") && checked.lines().count() == 1, "{checked}");
}

#[test]
fn fixtures_and_made_up_data_fill_an_embedded_store_once() {
    seeds(&Place::new(), "file:data");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fixtures_and_made_up_data_fill_a_database_once() {
    let url = Mongod::shared().await.uri("seeded");
    seeds(&Place::new(), &url);
}

#[test]
fn a_dry_run_leaves_a_store_as_it_is() {
    let place = Place::new();
    place.run(&["seed", &fixture("flask.yaml")]).ok();
    let before = place.files();
    let said = place.run(&["seed", "--dry-run", &fixture("demo.yaml"), &fixture("flask.yaml")]).ok();
    assert!(said.contains("would be created") && said.contains("nothing to do"), "{said}");
    assert!(place.files() == before);
}

#[test]
fn flags_may_come_from_the_environment() {
    let place = Place::new();
    let mut command = place.command(&crate::program::program());
    command.arg("seed").env("TOCSIN_STORE", "file:elsewhere").env("TOCSIN_GENERATE", "orgs=2,services=1").env("TOCSIN_QUIET", "1");
    assert_eq!(crate::program::finish(&mut command).ok(), "");
    assert!(place.path().join("elsewhere/tocsin.redb").is_file());
    assert!(place.run(&["check", "--store", "file:elsewhere"]).ok().starts_with("2 organizations, "));
}
