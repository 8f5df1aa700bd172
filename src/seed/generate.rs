//! Makes up organizations for load tests and empty screens: believable, and the same every time for the same seed.
//!
//! What is made up is a fixture like any other, never written to a file, and loaded in the same way. Ids follow from the
//! slug, the slug from the seed and the organization's place in the row.

use super::{
    fixture::{
        AffectedSpec, Fixture, GroupSpec, HistorySpec, IncidentSpec, MemberSpec, OrgSpec, Password, ServiceSpec, TeamSpec,
        UpdateSpec, UserSpec,
    },
    read::{Spots, Told},
    times::Time,
    words,
};
use chrono_tz::Tz;
use std::str::FromStr;
use tocsin_actors::{
    accounts::password::PasswordHash,
    domain::{
        limits,
        status::{Impact, IncidentStatus, Role, ServiceStatus, TeamRole, Visibility},
    },
};

/// How much to make up: `orgs=1000,services=20,incidents=10,days=90,seed=1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// Organizations.
    pub orgs: usize,
    /// Services of each.
    pub services: usize,
    /// Incidents and maintenances of each.
    pub incidents: usize,
    /// Over how many days.
    pub days: u16,
    /// Another seed, other organizations.
    pub seed: u64,
    /// The password of everybody in them; without one nobody can log in.
    pub password: Option<String>,
}

/// More would be a typing mistake.
const MOST_ORGS: usize = 1_000_000;
/// Ten years.
const MOST_DAYS: usize = 3_650;

impl FromStr for Amount {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut amount = Self { orgs: 10, services: 10, incidents: 10, days: 90, seed: 1, password: None };
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("{part:?} is not of the form name=value"))?;
            let number = |least: usize, most: usize| match value.parse() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(format!("{name} must be a number from {least} to {most}")),
            };
            match name.trim() {
                "orgs" => amount.orgs = number(1, MOST_ORGS)?,
                "services" => amount.services = number(0, limits::SERVICES)?,
                "incidents" => amount.incidents = number(0, limits::INCIDENTS)?,
                "days" => amount.days = u16::try_from(number(3, MOST_DAYS)?).unwrap_or(u16::MAX),
                "seed" => amount.seed = value.parse().map_err(|_| "seed must be a number".to_owned())?,
                "password" => amount.password = Some(value.to_owned()),
                _ => return Err(format!("{name:?} is not one of orgs, services, incidents, days, seed, password")),
            }
        }
        Ok(amount)
    }
}

/// Numbers that look random and are not: SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (sides.max(1) as u64)).unwrap_or(0)
    }
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
    /// A minute of some day, none of the last two: so everything that follows within a day lies in the past.
    fn day(&mut self, days: u16) -> Time {
        let days_ago = 2 + self.roll(usize::from(days).saturating_sub(2).max(1));
        Time::Day { days: -(days_ago as i64), minute: u16::try_from(self.roll(24 * 60)).unwrap_or(0) }
    }
}

fn told<T>(value: T) -> Told<T> {
    Told { value, spot: Default::default() }
}

impl Amount {
    /// The n-th organization, with its people. `hash` is everybody's password.
    pub fn organization(&self, n: usize, hash: Option<&PasswordHash>) -> Fixture {
        let dice = &mut Dice(self.seed.wrapping_mul(0x0100_0000_01b3).wrapping_add(n as u64));
        let first = dice.pick(words::FIRST);
        let (second, description) = *dice.pick(words::SECOND);
        let name = format!("{first} {second}");
        let slug = format!("{}-{}-{}-{n}", first.to_lowercase(), second.to_lowercase(), self.seed);
        let users: Vec<_> =
            (0..3).map(|_| *dice.pick(words::PEOPLE)).enumerate().map(|(n, who)| user(n, who, &slug, hash)).collect();
        let services: Vec<_> = (0..self.services).map(|n| self.service(n, dice)).collect();
        let incidents = (0..self.incidents).filter(|_| !services.is_empty()).map(|n| self.incident(n, &services, dice)).collect();
        let roles = [Role::Admin, Role::Member, Role::Viewer];
        let members = users.iter().zip(roles).map(|(user, role)| MemberSpec {
            spots: Spots::default(),
            user: user.id.clone(),
            role,
            joined: None,
            metadata: Default::default(),
        });
        let organization = OrgSpec {
            spots: Spots::default(),
            slug: slug.parse().expect("made of lower-case letters, digits and hyphens"),
            description: description.to_owned(),
            time_zone: *dice.pick(&[Tz::UTC, Tz::Europe__Berlin, Tz::America__New_York, Tz::Asia__Tokyo, Tz::Australia__Sydney]),
            branding: Default::default(),
            domain: None,
            indexed: true,
            metadata: Default::default(),
            created: Some(told(Time::Day { days: -(i64::from(self.days) + 1), minute: 0 })),
            members: members.collect(),
            teams: vec![TeamSpec {
                id: told("on-call".to_owned()),
                name: "On call".to_owned(),
                members: users
                    .iter()
                    .take(2)
                    .zip([TeamRole::Lead, TeamRole::Member])
                    .map(|(u, role)| (u.id.clone(), role))
                    .collect(),
                ..TeamSpec::default()
            }],
            groups: words::GROUPS.iter().enumerate().map(|(n, name)| group(n, name)).collect(),
            services,
            incidents,
            monitors: Vec::new(),
            name,
        };
        Fixture { users, organizations: vec![organization] }
    }

    fn service(&self, n: usize, dice: &mut Dice) -> ServiceSpec {
        let (name, description) = words::SERVICES[n % words::SERVICES.len()];
        let round = n / words::SERVICES.len() + 1;
        let mut history = Vec::new();
        if dice.roll(4) == 0 {
            let at = dice.day(self.days);
            let (Time::Day { days, minute }, reason) = (at, *dice.pick(words::REASONS)) else { unreachable!("days are drawn") };
            let change = |at, status, reason: Option<&str>| HistorySpec {
                spots: Spots::default(),
                at: told(at),
                status,
                reason: reason.map(str::to_owned),
                by: None,
            };
            history.push(change(at, ServiceStatus::DegradedPerformance, Some(reason)));
            history.push(change(Time::Day { days: days + 1, minute }, ServiceStatus::Operational, None));
        }
        ServiceSpec {
            spots: Spots::default(),
            id: told(format!("service-{n}")),
            name: if round == 1 { name.to_owned() } else { format!("{name} {round}") },
            description: description.to_owned(),
            group: Some(told(format!("group-{}", n % words::GROUPS.len()))),
            team: n.is_multiple_of(3).then(|| told("on-call".to_owned())),
            visibility: if dice.roll(10) == 0 { Visibility::Private } else { Visibility::Public },
            status: ServiceStatus::Operational,
            created: None,
            history,
            metadata: Default::default(),
        }
    }

    fn incident(&self, n: usize, services: &[ServiceSpec], dice: &mut Dice) -> IncidentSpec {
        let service = dice.pick(services);
        if n % 5 == 4 {
            return self.maintenance(n, service, dice);
        }
        let story = dice.pick(words::STORIES);
        // Now and then one goes on right now: its last entry is not written yet.
        let goes_on = n == 0 && dice.roll(6) == 0;
        let entries = story.updates.len() - usize::from(goes_on);
        let start = if goes_on { Time::FromNow(-3 * 3_600) } else { dice.day(self.days) };
        let updates = story.updates[..entries].iter().map(|(minutes, status, message)| UpdateSpec {
            spots: Spots::default(),
            at: told(Time::FromStart(i64::from(*minutes) * 60)),
            status: Some(*status),
            message: message.replace("{}", &service.name),
            affected: Vec::new(),
            by: None,
            moves: true,
        });
        let affected = AffectedSpec { service: Some(service.id.clone()), name: None, status: Some(story.status) };
        IncidentSpec {
            impact: story.impact,
            status: story.updates[0].1,
            affected: vec![affected],
            updates: updates.collect(),
            ..blank(n, story.title.replace("{}", &service.name), service, start)
        }
    }

    fn maintenance(&self, n: usize, service: &ServiceSpec, dice: &mut Dice) -> IncidentSpec {
        let (title, description) = *dice.pick(words::WORK);
        let start = match dice.roll(3) {
            0 => Time::Day { days: 1 + dice.roll(14) as i64, minute: 120 },
            _ => dice.day(self.days),
        };
        let status = Some(ServiceStatus::UnderMaintenance);
        let announced = match start {
            Time::Day { days, .. } if days < 0 => Time::FromStart(-3_600),
            _ => Time::FromNow(-3_600),
        };
        IncidentSpec {
            description: description.to_owned(),
            status: IncidentStatus::Scheduled,
            impact: Impact::Minor,
            end: Some(told(Time::FromStart(2 * 3_600))),
            recorded: Some(told(announced)),
            automatic: true,
            affected: vec![AffectedSpec { service: Some(service.id.clone()), name: None, status }],
            ..blank(n, title.replace("{}", &service.name), service, start)
        }
    }
}

/// An incident about which nothing is said yet. One about a private service is private too.
fn blank(n: usize, title: String, service: &ServiceSpec, start: Time) -> IncidentSpec {
    IncidentSpec {
        spots: Spots::default(),
        id: told(format!("incident-{n}")),
        title,
        description: String::new(),
        status: IncidentStatus::Investigating,
        impact: Impact::None,
        visibility: service.visibility,
        start: Some(told(start)),
        end: None,
        recorded: None,
        automatic: false,
        affected: Vec::new(),
        updates: Vec::new(),
        postmortem: None,
        by: None,
        metadata: Default::default(),
    }
}

fn user(n: usize, (first, last): (&str, &str), slug: &str, hash: Option<&PasswordHash>) -> UserSpec {
    UserSpec {
        id: told(format!("person-{n}")),
        email: told(format!("{}{n}@{slug}.example", first.to_lowercase())),
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        password: hash.cloned().map(Password::Hashed),
        ..UserSpec::default()
    }
}

fn group(n: usize, name: &str) -> GroupSpec {
    GroupSpec { id: told(format!("group-{n}")), name: name.to_owned(), ..GroupSpec::default() }
}
