//! The body of a request while it arrives.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::connection::Connection;
use super::large_bodies::UNIT;

/// A body that tells its connection when the server waits for more of it, and when it is whole: a request with a slow or
/// unfinished body is not being served yet, and its connection may be evicted.
pub(in crate::http) struct TrackedBody {
    body: Incoming,
    connection: Arc<Connection>,
    turn: Turn,
}

/// Whether the body may be read.
enum Turn {
    /// This many bytes more; after them it is a large body.
    NotYet(usize),
    Waiting(Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>),
    Granted(#[expect(dead_code, reason = "its drop ends the turn")] Option<OwnedSemaphorePermit>),
    /// It needs no turn.
    None,
}

impl TrackedBody {
    /// The body of a request of a connection, which `may_be_large`, or is cut off by its reader.
    pub(in crate::http) fn of(body: Incoming, connection: Arc<Connection>, may_be_large: bool) -> Self {
        let small = match body.size_hint().exact() {
            Some(bytes) if bytes > UNIT as u64 => 0,
            _ => UNIT,
        };
        let turn = if may_be_large { Turn::NotYet(small) } else { Turn::None };
        Self { body, connection, turn }
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if matches!(self.turn, Turn::NotYet(0)) {
            let (connection, bytes) = (Arc::clone(&self.connection), self.body.size_hint().exact());
            self.turn = Turn::Waiting(Box::pin(async move { connection.large_body_turn(bytes).await }));
        }
        if let Turn::Waiting(turn) = &mut self.turn {
            self.turn = Turn::Granted(ready!(turn.as_mut().poll(context)));
        }
        Poll::Ready(())
    }

    /// A frame has arrived.
    fn count_frame(&mut self, frame: &Frame<Bytes>) {
        if let (Turn::NotYet(left), Some(bytes)) = (&mut self.turn, frame.data_ref()) {
            *left = left.saturating_sub(bytes.len());
        }
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        ready!(self.poll_turn(context));
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.connection.set_waiting_for_client(frame.is_pending());
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            self.count_frame(frame);
        }
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            // The turn lasts until the reader is done with the bytes, and drops the body.
            self.connection.body_is_whole();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
