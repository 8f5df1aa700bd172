//! What was: by day on the page, by month in the history.

use super::{
    time::{self, Clockwork, Time},
    tone::{Tone, duration, status_word},
    view::newest_first,
};
use crate::page::Audience;
use chrono::{Datelike, Months, NaiveDate};
use std::{
    cmp::Reverse,
    collections::BTreeMap,
    fmt::{self, Display},
    str::FromStr,
};
use tocsin_actors::domain::{Incident, Org, Timestamp, entities::Organization, status::IncidentStatus};

/// A month of some year, as people write it who live there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Month(NaiveDate);

/// What happened in a month, and where to read on.
pub(super) struct History {
    pub(super) month: Link,
    pub(super) older: Option<Link>,
    pub(super) newer: Option<Link>,
    pub(super) days: Vec<PastDays>,
}

/// A month that can be looked at.
pub(super) struct Link {
    /// The end of its address.
    pub(super) path: String,
    pub(super) text: String,
}

/// A day, or a run of days on which nothing happened.
pub(super) struct PastDays {
    pub(super) heading: Time,
    /// The day, unless it is a run of quiet ones.
    pub(super) date: Option<String>,
    pub(super) items: Vec<Past>,
}

/// What is over, or has at least begun.
#[derive(Clone)]
pub(super) struct Past {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) tone: Tone,
    pub(super) word: String,
    pub(super) when: Time,
    /// Empty for what goes on.
    pub(super) length: String,
    pub(super) message: String,
}

impl Month {
    fn of(date: NaiveDate) -> Self {
        Self(date.with_day(1).unwrap_or(date))
    }

    fn last_day(self) -> NaiveDate {
        self.0.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt()).unwrap_or(self.0)
    }

    fn link(self) -> Link {
        Link { path: self.to_string(), text: self.0.format("%B %Y").to_string() }
    }
}

impl FromStr for Month {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let month = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").map(Self).map_err(drop)?;
        if month.to_string() == text { Ok(month) } else { Err(()) }
    }
}

impl Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m").fmt(f)
    }
}

impl History {
    /// Of a month between the organization's first and this one; of this one, if none is named.
    pub(super) fn of(org: &Org, organization: &Organization, month: Option<Month>, now: Timestamp) -> Option<Self> {
        let clock = Clockwork(organization.time_zone);
        let today = clock.date(now);
        let oldest = begun(org).map(|incident| incident.started_at).min().unwrap_or(now).min(organization.created_at);
        let (first, last) = (Month::of(clock.date(oldest)), Month::of(today));
        let month = month.unwrap_or(last);
        let beside = |other: Option<NaiveDate>| other.map(Month).filter(|other| (first..=last).contains(other)).map(Month::link);
        (first..=last).contains(&month).then(|| Self {
            month: month.link(),
            older: beside(month.0.checked_sub_months(Months::new(1))),
            newer: beside(month.0.checked_add_months(Months::new(1))),
            days: days(begun(org), clock, (month.0, month.last_day().min(today)), today),
        })
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
            when: end.map_or_else(|| clock.time(incident.started_at), |end| clock.hours(incident.started_at, end)),
            length: end.map(|end| duration(end.since(incident.started_at))).unwrap_or_default(),
            message: newest_first(incident).first().map(|update| update.message.clone()).unwrap_or_default(),
        }
    }
}

/// When it was over, if it is.
pub(super) fn ended(incident: &Incident) -> Option<Timestamp> {
    let end = incident.resolved_at.or(incident.actual_end).unwrap_or(incident.updated_at);
    incident.status.is_over().then(|| end.max(incident.started_at))
}

/// What visitors see of what has happened; not what was only planned.
pub(super) fn begun(org: &Org) -> impl Iterator<Item = &Incident> {
    let only_planned = |status| matches!(status, IncidentStatus::Scheduled | IncidentStatus::Cancelled);
    Audience::Public.incidents(org).filter(move |incident| !only_planned(incident.status))
}

/// What is over of it.
pub(super) fn over(org: &Org) -> impl Iterator<Item = &Incident> {
    begun(org).filter(|incident| incident.status.is_over())
}

/// What began on these days, the newest first; quiet days that follow each other are one, but for today.
pub(super) fn days<'a>(
    incidents: impl Iterator<Item = &'a Incident>,
    clock: Clockwork,
    (first, last): (NaiveDate, NaiveDate),
    today: NaiveDate,
) -> Vec<PastDays> {
    let mut by_day: BTreeMap<NaiveDate, Vec<&Incident>> = BTreeMap::new();
    for incident in incidents {
        let date = clock.date(incident.started_at);
        if (first..=last).contains(&date) {
            by_day.entry(date).or_default().push(incident);
        }
    }
    let mut days: Vec<PastDays> = Vec::new();
    let mut quiet: Option<(NaiveDate, NaiveDate)> = None;
    let still = |(from, until)| PastDays { heading: time::days(from, until), date: None, items: Vec::new() };
    for date in std::iter::successors(Some(last), NaiveDate::pred_opt).take_while(|date| *date >= first) {
        let mut items = by_day.remove(&date).unwrap_or_default();
        if items.is_empty() && date != today {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_written_in_one_way() {
        for text in ["2026-10", "0001-01"] {
            assert_eq!(text.parse::<Month>().unwrap().to_string(), text);
        }
        for text in ["2026-1", "2026-13", "2026-10-01", "+2026-10", "2026", "", "october"] {
            assert_eq!(text.parse::<Month>(), Err(()), "{text}");
        }
    }

    #[test]
    fn february_has_its_own_end() {
        assert_eq!("2028-02".parse::<Month>().unwrap().last_day().to_string(), "2028-02-29");
    }
}
