//! The body of a request on its way in: no bigger than allowed, and no slower.
//!
//! A body that is left unread is read and thrown away for a moment. Otherwise HTTP/1 would close the socket with bytes in
//! it, and HTTP/2 would cancel the stream: the client would see that instead of the answer that says what was wrong.

use super::{BodyLimits, refusal::Refusal};
use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use thiserror::Error;
use tokio::{
    runtime::Handle,
    time::{Instant, Sleep, sleep_until},
};
use warp::{
    Buf,
    http::{Request, Version, header},
    hyper::{
        self,
        body::{Body, Bytes, Frame, Incoming, SizeHint},
    },
};

/// How long, and how much of it, an unread body is read: enough for an honest client to finish and look at the answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 32 * 1024 * 1024;

/// Why a body ended before its end.
#[derive(Debug, Error)]
pub(in crate::http) enum BodyError {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body did not come in time")]
    TooSlow,
    #[error("the body was cut off: {0}")]
    Cut(#[from] hyper::Error),
}

/// What became of a body, for whoever handed it out. Nothing can become of one that is empty.
#[derive(Clone)]
pub(super) struct Verdict(Option<Arc<AtomicU8>>);

impl Verdict {
    const TOO_LARGE: u8 = 1;
    const TOO_SLOW: u8 = 2;

    /// Why it was cut by us, if it was.
    pub(super) fn get(&self) -> Option<Refusal> {
        match self.0.as_ref()?.load(Ordering::Acquire) {
            Self::TOO_LARGE => Some(Refusal::BodyTooLarge),
            Self::TOO_SLOW => Some(Refusal::BodyTooSlow),
            _ => None,
        }
    }
    fn set(&self, why: u8) {
        self.0.iter().for_each(|verdict| verdict.store(why, Ordering::Release));
    }
}

/// A body under watch. One that is empty, like most, costs nothing.
pub(in crate::http) struct Guarded(Option<Box<Watch>>);

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guarded")
    }
}

struct Watch {
    body: Incoming,
    limits: BodyLimits,
    verdict: Verdict,
    received: u64,
    /// From the first time that it was waited for: what a handler does before that is not the client's fault.
    began: Option<Instant>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Whether what is left is to be read and thrown away.
    linger: bool,
    /// Whether there are neighbours in the connection, so that it stays open.
    multiplexed: bool,
}

impl Guarded {
    /// Takes the body out of a request.
    pub(super) fn new(request: Request<Incoming>, limits: BodyLimits) -> (Request<Self>, Verdict) {
        let multiplexed = request.version() >= Version::HTTP_2;
        // Who waits for leave to send would be given it by reading.
        let linger = multiplexed || !request.headers().contains_key(header::EXPECT);
        let watched = !request.body().is_end_stream();
        let verdict = Verdict(watched.then(Arc::default));
        let request = request.map(|body| {
            let watch = |body| Watch {
                body,
                limits,
                verdict: verdict.clone(),
                received: 0,
                began: None,
                deadline: None,
                linger,
                multiplexed,
            };
            Self(watched.then(|| Box::new(watch(body))))
        });
        (request, verdict)
    }

    /// Whether it says itself that it is more than is allowed. Else it may still turn out so.
    pub(super) fn is_announced_too_large(&self) -> bool {
        self.0.as_ref().is_some_and(|watch| watch.body.size_hint().lower() > watch.limits.bytes)
    }
}

impl Watch {
    /// Waits until the deadline, which moves on with what was received.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let began = *self.began.get_or_insert_with(Instant::now);
            let earned = Duration::from_secs_f64(self.received as f64 / f64::from(self.limits.bytes_per_second.max(1)));
            let due = began + self.limits.grace.saturating_add(earned).min(self.limits.within);
            let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep_until(due)));
            ready!(deadline.as_mut().poll(cx));
            if due <= deadline.deadline() {
                return Poll::Ready(());
            }
            deadline.as_mut().reset(due);
        }
    }
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(watch) = &mut self.0 else { return Poll::Ready(None) };
        match Pin::new(&mut watch.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                watch.received += frame.data_ref().map_or(0, |data| data.remaining() as u64);
                if watch.received > watch.limits.bytes {
                    watch.verdict.set(Verdict::TOO_LARGE);
                    return Poll::Ready(Some(Err(BodyError::TooLarge)));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                self.0 = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                self.0 = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(watch.poll_late(cx));
                watch.verdict.set(Verdict::TOO_SLOW);
                watch.linger = watch.multiplexed; // nothing is on its way that could reset a connection
                Poll::Ready(Some(Err(BodyError::TooSlow)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|watch| watch.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), |watch| watch.body.size_hint())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let Some(watch) = self.0.take().filter(|watch| watch.linger && !watch.body.is_end_stream()) else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move { tokio::time::timeout(LINGER, discard(watch.body)).await });
    }
}

async fn discard(body: Incoming) {
    let mut body = pin!(body);
    let mut left = LINGER_BYTES;
    while let Some(Ok(frame)) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, |data| data.remaining())) else { return };
        left = rest;
    }
}
