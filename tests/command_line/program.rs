//! Runs `tocsin` in a folder of its own, with nothing of ours in its environment.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longer than every time limit of the program, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder in which the program is run.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

/// What it said and how it ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert!(self.code == Some(0) && self.err.is_empty(), "{self:#?}");
        self.out
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOCSIN_")).for_each(|(name, _)| {
            command.env_remove(name);
        });
        command.env_remove("RUST_BACKTRACE").current_dir(self.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        finish(self.command(&program()).args(args))
    }

    /// Every file and folder here, with its bytes.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path.clone());
                }
                found.insert(path.clone(), std::fs::read(&path).unwrap_or_default());
            }
        }
        found
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), content).unwrap();
    }
}

pub(crate) fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_tocsin").into()
}

#[track_caller]
pub(crate) fn finish(command: &mut Command) -> Done {
    let child = command.spawn().unwrap();
    let pid = child.id();
    let (tell, ended) = mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(PATIENCE) else {
        signal(pid, "-KILL");
        panic!("{command:?} did not end in time");
    };
    let Output { status, stdout, stderr } = output.unwrap();
    Done { code: status.code(), out: String::from_utf8(stdout).unwrap(), err: String::from_utf8(stderr).unwrap() }
}

pub(crate) fn signal(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success(), "kill {signal} {pid}");
}

/// A fixture file of the repository.
pub(crate) fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).to_str().unwrap().to_owned()
}

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Option<JoinHandle<String>>,
}

impl Server {
    pub(crate) fn start(place: &Place, args: &[&str]) -> Self {
        let mut command = place.command(&program());
        Self::of(command.args(["serve", "--listen", "127.0.0.1:0"]).args(args))
    }

    /// One that may have only so many files open.
    pub(crate) fn start_with_descriptors(place: &Place, descriptors: u32, args: &[&str]) -> Self {
        let mut command = place.command(Path::new("sh"));
        command.args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")]).arg(program());
        Self::of(command.args(["serve", "--listen", "127.0.0.1:0"]).args(args))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut err = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            let _ = err.read_to_string(&mut log);
            log
        });
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let first = lines.recv_timeout(PATIENCE);
        let Some(address) = first.as_ref().ok().and_then(|line| line.strip_prefix("Tocsin listens on http://")) else {
            let _ = child.kill();
            panic!("it said {first:?} instead of where it listens, and: {}", log.join().unwrap());
        };
        Self { address: address.parse().unwrap(), child, log: Some(log) }
    }

    /// SIGTERM, and waits. Answers its exit code, how long that took and its log.
    pub(crate) fn terminate(mut self) -> (Option<i32>, Duration, String) {
        let asked = Instant::now();
        signal(self.child.id(), "-TERM");
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(asked.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        (status.code(), asked.elapsed(), self.log.take().unwrap().join().unwrap())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Asks, and answers status, head and body.
    pub(crate) fn ask(&self, method: &str, path: &str) -> (u16, String, String) {
        ask(self.connect(), method, path)
    }
}

/// Asks whoever is at the other end, and answers status, head and body.
pub(crate) fn ask(mut stream: TcpStream, method: &str, path: &str) -> (u16, String, String) {
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: tocsin\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_lowercase(), body.to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a text is the pattern, in which `…` stands for the words of somebody else.
#[track_caller]
pub(crate) fn assert_fits(text: &str, pattern: &str) {
    let mut rest = text;
    for (n, part) in pattern.split('…').enumerate() {
        let at = rest.find(part).filter(|at| n > 0 || *at == 0);
        rest = &rest[at.unwrap_or_else(|| panic!("{text:?} is not {pattern:?}")) + part.len()..];
    }
    assert!(rest.is_empty() || pattern.ends_with('…'), "{text:?} is not {pattern:?}");
}
