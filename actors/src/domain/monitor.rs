//! Website checks: what is asked how often, what counts as an answer, and what it means for a service. The checking
//! itself is done elsewhere; the domain hears of it only when a monitor turns from up to down or back, so that a check
//! that says what the one before said costs no event.

use super::{
    chunked::Chunked,
    command::{MonitorChange, NewMonitor},
    entities::{Author, Metadata, Number},
    event::Seq,
    ids::{IncidentId, MonitorId, ServiceId},
    limits,
    rejection::Rejection,
    status::{MonitorState, ServiceStatus, Visibility},
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// What counts as up.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Expects {
    /// Any of these; empty is any from 200 to 299. One that is named is not followed when it is a redirect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<u16>,
    /// Also somewhere in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Expects {
    /// Whether this is one of the statuses.
    pub fn status(&self, status: u16) -> bool {
        if self.statuses.is_empty() { (200..300).contains(&status) } else { self.statuses.contains(&status) }
    }
}

/// How often it is checked, how long an answer may take, and how many checks in a row it takes to believe them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pace {
    /// Seconds from one check to the next.
    pub interval_s: u32,
    /// How long one may take.
    pub timeout_ms: u32,
    /// So many failures in a row are down.
    pub failures: u16,
    /// So many successes in a row are up again.
    pub successes: u16,
}

impl Default for Pace {
    /// Once a minute; one failure may be anybody's.
    fn default() -> Self {
        Self { interval_s: 60, timeout_ms: 10_000, failures: 2, successes: 1 }
    }
}

/// A website check.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Monitor {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: MonitorId,
    /// Its number.
    pub number: Number,
    /// Its name.
    pub name: String,
    /// What is asked. Any text: what is no address is down, and says so.
    pub url: String,
    /// What counts as up.
    pub expects: Expects,
    /// How often, and how patiently.
    pub pace: Pace,
    /// Who sees it.
    pub visibility: Visibility,
    /// The service whose status it drives.
    pub service: Option<ServiceId>,
    /// The status that it gives to it while it is down.
    pub gives: ServiceStatus,
    /// Whether it opens an incident when it goes down.
    pub opens_incident: bool,
    /// Whether it is checked at all.
    pub enabled: bool,
    /// Counts the changes of what is checked: what was found about an earlier one is not said of this one.
    pub revision: u32,
    /// What the checks say.
    pub state: MonitorState,
    /// Since when.
    pub state_since: Timestamp,
    /// Why it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The incident that it opened and that is, as far as it knows, not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// What it was before.
    pub turns: Turns,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by somebody.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: Author,
    /// What only a client understands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}

/// A turn from one state to another.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Turn {
    /// The event that made it.
    pub seq: Seq,
    /// Before.
    pub from: MonitorState,
    /// After.
    pub to: MonitorState,
    /// Why it went down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The incident that it opened, or has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// When.
    pub at: Timestamp,
}

/// The turns of one monitor, oldest first. They are part of its document, so only the newest are kept.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
#[serde(transparent)]
pub struct Turns(Chunked<Turn>);

impl Turns {
    /// How many are kept: a flap a day for most of a year, in some 50 KB of document.
    pub const MAX: usize = 250;

    /// Adds one and answers since when it counts: times never go back.
    fn push(&mut self, mut turn: Turn) -> Timestamp {
        if let Some(last) = self.0.last() {
            turn.at = turn.at.max(last.at);
        }
        let at = turn.at;
        if self.0.len() == Self::MAX {
            self.0.pop_front();
        }
        self.0.push_back(turn);
        at
    }
    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Turn> {
        self.0.iter()
    }
    /// How many are kept.
    pub const fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there was none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Through `push`, so that what it keeps also holds for what was stored.
impl<'de> Deserialize<'de> for Turns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut turns = Self::default();
        for turn in Vec::<Turn>::deserialize(deserializer)? {
            turns.push(turn);
        }
        Ok(turns)
    }
}

impl Monitor {
    /// The service to which it gives a status right now, and which.
    pub fn giving(&self) -> Option<(ServiceId, ServiceStatus)> {
        let service = self.service.filter(|_| self.enabled && self.state == MonitorState::Down)?;
        Some((service, self.gives))
    }

    /// A monitor as it is when it is made.
    pub(super) fn made(new: &NewMonitor, at: Timestamp, by: Author, number: Number) -> Self {
        Self {
            id: new.id,
            number,
            name: new.name.clone(),
            url: new.url.clone(),
            expects: new.expects.clone(),
            pace: new.pace,
            visibility: new.visibility,
            service: new.service,
            gives: new.gives,
            opens_incident: new.opens_incident,
            enabled: new.enabled,
            revision: 1,
            state: MonitorState::Unknown,
            state_since: at,
            reason: None,
            incident: None,
            turns: Turns::default(),
            created_at: at,
            updated_at: at,
            created_by: by,
            metadata: new.metadata.clone(),
        }
    }

    /// Applies a partial change.
    pub(super) fn change(&mut self, change: &MonitorChange, at: Timestamp) {
        change.name.write(&mut self.name);
        change.url.write(&mut self.url);
        change.expects.write(&mut self.expects);
        change.pace.write(&mut self.pace);
        change.visibility.write(&mut self.visibility);
        change.service.write(&mut self.service);
        change.gives.write(&mut self.gives);
        change.opens_incident.write(&mut self.opens_incident);
        change.enabled.write(&mut self.enabled);
        change.metadata.write(&mut self.metadata);
        if change.checks_differently() {
            self.revision += 1;
        }
        self.updated_at = at;
    }

    /// Takes another state.
    pub(super) fn turn(&mut self, turn: Turn) {
        self.state = turn.to;
        self.reason.clone_from(&turn.reason);
        self.incident = turn.incident;
        self.state_since = self.turns.push(turn);
    }
}

impl MonitorChange {
    /// What of it would really change this monitor.
    pub fn against(self, monitor: &Monitor) -> Self {
        Self {
            name: self.name.unless_same(&monitor.name),
            url: self.url.unless_same(&monitor.url),
            expects: self.expects.unless_same(&monitor.expects),
            pace: self.pace.unless_same(&monitor.pace),
            visibility: self.visibility.unless_same(&monitor.visibility),
            service: self.service.unless_same(&monitor.service),
            gives: self.gives.unless_same(&monitor.gives),
            opens_incident: self.opens_incident.unless_same(&monitor.opens_incident),
            enabled: self.enabled.unless_same(&monitor.enabled),
            metadata: self.metadata.unless_same(&monitor.metadata),
        }
    }

    /// Whether what was found before says nothing about what is checked from now on.
    const fn checks_differently(&self) -> bool {
        !(self.url.is_keep() && self.expects.is_keep() && self.pace.is_keep() && self.enabled.is_keep())
    }

    /// The bounds of what it sets.
    pub(super) fn is_fit(&self) -> Result<(), Rejection> {
        self.name.as_set().map_or(Ok(()), |name| limits::name("name", name))?;
        self.url.as_set().map_or(Ok(()), |url| limits::address("url", url))?;
        self.expects.as_set().map_or(Ok(()), Expects::is_fit)?;
        self.pace.as_set().map_or(Ok(()), Pace::is_fit)?;
        self.gives.as_set().map_or(Ok(()), |status| bad_enough(*status))?;
        self.metadata.as_set().map_or(Ok(()), limits::metadata)
    }
}

impl NewMonitor {
    /// The bounds of what it says.
    pub(super) fn is_fit(&self) -> Result<(), Rejection> {
        limits::name("name", &self.name)?;
        limits::address("url", &self.url)?;
        self.expects.is_fit()?;
        self.pace.is_fit()?;
        bad_enough(self.gives)?;
        limits::metadata(&self.metadata)
    }
}

impl Expects {
    fn is_fit(&self) -> Result<(), Rejection> {
        let (most, longest) = limits::EXPECTED;
        if self.statuses.len() > most || self.statuses.iter().any(|status| !(100..600).contains(status)) {
            return Err(Rejection::invalid("expected_statuses", format!("are up to {most} numbers from 100 to 599")));
        }
        let Some(text) = &self.text else { return Ok(()) };
        if text.is_empty() {
            return Err(Rejection::invalid("expected_text", "must not be empty"));
        }
        limits::text("expected_text", text, longest)
    }
}

impl Pace {
    fn is_fit(&self) -> Result<(), Rejection> {
        let within = |field, value: u32, (least, most): (u32, u32)| {
            let problem = || Rejection::invalid(field, format!("is between {least} and {most}"));
            if (least..=most).contains(&value) { Ok(()) } else { Err(problem()) }
        };
        within("interval_s", self.interval_s, limits::INTERVAL_S)?;
        within("timeout_ms", self.timeout_ms, limits::TIMEOUT_MS)?;
        within("failure_threshold", self.failures.into(), limits::THRESHOLD)?;
        within("success_threshold", self.successes.into(), limits::THRESHOLD)?;
        if u64::from(self.timeout_ms) > u64::from(self.interval_s) * 1_000 {
            return Err(Rejection::invalid("timeout_ms", "must not be longer than the interval"));
        }
        Ok(())
    }
}

fn bad_enough(status: ServiceStatus) -> Result<(), Rejection> {
    match status {
        ServiceStatus::DegradedPerformance | ServiceStatus::PartialOutage | ServiceStatus::MajorOutage => Ok(()),
        ServiceStatus::Operational | ServiceStatus::UnderMaintenance => {
            Err(Rejection::invalid("down_status", "is one of degraded_performance, partial_outage, major_outage"))
        }
    }
}
