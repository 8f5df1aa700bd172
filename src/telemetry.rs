//! Logging: to stderr, so that stdout stays for what a command answers.

use tracing_subscriber::EnvFilter;

/// Starts logging. A filter that cannot be understood is an error, not silence.
pub fn start(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| anyhow::anyhow!("--log: {error}; try `info` or `tocsin=debug`"))?;
    // A second start (tests in one process) keeps the first.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    Ok(())
}
