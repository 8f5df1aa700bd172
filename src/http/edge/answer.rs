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

/// Where its bytes come from.
pub(super) enum Content<B: Body> {
    /// The edge's own answers. Empty is ended.
    Own(Bytes),
    /// A route's, as they are.
    Plain(B),
    /// A route's, compressed on the way.
    Compressed(Box<CompressionBody<B>>),
}

impl<B: Body> Outgoing<B> {
    pub(super) fn own(body: Bytes, record: Box<Record>) -> Self {
        Self { content: Content::Own(body), record }
    }
    pub(super) fn of_route(content: Content<B>, record: Box<Record>) -> Self {
        Self { content, record }
    }
}

impl<B> Body for Outgoing<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    CompressionBody<B>: Body<Data = Bytes, Error = Box<dyn Error + Send + Sync>> + Unpin,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match &mut self.content {
            Content::Own(body) if body.is_empty() => None,
            Content::Own(body) => Some(Ok(Frame::data(std::mem::take(body)))),
            Content::Plain(body) => ready!(Pin::new(body).poll_frame(cx)).map(|frame| frame.map_err(Into::into)),
            Content::Compressed(body) => ready!(Pin::new(body).poll_frame(cx)),
        };
        if let Some(Ok(frame)) = &frame {
            self.record.bytes += frame.data_ref().map_or(0, |data| data.remaining() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Own(body) => body.is_empty(),
            Content::Plain(body) => body.is_end_stream(),
            Content::Compressed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Own(body) => SizeHint::with_exact(body.len() as u64),
            Content::Plain(body) => body.size_hint(),
            Content::Compressed(body) => body.size_hint(),
        }
    }
}
