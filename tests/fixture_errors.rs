//! What people read who made a mistake in a fixture: file, line, column, field, a sentence, and the line itself.

#![allow(clippy::unwrap_used)] // tests may

use std::collections::BTreeMap;
use tocsin::seed::{
    Fixture,
    ids::{self, Ids},
    plan::{Circumstances, Plan},
    problem::Problems,
    rehearse::Rehearsal,
};
use tocsin_actors::domain::Org;

/// Everything that is wrong with a file, however late it shows.
fn problems(source: &str) -> String {
    let fixture = match Fixture::read("f.yaml", source) {
        Ok(fixture) => fixture,
        Err(problems) => return problems.to_string(),
    };
    let users: BTreeMap<_, _> = fixture.users.iter().map(|u| (u.id.value.clone(), ids::user(&u.email.value))).collect();
    let mut list = Vec::new();
    for spec in &fixture.organizations {
        let org = Org::new(Ids::of(&spec.slug).org());
        let now = "2026-05-04T09:41:00Z".parse().unwrap();
        let plan = Plan::new(spec, Circumstances { now, users: &users, org: &org, number: 1 });
        list.extend(plan.and_then(|plan| Rehearsal::of(&plan, &org)).err().unwrap_or_default());
    }
    Problems::new("f.yaml", source, list).to_string()
}

/// An organization with one service and more lines.
fn acme(more: &str) -> String {
    format!(
        "organizations:\n  - slug: acme\n    name: Acme\n    created: 9 days ago\n    services:\n      - {{ id: api, name: API }}\n{more}"
    )
}

#[test]
fn a_mistake_is_one_sentence_and_its_line() {
    let source = acme(
        "    incidents:\n      - id: a\n        title: A\n        started: 1 day ago\n        affected:\n          - service: apj\n",
    );
    let expected = "\
f.yaml:12:22: organizations[0].incidents[0].affected[0].service: there is no service \"apj\" in this organization (did you mean \"api\"?)
  12 |           - service: apj
     |                      ^";
    assert_eq!(problems(&source), expected);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let incident = |fields: &str| acme(&format!("    incidents:\n      - {{ id: a, title: A, {fields} }}\n"));
    let long = format!("      - id: web\n        name: {}\n", "x".repeat(201));
    let not_a_time = "is not a time; write it like \"3 days ago\", \"2h30m ago\", \"in 2 days\", \"90 days ago at 14:00\", \
                      \"today 09:00\", \"+15m\" (after the start) or 2026-01-31T09:30:00Z";
    // The file, the line, what the caret stands under, the path and the sentence.
    for (source, line, under, told) in [
        ("users: hello".to_owned(), 1, "hello", "users: must be a list, not the text \"hello\""),
        ("users: [".to_owned(), 1, "[", "this is not valid YAML: unclosed bracket '['"),
        ("users: []\nusers: []\n".to_owned(), 2, "users", "this is not valid YAML: duplicate mapping key: users"),
        (
            acme("      - { id: web, name: Web, description: Fast, and pretty }\n"),
            7,
            "and pretty",
            "organizations[0].services[1]: a text with a comma inside { } needs quotes around it",
        ),
        (acme("    colour: red\n"), 7, "colour", "organizations[0]: there is no field \"colour\" here"),
        (
            incident("started: 1 day ago, udpates: []"),
            8,
            "udpates",
            "organizations[0].incidents[0]: there is no field \"udpates\" here (did you mean \"updates\"?)",
        ),
        (
            acme("    description: 12\n"),
            7,
            "12",
            "organizations[0].description: must be a text, not the number 12; put it in quotes",
        ),
        (
            acme("      - { id: api, name: Another }\n"),
            7,
            "api",
            "organizations[0].services[1].id: there is a service \"api\" already, in line 6",
        ),
        (
            incident("started: 3 dyas ago"),
            8,
            "3 dyas",
            &format!("organizations[0].incidents[0].started: \"3 dyas ago\" {not_a_time}"),
        ),
        (incident("started: in 2 days"), 8, "in 2 days", "organizations[0].incidents[0].started: \"in 2d\" lies in the future"),
        (
            acme("    maintenances:\n      - { id: a, title: A, announced: 1 day ago, start: in 2 days, end: in 1 day }\n"),
            8,
            "in 1 day",
            "organizations[0].maintenances[0].end: must be after the start",
        ),
        (
            incident("started: 10 days ago"),
            8,
            "10 days",
            "organizations[0].incidents[0].started: lies before the organization was created",
        ),
        (
            incident("started: 3 days ago, updates: [{ at: 4 days ago, message: M }]"),
            8,
            "4 days",
            "organizations[0].incidents[0].updates[0].at: lies before the start",
        ),
        (
            acme(
                "      - { id: web, name: Web, created: 1 day ago }\n    incidents:\n      - { id: a, title: A, started: 2 days ago, affected: [web] }\n",
            ),
            9,
            "web",
            "organizations[0].incidents[0].affected[0]: the service \"web\" did not exist at that time",
        ),
        (
            acme("    monitors:\n      - { id: m, name: M, url: x, service: apj }\n"),
            8,
            "apj",
            "organizations[0].monitors[0].service: there is no service \"apj\" in this organization (did you mean \"api\"?)",
        ),
        (
            acme("    monitors:\n      - { id: m, name: M, url: x, interval_s: 5 }\n"),
            8,
            "5",
            "organizations[0].monitors[0].interval_s: is between 10 and 86400",
        ),
        (
            acme("    monitors:\n      - { id: m, name: M, url: x, readings: [{ at: 1 day ago, every: 1s }] }\n"),
            8,
            "1 day",
            "organizations[0].monitors[0].readings[0].at: a monitor may have 10080 readings; make them rarer",
        ),
        (
            acme("    monitors:\n      - { id: m, name: M, url: x, readings: [{ at: 1 day ago, every: often }] }\n"),
            8,
            "often",
            "organizations[0].monitors[0].readings[0].every: \"often\" is not a span of time; write it like \"90s\", \"5m\" or \
             \"2 hours 30 minutes\"",
        ),
        (
            acme("    monitors:\n      - { id: m, name: M, url: x, readings: [{ at: 1 day ago, until: now }] }\n"),
            8,
            "{ at",
            "organizations[0].monitors[0].readings[0]: how often? \"until\" needs \"every\"",
        ),
        (
            acme("    monitors:\n      - { id: m, name: M, url: x, timeout_ms: soon }\n"),
            8,
            "soon",
            "organizations[0].monitors[0].timeout_ms: must be a whole number, not the text \"soon\"",
        ),
        (
            "organizations:\n  - slug: Acme Inc\n    name: Acme\n".to_owned(),
            2,
            "Acme Inc",
            "organizations[0].slug: a slug has 1 to 63 lower-case letters, digits and inner hyphens",
        ),
        (
            acme("    domain: Status.acme.com\n"),
            7,
            "Status",
            "organizations[0].domain: a domain is a host name in lower case, like status.example.com (other scripts as `xn--…`), \
             without port and path",
        ),
        (
            format!("{}{}", acme("    domain: acme.com\n"), "  - { slug: other, name: Other, domain: acme.com }\n"),
            8,
            "acme.com",
            "organizations[1].domain: the domain \"acme.com\" is used already, in line 7",
        ),
        (
            "organizations:\n  - slug: acme\n    name: Acme\n    time_zone: Europe/Berln\n".to_owned(),
            4,
            "Europe/Berln",
            "organizations[0].time_zone: there is no time zone \"Europe/Berln\" (did you mean \"Europe/Berlin\"?)",
        ),
        (acme("    branding: { accent: red }\n"), 7, "{ accent", "organizations[0].branding.accent: must be a colour like #1a73e8"),
        (
            acme("      - { id: web, name: Web, status: down }\n"),
            7,
            "down",
            "organizations[0].services[1].status: \"down\" is not one of operational, under_maintenance, degraded_performance, \
             partial_outage, major_outage",
        ),
        (
            acme("    incidents:\n      - id: a\n        started: 1 day ago\n"),
            8,
            "id: a",
            "organizations[0].incidents[0]: the field \"title\" is missing",
        ),
        (
            "users:\n  - { id: a, email: a@b.c, password_hash: md5 }\n".to_owned(),
            2,
            "md5",
            "users[0].password_hash: not an argon2id or bcrypt hash",
        ),
        (
            incident("started: 1 day ago, postmortem: { at: +1h, body: B }"),
            8,
            "{ at",
            "organizations[0].incidents[0].postmortem: a post-mortem is written when the incident is over",
        ),
        (acme(&long), 8, "xxx", "organizations[0].services[1].name: must have at most 200 characters"),
    ] {
        let text = source.lines().nth(line - 1).unwrap();
        let before = text.find(under).unwrap();
        let shown: String = text.chars().take(120).collect();
        let (number, column) = (line.to_string(), before + 1);
        let expected = format!("f.yaml:{line}:{column}: {told}\n  {number} | {shown}\n  {0:1$} | {0:before$}^", "", number.len());
        let told = problems(&source);
        assert_eq!(told, expected, "\n--- told:\n{told}\n--- expected:\n{expected}");
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let source = acme("      - { id: web, name: 5, status: odd, group: nowhere }\n    teams:\n      - { id: t }\n");
    let told = problems(&source);
    let lines: Vec<_> = told.lines().filter(|line| line.starts_with("f.yaml")).collect();
    assert_eq!(lines.len(), 4, "{told}");
}

#[test]
fn a_file_that_is_no_text_of_a_fixture_is_refused() {
    assert_eq!(problems(""), "f.yaml:1:1: must be a map of fields, not nothing");
}

#[test]
fn a_file_may_be_json() {
    let json = r#"{"users": [{"id": "a", "email": "a@b.c"}], "organizations": [{"slug": "acme", "name": "Acme", "members": [{"user": "a", "role": "admin"}]}]}"#;
    assert_eq!(problems(json), "");
}
