//! Queries and forms, read strictly: what cannot be decoded is no request.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;

use crate::domain::json::NotAnObject;
use crate::domain::validation::ValidationErrors;
use crate::http::error::Error;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 1 << 20;

/// The largest form: eight times what one of our own can hold.
const MAX_FORM: usize = 1 << 16;

/// The most names with values: our forms have four, and what is known of filters is less than twenty.
const MAX_PARAMETERS: usize = 1_000;

/// The largest JSON object that is read on a thread that serves, in bytes: a few tens of microseconds.
const SMALL_BODY: usize = 1 << 14;

/// Larger ones that are read at once: names of a full body take some five times its length.
static READS: Semaphore = Semaphore::const_new(2);

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why names and values cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(in crate::http) enum Unreadable {
    #[error("has more than {MAX_PARAMETERS} parameters")]
    RateLimited,
    #[error(
        "is not percent-encoded UTF-8 in its parameter {0}: write % as %25, and other letters as their bytes"
    )]
    Parameter(usize),
    #[error("is not ASCII: write other letters as their bytes, percent-encoded")]
    NotAscii,
}

/// What is said of a query that cannot be read.
impl From<Unreadable> for Error {
    fn from(error: Unreadable) -> Self {
        Self::Malformed(format!("The query cannot be read: it {error}."))
    }
}

/// Names and values, decoded, in the order in which they came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::http) struct Params(pub(in crate::http) Vec<(String, String)>);

impl Params {
    /// Takes a query or an urlencoded body.
    pub(in crate::http) fn parse(text: &str) -> Result<Self, Unreadable> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        // A name of one letter takes fifty bytes once it is parsed.
        if pairs.clone().nth(MAX_PARAMETERS).is_some() {
            return Err(Unreadable::RateLimited);
        }
        let pairs = pairs.enumerate().map(|(place, pair)| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = decode(name).and_then(|name| Some((name, decode(value)?)));
            decoded.ok_or(Unreadable::Parameter(place + 1))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// Takes the query of a link as mail clients leave it: `amp;` before a name goes, and what cannot be decoded is left out, but
    /// for a name's value where that is `kept`, which is empty then.
    pub(in crate::http) fn parse_leniently(text: &str, kept: &str) -> Result<Self, Unreadable> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        if pairs.clone().nth(MAX_PARAMETERS).is_some() {
            return Err(Unreadable::RateLimited);
        }
        let pairs = pairs.filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name.strip_prefix("amp;").unwrap_or(name))?;
            let value = decode(value).or_else(|| (name == kept).then(String::new))?;
            Some((name, value))
        });
        Ok(Self(pairs.collect()))
    }

    /// The one value of a name; `None` if it is missing.
    pub(in crate::http) fn single(&self, name: &str) -> Result<Option<&str>, ValidationErrors> {
        let mut values = self.0.iter().filter(|pair| pair.0 == name).map(|pair| pair.1.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(ValidationErrors::field(name, "must be given once")),
        }
    }

    /// The one value of a name; empty if it is missing or given twice.
    pub(in crate::http) fn value(&self, name: &str) -> &str {
        self.single(name).ok().flatten().unwrap_or_default()
    }

    /// Whether a name is there in any spelling: `Token` and `token[]` mean `token`.
    pub(in crate::http) fn means(&self, name: &str) -> bool {
        let stem = |other: &str| other.split('[').next().unwrap_or_default().eq_ignore_ascii_case(name);
        self.0.iter().any(|(other, _)| stem(other))
    }

    /// Whether a name is there at all.
    pub(in crate::http) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|pair| pair.0 == name)
    }
}

/// Decodes a name or a value (WHATWG URL, section 5.1), but for what browsers let pass: a lone `%`, or bytes that
/// are no UTF-8.
pub(in crate::http) fn decode(text: &str) -> Option<String> {
    let is_escape = |escape: &str| escape.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

/// Reads an urlencoded form of at most 64 KiB: anybody may send one, and many at once.
pub(in crate::http) async fn read_form(headers: &HeaderMap, body: Body) -> Result<Params, Error> {
    let bytes = read_body(headers, ("application/x-www-form-urlencoded", MAX_FORM), body).await?;
    let pairs = std::str::from_utf8(&bytes).map_err(|_| Unreadable::NotAscii).and_then(Params::parse);
    pairs.map_err(|error| Error::Malformed(format!("The form cannot be read: it {error}.")))
}

/// Reads a JSON object of at most 1 MiB. A large one is taken apart where nobody else waits.
pub(in crate::http) async fn read_object<T: Send + 'static>(
    headers: &HeaderMap,
    body: Body,
    parse: fn(&[u8]) -> Result<T, NotAnObject>,
) -> Result<T, Error> {
    let bytes = read_body(headers, ("application/json", MAX_BODY), body).await?;
    let parsed = if bytes.len() > SMALL_BODY {
        let _turn = READS.acquire().await.map_err(|_| Error::Internal)?;
        let parsed = tokio::task::spawn_blocking(move || parse(&bytes)).await;
        parsed.map_err(|_| Error::Panicked)?
    } else {
        parse(&bytes)
    };
    parsed.map_err(|error| Error::Malformed(format!("The body cannot be read as JSON: {error}.")))
}

async fn read_body(
    headers: &HeaderMap,
    (expected, largest): (&'static str, usize),
    body: Body,
) -> Result<Vec<u8>, Error> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Error::UnsupportedMediaType("a body without Content-Encoding"));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected) {
        return Err(Error::UnsupportedMediaType(expected));
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, collect(body, largest)).await;
    read.map_err(|_| Error::RequestTimeout)?
}

/// A whole body, in one piece from the beginning: bodies come in pieces of any size, and a piece of one byte that is kept as
/// it came takes a hundred times that. No more is set aside than has come, whatever length it claims.
async fn collect(mut body: Body, largest: usize) -> Result<Vec<u8>, Error> {
    if body.size_hint().lower() > largest as u64 {
        return Err(Error::PayloadTooLarge);
    }
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Error::Malformed("The body cannot be read: it ended before all of it was sent.".to_owned())
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > largest - whole.len() {
            return Err(Error::PayloadTooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_once() {
        let pairs = Params::parse("a=1&b=%2Fx%20y+z&&c&a%5B%5D=%252F").unwrap();

        assert_eq!(pairs.single("b").unwrap(), Some("/x y z"));
        assert_eq!(pairs.single("c").unwrap(), Some(""));
        assert_eq!(pairs.single("a[]").unwrap(), Some("%2F"));
        assert_eq!(pairs.single("d").unwrap(), None);
        assert!(Params::parse("a=1&a=2").unwrap().single("a").is_err());
    }

    #[test]
    fn a_link_that_a_mail_client_has_changed_is_read() {
        for (query, token, redirect) in [
            ("token=T&amp;redirect=/a", "T", "/a"),
            ("token=T&utm_campaign=50%off&redirect=/a", "T", "/a"),
            ("utm_campaign=fr%FChling&token=T&redirect=/a", "T", "/a"),
            ("%zz=1&token=T%&redirect=/a", "", "/a"),
            ("token=T&redirect=%FF", "T", ""),
        ] {
            let params = Params::parse_leniently(query, "token").unwrap();
            assert_eq!((params.value("token"), params.value("redirect")), (token, redirect), "{query}");
            assert!(params.has("token"), "{query}");
        }
    }

    #[test]
    fn pairs_beyond_a_thousand_are_no_request() {
        assert!(Params::parse(&"a&".repeat(1_000)).is_ok());
        assert!(Params::parse(&"a&".repeat(1_001)).is_err());
    }

    #[test]
    fn what_cannot_be_decoded_is_no_request() {
        for text in ["a=%", "a=%2", "a=%zz", "%=1", "a=%FF", "a=%ED%A0%80"] {
            assert!(Params::parse(text).is_err(), "{text}");
        }
    }
}
