//! One check: asks once, within its time, and says what it found in words that anybody may read. What an answer says is
//! looked at and thrown away; nothing of it is kept or shown, and none of our own network shows in the reasons.

use super::guard::{Forbidden, Guard, Unresolved};
use reqwest::{Client, Response, Url, header::LOCATION, redirect::Policy};
use std::{
    error::Error,
    io::{self, ErrorKind},
    time::{Duration, Instant},
};
use tocsin_actors::domain::monitor::Expects;

/// How much of an answer is read for a text: pages say what they are at their beginning.
const MOST_READ: usize = 64 * 1024;
/// How often one check follows a redirect.
const MOST_REDIRECTS: u32 = 5;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Why it is down; none when it is up.
    pub problem: Option<String>,
    /// How long the answer took; none when there was none.
    pub response_ms: Option<u32>,
}

impl Finding {
    /// Whether it answered as it should.
    pub const fn is_up(&self) -> bool {
        self.problem.is_none()
    }
}

/// Why it did not answer as it should.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the address {0}")]
    Forbidden(#[from] Forbidden),
    #[error("no answer within {0} s")]
    Late(f64),
    #[error("redirects more than {MOST_REDIRECTS} times")]
    Circles,
    #[error("answered {0}")]
    Status(u16),
    #[error("the expected text is not in the answer")]
    Text,
    #[error("{}", told(.0))]
    Http(#[from] reqwest::Error),
}

/// Makes checks. Every one with a connection of its own: that it can be reached is what is asked.
#[derive(Debug, Clone)]
pub struct Prober {
    client: Client,
    guard: Guard,
}

impl Prober {
    /// Fails only where this machine knows no certificates.
    pub fn new(guard: Guard) -> Result<Self, reqwest::Error> {
        // Already there means that somebody else has chosen, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .dns_resolver(guard.clone())
            .no_proxy() // a proxy would resolve names, and connect, for us and past the guard
            .redirect(Policy::none()) // followed by hand, past the guard each time
            .referer(false)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("tocsin/", env!("CARGO_PKG_VERSION"), " (website check)"))
            .build()?;
        Ok(Self { client, guard })
    }

    /// Checks once.
    pub async fn check(&self, url: &str, expects: &Expects, timeout: Duration) -> Finding {
        let began = Instant::now();
        let answered = tokio::time::timeout(timeout, self.ask(url, expects, began)).await;
        match answered.unwrap_or_else(|_| (Err(Problem::Late(timeout.as_secs_f64())), None)) {
            (Ok(()), response_ms) => Finding { problem: None, response_ms },
            (Err(problem), response_ms) => Finding { problem: Some(problem.to_string()), response_ms },
        }
    }

    /// Asks, goes where it is sent, and looks at the answer. The time is that to the last answer's head.
    async fn ask(&self, url: &str, expects: &Expects, began: Instant) -> (Result<(), Problem>, Option<u32>) {
        let answer = match self.guard.url(url) {
            Ok(url) => self.follow(url, expects).await,
            Err(forbidden) => Err(forbidden.into()),
        };
        match answer {
            Ok(answer) => {
                let response_ms = u32::try_from(began.elapsed().as_millis()).ok();
                (judge(answer, expects).await, response_ms)
            }
            Err(problem) => (Err(problem), None),
        }
    }

    async fn follow(&self, mut url: Url, expects: &Expects) -> Result<Response, Problem> {
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.client.get(url.clone()).send().await?;
            let status = answer.status();
            let leads_on = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) && !expects.statuses.contains(&status.as_u16());
            let to = answer.headers().get(LOCATION).filter(|_| leads_on).and_then(|to| to.to_str().ok());
            let Some(to) = to else { return Ok(answer) };
            url = self.guard.redirect(&url, to)?;
        }
        Err(Problem::Circles)
    }
}

async fn judge(answer: Response, expects: &Expects) -> Result<(), Problem> {
    let status = answer.status().as_u16();
    if !expects.status(status) {
        return Err(Problem::Status(status));
    }
    match &expects.text {
        Some(text) => contains(answer, text.as_bytes()).await,
        None => Ok(()),
    }
}

/// Whether a text is in what is read of an answer; as soon as it is, nothing more is read.
async fn contains(mut answer: Response, text: &[u8]) -> Result<(), Problem> {
    let mut read = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        let room = MOST_READ - read.len();
        // It may have begun in what was read before.
        let from = read.len().saturating_sub(text.len());
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if read[from..].windows(text.len()).any(|window| window == text) {
            return Ok(());
        }
        if read.len() >= MOST_READ {
            break;
        }
    }
    Err(Problem::Text)
}

/// What went wrong on the way, without saying more about the network than that.
fn told(error: &reqwest::Error) -> String {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(forbidden) = cause.downcast_ref::<Forbidden>() {
            return format!("the address {forbidden}");
        }
        if let Some(unresolved) = cause.downcast_ref::<Unresolved>() {
            return unresolved.to_string();
        }
        if let Some(words) = cause.downcast_ref::<io::Error>().and_then(io_words) {
            return words.to_owned();
        }
        source = cause.source();
    }
    let words = if error.is_connect() { "cannot be reached" } else { "the answer is broken" };
    words.to_owned()
}

fn io_words(error: &io::Error) -> Option<&'static str> {
    // What an I/O error was made of is not its source, and it may be another one.
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>()) {
        return io_words(inner);
    }
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.kind()) {
        (Some(rustls::Error::InvalidCertificate(_)), _) => Some("the certificate is not valid"),
        (Some(_), _) => Some("no encrypted connection is possible"),
        (None, ErrorKind::ConnectionRefused) => Some("the connection is refused"),
        (None, ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => {
            Some("the connection broke off")
        }
        (None, ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => Some("cannot be reached"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
