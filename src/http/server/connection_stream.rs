//! The bytes of a connection: counted as they come, and taken in time as they go, or it is closed.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Sleep, sleep};

use super::connection::Connection;

/// How long nothing may move of an answer that is on its way.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The most that is read at once, in bytes. What of the next request comes along with the end of one is not counted, so it must
/// be little.
const MAX_READ: usize = 16 << 10;

/// What is read at once where there is room for more.
const PIECE: usize = 8 << 10;

/// How long, and how many bytes, are read for nothing once the answer is out and the other end still sends: the kernel
/// throws away an answer that was not read yet where something that was sent is left unread.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 << 20;

/// Counts what comes, and gives up on a client that asks and does not read the answer: it would keep connection and answer
/// for ever.
pub(in crate::http) struct ConnectionStream {
    stream: TcpStream,
    connection: Arc<Connection>,
    /// While more must not be read.
    no_room: Option<Pin<Box<OwnedNotified>>>,
    /// Runs while something waits to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Runs once the answer is out while the other end still sends; so many bytes are taken yet.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl ConnectionStream {
    pub(in crate::http) fn over(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self { stream, connection, no_room: None, waiting: None, lingering: None }
    }

    fn in_time<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            self.connection.has_written();
            return written;
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        waiting.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Waits where too much is held already, until those have gone that give way.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.connection.may_read_more() {
            let connection = &self.connection;
            let room = self.no_room.get_or_insert_with(|| Box::pin(connection.room()));
            // It has to be waited for before it is asked once more.
            let is_pending = room.as_mut().poll(context).is_pending();
            if is_pending && !self.connection.may_read_more() {
                return Poll::Pending;
            }
            self.no_room = None;
        }
        Poll::Ready(())
    }

    fn poll_piece(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() <= MAX_READ {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let mut piece = [0; PIECE];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
        buffer.put_slice(piece.filled());
        Poll::Ready(Ok(()))
    }

    /// Takes what is still sent until nothing more comes, or that is too much.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut piece = [0; PIECE];
        let (patience, left) = self.lingering.get_or_insert_with(|| (Box::pin(sleep(LINGER)), LINGER_BYTES));
        loop {
            if patience.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let mut piece = ReadBuf::new(&mut piece);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece));
            *left = left.saturating_sub(piece.filled().len());
            if read.is_err() || piece.filled().is_empty() || *left == 0 {
                return Poll::Ready(());
            }
        }
    }
}

impl AsyncRead for ConnectionStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_room(context));
        let before = buffer.filled().len();
        let read = self.poll_piece(context, buffer);
        self.connection.has_read(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for ConnectionStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // A socket keeps nothing back that could be flushed, and shuts down without waiting.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            if !self.connection.has_more_to_come() {
                return Poll::Ready(Ok(()));
            }
        }
        self.poll_linger(context).map(Ok)
    }
}
