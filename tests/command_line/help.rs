//! What the program says of itself. `TOCSIN_BLESS=1` writes the snapshots anew.

use crate::program::Place;
use std::path::Path;

#[test]
fn help_is_as_it_was_read() {
    let place = Place::new();
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    for (name, args) in [
        ("help", &["--help"][..]),
        ("help-serve", &["serve", "--help"]),
        ("help-seed", &["seed", "--help"]),
        ("help-check", &["check", "--help"]),
        ("help-demo", &["demo", "--help"]),
        ("help-export", &["export", "--help"]),
        ("help-import", &["import", "--help"]),
        ("help-loadtest", &["loadtest", "--help"]),
    ] {
        let said = place.run(args).ok();
        let file = snapshots.join(format!("{name}.txt"));
        if std::env::var_os("TOCSIN_BLESS").is_some() {
            std::fs::write(&file, &said).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(said, expected, "`tocsin {}` is not {}; TOCSIN_BLESS=1 takes it as it is", args.join(" "), file.display());
        assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
    }
    assert_eq!(place.run(&["--version"]).ok(), format!("tocsin {}\n", env!("CARGO_PKG_VERSION")));
    let done = place.run(&[]);
    assert_eq!((done.code, done.out.as_str()), (Some(2), ""));
    assert!(done.err.contains("Usage: tocsin <COMMAND>"), "{}", done.err);
    assert!(place.files().is_empty());
}
