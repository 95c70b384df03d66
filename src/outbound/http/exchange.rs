//! One request and its answer over HTTP/1.1, as much of it as is read.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, RETRY_AFTER, USER_AGENT};
use hyper::http::response::Parts;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;
use crate::domain::outbound::{OutboundUrl, RetryAfter};

/// How much of an answer's head is read, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// How much of an answer's body is read, in bytes.
const MAX_BODY: usize = 64 << 10;

/// How long a body is waited for: the status has said all that matters.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// What doorkey is called.
pub(super) const AGENT: &str = concat!("doorkey/", env!("CARGO_PKG_VERSION"));

/// An answer, whatever it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// When it wants to be called again, if it says so.
    pub retry_after: Option<RetryAfter>,
    /// What came of its body in time: at most 64 kB, which may be anything.
    pub body: Vec<u8>,
}

impl Response {
    /// What is wrong with it; `None` if its status is 2xx.
    pub fn complaint(&self) -> Option<String> {
        match self.status {
            200..=299 => None,
            status @ 300..=399 => Some(format!("it answered {status}: redirects are not followed")),
            status => Some(format!("it answered {status}")),
        }
    }
}

/// What is sent.
pub(super) fn post(
    url: &OutboundUrl,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Failure> {
    let request = Request::builder().method(Method::POST).uri(url.target());
    let request = request.header(HOST, url.authority()).header(USER_AGENT, AGENT).header(CONNECTION, "close");
    // Some servers wait for the length of an empty body too, of which the library says nothing.
    let request = request.header(CONTENT_LENGTH, body.len());
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request
        .body(Full::new(body))
        .map_err(|error| Failure::Broken(format!("no request can be made of it: {error}")))
}

/// Sends a request, and reads what is read of its answer. The connection ends with it.
pub(super) async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    deadline: Instant,
) -> Result<Response, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (head, body) = send(stream, request, deadline).await?;
    let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| RetryAfter::parse(value.to_str().ok()?));
    Ok(Response { status: head.status.as_u16(), retry_after, body })
}

/// The same, with the whole head of the answer.
pub(super) async fn send<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    deadline: Instant,
) -> Result<(Parts, Vec<u8>), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let opened = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = opened.map_err(|error| Failure::Broken(explain(&error)))?;
    let exchanged = async {
        let answered = timeout_at(deadline, sender.send_request(request)).await;
        let answered = answered.map_err(|_| Failure::Broken("it did not answer in time".to_owned()))?;
        let (head, body) = answered.map_err(|error| Failure::Broken(explain(&error)))?.into_parts();
        let mut read = Vec::new();
        // What comes too late, or breaks off, is left out.
        let _ = timeout_at(deadline.min(Instant::now() + BODY_TIMEOUT), read_into(&mut read, body)).await;
        Ok((head, read))
    };
    // The connection is driven here and nowhere else, so that it ends when nobody waits for the answer.
    match select(pin!(exchanged), pin!(connection)).await {
        Either::Left((exchanged, _)) => exchanged,
        Either::Right((_, exchanged)) => exchanged.await,
    }
}

async fn read_into(read: &mut Vec<u8>, mut body: Incoming) {
    while read.len() < MAX_BODY
        && let Some(Ok(frame)) = body.frame().await
    {
        if let Some(data) = frame.data_ref() {
            read.extend_from_slice(&data[..data.len().min(MAX_BODY - read.len())]);
        }
    }
}

fn explain(error: &hyper::Error) -> String {
    if error.is_parse_too_large() {
        return format!("the head of its answer is longer than {} kB", MAX_HEAD >> 10);
    }
    if error.is_parse() {
        return format!("its answer is no HTTP: {error}");
    }
    if error.is_incomplete_message() || error.is_canceled() {
        return "it closed the connection before it answered".to_owned();
    }
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("the connection broke: {error}{cause}")
}
