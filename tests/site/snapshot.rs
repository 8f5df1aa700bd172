//! What is shown, as it was read by a person. `TOCSIN_BLESS=1` writes the snapshots anew.

use std::path::Path;

/// Compares with what was read, or writes it.
pub(crate) fn compare(name: &str, shown: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/site").join(name);
    let shown = redacted(shown);
    if std::env::var_os("TOCSIN_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(shown, expected, "{} is no longer so; TOCSIN_BLESS=1 takes it as it is", file.display());
}

/// Without what is different each time, and with line ends that a person can see.
fn redacted(text: &str) -> String {
    // An id may stand where a line of a calendar is folded.
    let text = &text.split("\r\nURL:").enumerate().fold(String::new(), |all, (at, part)| match at {
        0 => part.to_owned(),
        _ => format!("{all}\r\nURL:{}", part.replacen("\r\n ", "", 1)),
    });
    let ids = text.split(|letter: char| !letter.is_ascii_hexdigit() && letter != '-');
    let ids: Vec<_> = ids.filter(|word| uuid::Uuid::try_parse(word).is_ok()).collect();
    let text = ids.into_iter().fold(text.to_owned(), |text, id| text.replace(id, "<id>"));
    let words: Vec<_> = text.split(['<', '>', '"']).collect();
    let is_fixed = |word: &str| word.starts_with("2126-") || word.contains(" 2126 ");
    let is_time = |word: &str| !is_fixed(word) && chrono::DateTime::parse_from_rfc3339(word).is_ok();
    let is_date = |word: &str| !is_fixed(word) && chrono::DateTime::parse_from_rfc2822(word).is_ok();
    let times: Vec<_> = words.iter().copied().filter(|word| is_time(word)).map(str::to_owned).collect();
    let dates: Vec<_> = words.iter().copied().filter(|word| is_date(word)).map(str::to_owned).collect();
    let text = times.iter().fold(text, |text, time| text.replace(time, "<time>"));
    let text = dates.iter().fold(text, |text, date| text.replace(date, "<date>"));
    let text = between(&text, "Incident/", "<", "<number>");
    let text = between(&text, "tag:", ",2005:", "<host>");
    let text = between(&text, "&#60;small&#62;", "&#60;/small&#62;", "<when>");
    let text = ["DTSTAMP:", "CREATED:", "LAST-MODIFIED:"].iter().fold(text, |text, name| between(&text, name, "\r\n", "<time>"));
    between(&text, "SEQUENCE:", "\r\n", "<number>").replace('\r', "␍")
}

/// With something else wherever one thing is followed by another.
fn between(text: &str, begin: &str, end: &str, with: &str) -> String {
    let mut parts = text.split(begin);
    let mut redacted = parts.next().unwrap().to_owned();
    for part in parts {
        let (_, rest) = part.split_once(end).unwrap_or_else(|| panic!("{begin} without {end}: {part}"));
        redacted += &format!("{begin}{with}{end}{rest}");
    }
    redacted
}

/// Whether every tag is closed and no character is one that XML does not have; for what is written without comments,
/// sections and entities of its own.
pub(crate) fn assert_well_formed(xml: &str) {
    let allowed = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\t');
    let odd = xml.chars().find(|letter| !allowed(*letter) || matches!(letter, '\u{fffe}' | '\u{ffff}'));
    assert_eq!(odd, None);
    let mut open = Vec::new();
    for part in xml.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("<{part} is not closed"));
        assert!(!text.contains('>'), "{text}");
        for entity in part.split('&').skip(1) {
            assert!(entity.starts_with('#') && entity.split_once(';').is_some(), "&{entity}");
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{xml}"),
            None if tag.ends_with('/') || tag.starts_with('?') => {}
            None => open.push(tag.split([' ', '\n']).next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?} are not closed");
}
