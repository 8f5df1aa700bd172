//! Whether everything that a file names is in it, and each name stands for one thing.

use super::{
    fixture::{AffectedSpec, Fixture, OrgSpec},
    problem::{Problem, hint},
    read::Told,
};
use std::collections::{BTreeMap, BTreeSet};
use tocsin_actors::accounts::folded;

/// Notes every name that stands for nothing or for two things.
pub(super) fn check(fixture: &Fixture, problems: &mut Vec<Problem>) {
    let users = names("user", fixture.users.iter().map(|user| &user.id), problems);
    unique("e-mail address", fixture.users.iter().map(|u| (folded(&u.email.value), u.spots.field("email"))), problems);
    let username = |u: &super::fixture::UserSpec| u.username.as_deref().map(|name| (folded(name), u.spots.field("username")));
    unique("username", fixture.users.iter().filter_map(username), problems);
    let slugs = fixture.organizations.iter().map(|org| (org.slug.to_string(), org.spots.field("slug")));
    unique("slug", slugs, problems);
    let domains =
        fixture.organizations.iter().filter_map(|org| Some((org.domain.as_ref()?.to_string(), org.spots.field("domain"))));
    unique("domain", domains, problems);
    for org in &fixture.organizations {
        Names::of(org, &users, problems).check(org, problems);
    }
}

type Known<'a> = BTreeSet<&'a str>;

/// What can be named inside one organization.
struct Names<'a> {
    users: &'a Known<'a>,
    members: Known<'a>,
    teams: Known<'a>,
    groups: Known<'a>,
    services: Known<'a>,
}

impl<'a> Names<'a> {
    fn of(org: &'a OrgSpec, users: &'a Known<'a>, problems: &mut Vec<Problem>) -> Self {
        names("monitor", org.monitors.iter().map(|monitor| &monitor.id), problems);
        names("incident or maintenance", org.incidents.iter().map(|incident| &incident.id), problems);
        Self {
            users,
            members: names("member", org.members.iter().map(|member| &member.user), problems),
            teams: names("team", org.teams.iter().map(|team| &team.id), problems),
            groups: names("group", org.groups.iter().map(|group| &group.id), problems),
            services: names("service", org.services.iter().map(|service| &service.id), problems),
        }
    }

    fn check(&self, org: &OrgSpec, problems: &mut Vec<Problem>) {
        let here = "in this organization";
        for member in &org.members {
            known("user", &member.user, self.users, "in this file", problems);
        }
        for (user, _) in org.teams.iter().flat_map(|team| &team.members) {
            known("member", user, &self.members, here, problems);
        }
        for service in &org.services {
            service.group.iter().for_each(|group| known("group", group, &self.groups, here, problems));
            service.team.iter().for_each(|team| known("team", team, &self.teams, here, problems));
            let authors = service.history.iter().filter_map(|change| change.by.as_ref());
            authors.for_each(|by| known("user", by, self.users, "in this file", problems));
        }
        for incident in &org.incidents {
            let updates = incident.updates.iter();
            let authors = updates.filter_map(|update| update.by.as_ref());
            let authors = authors.chain(&incident.by).chain(incident.postmortem.iter().filter_map(|p| p.by.as_ref()));
            authors.for_each(|by| known("user", by, self.users, "in this file", problems));
            let affected = incident.affected.iter().chain(incident.updates.iter().flat_map(|update| &update.affected));
            let services = affected.filter_map(|affected: &AffectedSpec| affected.service.as_ref());
            services.for_each(|service| known("service", service, &self.services, here, problems));
        }
        let driven = org.monitors.iter().filter_map(|monitor| monitor.service.as_ref());
        driven.for_each(|service| known("service", service, &self.services, here, problems));
    }
}

/// All names of a kind; those used twice are problems. Empty ones were complained about already.
fn names<'a>(kind: &str, ids: impl Iterator<Item = &'a Told<String>>, problems: &mut Vec<Problem>) -> Known<'a> {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for id in ids.filter(|id| !id.value.is_empty()) {
        if let Some(line) = first.get(id.value.as_str()) {
            let message = format!("there is a {kind} {:?} already, in line {line}", id.value);
            problems.push(Problem { spot: id.spot.clone(), message });
        } else {
            first.insert(&id.value, id.spot.place.line);
        }
    }
    first.into_keys().collect()
}

fn unique(what: &str, values: impl Iterator<Item = (String, super::problem::Spot)>, problems: &mut Vec<Problem>) {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (value, spot) in values.filter(|(value, _)| !value.is_empty()) {
        match first.get(&value) {
            Some(line) => problems.push(Problem { message: format!("the {what} {value:?} is used already, in line {line}"), spot }),
            None => drop(first.insert(value, spot.place.line)),
        }
    }
}

fn known(kind: &str, name: &Told<String>, known: &Known<'_>, place: &str, problems: &mut Vec<Problem>) {
    if name.value.is_empty() || known.contains(name.value.as_str()) {
        return;
    }
    let hint = hint(&name.value, known.iter().copied());
    problems.push(Problem { spot: name.spot.clone(), message: format!("there is no {kind} {:?} {place}{hint}", name.value) });
}
