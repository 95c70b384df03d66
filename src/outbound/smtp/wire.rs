//! Commands out and replies in, each with a limit of time and length, over TCP or TLS.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::describe;
use super::reply::Reply;
use super::tls::{SeenCertificate, Tls, tls_error};
use super::transcript::Transcript;
use super::trouble::{Stage, Trouble};

/// A connection to a mail server.
pub(super) struct Wire {
    stream: Stream,
    /// What came behind the last reply.
    unread: Vec<u8>,
    reply_timeout: Duration,
    pub(super) transcript: Transcript,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(super) fn new(stream: TcpStream, reply_timeout: Duration, transcript: Transcript) -> Self {
        Self { stream: Stream::Plain(stream), unread: Vec::new(), reply_timeout, transcript }
    }

    /// This end's address.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        match &self.stream {
            Stream::Plain(stream) => stream.local_addr().ok(),
            Stream::Tls(stream) => stream.get_ref().0.local_addr().ok(),
        }
    }

    /// Goes on over TLS, if nothing came unencrypted that would be taken for the server's word afterwards.
    pub(super) async fn encrypt(mut self, tls: &Tls, host: &str) -> Result<Self, Trouble> {
        if !self.unread.is_empty() {
            return Err(Trouble::Unasked(Stage::Handshake));
        }
        let Stream::Plain(stream) = self.stream else { return Ok(self) };
        let broken = |why: String| Trouble::Tls(rustls::Error::General(why));
        let name = ServerName::try_from(host.to_owned()).map_err(|error| broken(error.to_string()))?;
        let seen = SeenCertificate::default();
        let config = if self.transcript.is_written() {
            tls.config_that_keeps(&seen).map_err(broken)?
        } else {
            tls.config()
        };
        let shaken = timeout(self.reply_timeout, TlsConnector::from(config).connect(name, stream)).await;
        if let Some(certificate) = seen.get() {
            self.transcript.note("certificate", None, || describe(&certificate));
        }
        let shaken = shaken.map_err(|_| Trouble::Silent(Stage::Handshake))?;
        let stream = shaken.map_err(|error| match tls_error(&error) {
            Some(error) => Trouble::Tls(error.clone()),
            None => Trouble::Closed(Stage::Handshake, error.to_string()),
        })?;
        let version = stream.get_ref().1.protocol_version();
        self.transcript
            .note("TLS", None, || version.map_or_else(String::new, |version| format!("{version:?}")));
        self.stream = Stream::Tls(Box::new(stream));
        Ok(self)
    }

    /// Sends a command, which the transcript has as it is, and reads the reply.
    pub(super) async fn command(&mut self, stage: Stage, command: &str) -> Result<Reply, Trouble> {
        let reply = self.exchange(stage, format!("{command}\r\n").as_bytes()).await?;
        self.transcript.note(stage.name(), Some(command), || reply.text());
        Ok(reply)
    }

    /// Sends something, and reads the reply. The transcript has neither.
    pub(super) async fn exchange(&mut self, stage: Stage, bytes: &[u8]) -> Result<Reply, Trouble> {
        // A reply that came before its command would be taken for the command's.
        if !self.unread.is_empty() {
            return Err(Trouble::Unasked(stage));
        }
        let written = timeout(self.reply_timeout, self.stream.write(bytes)).await;
        let written = written.map_err(|_| Trouble::Silent(stage))?;
        // What the server said before it closed the connection says more than that it did.
        match (written, self.read_reply(stage).await) {
            (Err(error), Err(Trouble::Closed(..))) => Err(Trouble::Closed(stage, error.to_string())),
            (_, read) => read,
        }
    }

    /// Reads a reply.
    pub(super) async fn read_reply(&mut self, stage: Stage) -> Result<Reply, Trouble> {
        let read = timeout(self.reply_timeout, self.read_whole_reply(stage)).await;
        read.map_err(|_| Trouble::Silent(stage))?
    }

    async fn read_whole_reply(&mut self, stage: Stage) -> Result<Reply, Trouble> {
        let mut chunk = [0; 4096];
        loop {
            if let Some((reply, length)) = Reply::take(&self.unread).map_err(|_| Trouble::NoReply(stage))? {
                self.unread.drain(..length);
                return Ok(reply);
            }
            let count = self.stream.read(&mut chunk).await;
            let count = match count {
                // TLS that ends without a farewell is an error of its library, in words for programmers.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
                count => count.map_err(|error| Trouble::Closed(stage, error.to_string()))?,
            };
            if count == 0 {
                return Err(Trouble::Closed(stage, "the server closed it".to_owned()));
            }
            self.unread.extend_from_slice(&chunk[..count]);
        }
    }
}

impl Stream {
    async fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(chunk).await,
            Self::Tls(stream) => stream.read(chunk).await,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }
}
