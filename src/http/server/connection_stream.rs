//! The byte stream of a connection: counts what is read, and closes the connection when writing makes no progress.

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

/// How long sending a response may make no progress.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The most that is read at once, in bytes. The start of a next request that arrives with the end of this one is not counted, so
/// it must be small.
const MAX_READ: usize = 16 << 10;

/// How much is read at once where the buffer has room for more.
const PIECE: usize = 8 << 10;

/// How long, and how many bytes, are read and dropped after the response if the client still sends: the kernel discards a
/// response that the client has not read yet when the socket is closed with unread input.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 << 20;

/// Counts what is read, and times out on a client that does not read the response: it would keep connection and response in
/// memory for ever.
pub(in crate::http) struct ConnectionStream {
    stream: TcpStream,
    connection: Arc<Connection>,
    /// Set while more must not be read.
    waiting_for_budget: Option<Pin<Box<OwnedNotified>>>,
    /// Runs while bytes wait to be sent.
    write_timeout: Option<Pin<Box<Sleep>>>,
    /// Runs after the response while the client still sends; the number is how many more bytes are read.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl ConnectionStream {
    pub(in crate::http) fn over(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self { stream, connection, waiting_for_budget: None, write_timeout: None, lingering: None }
    }

    fn with_timeout<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timeout = None;
            self.connection.has_written();
            return written;
        }
        let timeout = self.write_timeout.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        timeout.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Waits while the read budget is exceeded, until the evicted connections have closed.
    fn poll_budget(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.connection.may_read_more() {
            let connection = &self.connection;
            let freed = self.waiting_for_budget.get_or_insert_with(|| Box::pin(connection.freed()));
            // Registered before asking again, so that no notification is missed.
            let is_pending = freed.as_mut().poll(context).is_pending();
            if is_pending && !self.connection.may_read_more() {
                return Poll::Pending;
            }
            self.waiting_for_budget = None;
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

    /// Reads what the client still sends until it stops, or up to the limit.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut piece = [0; PIECE];
        let (timeout, left) = self.lingering.get_or_insert_with(|| (Box::pin(sleep(LINGER)), LINGER_BYTES));
        loop {
            if timeout.as_mut().poll(context).is_ready() {
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
        ready!(self.poll_budget(context));
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
        self.with_timeout(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.with_timeout(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // A socket has no buffer to flush, and shuts down without waiting.
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
