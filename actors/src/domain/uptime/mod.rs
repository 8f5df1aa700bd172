//! How much of the time a service was there for its users.
//!
//! Uptime over a window = 1 - weighted downtime / observed time. A major outage weighs 1, a partial one 0.3, degraded
//! performance nothing. What was chosen where a rule could be read in several ways:
//!
//! * Time under maintenance is taken out of the observed time rather than counted as up: a maintenance neither costs
//!   uptime nor dilutes the outages beside it. A window that is all maintenance has observed nothing.
//! * Time before the service existed, and after now, is not observed. Nothing observed is no uptime, not 100 %.
//! * What was filled in afterwards lies over the history as "worst of": it can add an outage that nobody recorded at
//!   the time, and turn time of maintenance into an outage, but never wash an outage away.
//! * When old changes were forgotten (`History::MAX`), observation begins with the oldest one kept.

mod days;
#[cfg(test)]
mod tests;

pub use days::{Day, MAX_DAYS};

use super::{
    Org, ServiceId, Timestamp,
    history::{History, StatusChange},
    status::ServiceStatus,
};
use std::ops::Range;

/// How long a service had each status within some window. Whole milliseconds, so that parts add up to the whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Uptime {
    ms: [u64; ServiceStatus::ALL.len()],
}

impl Uptime {
    /// How long it had this status.
    pub const fn ms(&self, status: ServiceStatus) -> u64 {
        self.ms[status as usize]
    }
    /// How long it was there to be looked at, maintenance included.
    pub fn known_ms(&self) -> u64 {
        self.ms.iter().sum()
    }
    /// How long it was observed: what uptime is a share of.
    pub fn observed_ms(&self) -> u64 {
        self.known_ms() - self.ms(ServiceStatus::UnderMaintenance)
    }
    /// The share of the observed time that was up, 0 to 1; none when nothing was observed.
    pub fn ratio(&self) -> Option<f64> {
        let observed = self.observed_ms();
        // In tenths, so that a sum of parts is exact before the one division.
        let down = self.ms(ServiceStatus::MajorOutage) * 10 + self.ms(ServiceStatus::PartialOutage) * 3;
        (observed > 0).then(|| (observed * 10 - down) as f64 / (observed * 10) as f64)
    }
    /// The worst status it had for any time at all; none when it was not there.
    pub fn worst(&self) -> Option<ServiceStatus> {
        ServiceStatus::ALL.iter().rev().copied().find(|status| self.ms(*status) > 0)
    }
    /// Both windows together.
    pub fn plus(&self, other: &Self) -> Self {
        Self { ms: std::array::from_fn(|i| self.ms[i] + other.ms[i]) }
    }

    fn add(&mut self, status: ServiceStatus, ms: i64) {
        self.ms[status as usize] += u64::try_from(ms).unwrap_or(0);
    }
}

impl Org {
    /// The uptime of a service over a window of time, as far as it lies before now. None for an unknown service.
    pub fn uptime(&self, service: ServiceId, window: Range<Timestamp>, now: Timestamp) -> Option<Uptime> {
        let mut uptime = Uptime::default();
        let window = window.start..window.end.min(now);
        self.course(service)?.sweep(window, |from, until, status| uptime.add(status, until.since(from)));
        Some(uptime)
    }

    /// The last days of a service, oldest first, in the organization's time zone; today is last and ends now. None for
    /// an unknown service. `days` is pulled into 1 to [`MAX_DAYS`].
    pub fn uptime_days(&self, service: ServiceId, days: u16, now: Timestamp) -> Option<Vec<Day>> {
        let course = self.course(service)?;
        Some(days::days(&course, self.organization()?.time_zone, days, now))
    }

    fn course(&self, service: ServiceId) -> Option<Course<'_>> {
        let history = self.history(service)?;
        let created_at = self.services().get(&service)?.created_at;
        Some(Course::new(history, created_at, self.filled_in(service)))
    }
}

/// What a service's status was over time: its history with what was filled in afterwards.
pub struct Course<'a> {
    history: &'a History,
    begin: Timestamp,
    filled_in: Vec<(Timestamp, Timestamp, ServiceStatus)>,
}

impl<'a> Course<'a> {
    /// From a history, when the service was made, and windows filled in afterwards (`Incident::filled_in`).
    pub fn new(
        history: &'a History,
        created_at: Timestamp,
        filled_in: impl IntoIterator<Item = (Timestamp, Timestamp, ServiceStatus)>,
    ) -> Self {
        let begin = history.first().map_or(created_at, |oldest| oldest.at.max(created_at));
        Self { history, begin, filled_in: filled_in.into_iter().filter(|(from, until, _)| from < until).collect() }
    }

    /// Tells, in order and without gap, every stretch of a window with one status. One pass over the history.
    fn sweep(&self, window: Range<Timestamp>, mut tell: impl FnMut(Timestamp, Timestamp, ServiceStatus)) {
        let from = window.start.max(self.begin);
        let until = window.end;
        if from >= until || self.history.is_empty() {
            return;
        }
        let mut edges: Vec<(Timestamp, Edge)> = Vec::with_capacity(2 * self.filled_in.len());
        for (start, end, status) in &self.filled_in {
            edges.push((*start, Edge::Begins(*status)));
            edges.push((*end, Edge::Ends(*status)));
        }
        edges.sort_by_key(|(at, _)| *at);
        let mut edges = edges.into_iter().peekable();
        let mut changes = self.history.iter().peekable();
        let mut over = [0_u32; ServiceStatus::ALL.len()];
        let mut base = ServiceStatus::Operational;
        let mut since = from;
        loop {
            // Everything that happens at one time happens before the next stretch begins: of two changes in one
            // millisecond only the later one lasts.
            while let Some(StatusChange { to, .. }) = changes.next_if(|change| change.at <= since) {
                base = *to;
            }
            while let Some((_, edge)) = edges.next_if(|(at, _)| *at <= since) {
                match edge {
                    Edge::Begins(status) => over[status as usize] += 1,
                    Edge::Ends(status) => over[status as usize] -= 1,
                }
            }
            let next = [changes.peek().map(|change| change.at), edges.peek().map(|(at, _)| *at), Some(until)];
            let next = next.into_iter().flatten().min().unwrap_or(until);
            let filled_in = ServiceStatus::ALL.iter().copied().filter(|status| over[*status as usize] > 0).max();
            tell(since, next, filled_in.map_or(base, |status| status.max(base)));
            if next >= until {
                return;
            }
            since = next;
        }
    }
}

#[derive(Clone, Copy)]
enum Edge {
    Begins(ServiceStatus),
    Ends(ServiceStatus),
}
