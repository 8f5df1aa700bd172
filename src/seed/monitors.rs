//! Website checks of a fixture, and what they have found. A fixture tells of the past: most of its monitors are switched
//! off, because a demonstration asks nobody, and have readings that are as old as the loading is recent.

use super::{
    fixture::{MonitorSpec, ReadingsSpec},
    plan::Planner,
    problem::Spot,
    read::{At, Reader},
};
use std::{sync::Arc, time::Duration};
use tocsin_actors::{
    domain::{
        Author, Command, MonitorId, Timestamp,
        command::NewMonitor,
        monitor::{Expects, Pace},
        status::{ServiceStatus, Visibility},
    },
    readings::Reading,
};
use xxhash_rust::xxh3::xxh3_64;

/// How much one monitor may have found: a week, once a minute.
const MOST_READINGS: usize = 10_080;

pub(super) fn monitor(reader: &mut Reader, at: &At<'_>) -> Option<MonitorSpec> {
    let known = &[
        "id",
        "name",
        "url",
        "interval_s",
        "timeout_ms",
        "failure_threshold",
        "success_threshold",
        "expected_statuses",
        "expected_text",
        "visibility",
        "service",
        "down_status",
        "opens_incident",
        "enabled",
        "readings",
        "metadata",
    ];
    let fields = reader.fields(at, known)?;
    let usual = Pace::default();
    Some(MonitorSpec {
        spots: fields.spots(),
        id: fields.required(reader, "id", Reader::symbol).unwrap_or_default(),
        name: fields.required(reader, "name", Reader::text).unwrap_or_default(),
        url: fields.required(reader, "url", Reader::text).unwrap_or_default(),
        expects: Expects {
            statuses: fields.list(reader, "expected_statuses", Reader::whole),
            text: fields.optional(reader, "expected_text", Reader::text),
        },
        pace: Pace {
            interval_s: fields.optional(reader, "interval_s", Reader::whole).unwrap_or(usual.interval_s),
            timeout_ms: fields.optional(reader, "timeout_ms", Reader::whole).unwrap_or(usual.timeout_ms),
            failures: fields.optional(reader, "failure_threshold", Reader::whole).unwrap_or(usual.failures),
            successes: fields.optional(reader, "success_threshold", Reader::whole).unwrap_or(usual.successes),
        },
        visibility: fields.optional(reader, "visibility", Reader::word).unwrap_or(Visibility::Private),
        service: fields.optional(reader, "service", Reader::reference),
        gives: fields.optional(reader, "down_status", Reader::word).unwrap_or(ServiceStatus::MajorOutage),
        opens_incident: fields.optional(reader, "opens_incident", Reader::boolean).unwrap_or(false),
        enabled: fields.optional(reader, "enabled", Reader::boolean).unwrap_or(true),
        readings: fields.list(reader, "readings", readings),
        metadata: fields.optional(reader, "metadata", Reader::metadata).unwrap_or_default(),
    })
}

fn readings(reader: &mut Reader, at: &At<'_>) -> Option<ReadingsSpec> {
    let fields = reader.fields(at, &["at", "every", "until", "up", "ms", "spread"])?;
    let every = fields.optional(reader, "every", Reader::parsed);
    if every.is_none() && fields.has("until") {
        reader.problem(at.spot(), "how often? \"until\" needs \"every\"");
    }
    Some(ReadingsSpec {
        at: fields.required(reader, "at", Reader::time)?,
        every,
        until: fields.optional(reader, "until", Reader::time),
        up: fields.optional(reader, "up", Reader::boolean).unwrap_or(true),
        ms: fields.optional(reader, "ms", Reader::whole),
        spread: fields.optional(reader, "spread", Reader::whole).unwrap_or(0),
    })
}

impl Planner<'_> {
    pub(super) fn monitor(&mut self, spec: &MonitorSpec) {
        let id = self.ids.monitor(&spec.id.value);
        let is_new = !self.circumstances.org.monitors().contains_key(&id);
        self.counts.monitors.add(is_new);
        let found = self.found(spec, id);
        if !found.is_empty() {
            self.readings.push(found);
        }
        if !is_new {
            return;
        }
        // A service that somebody deleted since is driven by nobody.
        let service = spec.service.as_ref().map(|service| self.ids.service(&service.value));
        let gone =
            |id| self.circumstances.org.service_even_retired(id).is_some() && !self.circumstances.org.services().contains_key(&id);
        let new = NewMonitor {
            id,
            name: spec.name.clone(),
            url: spec.url.clone(),
            expects: spec.expects.clone(),
            pace: spec.pace,
            visibility: spec.visibility,
            service: service.filter(|id| !gone(*id)),
            gives: spec.gives,
            opens_incident: spec.opens_incident,
            enabled: spec.enabled,
            metadata: spec.metadata.clone(),
        };
        // It knows nothing of what was before: the services that it drives are there by now.
        self.step(self.clock.now, Author::System, Command::CreateMonitor(Box::new(new)), &Arc::new(spec.spots.clone()));
    }

    /// What the fixture says that its checks have found.
    fn found(&mut self, spec: &MonitorSpec, monitor: MonitorId) -> Vec<Reading> {
        let mut found = Vec::new();
        for told in &spec.readings {
            let Some(first) = self.past(&told.at, None) else { continue };
            let last = match (&told.until, told.every) {
                (Some(until), _) => self.past(until, None),
                (None, Some(_)) => Some(self.clock.now),
                (None, None) => Some(first),
            };
            let Some(last) = last else { continue };
            for (n, at) in times(told, first, last).enumerate() {
                if found.len() == MOST_READINGS {
                    self.too_many(&told.at.spot);
                    return found;
                }
                let response_ms = told.ms.map(|ms| varied(ms, told.spread, monitor, n));
                found.push(Reading { monitor, at, up: told.up, response_ms });
            }
        }
        found
    }

    fn too_many(&mut self, spot: &Spot) {
        self.problem(spot.clone(), format!("a monitor may have {MOST_READINGS} readings; make them rarer"));
    }
}

fn times(told: &ReadingsSpec, first: Timestamp, last: Timestamp) -> impl Iterator<Item = Timestamp> {
    let every = told.every.map_or(i64::MAX, |span| span.0);
    let next = move |at: &Timestamp| Some(at.after(Duration::from_secs(every.unsigned_abs())));
    std::iter::successors(Some(first), next).take_while(move |at| *at <= last).take(MOST_READINGS + 1)
}

/// Somewhere around this, and always the same.
fn varied(ms: u32, spread: u32, monitor: MonitorId, n: usize) -> u32 {
    let mut about = monitor.uuid().into_bytes().to_vec();
    about.extend(n.to_be_bytes());
    let more = xxh3_64(&about) % (2 * u64::from(spread) + 1);
    u32::try_from((u64::from(ms) + more).saturating_sub(spread.into())).unwrap_or(u32::MAX)
}
