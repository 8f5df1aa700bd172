//! Everything that the page of an organization shows, in the words and the order in which it shows it. Templates only write
//! it down.

use super::{
    bars::{self, Bar},
    overall::Overall,
    time::{self, Clockwork, Time},
    tone::{Tone, duration, status_word},
};
use crate::page::Audience;
use chrono::{Days, NaiveDate};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};
use tocsin_actors::domain::{
    Incident, Org, ServiceId, Timestamp,
    entities::{Organization, Service},
    incident::Update,
    status::{IncidentStatus, Kind},
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

/// What is over.
#[derive(Clone)]
pub(super) struct Past {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) tone: Tone,
    pub(super) word: String,
    pub(super) when: Time,
    pub(super) length: String,
    pub(super) message: String,
}

/// A day, or a run of days on which nothing happened.
pub(super) struct PastDays {
    pub(super) heading: Time,
    /// The day, unless it is a run of quiet ones.
    pub(super) date: Option<String>,
    pub(super) items: Vec<Past>,
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
            updated: clock.time(updated),
            is_empty: services.is_empty() && active.is_empty(),
            groups: groups(org, &services, now),
            active: active.into_iter().map(|incident| card(incident, false)).collect(),
            upcoming: Audience::Public.upcoming(org).into_iter().map(|incident| card(incident, true)).collect(),
            past: {
                let today = clock.date(now);
                let first = today.checked_sub_days(Days::new(PAST_DAYS - 1)).unwrap_or(today);
                past(org, clock, first, today)
            },
        }
    }
}

fn groups(org: &Org, services: &[&Service], now: Timestamp) -> Vec<Group> {
    let mut touched: HashMap<ServiceId, Vec<&Incident>> = HashMap::new();
    let oldest = now.before(std::time::Duration::from_secs(u64::from(bars::DAYS + 1) * 86_400));
    let seen = org.incidents().values().filter(|incident| Audience::Public.sees(incident.visibility));
    for incident in seen.filter(|incident| incident.resolved_at.is_none_or(|end| end > oldest)) {
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
        let affected = incident.affected.iter().filter(|affected| Audience::Public.may_name(org, affected));
        let updates = newest_first(incident).into_iter().take(if only_last { 1 } else { usize::MAX });
        Self {
            id: incident.id.to_string(),
            title: incident.title.clone(),
            description: incident.description.clone(),
            tone,
            word,
            started: if planned.is_some() { time::none("full") } else { clock.full(incident.started_at) },
            window: match (planned, incident.scheduled_end) {
                (None, _) => time::none("range"),
                (Some(from), Some(until)) => clock.range(from, until),
                (Some(from), None) => Time { format: "range", ..clock.full(from) },
            },
            affected: affected.map(|affected| affected.name.as_str()).collect::<Vec<_>>().join(", "),
            updates: updates.map(|update| Said::of(update, clock)).collect(),
        }
    }
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
    fn of(update: &Update, clock: Clockwork) -> Self {
        Self {
            id: update.id.to_string(),
            word: status_word(update.status),
            at: clock.full(update.shown_at),
            message: update.message.clone(),
        }
    }
}

impl Past {
    fn of(incident: &Incident, clock: Clockwork) -> Self {
        let end = ended(incident);
        Self {
            id: incident.id.to_string(),
            title: incident.title.clone(),
            tone: Tone::of_incident(incident).0,
            word: status_word(incident.status),
            when: clock.hours(incident.started_at, end),
            length: duration(end.since(incident.started_at)),
            message: newest_first(incident).first().map(|update| update.message.clone()).unwrap_or_default(),
        }
    }
}

fn ended(incident: &Incident) -> Timestamp {
    incident.resolved_at.or(incident.actual_end).unwrap_or(incident.updated_at).max(incident.started_at)
}

/// What is over and began on these days, the newest first; quiet days that follow each other are one, but for today.
fn past(org: &Org, clock: Clockwork, first: NaiveDate, last: NaiveDate) -> Vec<PastDays> {
    let mut by_day: BTreeMap<NaiveDate, Vec<&Incident>> = BTreeMap::new();
    let is_past = |incident: &Incident| incident.status.is_over() && incident.status != IncidentStatus::Cancelled;
    let seen = org.incidents().values().filter(|incident| Audience::Public.sees(incident.visibility));
    for incident in seen.map(AsRef::as_ref).filter(|incident: &&Incident| is_past(incident)) {
        by_day.entry(clock.date(incident.started_at)).or_default().push(incident);
    }
    let mut days: Vec<PastDays> = Vec::new();
    let mut quiet: Option<(NaiveDate, NaiveDate)> = None;
    let still = |(from, until)| PastDays { heading: time::days(from, until), date: None, items: Vec::new() };
    for date in std::iter::successors(Some(last), NaiveDate::pred_opt).take_while(|date| *date >= first) {
        let mut items = by_day.remove(&date).unwrap_or_default();
        if items.is_empty() && date != last {
            quiet = Some((date, quiet.map_or(date, |(_, until)| until)));
            continue;
        }
        days.extend(quiet.take().map(still));
        items.sort_by_key(|incident| Reverse((incident.started_at, incident.number)));
        let items = items.into_iter().map(|incident| Past::of(incident, clock)).collect();
        days.push(PastDays { heading: time::day(date), date: Some(date.to_string()), items });
    }
    days.extend(quiet.map(still));
    days
}
