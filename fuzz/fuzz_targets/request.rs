//! Any request is answered, never with a fault of the server's, and every answer of the API bears its number.

#![no_main]

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Uri};
use doorkey_fuzz::{Answer, Installation, with};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

static SERVER: LazyLock<Installation> = LazyLock::new(Installation::start);
static NUMBERS: LazyLock<Mutex<HashSet<Uuid>>> = LazyLock::new(Mutex::default);

/// How many numbers are remembered at most.
const REMEMBERED: usize = 100_000;

// An input is `METHOD target`, then headers by line, an empty line, and the body. `TOKEN` stands for what is good in this
// run; so do `KEY`, `COOKIE` and `SESSION` in the headers, where alone they belong: no answer may tell them again. The fuzzer
// finds out what they are and puts them elsewhere: that is then its own text.
fuzz_target!(|bytes: &[u8]| {
    let Some(request) = request_of(bytes) else { return };
    let path = request.uri().path().to_owned();
    let answer = SERVER.send(request);

    let told = String::from_utf8_lossy(&answer.body);
    assert!(!answer.status.is_server_error(), "{} for {path}: {told}", answer.status);
    if path == "/api" || path.starts_with("/api/") {
        is_of_the_api(&answer);
    }
    assert!(answer.headers.iter().all(|(name, _)| !name.as_str().starts_with("access-control-")));
    for secret in [&SERVER.key, &SERVER.session] {
        let is_his_own = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(is_his_own || !told.contains(secret.as_str()), "{path} tells a secret");
    }
});

fn is_of_the_api(answer: &Answer) {
    let header = |name: &str| one(&answer.headers, name).unwrap_or_else(|| panic!("no {name}"));
    let number: Uuid = header("x-api-identifier").parse().expect("a UUID");
    let mut numbers = NUMBERS.lock().expect("a lock");
    if numbers.len() >= REMEMBERED {
        numbers.clear();
    }
    assert!(numbers.insert(number), "{number} was given twice");
    let version = header("x-api-version");
    assert!(version.len() == 8 && version.bytes().all(|byte| byte.is_ascii_digit()), "{version}");
    assert_eq!(header("cache-control"), "no-store");
    if !answer.body.is_empty() {
        assert_eq!(header("content-type"), "application/json");
        let is_json = serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok();
        assert!(is_json, "{}", String::from_utf8_lossy(&answer.body));
    }
}

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    assert!(values.next().is_none(), "{name} stands there twice");
    value.to_str().ok()
}

/// `None` for what no HTTP server would take for a request.
fn request_of(bytes: &[u8]) -> Option<Request<Body>> {
    let bytes = with(bytes, b"TOKEN", &SERVER.token);
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((&bytes[..], &[][..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.next()?;
    let space = line.iter().position(|byte| *byte == b' ')?;
    let mut request = Request::builder()
        .method(Method::from_bytes(&line[..space]).ok()?)
        .uri(Uri::try_from(&line[space + 1..]).ok()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let value = with(line[colon + 1..].trim_ascii(), b"KEY", &SERVER.key);
        request = request.header(
            &line[..colon],
            with(&with(&value, b"COOKIE", &SERVER.session_name), b"SESSION", &SERVER.session),
        );
    }
    request.body(Body::from(body.to_vec())).ok()
}
