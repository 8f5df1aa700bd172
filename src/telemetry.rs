//! Logging: to stderr, so that stdout stays for what a command answers.

use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;

/// Who would put a span of its own around everything that an organization says. Whoever asks for it by name gets it.
const QUIET: &str = "ractor=warn";

/// Starts logging. A filter that cannot be understood is an error, not silence.
pub fn start(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"))
        .map_err(|error| anyhow::anyhow!("--log {filter:?} cannot be understood ({error}): try `info` or `tocsin=debug`"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    // Colours on a terminal, unless NO_COLOR says no, which the subscriber asks by itself.
    let log = if stderr().is_terminal() { log } else { log.with_ansi(false) };
    // A second start (tests in one process) keeps the first.
    let _ = log.try_init();
    Ok(())
}
