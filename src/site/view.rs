//! Everything that the page of an organization shows, in the words and the order in which it shows it. Templates only write
//! it down.

use super::{
    bars::{self, Bar},
    history::{self, PastDays},
    overall::Overall,
    time::{self, Clockwork, Time},
    tone::{Tone, status_word},
};
use crate::page::Audience;
use chrono::Days;
use std::{cmp::Reverse, collections::HashMap};
use tocsin_actors::domain::{
    Incident, Org, ServiceId, Timestamp,
    entities::{Organization, Service},
    incident::Update,
    status::Kind,
};

/// How many days back incidents that are over are shown.
const PAST_DAYS: u64 = 14;

/// The page.
pub(super) struct View {
    pub(super) tone: Tone,
    pub(super) since: Time,
    pub(super) updated: Time,
    pub(super) is_empty: bool,
    pub(super) groups: Vec<Group>,
    pub(super) active: Vec<Card>,
    pub(super) upcoming: Vec<Card>,
    pub(super) past: Vec<PastDays>,
}

/// A heading with its services.
#[derive(Clone)]
pub(super) struct Group {
    /// None of those that stand under none.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) tone: Tone,
    pub(super) services: Vec<Row>,
}

/// A service.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) tone: Tone,
    pub(super) bar: Bar,
}

/// What goes on, or is to come.
#[derive(Clone)]
pub(super) struct Card {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) tone: Tone,
    /// How much it matters, or how far it is.
    pub(super) word: String,
    /// Empty for what was planned, which has a window instead.
    pub(super) started: Time,
    pub(super) window: Time,
    pub(super) affected: String,
    pub(super) updates: Vec<Said>,
}

/// An entry of a timeline.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) id: String,
    pub(super) word: String,
    pub(super) at: Time,
    pub(super) message: String,
}

impl View {
    /// As visitors see it now.
    pub(super) fn of(org: &Org, organization: &Organization, now: Timestamp) -> Self {
        let clock = Clockwork(organization.time_zone);
        let Overall { tone, since, updated } = Overall::of(org, organization);
        let services = Audience::Public.services(org);
        let active = Audience::Public.active(org);
        let card = |incident: &Incident, last| Card::of(org, incident, clock, last);
        Self {
            tone,
            since: since.map_or_else(|| time::none("full"), |since| clock.full(since)),
            updated: if clock.date(updated) == clock.date(now) { clock.time(updated) } else { clock.full(updated) },
            is_empty: services.is_empty() && active.is_empty(),
            groups: groups(org, &services, now),
            active: active.into_iter().map(|incident| card(incident, false)).collect(),
            upcoming: Audience::Public.upcoming(org).into_iter().map(|incident| card(incident, true)).collect(),
            past: {
                let today = clock.date(now);
                let first = today.checked_sub_days(Days::new(PAST_DAYS - 1)).unwrap_or(today);
                history::days(history::over(org), clock, (first, today), today)
            },
        }
    }
}

fn groups(org: &Org, services: &[&Service], now: Timestamp) -> Vec<Group> {
    let mut touched: HashMap<ServiceId, Vec<&Incident>> = HashMap::new();
    let oldest = now.before(std::time::Duration::from_secs(u64::from(bars::DAYS + 1) * 86_400));
    for incident in history::begun(org).filter(|incident| incident.resolved_at.is_none_or(|end| end > oldest)) {
        for service in incident.affected.iter().filter_map(|affected| affected.service) {
            touched.entry(service).or_default().push(incident);
        }
    }
    let row = |service: &&&Service| {
        let days = org.uptime_days(service.id, bars::DAYS, now).unwrap_or_default();
        let incidents = touched.get(&service.id).map(Vec::as_slice).unwrap_or_default();
        Row {
            id: service.id.to_string(),
            name: service.name.clone(),
            description: service.description.clone(),
            tone: service.status.into(),
            bar: Bar::of(&service.name, &days, incidents),
        }
    };
    let group = |id: String, name: &str, description: &str, services: Vec<Row>| Group {
        id,
        name: name.to_owned(),
        description: description.to_owned(),
        tone: services.iter().map(|row| row.tone).max().unwrap_or(Tone::Nothing),
        services,
    };
    let with_heading = Audience::Public.groups(org, services).into_iter().map(|heading| {
        let here = services.iter().filter(|service| service.group == Some(heading.id));
        group(heading.id.to_string(), &heading.name, &heading.description, here.collect::<Vec<_>>().iter().map(row).collect())
    });
    let alone = services.iter().filter(|service| service.group.is_none()).collect::<Vec<_>>();
    let alone = group(String::new(), "Other services", "", alone.iter().map(row).collect());
    with_heading.chain([alone]).filter(|group| !group.services.is_empty()).collect()
}

impl Card {
    fn of(org: &Org, incident: &Incident, clock: Clockwork, only_last: bool) -> Self {
        let (tone, word) = Tone::of_incident(incident);
        let planned = incident.scheduled_start.filter(|_| incident.kind() == Kind::Maintenance);
        let updates = newest_first(incident).into_iter().take(if only_last { 1 } else { usize::MAX });
        Self {
            id: incident.id.to_string(),
            title: incident.title.clone(),
            description: incident.description.clone(),
            tone,
            word,
            started: if planned.is_some() { time::none("full") } else { clock.full(incident.started_at) },
            window: planned.map_or_else(|| time::none("range"), |from| clock.window(from, incident.scheduled_end)),
            affected: affected_names(org, incident),
            updates: updates.map(|update| Said::of(update, clock)).collect(),
        }
    }
}

/// What it touches, as far as visitors may know.
pub(super) fn affected_names(org: &Org, incident: &Incident) -> String {
    let affected = incident.affected.iter().filter(|affected| Audience::Public.may_name(org, affected));
    affected.map(|affected| affected.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A timeline as people read it.
pub(super) fn newest_first(incident: &Incident) -> Vec<&Update> {
    let mut updates: Vec<_> = incident.updates.iter().collect();
    updates.sort_by_key(|update| Reverse((update.shown_at, update.number)));
    updates
}

/// What was told last; where nothing was, what it is about.
pub(super) fn last_word(incident: &Incident) -> &str {
    let about = if incident.description.is_empty() { &incident.title } else { &incident.description };
    newest_first(incident).first().map_or(about, |update| &update.message)
}

impl Said {
    pub(super) fn of(update: &Update, clock: Clockwork) -> Self {
        Self {
            id: update.id.to_string(),
            word: status_word(update.status),
            at: clock.full(update.shown_at),
            message: update.message.clone(),
        }
    }
}
