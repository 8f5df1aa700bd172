//! Readers on a thread of their own, and the way to talk to them.

use super::engine::Readers;
use mio::Waker;
use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, TryRecvError, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// The longest turn: how late somebody may be who is to be dropped.
const TURN: Duration = Duration::from_millis(10);

type Request = Box<dyn FnOnce(&mut Readers, &mut Churn) + Send>;

/// The thread in which readers live.
pub struct Crew {
    requests: Sender<Request>,
    waker: Arc<Waker>,
    thread: JoinHandle<io::Result<Readers>>,
}

/// The thread of the readers has ended before its time.
#[derive(Debug, thiserror::Error)]
#[error("the readers have stopped")]
pub struct Stopped;

/// Who drops their connections when.
#[derive(Default)]
struct Churn {
    per_second: f64,
    owed: f64,
    last: Option<Instant>,
    dice: u64,
}

impl Crew {
    /// Starts the thread.
    pub fn start(readers: Readers) -> io::Result<Self> {
        let waker = Arc::new(readers.waker()?);
        let (requests, asked) = channel();
        let thread = std::thread::Builder::new().name("readers".to_owned()).spawn(move || live(readers, &asked))?;
        Ok(Self { requests, waker, thread })
    }

    /// Asks the readers something, or has something done to them.
    pub async fn ask<T: Send + 'static>(&self, ask: impl FnOnce(&mut Readers) -> T + Send + 'static) -> Result<T, Stopped> {
        let (answer, answered) = oneshot::channel();
        let request: Request = Box::new(move |readers, _| {
            let _ = answer.send(ask(readers)); // who asked may have gone
        });
        self.request(request)?;
        answered.await.map_err(|_| Stopped)
    }

    /// From now on so many readers a second drop their connection and come back.
    pub fn churn(&self, per_second: f64) -> Result<(), Stopped> {
        self.request(Box::new(move |_, churn| churn.change_to(per_second)))
    }

    /// Ends the thread and answers the readers, to be looked at.
    pub fn stop(self) -> Result<Readers, Stopped> {
        drop(self.requests);
        let _ = self.waker.wake(); // else it ends with its turn
        match self.thread.join() {
            Ok(Ok(readers)) => Ok(readers),
            Ok(Err(_)) | Err(_) => Err(Stopped),
        }
    }

    fn request(&self, request: Request) -> Result<(), Stopped> {
        self.requests.send(request).map_err(|_| Stopped)?;
        self.waker.wake().map_err(|_| Stopped)
    }
}

fn live(mut readers: Readers, asked: &Receiver<Request>) -> io::Result<Readers> {
    let mut churn = Churn::default();
    loop {
        loop {
            match asked.try_recv() {
                Ok(request) => request(&mut readers, &mut churn),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(readers),
            }
        }
        for _ in 0..churn.due() {
            let reader = churn.throw(readers.len());
            readers.drop_connection(reader);
        }
        readers.turn(TURN)?;
    }
}

impl Churn {
    fn change_to(&mut self, per_second: f64) {
        *self = Self { per_second, owed: 0.0, last: Some(Instant::now()), dice: 0x9e37_79b9_7f4a_7c15 };
    }

    /// How many are to be dropped now.
    fn due(&mut self) -> usize {
        let Some(last) = self.last.replace(Instant::now()).filter(|_| self.per_second > 0.0) else { return 0 };
        self.owed += last.elapsed().as_secs_f64() * self.per_second;
        let due = self.owed.floor();
        self.owed -= due;
        due as usize
    }

    /// One of so many, by xorshift: it only has to be spread.
    fn throw(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice % sides.max(1) as u64).unwrap_or_default()
    }
}
