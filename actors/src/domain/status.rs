//! The vocabularies: the finest that any client needs. Facades translate at the rim, never here.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every word, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word as it is written everywhere.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| UnknownWord {
                    word: text.chars().take(40).collect(),
                    expected: Self::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

/// A word that is not in a vocabulary, with the words that are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of {expected}")]
pub struct UnknownWord {
    /// What was said, cut to a length that can be shown.
    pub word: String,
    /// What could have been said.
    pub expected: String,
}

vocabulary! {
    /// How a service is doing, worst last: `max` is "worst of".
    ServiceStatus {
        /// All is well.
        Operational = "operational",
        /// Down or slow on purpose; never counted as downtime.
        UnderMaintenance = "under_maintenance",
        /// Works, but worse than usual.
        DegradedPerformance = "degraded_performance",
        /// Does not work for some.
        PartialOutage = "partial_outage",
        /// Does not work.
        MajorOutage = "major_outage",
    }
}

vocabulary! {
    /// How far an incident or a maintenance has come. The status alone says which of the two it is, so the two can
    /// never disagree: a maintenance that goes wrong becomes an incident by taking an incident's status, and back.
    IncidentStatus {
        /// Looking for the cause.
        Investigating = "investigating",
        /// Cause known.
        Identified = "identified",
        /// Mended, being watched.
        Monitoring = "monitoring",
        /// Over.
        Resolved = "resolved",
        /// Planned.
        Scheduled = "scheduled",
        /// Going on.
        InProgress = "in_progress",
        /// Work done, being checked.
        Verifying = "verifying",
        /// Over as planned.
        Completed = "completed",
        /// Will not happen, or was broken off.
        Cancelled = "cancelled",
    }
}

vocabulary! {
    /// Which life cycle an incident follows.
    Kind {
        /// Unplanned.
        Incident = "incident",
        /// Planned.
        Maintenance = "maintenance",
    }
}

vocabulary! {
    /// How bad it is for users.
    Impact {
        /// Not noticeable.
        None = "none",
        /// A nuisance.
        Minor = "minor",
        /// Many cannot work.
        Major = "major",
        /// Nobody can work.
        Critical = "critical",
    }
}

vocabulary! {
    /// What a member may do, least first.
    Role {
        /// Read everything.
        Viewer = "viewer",
        /// Operate: services, incidents, maintenance.
        Member = "member",
        /// Everything.
        Admin = "admin",
    }
}

vocabulary! {
    /// What a member of a team may do.
    TeamRole {
        /// Belongs to it.
        Member = "member",
        /// Manages it.
        Lead = "lead",
    }
}

vocabulary! {
    /// Who sees it.
    Visibility {
        /// Everybody, on the public page.
        Public = "public",
        /// Members of the organization.
        Private = "private",
    }
}

vocabulary! {
    /// What checks say of a website.
    MonitorState {
        /// Nothing yet, or not any more.
        Unknown = "unknown",
        /// It answers as it should.
        Up = "up",
        /// It does not.
        Down = "down",
    }
}

impl IncidentStatus {
    /// The life cycle to which this status belongs.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Investigating | Self::Identified | Self::Monitoring | Self::Resolved => Kind::Incident,
            Self::Scheduled | Self::InProgress | Self::Verifying | Self::Completed | Self::Cancelled => Kind::Maintenance,
        }
    }
    /// Going on right now, so that affected services feel it.
    pub const fn is_active(self) -> bool {
        match self {
            Self::Investigating | Self::Identified | Self::Monitoring | Self::InProgress | Self::Verifying => true,
            Self::Resolved | Self::Scheduled | Self::Completed | Self::Cancelled => false,
        }
    }
    /// Over. Taking another status from here is reopening.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Resolved | Self::Completed | Self::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_is_last() {
        let worst = |words: &[ServiceStatus]| words.iter().copied().max().unwrap();
        use ServiceStatus::*;
        assert_eq!(worst(&[Operational, UnderMaintenance]), UnderMaintenance);
        assert_eq!(worst(&[DegradedPerformance, UnderMaintenance]), DegradedPerformance);
        assert_eq!(worst(&[PartialOutage, MajorOutage, Operational]), MajorOutage);
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let error = "bad".parse::<Impact>().unwrap_err();
        assert_eq!(error.to_string(), "`bad` is not one of none, minor, major, critical");
    }
}
