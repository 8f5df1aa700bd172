//! A real MongoDB server for a test: a replica set of one, in a folder of its own, on a free port, gone with the test.
//!
//! A test without a server fails and says so; it is never skipped.

use mongodb::{
    Client,
    bson::{Document, doc},
    options::ClientOptions,
};
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
    time::{Duration, Instant},
};
use tokio::sync::OnceCell;

/// From nothing to writable takes two seconds; a machine full of other work may need more.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How often to look whether it is writable.
const GLANCE: Duration = Duration::from_millis(20);

/// A server.
pub(crate) struct Mongod {
    child: Child,
    port: u16,
    data: tempfile::TempDir,
    arguments: Vec<String>,
    sweeper: Child,
}

#[allow(dead_code)] // each test binary uses its part
impl Mongod {
    /// The one that the tests of a binary share; each takes a database of its own.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Mongod> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// One of its own, for a test that pauses or kills it. Fail points are there, so that a test can make it fail.
    pub(crate) async fn start() -> Self {
        let mut this = Self::launch(&["--replSet", "rs0", "--setParameter", "enableTestCommands=1"]);
        this.wait_until_writable().await;
        this
    }

    /// One that asks who comes, with a first user who may do everything. Not a replica set, which would need a key file.
    pub(crate) async fn start_with_auth(user: &str, password: &str) -> Self {
        let mut this = Self::launch(&["--auth"]);
        this.wait_until_writable().await;
        let admin = this.client().await.database("admin");
        let create = doc! { "createUser": user, "pwd": password, "roles": ["root"] };
        admin.run_command(create).await.expect("the first user of the test's MongoDB");
        this
    }

    /// One that is not part of a replica set.
    pub(crate) async fn start_standalone() -> Self {
        let mut this = Self::launch(&[]);
        this.wait_until_writable().await;
        this
    }

    /// The address of a database in it.
    pub(crate) fn uri(&self, database: &str) -> String {
        format!("mongodb://{}/{database}{}", self.host(), if self.is_replica_set() { "?replicaSet=rs0" } else { "" })
    }

    /// Where it listens.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A connection beside the store, as a person with a shell has. Belongs to the runtime that asks for it.
    pub(crate) async fn client(&self) -> Client {
        let uri = format!("mongodb://{}/?directConnection=true", self.host());
        let mut options = ClientOptions::parse(uri).await.expect("an address of ours");
        options.server_selection_timeout = Some(Duration::from_secs(5));
        Client::with_options(options).expect("options of ours")
    }

    /// Stops it in its tracks: connections stay open, nobody answers.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
        // Each thread stops when it gets to it, and one on another core may still answer.
        let tasks = format!("/proc/{}/task", self.child.id());
        let is_stopped = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('T'))
        };
        let deadline = Instant::now() + START_TIMEOUT;
        while !std::fs::read_dir(&tasks).expect("the threads of our own child").flatten().all(is_stopped) {
            assert!(Instant::now() < deadline, "it does not stop");
        }
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
    }

    /// Starts it again after `kill`, with the same data on the same port.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.data.path(), self.port, &self.arguments);
        self.wait_until_writable().await;
    }

    fn launch(arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let data = tempfile::tempdir().expect("a folder for the test's MongoDB");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let sweeper = spawn_sweeper(data.path());
        Self { child: spawn(data.path(), port, &arguments), port, data, arguments, sweeper }
    }

    fn is_replica_set(&self) -> bool {
        self.arguments.iter().any(|argument| argument == "--replSet")
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("the command `kill`");
        assert!(sent.success(), "kill {signal} {pid}: {sent}");
    }

    async fn wait_until_writable(&mut self) {
        let deadline = Instant::now() + START_TIMEOUT;
        let admin = self.client().await.database("admin");
        let is_replica_set = self.is_replica_set();
        let mut hello = Document::new();
        while !hello.get_bool("isWritablePrimary").unwrap_or(false) {
            let ended = self.child.try_wait().expect("our own child can be asked");
            let log = || std::fs::read_to_string(self.data.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "mongod ended while starting ({ended:?}):\n{}", log());
            assert!(Instant::now() < deadline, "mongod was not writable in time, it said last {hello}:\n{}", log());
            hello = admin.run_command(doc! { "hello": 1 }).await.unwrap_or_default();
            if is_replica_set && hello.get_bool("isreplicaset").unwrap_or(false) {
                let members = vec![doc! { "_id": 0, "host": self.host() }];
                // Twice does no harm: the second time it says so.
                let _ = admin.run_command(doc! { "replSetInitiate": { "_id": "rs0", "members": members } }).await;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        // Also when it is paused. What is left of its data goes with the folder.
        let _ = self.child.kill();
        let _ = self.child.wait();
        drop(self.sweeper.stdin.take());
        let _ = self.sweeper.wait();
    }
}

/// The server to test with.
fn program() -> PathBuf {
    let path = std::env::var_os("TOCSIN_TEST_MONGOD");
    path.expect("this test needs a MongoDB server, and TOCSIN_TEST_MONGOD does not name one: run tests/run, which fetches it")
        .into()
}

fn spawn(data: &Path, port: u16, arguments: &[String]) -> Child {
    let mut command = Command::new("setpriv");
    // The shared server is in a static, which nobody drops: it is told to go when we are gone.
    command.args(["--pdeathsig", "KILL", "--"]).arg(program());
    command.arg("--dbpath").arg(data).arg("--port").arg(port.to_string()).arg("--logpath").arg(data.join("log"));
    command.args(["--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--nounixsocket"]);
    command.args(["--setParameter", "diagnosticDataCollectionEnabled=false"]).args(arguments);
    // Otherwise each takes 300 MB of disk for a journal to come.
    command.args(["--wiredTigerEngineConfigString", "log=(file_max=16MB,prealloc=false)"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    spawn_from_a_thread_that_stays(command)
}

/// Removes the folder when its input ends, which it does however we end: the shared server's is in a static, which nobody
/// drops.
fn spawn_sweeper(data: &Path) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' INT TERM HUP; read -r _; until rm -rf \"$0\"; do sleep 0.1; done"]).arg(data);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("`sh` can be started")
}

/// "When the parent is gone" means the thread that made the child. Threads of tests end with their test.
fn spawn_from_a_thread_that_stays(command: Command) -> Child {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, queue) = mpsc::channel::<Order>();
        std::thread::spawn(move || queue.into_iter().for_each(|(mut command, reply)| drop(reply.send(command.spawn()))));
        orders
    });
    let (reply, spawned) = mpsc::channel();
    spawner.send((command, reply)).expect("the spawner lives as long as we do");
    spawned.recv().expect("the spawner answers").expect("`setpriv` (from util-linux) can be started")
}
