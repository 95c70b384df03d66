//! The bodies of requests: forms and JSON objects, with limits on size and time.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use super::params::{Params, Unreadable};
use crate::domain::json::NotAnObject;
use crate::domain::validation::shown_name;
use crate::http::error::Error;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 1 << 20;

/// The largest form, in bytes: eight times what doorkey's own forms can hold.
const MAX_FORM: usize = 1 << 16;

/// The largest JSON object that is parsed on a serving thread, in bytes: that takes some tens of microseconds.
const SMALL_BODY: usize = 1 << 14;

/// How many larger ones are parsed at once: a parsed body can take five times its length in memory.
static LARGE_PARSES: Semaphore = Semaphore::const_new(2);

/// How many bytes of larger ones may wait to be parsed. Beyond, a body is refused: nobody's pile up.
static WAITING_BYTES: Semaphore = Semaphore::const_new(32 << 20);

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads an urlencoded form of at most 64 KiB: it needs no key, so strangers may send many at once.
pub(in crate::http) async fn read_form(headers: &HeaderMap, body: Body) -> Result<Params, Error> {
    let bytes = read_raw_form(headers, body, MAX_FORM).await?;
    let pairs = std::str::from_utf8(&bytes).map_err(|_| Unreadable::NotAscii).and_then(Params::parse);
    pairs.map_err(|error| Error::Malformed(format!("The form cannot be read: it {error}.")))
}

/// The bytes of an urlencoded form of at most so many.
pub(in crate::http) async fn read_raw_form(
    headers: &HeaderMap,
    mut body: Body,
    largest: usize,
) -> Result<Vec<u8>, Error> {
    read_body(headers, ("application/x-www-form-urlencoded", largest), &mut body).await
}

/// The same, but what cannot be decoded of a field is no reason to refuse the form: that field is left out.
pub(in crate::http) async fn read_lenient_form(headers: &HeaderMap, body: Body) -> Result<Params, Error> {
    let bytes = read_raw_form(headers, body, MAX_FORM).await?;
    let pairs = Params::parse_leniently(&String::from_utf8_lossy(&bytes), "");
    pairs.map_err(|error| Error::Malformed(format!("The form cannot be read: it {error}.")))
}

/// Reads a JSON object of at most 1 MiB. A large one is parsed off the serving threads.
pub(in crate::http) async fn read_object<T: Send + 'static>(
    headers: &HeaderMap,
    mut body: Body,
    parse: fn(&[u8]) -> Result<T, NotAnObject>,
) -> Result<T, Error> {
    let bytes = read_body(headers, ("application/json", MAX_BODY), &mut body).await?;
    let first = bytes.trim_ascii_start().first().copied();
    let parsed = if bytes.len() > SMALL_BODY {
        let length = u32::try_from(bytes.len()).map_err(|_| Error::Internal)?;
        let waiting = WAITING_BYTES.try_acquire_many(length).map_err(|_| Error::Unavailable)?;
        let permit = LARGE_PARSES.acquire().await.map_err(|_| Error::Internal)?;
        // What has begun goes on if its caller leaves, and counts until its end.
        let parse = move || {
            let _held = (waiting, permit);
            parse(&bytes)
        };
        tokio::task::spawn_blocking(parse).await.map_err(|_| Error::Panicked)?
    } else {
        parse(&bytes)
    };
    parsed.map_err(|error| Error::Malformed(not_an_object(&error, first)))
}

/// The same where the body may be left out: it is empty then.
pub(in crate::http) async fn read_optional_object<T: Send + 'static>(
    headers: &HeaderMap,
    body: Body,
    parse: fn(&[u8]) -> Result<T, NotAnObject>,
) -> Result<T, Error> {
    let nothing = || parse(&[]).map_err(|error| Error::Malformed(not_an_object(&error, None)));
    if body.is_end_stream() && !headers.contains_key(header::CONTENT_ENCODING) {
        return nothing();
    }
    // A body in chunks says only at its end that there is none.
    if !headers.contains_key(header::CONTENT_TYPE) {
        return if is_nothing(body).await {
            nothing()
        } else {
            read_object(headers, Body::empty(), parse).await
        };
    }
    read_object(headers, body, parse).await
}

/// Whether a body ends before anything has come of it.
async fn is_nothing(mut body: Body) -> bool {
    let ends = async {
        while let Some(frame) = body.frame().await {
            if frame.is_ok_and(|frame| frame.data_ref().is_none_or(Bytes::is_empty)) {
                continue;
            }
            return false;
        }
        true
    };
    tokio::time::timeout(BODY_TIMEOUT, ends).await.unwrap_or(false)
}

/// What is wrong with a body that begins with this byte, and what is expected.
fn not_an_object(error: &NotAnObject, first: Option<u8>) -> String {
    let found = match (error, first) {
        (_, None) => "it is empty, and must be a JSON object".to_owned(),
        (NotAnObject::AnotherKind, Some(b'[')) => "it is an array, and must be a JSON object".to_owned(),
        (NotAnObject::AnotherKind, _) => error.to_string(),
        (NotAnObject::Broken { .. }, _) => format!("{error}, and must be a JSON object"),
        // It is an object already.
        (NotAnObject::Twice(_), _) => return format!("The body cannot be read as JSON: {error}."),
    };
    format!("The body cannot be read as JSON: {found}, such as {{\"name_f\": \"Ada\"}}.")
}

async fn read_body(
    headers: &HeaderMap,
    (expected, largest): (&'static str, usize),
    body: &mut Body,
) -> Result<Vec<u8>, Error> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Error::EncodedBody);
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(expected) {
        return Err(Error::UnsupportedMediaType { expected, found: shown_name(kind) });
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, collect(body, largest)).await;
    read.map_err(|_| Error::RequestTimeout)?
}

/// A whole body in one buffer: bodies arrive in pieces of any size, and a piece of one byte that is kept as it came takes a
/// hundred bytes. Memory is allocated for what has arrived, not for the length that the request claims.
async fn collect(body: &mut Body, largest: usize) -> Result<Vec<u8>, Error> {
    if body.size_hint().lower() > largest as u64 {
        return Err(Error::PayloadTooLarge { largest });
    }
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Error::Malformed("The body cannot be read: it ended before all of it was sent.".to_owned())
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > largest - whole.len() {
            return Err(Error::PayloadTooLarge { largest });
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use futures_util::stream;
    use tokio::task::JoinSet;

    use super::*;

    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    static MAY_END: AtomicBool = AtomicBool::new(false);

    /// Lets what is parsed end, also where the test fails.
    struct MayEnd;

    impl Drop for MayEnd {
        fn drop(&mut self) {
            MAY_END.store(true, Ordering::SeqCst);
        }
    }

    /// Takes long, and takes nothing.
    fn parse_slowly(_: &[u8]) -> Result<(), NotAnObject> {
        RUNNING.fetch_add(1, Ordering::SeqCst);
        while !MAY_END.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(NotAnObject::AnotherKind)
    }

    /// One test, since all of a process share the permits.
    #[tokio::test(flavor = "multi_thread")]
    async fn large_bodies_are_parsed_two_at_a_time_whoever_leaves_and_so_many_wait() {
        let may_end = MayEnd;
        let json = HeaderMap::from_iter([(header::CONTENT_TYPE, "application/json".parse().unwrap())]);
        let ask = || {
            let headers = json.clone();
            async move { read_object(&headers, Body::from(vec![b' '; MAX_BODY]), parse_slowly).await }
        };
        // Callers who leave while theirs is parsed, or waits.
        for number in 0..6 {
            let sent = tokio::spawn(ask());
            while RUNNING.load(Ordering::SeqCst) < 2.min(number + 1) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            sent.abort();
            let _ = sent.await;
        }
        assert_eq!(RUNNING.load(Ordering::SeqCst), 2);

        let mut sent: JoinSet<_> = (0..60).map(|_| ask()).collect();
        while sent.len() > 30 {
            assert_eq!(sent.join_next().await.unwrap().unwrap().unwrap_err().status(), 503);
        }
        drop(may_end);
        for one in sent.join_all().await {
            assert_eq!(one.unwrap_err().status(), 400);
        }
    }

    #[tokio::test]
    async fn chunks_with_nothing_in_them_are_no_body() {
        let chunked = |chunks: &[&'static [u8]]| {
            let chunks: Vec<_> = chunks.iter().map(|chunk| Bytes::from_static(chunk)).collect();
            Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, Infallible>)))
        };
        let length = |bytes: &[u8]| Ok(bytes.len());

        let nothing = read_optional_object(&HeaderMap::new(), chunked(&[b"", b""]), length).await;
        let something = read_optional_object(&HeaderMap::new(), chunked(&[b"", b"{}"]), length).await;

        assert_eq!(nothing.unwrap(), 0);
        assert_eq!(something.unwrap_err().status(), 415);
    }
}
