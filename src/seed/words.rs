//! What made-up organizations are called and what happens to them. Small lists: believable, not varied.

use tocsin_actors::domain::status::{Impact, IncidentStatus, ServiceStatus};

pub(super) const FIRST: &[&str] = &[
    "Amber",
    "Birch",
    "Cedar",
    "Cobalt",
    "Copper",
    "Coral",
    "Delta",
    "Ember",
    "Falcon",
    "Granite",
    "Harbor",
    "Indigo",
    "Juniper",
    "Keystone",
    "Lantern",
    "Meridian",
    "Nimbus",
    "Northwind",
    "Orchard",
    "Pioneer",
    "Quartz",
    "Ridge",
    "Saffron",
    "Summit",
    "Tidal",
    "Umbra",
    "Vertex",
    "Willow",
    "Zephyr",
];
pub(super) const SECOND: &[(&str, &str)] = &[
    ("Analytics", "Dashboards and reports for people who decide"),
    ("Bank", "Accounts, cards and payments"),
    ("Cloud", "Virtual machines, storage and networks"),
    ("Commerce", "Online shops with everything behind them"),
    ("Freight", "Moves containers and knows where they are"),
    ("Games", "Games that are more fun together"),
    ("Health", "Appointments and records for clinics"),
    ("Learning", "Courses, exams and certificates"),
    ("Logistics", "Parcels from door to door"),
    ("Media", "Music and video, live and later"),
    ("Mobility", "Bikes, scooters and trains in one ticket"),
    ("Payroll", "Salaries, on time"),
    ("Systems", "Software for factories"),
    ("Travel", "Flights and rooms, booked and changed"),
];
pub(super) const GROUPS: &[&str] = &["Applications", "Platform", "Data", "Integrations"];
pub(super) const SERVICES: &[(&str, &str)] = &[
    ("Website", "What visitors see first"),
    ("API", "Everything that programs ask for"),
    ("Databases", "Primary storage and its replicas"),
    ("Webhooks", "Tells other systems what happened"),
    ("Mobile app", "For iOS and Android"),
    ("Sign-in", "Passwords, passkeys and single sign-on"),
    ("Search", "Finds things as they are typed"),
    ("Payment gateway", "Cards, direct debit and transfers"),
    ("Dashboard", "Where customers work"),
    ("Object storage", "Files and their versions"),
    ("Reporting", "Nightly and on demand"),
    ("E-mail delivery", "Receipts, alerts and newsletters"),
    ("Admin console", "For administrators"),
    ("Job queue", "Work that need not be done at once"),
    ("Data export", "CSV and Parquet, on a schedule"),
    ("Partner API", "For resellers"),
    ("Image resizing", "Thumbnails of every size"),
    ("CDN", "Files close to their readers"),
    ("Notifications", "Push messages and texts"),
    ("DNS", "Names to addresses"),
];
pub(super) const PEOPLE: &[(&str, &str)] = &[
    ("Amina", "Haddad"),
    ("Bram", "de Vries"),
    ("Chiara", "Ricci"),
    ("Daniel", "Osei"),
    ("Elif", "Kaya"),
    ("Finn", "Larsen"),
    ("Grace", "Mwangi"),
    ("Hiro", "Tanaka"),
    ("Ines", "Moreau"),
    ("Jonas", "Weber"),
    ("Leila", "Rahimi"),
    ("Mateo", "Silva"),
];

/// What happens in an incident. `{}` is the service; minutes count from the start.
pub(super) struct Story {
    pub(super) title: &'static str,
    pub(super) impact: Impact,
    pub(super) status: ServiceStatus,
    pub(super) updates: &'static [(u16, IncidentStatus, &'static str)],
}

use IncidentStatus::{Identified, Investigating, Monitoring, Resolved};

pub(super) const STORIES: &[Story] = &[
    Story {
        title: "Elevated error rates on {}",
        impact: Impact::Major,
        status: ServiceStatus::PartialOutage,
        updates: &[
            (0, Investigating, "About one in five requests to {} fails with a server error. We are looking for the cause."),
            (14, Identified, "A release at the top of the hour exhausts database connections. We are rolling it back."),
            (31, Monitoring, "The rollback is complete and errors are back at their usual level. We are watching."),
            (68, Resolved, "{} has been healthy for half an hour. The release will return with a limit on its connections."),
        ],
    },
    Story {
        title: "{} is slower than usual",
        impact: Impact::Minor,
        status: ServiceStatus::DegradedPerformance,
        updates: &[
            (0, Investigating, "Some requests to {} take several seconds. Nothing is lost."),
            (22, Identified, "One of the caches lost its data after a restart and is filling up again."),
            (55, Resolved, "The cache is warm and response times are normal."),
        ],
    },
    Story {
        title: "{} is unavailable",
        impact: Impact::Critical,
        status: ServiceStatus::MajorOutage,
        updates: &[
            (0, Investigating, "{} does not answer. All engineers on call are on it."),
            (9, Identified, "The primary database failed over to a replica that refuses writes. We are promoting it by hand."),
            (26, Monitoring, "The replica accepts writes and {} answers again. Queued work is being processed."),
            (95, Resolved, "All queued work is done and no data was lost."),
        ],
    },
    Story {
        title: "Delayed processing in {}",
        impact: Impact::Minor,
        status: ServiceStatus::DegradedPerformance,
        updates: &[
            (0, Investigating, "Changes take up to twenty minutes to appear in {}."),
            (40, Monitoring, "We doubled the number of workers; the backlog shrinks."),
            (130, Resolved, "The backlog is gone and changes appear at once."),
        ],
    },
    Story {
        title: "Some customers cannot reach {}",
        impact: Impact::Major,
        status: ServiceStatus::PartialOutage,
        updates: &[
            (0, Investigating, "Customers behind one network provider cannot connect to {}."),
            (35, Identified, "The provider announces a wrong route. We moved traffic to another carrier where we can."),
            (80, Resolved, "The provider has corrected the route."),
        ],
    },
    Story {
        title: "Certificate warning on {}",
        impact: Impact::Minor,
        status: ServiceStatus::DegradedPerformance,
        updates: &[
            (0, Identified, "A certificate of {} was not renewed in time on one of the edge servers. It is out of rotation."),
            (12, Resolved, "The certificate is renewed everywhere, and an alarm now rings two weeks ahead."),
        ],
    },
];

pub(super) const WORK: &[(&str, &str)] = &[
    ("Database upgrade of {}", "A minor version upgrade. Expect a minute without writes."),
    ("Network work at {}", "Switches are replaced one at a time; traffic takes the other path."),
    ("Moving {} to larger machines", "Customers are moved in groups and may be asked to sign in again."),
];

pub(super) const REASONS: &[&str] = &["Alarm from the synthetic checks", "Reported by a customer", "Error budget burns too fast"];
