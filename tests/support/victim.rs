//! Runs `engine_writer` (see there) as a process of its own and hears what it says.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Once,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::Duration,
};

/// Long enough for a busy machine to open a store and load a dozen organizations.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) enum Said {
    Ready,
    Ack { writer: u64, n: u64 },
    Retried,
    Wrong(String),
}

pub(crate) struct Victim {
    process: Child,
    lines: Receiver<Said>,
}

impl Victim {
    pub(crate) fn start(url: &str, round: u64, orgs: u64, writers: u64, retries: &[String]) -> Self {
        let mut process = Command::new(program())
            .arg(url)
            .args([round, orgs, writers].map(|n| n.to_string()))
            .args(retries)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("engine_writer starts");
        let out = BufReader::new(process.stdout.take().expect("piped"));
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            // The last line of a killed process may be cut: what cannot be read was not said.
            for line in out.lines().map_while(Result::ok) {
                if let Some(said) = understand(&line)
                    && tell.send(said).is_err()
                {
                    return;
                }
            }
        });
        Self { process, lines }
    }

    pub(crate) fn until_ready(&mut self) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(Said::Ready) => return,
                Ok(Said::Wrong(what)) => panic!("{what}"),
                Ok(Said::Ack { .. } | Said::Retried) => {}
                Err(error) => panic!("waited for the server to be ready: {error}"),
            }
        }
    }

    /// The next thing it says, if it says something in time.
    pub(crate) fn hear(&mut self, within: Duration) -> Option<Said> {
        match self.lines.recv_timeout(within) {
            Ok(Said::Wrong(what)) => panic!("{what}"),
            Ok(said) => Some(said),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the server ended by itself"),
        }
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    /// What it had said before it died.
    pub(crate) fn rest(&mut self) -> Vec<Said> {
        let said: Vec<_> = self.lines.iter().collect();
        if let Some(Said::Wrong(what)) = said.iter().find(|said| matches!(said, Said::Wrong(_))) {
            panic!("{what}");
        }
        said
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn understand(line: &str) -> Option<Said> {
    let mut words = line.split(' ');
    match words.next()? {
        "ready" => Some(Said::Ready),
        "retried" => Some(Said::Retried),
        "wrong" => Some(Said::Wrong(line.to_owned())),
        "ack" => Some(Said::Ack { writer: words.next()?.parse().ok()?, n: words.next()?.parse().ok()? }),
        _ => None,
    }
}

/// Builds it first: Cargo builds examples with a full test run only, and a stale victim would prove nothing.
fn program() -> PathBuf {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "--quiet", "--workspace", "--all-features", "--example", "engine_writer"])
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        // What our own Cargo told us about this test would make it build dependencies anew.
        let told = |name: &str| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
        };
        std::env::vars().filter(|(name, _)| told(name)).for_each(|(name, _)| {
            cargo.env_remove(name);
        });
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo runs").success(), "engine_writer does not build");
    });
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps/test");
    folder.join("examples/engine_writer")
}
