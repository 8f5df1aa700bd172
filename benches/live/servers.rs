//! The servers that are compared: how each is built, started and ended.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The server's processor, and the load's.
pub(crate) const SERVER_CORE: &str = "0";
pub(crate) const LOAD_CORE: &str = "1";
const PATIENCE: Duration = Duration::from_secs(20);
/// Where Debian puts nginx's modules; `NGINX_MODULES` names another place.
const NGINX_MODULES: &str = "/usr/lib/nginx/modules";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Ours,
    Limit,
    Coalescing,
    Nchan,
    Ws,
    WarpWs,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [Self::Ours, Self::Limit, Self::Coalescing, Self::Nchan, Self::Ws, Self::WarpWs];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "Tocsin",
            Self::Limit => "limit (bare epoll)",
            Self::Coalescing => "limit, coalescing",
            Self::Nchan => "nchan",
            Self::Ws => "node ws",
            Self::WarpWs => "warp::ws",
        }
    }

    /// The short name, for `--only`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Limit => "limit",
            Self::Coalescing => "coalescing",
            Self::Nchan => "nchan",
            Self::Ws => "ws",
            Self::WarpWs => "warp",
        }
    }
}

/// A server that runs; it ends with this.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts one on a core of its own, or says why not.
    pub(crate) fn start(kind: Kind) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        if kind == Kind::Ours {
            return ours(folder);
        }
        let free =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(|error| error.to_string())?;
        let port = free.port().to_string();
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/live/peers");
        let mut command = match kind {
            Kind::Limit => pinned(&built(&peers, "limit")?, &[&port]),
            Kind::Coalescing => pinned(&built(&peers, "limit")?, &[&port, "coalesce"]),
            Kind::WarpWs => pinned(&built(&peers, "warp_ws")?, &[&port]),
            Kind::Ws if !peers.join("node_modules/ws").exists() => {
                return Err("`npm install ws` in benches/live/peers was not done".to_owned());
            }
            Kind::Ws => pinned(Path::new("node"), &[&peers.join("ws.js").to_string_lossy(), &port]),
            Kind::Nchan | Kind::Ours => {
                let modules = std::env::var("NGINX_MODULES").unwrap_or(NGINX_MODULES.to_owned());
                if !Path::new(&modules).join("ngx_nchan_module.so").exists() {
                    return Err(format!("there is no ngx_nchan_module.so in {modules} (Debian: libnginx-mod-nchan)"));
                }
                let place = folder.path().to_string_lossy().into_owned();
                let conf = std::fs::read_to_string(peers.join("nchan.conf")).map_err(|error| error.to_string())?;
                let conf = conf.replace("PORT", &port).replace("FOLDER", &place).replace("MODULES", &modules);
                let file = folder.path().join("nginx.conf");
                std::fs::write(&file, conf).map_err(|error| error.to_string())?;
                let nginx = std::env::var("NGINX").unwrap_or("nginx".to_owned());
                pinned(Path::new(&nginx), &["-p", &place, "-c", &file.to_string_lossy()])
            }
        };
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|error| error.to_string())?;
        let mut server = Self { child, address: free, _folder: folder };
        let began = Instant::now();
        while TcpStream::connect(server.address).is_err() {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(format!("it ended at once: {status}"));
            }
            if began.elapsed() > PATIENCE {
                return Err("it does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pinned(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", SERVER_CORE]).arg(program).args(args);
    command
}

fn ours(folder: TempDir) -> Result<Server, String> {
    let store = format!("file:{}", folder.path().join("data").display());
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--requests-per-second",
        "0",
        "--connections-per-address",
        "20000",
        "--log",
        "warn",
        "--store",
        &store,
    ];
    let mut command = pinned(Path::new(env!("CARGO_BIN_EXE_tocsin")), &args);
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    let out = child.stdout.take().expect("it is piped");
    let mut first = String::new();
    let read = BufReader::new(out).read_line(&mut first);
    let address = first.trim().strip_prefix("Tocsin listens on http://").and_then(|address| address.parse().ok());
    let placeholder = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server { child, address: address.unwrap_or(placeholder), _folder: folder };
    if address.is_some() { Ok(server) } else { Err(format!("it said {first:?} ({read:?})")) }
}

/// Builds a peer, once, beside our own programs.
fn built(peers: &Path, name: &str) -> Result<PathBuf, String> {
    let ours = Path::new(env!("CARGO_BIN_EXE_tocsin"));
    let target = ours.parent().and_then(Path::parent).ok_or("there is no target folder")?.join("peers");
    let program = target.join("release").join(name);
    let manifest = peers.join("Cargo.toml");
    let done = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--bin", name, "--manifest-path"])
        .arg(manifest)
        .env("CARGO_TARGET_DIR", target)
        .status()
        .map_err(|error| error.to_string())?;
    if done.success() { Ok(program) } else { Err(format!("{name} cannot be built")) }
}
