//! `tocsin demo`: the product with data in it, in a folder that is gone afterwards.

use super::{
    Refused,
    serve::{Told, identity, listen},
};
use crate::{
    app::{App, AppSettings},
    config::DemoArgs,
    facades::{Name, OpenTo, Opening},
    seed::{Fixture, ids::Ids, load::Loader},
    store, telemetry,
};
use anyhow::Context;
use std::{fmt::Write, io::IsTerminal, net::SocketAddr, sync::Arc};
use tocsin_actors::{
    clock::{Clock, SystemClock},
    domain::{
        Org, Timestamp,
        status::{ServiceStatus, Visibility},
    },
    store::Store,
};
use tokio::net::TcpListener;

/// The fixture, inside the program: a demonstration needs no files.
const FIXTURE: &str = include_str!("../../fixtures/demo.yaml");

/// How long an uptime column looks back.
const DAYS: u16 = 90;

/// Loads the fixture, shows it, and serves until told to stop.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    telemetry::start(&args.log).map_err(|error| Refused(error.to_string()))?;
    let settings = AppSettings { identity: identity(args.identity_providers.as_deref())?, ..AppSettings::default() };
    let listener = listen(args.listen, "--listen").await?;
    let facades = facades(&args.facade).await?;
    let told = Told::to_stop()?;
    let address = listener.local_addr()?;
    let folder = tempfile::tempdir().context("no folder for the demonstration")?;
    let store = store::open(&format!("file:{}", folder.path().join("demo").display())).await?;
    let mut app = App::start(store.clone(), settings, listener).await?;
    let fixture = Fixture::read("demo.yaml", FIXTURE)?;
    let loader = Loader::new(store.clone(), app.directory().clone(), SystemClock.now());
    let survey = loader.survey(&fixture).await.context("the demonstration's data")?;
    let mut orgs = Vec::new();
    for outcome in loader.carry_out(&fixture, survey, |_| {}).await.context("the demonstration's data")? {
        orgs.push(app.directory().view(Ids::of(&outcome.slug).org()).await?);
    }
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut shown = String::new();
    for org in &orgs {
        shown += &page(org, SystemClock.now(), colours);
    }
    let _ = writeln!(shown, "Log in as");
    for (email, password) in fixture.logins() {
        let _ = writeln!(shown, "  {email:<28} {password}");
    }
    shown += known_to_all(address);
    let _ = writeln!(shown, "\nTocsin listens on http://{address} and forgets everything when it stops (Ctrl-C). Look at");
    for organization in orgs.iter().filter_map(|org| org.organization()) {
        let page = format!("http://{address}/status/{}", organization.slug);
        let _ = writeln!(shown, "  {page:<40} what visitors of {} see, live", organization.name);
    }
    let docs = format!("http://{address}/docs/");
    let _ = writeln!(shown, "  {docs:<40} every operation, to be tried");
    let _ = writeln!(shown, "or try");
    shown += &examples(address, &fixture);
    for (name, listener) in facades {
        shown += &speak(&mut app, &store, name, listener).await?;
    }
    print!("{shown}");
    told.wait().await;
    app.shutdown().await;
    Ok(())
}

/// What the front end of another backend would see with its own.
const fn sample(name: Name) -> (&'static str, &'static str) {
    match name {
        Name::Plive => ("plive.yaml", include_str!("../../fixtures/plive.yaml")),
        Name::Statusnexus => ("statusnexus.yaml", include_str!("../../fixtures/statusnexus.yaml")),
        Name::Fastapi => ("fastapi.yaml", include_str!("../../fixtures/fastapi.yaml")),
        Name::Prisma => ("prisma.yaml", include_str!("../../fixtures/prisma.yaml")),
        Name::Flask => ("flask.yaml", include_str!("../../fixtures/flask.yaml")),
    }
}

/// Speaks like another backend, with its sample data.
async fn speak(app: &mut App, store: &Arc<dyn Store>, name: Name, listener: TcpListener) -> anyhow::Result<String> {
    let (file, source) = sample(name);
    let fixture = Fixture::read(file, source)?;
    let loader = Loader::new(store.clone(), app.directory().clone(), SystemClock.now());
    let survey = loader.survey(&fixture).await.with_context(|| format!("the sample data of {name}"))?;
    let outcomes = loader.carry_out(&fixture, survey, |_| {}).await.with_context(|| format!("the sample data of {name}"))?;
    let slug = &outcomes.first().with_context(|| format!("{file} has no organization"))?.slug;
    let address = listener.local_addr()?;
    let opened = app.open_facade(name, listener, Some(OpenTo::One(Ids::of(slug).org()))).await;
    opened.map_err(|error| Refused(error.to_string()))?;
    let mut said = format!("Front ends of {name} work with http://{address}; what they change is seen at /status/{slug} as well\n");
    for (email, password) in fixture.logins().filter(|_| name.has_logins()) {
        let _ = writeln!(said, "  {email:<28} {password}");
    }
    if name.has_logins() {
        said += known_to_all(address);
    }
    Ok(said)
}

/// What is to be known of the passwords that were just shown.
fn known_to_all(address: SocketAddr) -> &'static str {
    if address.ip().is_loopback() {
        return "";
    }
    "  ATTENTION: others can reach this address, and these passwords are known to everybody\n"
}

/// Three lines that work as they are.
fn examples(address: SocketAddr, fixture: &Fixture) -> String {
    let api = format!("http://{address}/api/v1");
    let mut out = String::new();
    if let Some(organization) = fixture.organizations.first() {
        let _ = writeln!(out, "  curl {api}/public/{}", organization.slug);
    }
    if let Some((email, password)) = fixture.logins().next() {
        let body = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
        let token = r#"sed 's/.*"access_token":"\([^"]*\).*/\1/'"#;
        let _ = writeln!(out, "  TOKEN=$(curl -s {api}/auth/login -H 'Content-Type: application/json' -d '{body}' | {token})");
        let _ = writeln!(out, "  curl {api}/orgs -H \"Authorization: Bearer $TOKEN\"");
    }
    out
}

/// The listeners of facades. Each is open to its own sample data, on this machine only.
async fn facades(openings: &[Opening]) -> Result<Vec<(Name, TcpListener)>, Refused> {
    let mut listeners = Vec::new();
    for opening in openings {
        opening.check(Some(opening.name.as_str()), false).map_err(|error| Refused(error.to_string()))?;
        listeners.push((opening.name, listen(opening.address, "--facade").await?));
    }
    Ok(listeners)
}

/// An organization as its members see it: groups, services, 90 days of uptime, what is going on.
fn page(org: &Arc<Org>, now: Timestamp, colours: bool) -> String {
    let mut out = String::new();
    let Some(organization) = org.organization() else { return out };
    let paint = Paint { colours };
    let overall = org.page_status(Visibility::Private);
    let _ = writeln!(out, "{}  {}", paint.bold(&organization.name), paint.status(overall));
    let groups = org.groups_in_order().into_iter().map(|group| (Some(group.id), group.name.as_str())).chain([(None, "Other")]);
    for (group, heading) in groups {
        let services: Vec<_> = org.services_in_order().into_iter().filter(|service| service.group == group).collect();
        if services.is_empty() {
            continue;
        }
        let _ = writeln!(out, "  {}", paint.faint(heading));
        for service in services {
            let since = now.before(std::time::Duration::from_secs(u64::from(DAYS) * 86_400));
            let uptime = org.uptime(service.id, since..now, now).and_then(|uptime| uptime.ratio());
            let uptime = uptime.map_or("     –".to_owned(), |ratio| format!("{:.2} %", ratio * 100.0));
            let private = if service.visibility == Visibility::Private { paint.faint(" private") } else { String::new() };
            let _ = writeln!(out, "    {:<26} {uptime:>8}  {}{private}", service.name, paint.status(service.status));
        }
    }
    for incident in org.incidents().values().filter(|incident| !incident.status.is_over()) {
        let _ = writeln!(out, "  {} {} ({})", paint.bold("!"), incident.title, incident.status.as_str().replace('_', " "));
    }
    out.push('\n');
    out
}

/// Colours where they can be seen; the words say the same without them.
struct Paint {
    colours: bool,
}

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }
    fn faint(&self, text: &str) -> String {
        self.with("2", text)
    }
    fn status(&self, status: ServiceStatus) -> String {
        let (sign, code) = match status {
            ServiceStatus::Operational => ("●", "32"),
            ServiceStatus::UnderMaintenance => ("◆", "34"),
            ServiceStatus::DegradedPerformance => ("▲", "33"),
            ServiceStatus::PartialOutage => ("◐", "33"),
            ServiceStatus::MajorOutage => ("✖", "31"),
        };
        self.with(code, &format!("{sign} {}", status.as_str().replace('_', " ")))
    }
}
