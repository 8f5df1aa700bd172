//! What readers are told of a status: its tone (colour and shape), and the words of people.

use tocsin_actors::domain::{
    Incident,
    status::{Impact, IncidentStatus, Kind, ServiceStatus},
};

/// From nothing at all to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Tone {
    Nothing,
    Operational,
    Maintenance,
    Degraded,
    Partial,
    Major,
}

impl Tone {
    /// What it is called in style sheets and addresses.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Operational => "operational",
            Self::Maintenance => "maintenance",
            Self::Degraded => "degraded",
            Self::Partial => "partial",
            Self::Major => "major",
        }
    }

    /// Of one service.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "No data",
            Self::Operational => "Operational",
            Self::Maintenance => "Maintenance",
            Self::Degraded => "Degraded",
            Self::Partial => "Partial outage",
            Self::Major => "Major outage",
        }
    }

    /// Of the whole page.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Nothing => "Nothing to show yet",
            Self::Operational => "All systems operational",
            Self::Maintenance => "Maintenance in progress",
            Self::Degraded => "Some systems are degraded",
            Self::Partial => "Partial outage",
            Self::Major => "Major outage",
        }
    }

    /// Of an incident or a maintenance, with the word that says how much it matters.
    pub(super) fn of_incident(incident: &Incident) -> (Self, String) {
        if incident.kind() == Kind::Maintenance {
            return (Self::Maintenance, status_word(incident.status));
        }
        let (tone, word) = match incident.impact {
            Impact::None => (Self::Nothing, "No impact"),
            Impact::Minor => (Self::Degraded, "Minor impact"),
            Impact::Major => (Self::Partial, "Major impact"),
            Impact::Critical => (Self::Major, "Critical impact"),
        };
        (tone, word.to_owned())
    }
}

impl From<ServiceStatus> for Tone {
    fn from(status: ServiceStatus) -> Self {
        match status {
            ServiceStatus::Operational => Self::Operational,
            ServiceStatus::UnderMaintenance => Self::Maintenance,
            ServiceStatus::DegradedPerformance => Self::Degraded,
            ServiceStatus::PartialOutage => Self::Partial,
            ServiceStatus::MajorOutage => Self::Major,
        }
    }
}

/// `in_progress` as people write it.
pub(super) fn status_word(status: IncidentStatus) -> String {
    let word = status.as_str().replace('_', " ");
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

/// About how long, in at most two units.
pub(super) fn duration(ms: i64) -> String {
    let minutes = ((ms + 30_000) / 60_000).max(1);
    let parts = [(minutes / 1_440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "min")];
    let said = parts.into_iter().filter(|(count, _)| *count > 0).take(2).map(|(count, unit)| format!("{count}\u{a0}{unit}"));
    said.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_two_units() {
        let minute = 60_000;
        for (ms, said) in [
            (0, "1\u{a0}min"),
            (41 * minute + 31_000, "42\u{a0}min"),
            (148 * minute, "2\u{a0}h 28\u{a0}min"),
            (120 * minute, "2\u{a0}h"),
            ((2 * 1_440 + 61) * minute, "2\u{a0}d 1\u{a0}h"),
        ] {
            assert_eq!(duration(ms), said);
        }
    }

    #[test]
    fn words_are_those_of_people() {
        assert_eq!(status_word(IncidentStatus::InProgress), "In progress");
    }
}
