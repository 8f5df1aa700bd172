//! Every setting, checked once, before anything starts. Each flag has a twin in the environment: `TOCSIN_…`.

use crate::{
    facades::{Opening, Reached},
    seed::generate::Amount,
};
use clap::{Args, Parser, Subcommand, ValueEnum, builder::BoolishValueParser};
use ipnet::IpNet;
use std::{net::SocketAddr, path::PathBuf};

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "tocsin", version, about = "A multi-tenant, realtime status-page engine", max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(Box<ServeArgs>),
    /// Run the server with a believable organization in it, in a folder that is gone afterwards
    Demo(DemoArgs),
    /// Load fixtures, or generate data, through the same commands as everybody
    Seed(SeedArgs),
    /// Ask a server whether it can work; exit code 1 when it cannot
    Health(HealthArgs),
    /// Make somebody a superadmin, who may do everything everywhere
    Superadmin(SuperadminArgs),
    /// Sign access tokens with a new key from now on
    RotateKey(RotateKeyArgs),
    /// Verify a store: every document must equal the replay of its organization's commits
    Check(CheckArgs),
    /// Write everything that a store holds into a file, but for what website checks found
    Export(ExportArgs),
    /// Fill an empty store from a file that `export` wrote, and verify it
    Import(ImportArgs),
    /// Drive a running server with many organizations, readers and writes, and verify what readers see; exit code 1 when
    /// anything was lost, repeated or out of order
    Loadtest(LoadtestArgs),
}

/// Where everything is kept.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// Where everything is kept: `file:PATH` for the embedded store in that folder, or `mongodb://…`
    #[arg(long = "store", env = "TOCSIN_STORE", hide_env_values = true, value_name = "URL", default_value = "file:data")]
    pub url: StoreUrl,
}

/// The address of a store. A password in it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(pub String);

impl From<String> for StoreUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl std::fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.split_once("://").map(|(scheme, rest)| (scheme, rest.rsplit_once('@'))) {
            Some((scheme, Some((_, host)))) => write!(f, "{scheme}://…@{host}"),
            _ => f.write_str(&self.0),
        }
    }
}

/// How to run the server.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// See there.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The address to listen on
    #[arg(long, env = "TOCSIN_LISTEN", hide_env_values = true, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = listen)]
    pub listen: SocketAddr,
    /// Minutes without a request after which an organization is put to sleep
    #[arg(long, env = "TOCSIN_SLEEP_AFTER_MINUTES", hide_env_values = true, value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub sleep_after_minutes: u64,
    /// See there.
    #[command(flatten)]
    pub access: AccessArgs,
    /// See there.
    #[command(flatten)]
    pub facades: FacadeArgs,
    /// What to log, as `level` or `target=level,…`
    #[arg(long, env = "TOCSIN_LOG", hide_env_values = true, value_name = "FILTER", default_value = "info")]
    pub log: String,
}

/// Which other backends to speak, and to whom.
#[derive(Debug, Clone, Args)]
pub struct FacadeArgs {
    /// Speak like another backend, for its front ends, on an address of its own: NAME is plive, prisma, statusnexus, flask or fastapi (repeat, or separate by commas)
    #[arg(long, env = "TOCSIN_FACADE", hide_env_values = true, value_name = "NAME=ADDR", value_delimiter = ',')]
    pub facade: Vec<Opening>,
    /// The address under which people reach a facade, where that is not the one it listens on: for links and logins (repeat, or
    /// separate by commas)
    #[arg(long, env = "TOCSIN_FACADE_URL", hide_env_values = true, value_name = "NAME=URL", value_delimiter = ',')]
    pub facade_url: Vec<Reached>,
    /// The organization that everybody may change who reaches a facade that has no logins; `*` for all of the installation
    #[arg(long, env = "TOCSIN_OPEN_FACADE", hide_env_values = true, value_name = "SLUG")]
    pub open_facade: Option<String>,
    /// Open such a facade on an address that other machines can reach
    #[arg(long, env = "TOCSIN_OPEN_FACADE_TO_NETWORK", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub open_facade_to_network: bool,
}

/// What `serve` may be told about who may do what, and how often.
#[derive(Debug, Clone, Args)]
pub struct AccessArgs {
    /// Whether anybody may make an account: `open`, or `closed` for people who were invited only
    #[arg(
        long,
        env = "TOCSIN_REGISTRATION",
        hide_env_values = true,
        value_name = "open|closed",
        default_value = "open",
        hide_possible_values = true
    )]
    pub registration: Registration,
    /// The address under which people reach this server, for the links that it makes
    #[arg(long, env = "TOCSIN_PUBLIC_URL", hide_env_values = true, value_name = "URL", value_parser = web_address)]
    pub public_url: Option<String>,
    /// Identity providers whose tokens are accepted: a YAML or JSON file
    #[arg(long, env = "TOCSIN_IDENTITY_PROVIDERS", hide_env_values = true, value_name = "FILE")]
    pub identity_providers: Option<PathBuf>,
    /// Requests a second from one address, and from one caller (half of it for writes), with five times as many at once; 0 for no limit
    #[arg(long, env = "TOCSIN_REQUESTS_PER_SECOND", hide_env_values = true, value_name = "N", default_value_t = 200)]
    pub requests_per_second: u32,
    /// Connections at once, sockets of the live stream included; as many as the process may open files when left out
    #[arg(long, env = "TOCSIN_CONNECTIONS", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: Option<u32>,
    /// Connections at once from one address; a quarter of all when left out
    #[arg(long, env = "TOCSIN_CONNECTIONS_PER_ADDRESS", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub connections_per_address: Option<u32>,
    /// Threads that write to the sockets of the live stream; half as many as there are cores when left out
    #[arg(long, env = "TOCSIN_LIVE_THREADS", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub live_threads: Option<u32>,
    /// Networks of proxies whose word about a client's address is taken, like 10.0.0.0/8 (repeat, or separate by commas)
    #[arg(long, env = "TOCSIN_TRUSTED_PROXY", hide_env_values = true, value_name = "NETWORK", value_delimiter = ',')]
    pub trusted_proxy: Vec<IpNet>,
    /// Other origins whose pages may use the API from a browser, like https://app.example.org, or `*` (repeat, or separate by commas)
    #[arg(long, env = "TOCSIN_CORS_ORIGIN", hide_env_values = true, value_name = "ORIGIN", value_delimiter = ',')]
    pub cors_origin: Vec<String>,
    /// Days for which browsers shall come by HTTPS only; not said when left out
    #[arg(long, env = "TOCSIN_HSTS_DAYS", hide_env_values = true, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3_650))]
    pub hsts_days: Option<u64>,
    /// Whether this server may make website checks, `on` or `off`; of several that share a database one makes them
    #[arg(
        long,
        env = "TOCSIN_MONITORS",
        hide_env_values = true,
        value_name = "on|off",
        default_value = "on",
        hide_possible_values = true
    )]
    pub monitors: Switch,
    /// Networks that website checks may reach beside the public Internet, like 10.0.0.0/8 (repeat, or separate by commas)
    #[arg(long, env = "TOCSIN_MONITOR_ALLOW", hide_env_values = true, value_name = "NETWORK", value_delimiter = ',')]
    pub monitor_allow: Vec<IpNet>,
    /// An address of its own for /metrics, which is then served nowhere else
    #[arg(long, env = "TOCSIN_METRICS_LISTEN", hide_env_values = true, value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
    /// A token that /metrics asks for, as `Authorization: Bearer …`
    #[arg(long, env = "TOCSIN_METRICS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub metrics_token: Option<Masked>,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Who was invited.
    Closed,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// Something that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Masked(pub String);

impl From<String> for Masked {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Masked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Whom to ask.
#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// The address on which the server listens
    #[arg(long, env = "TOCSIN_LISTEN", hide_env_values = true, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = listen)]
    pub listen: SocketAddr,
}

/// Whom to make a superadmin.
#[derive(Debug, Clone, Args)]
pub struct SuperadminArgs {
    /// See there.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Their e-mail address; an account is made if there is none
    #[arg(value_name = "EMAIL")]
    pub email: String,
    /// The password of a new account; asked for on standard input when left out
    #[arg(long, env = "TOCSIN_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub password: Option<Masked>,
    /// Take it back: they are a user like others again
    #[arg(long, env = "TOCSIN_REVOKE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub revoke: bool,
}

/// Whose signing key to replace.
#[derive(Debug, Clone, Args)]
pub struct RotateKeyArgs {
    /// See there.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// How to run the demonstration.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// The address to listen on
    #[arg(long, env = "TOCSIN_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Speak like another backend, with its sample data, on an address of its own: NAME is plive, prisma, statusnexus, flask or fastapi (repeat, or separate by commas)
    #[arg(long, env = "TOCSIN_FACADE", value_name = "NAME=ADDR", value_delimiter = ',')]
    pub facade: Vec<Opening>,
    /// Identity providers whose tokens are accepted: a YAML or JSON file
    #[arg(long, env = "TOCSIN_IDENTITY_PROVIDERS", hide_env_values = true, value_name = "FILE")]
    pub identity_providers: Option<PathBuf>,
    /// What to log, as `level` or `target=level,…`
    #[arg(long, env = "TOCSIN_LOG", value_name = "FILTER", default_value = "warn")]
    pub log: String,
}

/// What to load.
#[derive(Debug, Clone, Args)]
pub struct SeedArgs {
    /// See there.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Fixture files, YAML or JSON
    #[arg(value_name = "FILE", required_unless_present = "generate")]
    pub files: Vec<PathBuf>,
    /// Make up organizations: `orgs=1000,services=20,incidents=10[,days=90][,seed=1][,password=…]`
    #[arg(long, env = "TOCSIN_GENERATE", hide_env_values = true, value_name = "AMOUNT")]
    pub generate: Option<Amount>,
    /// Check everything and say what would happen, and change nothing
    #[arg(long, env = "TOCSIN_DRY_RUN", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// Say nothing unless something is wrong
    #[arg(long, short, env = "TOCSIN_QUIET", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub quiet: bool,
}

/// What to verify.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// See there.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Write documents, snapshots and slugs again from the commits where they differ
    #[arg(long, env = "TOCSIN_REPAIR", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub repair: bool,
}

fn web_address(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let web = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    if web.is_some_and(|host| !host.is_empty() && !host.contains(char::is_whitespace)) {
        return Ok(text.to_owned());
    }
    Err("write an address like https://status.example.org".to_owned())
}

/// What to write where.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// See there.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The file to make, `-` for stdout. It holds password hashes and keys: keep it as safe as the store
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// What to read where.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// See there.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The file to read, `-` for stdin. All of it is verified before anything is changed
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// How much load, and where.
#[derive(Debug, Clone, Args)]
pub struct LoadtestArgs {
    /// The server. Organizations are made in it, and deleted afterwards; an account stays
    #[arg(long, env = "TOCSIN_URL", hide_env_values = true, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// How many organizations to make
    #[arg(long, env = "TOCSIN_ORGS", hide_env_values = true, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub orgs: u32,
    /// How many readers, in all
    #[arg(long, env = "TOCSIN_READERS", hide_env_values = true, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub readers: u32,
    /// Writes a second, in all
    #[arg(long, env = "TOCSIN_WRITES", hide_env_values = true, value_name = "RATE", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=50_000))]
    pub writes: u32,
    /// How long to measure
    #[arg(long, env = "TOCSIN_SECONDS", hide_env_values = true, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: u64,
    /// So many more readers who never read
    #[arg(long, env = "TOCSIN_SLOW", hide_env_values = true, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub slow: u32,
    /// So many readers a second drop their connection without a word, and come back for what they missed
    #[arg(long, env = "TOCSIN_CHURN", hide_env_values = true, value_name = "RATE", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub churn: u32,
    /// The server's process, on this machine: tells what it costs in CPU and memory
    #[arg(long, env = "TOCSIN_SERVER_PID", hide_env_values = true, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Tell the result as JSON, and nothing else
    #[arg(long, env = "TOCSIN_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Allow a server that is not on this machine
    #[arg(long, env = "TOCSIN_ANYWHERE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub anywhere: bool,
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address and a port, like 127.0.0.1:8080, 0.0.0.0:80 or [::]:8080".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_a_twin_in_the_environment() {
        for command in Cli::command().get_subcommands() {
            for flag in command.get_arguments().filter(|flag| flag.get_long().is_some_and(|long| long != "help")) {
                let twin = format!("TOCSIN_{}", flag.get_long().unwrap().replace('-', "_").to_uppercase());
                assert_eq!(flag.get_env(), Some(twin.as_ref()), "{} {flag}", command.get_name());
            }
        }
    }

    #[test]
    fn a_password_in_a_store_url_is_never_shown() {
        let url = StoreUrl("mongodb://ann:secret@db:27017/tocsin".into());
        assert_eq!(format!("{url:?}"), "mongodb://…@db:27017/tocsin");
        assert_eq!(format!("{:?}", StoreUrl("file:data".into())), "file:data");
    }
}
