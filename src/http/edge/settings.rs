//! The settings of the edge, with defaults that no honest client meets.

use ipnet::IpNet;
use std::time::Duration;
use warp::http::Method;

/// The most bytes that a request's body may have, unless a route wants less.
pub const MAX_BODY: u64 = 8 * 1024 * 1024;

/// Which methods a path answers; none when there is nothing at it.
pub type Methods = fn(&str) -> Vec<Method>;

/// What the edge allows.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Whose word about a client's address and about request ids is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Which pages of other origins may use the API from a browser; `*` for every page, then without credentials.
    pub cors_origins: Vec<String>,
    /// Whether only who asks for this machine by its address, or as `localhost`, is answered: what is open to everybody who
    /// can reach it is otherwise open to every page in the browser of somebody who can. A page may give its own name the
    /// address of this machine, and is then of the same origin.
    pub own_names_only: bool,
    /// What is said of a path to browsers that ask before they ask.
    pub methods: Methods,
    /// The status with which they are told that they may ask, and what there is to read then.
    pub preflight: (u16, &'static str),
    /// How long browsers shall remember to come by HTTPS only. Never said unless set: it cannot be taken back.
    pub hsts: Option<Duration>,
    /// How often who may ask.
    pub rates: RateSettings,
    /// How long an address that asks too often waits to hear so. Whoever asks as fast as they are answered, to guess names
    /// say, then costs next to nothing; others notice neither the wait nor the flood.
    pub refused_after: Duration,
    /// How big and slow a body may be.
    pub body: BodyLimits,
    /// How many connections there may be.
    pub connections: ConnectionLimits,
    /// How long a request may take until its answer begins. What the answer does then, it may do for ever.
    pub answer_within: Duration,
    /// How long a client may take to send its request's head: long enough for a bad line, too short for slow-loris.
    pub head_within: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub taken_within: Duration,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            own_names_only: false,
            methods: every_method,
            preflight: (204, ""),
            hsts: None,
            rates: RateSettings::default(),
            refused_after: Duration::from_millis(250),
            body: BodyLimits::default(),
            connections: ConnectionLimits::default(),
            answer_within: Duration::from_secs(60),
            head_within: Duration::from_secs(10),
            taken_within: Duration::from_secs(60),
        }
    }
}

/// Every method of the API, for a path of which nothing is known.
fn every_method(_path: &str) -> Vec<Method> {
    vec![Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE]
}

/// How big and slow a body may be.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// The most bytes.
    pub bytes: u64,
    /// From asking for it until its end.
    pub within: Duration,
    /// A body that has just begun may be this late.
    pub grace: Duration,
    /// After the grace, it must come at this pace: a slow telephone's, which makes holding many bodies open expensive.
    pub bytes_per_second: u32,
}

impl Default for BodyLimits {
    fn default() -> Self {
        let (within, grace) = (Duration::from_secs(30), Duration::from_secs(5));
        Self { bytes: MAX_BODY, within, grace, bytes_per_second: 1024 }
    }
}

/// How many connections there may be. Those above it are closed as they come, and nobody else notices.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// In this process.
    pub total: usize,
    /// From one address (one network, in IPv6); trusted proxies have as many as there are.
    pub per_address: usize,
}

impl Default for ConnectionLimits {
    /// A quarter for one address: an office behind one, but not everything for one who wants to shut others out.
    fn default() -> Self {
        Self { total: 16_384, per_address: 4_096 }
    }
}

/// So many at once, and so many in each second after that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// In each second; nothing is limited when it is 0.
    pub per_second: f64,
    /// At once.
    pub burst: u32,
}

impl Rate {
    /// No limit.
    pub const OFF: Self = Self { per_second: 0.0, burst: 0 };

    /// So many.
    pub const fn new(per_second: f64, burst: u32) -> Self {
        Self { per_second, burst }
    }
}

/// How often who may ask.
#[derive(Debug, Clone, Copy)]
pub struct RateSettings {
    /// One address, whatever it asks.
    pub address: Rate,
    /// One address, for what guesses passwords or costs a hash.
    pub auth: Rate,
    /// One caller, for reading.
    pub reads: Rate,
    /// One caller, for changing something.
    pub writes: Rate,
}

impl RateSettings {
    /// From the one number that people choose: what an address, and a caller, may ask in a second. With 0 nobody counts.
    pub fn of_requests_per_second(requests: u32) -> Self {
        if requests == 0 {
            return Self { address: Rate::OFF, auth: Rate::OFF, reads: Rate::OFF, writes: Rate::OFF };
        }
        let (all, burst) = (f64::from(requests), requests.saturating_mul(5));
        Self {
            address: Rate::new(all, burst),
            auth: Rate::new(5.0, 100),
            reads: Rate::new(all, burst),
            writes: Rate::new(all / 2.0, burst.div_ceil(2)),
        }
    }
}

impl Default for RateSettings {
    fn default() -> Self {
        Self::of_requests_per_second(200)
    }
}
