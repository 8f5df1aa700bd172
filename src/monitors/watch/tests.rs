use super::*;
use std::sync::atomic::{AtomicBool, Ordering};
use tocsin_actors::{
    clock::SystemClock,
    directory::Settings,
    domain::{
        Monitor, Timestamp,
        monitor::Pace,
        status::{MonitorState, ServiceStatus},
    },
    readings::{ReadingStore, Span},
    testkit::{
        MemoryStore,
        builders::{create_monitor, create_organization, create_service, monitor, org, service},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A website that is well, or not.
async fn site() -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let well = Arc::new(AtomicBool::new(true));
    let is_well = well.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 2048];
            let _ = socket.read(&mut head).await;
            let status = if is_well.load(Ordering::SeqCst) { "200 OK" } else { "500 Broken" };
            let _ = socket.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
        }
    });
    (url, well)
}

struct Bench {
    store: Arc<MemoryStore>,
    directory: Directory,
    monitors: Monitors,
    well: Arc<AtomicBool>,
}

impl Bench {
    /// An organization with a service and a monitor that turns at the first check.
    async fn new(on: bool) -> Self {
        let (url, well) = site().await;
        let store = Arc::new(MemoryStore::new());
        let directory = Directory::start(store.clone(), Arc::new(SystemClock), Settings::default()).await.unwrap();
        let mut made = create_monitor(1, 1);
        if let Command::CreateMonitor(new) = &mut made.command {
            new.url = url;
            new.pace = Pace { interval_s: 10, timeout_ms: 2_000, failures: 1, successes: 1 };
        }
        directory.execute(org(1), vec![create_organization(1), create_service(1), made]).await.unwrap();
        let settings = MonitorSettings { on, allowed: vec!["127.0.0.0/8".parse().unwrap()], at_once: 4 };
        let monitors = Monitors::start(store.clone(), directory.clone(), Arc::new(SystemClock), &settings);
        Self { store, directory, monitors, well }
    }
    async fn monitor(&self) -> Arc<Monitor> {
        self.directory.view(org(1)).await.unwrap().monitors()[&monitor(1)].clone()
    }
    async fn watched(&self) -> Watched {
        Watched::of(org(1), &*self.monitor().await)
    }
    async fn follow(&self) {
        let watched = self.store.watched().await.unwrap();
        locked(&self.monitors.shared.schedule).follow(watched, SystemClock.now());
    }
    /// How many checks are written down; of two in one millisecond a store may make one.
    async fn readings(&self) -> u32 {
        let (from, to) = (Timestamp::from_millis(0), SystemClock.now().after(FOLLOW_EVERY));
        self.store.readings(monitor(1), Span::Check, from, to, 1_000).await.unwrap().iter().map(|one| one.checks).sum()
    }
}

#[tokio::test]
async fn a_monitor_is_checked_by_itself_and_turns() {
    let bench = Bench::new(true).await;
    let up = async {
        while bench.monitor().await.state != MonitorState::Up || bench.readings().await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), up).await.expect("it is checked, and what was found is kept");
    bench.monitors.shutdown().await;
    bench.directory.shutdown().await;
}

#[tokio::test]
async fn only_what_turns_a_monitor_is_told_to_the_organization() {
    let bench = Bench::new(false).await;
    bench.follow().await;
    let check = async |well: bool| {
        bench.well.store(well, Ordering::SeqCst);
        bench.monitors.check(&bench.watched().await).await.unwrap()
    };
    assert!(check(true).await.is_up());
    let turned = bench.store.appended();
    for _ in 0..3 {
        assert!(check(true).await.is_up());
    }
    assert_eq!(bench.store.appended(), turned, "no commit a check");
    let found = check(false).await;
    assert_eq!(found.problem.as_deref(), Some("answered 500"));
    let view = bench.directory.view(org(1)).await.unwrap();
    let gone = &view.monitors()[&monitor(1)];
    assert_eq!((gone.state, gone.reason.as_deref()), (MonitorState::Down, Some("answered 500")));
    assert_eq!(view.services()[&service(1)].status, ServiceStatus::MajorOutage);
    assert!(check(true).await.is_up());
    let view = bench.directory.view(org(1)).await.unwrap();
    assert_eq!(view.services()[&service(1)].status, ServiceStatus::Operational);
    assert_eq!((bench.store.appended(), bench.readings().await), (turned + 2, 6));
    bench.directory.shutdown().await;
}

#[tokio::test]
async fn what_was_found_last_is_written_at_the_end() {
    let bench = Bench::new(false).await;
    let reading = Reading { monitor: monitor(1), at: SystemClock.now(), up: true, response_ms: Some(1) };
    bench.monitors.shared.note(reading);
    assert_eq!(bench.readings().await, 0);
    bench.monitors.shutdown().await;
    assert_eq!(bench.readings().await, 1);
    bench.directory.shutdown().await;
}

#[tokio::test]
async fn of_two_servers_one_makes_the_checks_and_the_other_takes_over() {
    let bench = Bench::new(false).await;
    let settings = MonitorSettings { on: false, ..MonitorSettings::default() };
    let other = Monitors::start(bench.store.clone(), bench.directory.clone(), Arc::new(SystemClock), &settings);
    let is_due = async |monitors: &Monitors| {
        monitors.shared.look().await.unwrap();
        locked(&monitors.shared.schedule).next().is_some()
    };
    assert!(is_due(&bench.monitors).await);
    assert!(!is_due(&other).await);
    assert!(is_due(&bench.monitors).await);
    bench.monitors.shutdown().await;
    assert!(is_due(&other).await, "and need not wait until it is missed");
    assert!(!is_due(&bench.monitors).await);
    bench.directory.shutdown().await;
}
