//! The body of an answer on its way out, counted. It holds the request's record, so that the line in the log is written
//! when the last byte was handed over, or nobody wants the rest.

use super::record::Record;
use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tower_http::compression::CompressionBody;
use warp::{
    Buf,
    hyper::body::{Body, Bytes, Frame, SizeHint},
};

/// The body of an answer.
pub(super) struct Outgoing<B: Body> {
    content: Content<B>,
    record: Box<Record>,
}

enum Content<B: Body> {
    /// The edge's own answers. Empty is ended.
    Own(Bytes),
    Route(CompressionBody<B>),
}

impl<B: Body> Outgoing<B> {
    pub(super) fn own(body: Bytes, record: Box<Record>) -> Self {
        Self { content: Content::Own(body), record }
    }
    pub(super) fn of_route(body: CompressionBody<B>, record: Box<Record>) -> Self {
        Self { content: Content::Route(body), record }
    }
}

impl<B> Body for Outgoing<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    CompressionBody<B>: Body<Data = Bytes, Error = Box<dyn Error + Send + Sync>> + Unpin,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match &mut self.content {
            Content::Own(body) if body.is_empty() => None,
            Content::Own(body) => Some(Ok(Frame::data(std::mem::take(body)))),
            Content::Route(body) => ready!(Pin::new(body).poll_frame(cx)),
        };
        if let Some(Ok(frame)) = &frame {
            self.record.bytes += frame.data_ref().map_or(0, |data| data.remaining() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Own(body) => body.is_empty(),
            Content::Route(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Own(body) => SizeHint::with_exact(body.len() as u64),
            Content::Route(body) => body.size_hint(),
        }
    }
}
