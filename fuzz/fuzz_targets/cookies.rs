//! Whoever sends the one good session cookie exactly once is signed in; any other `Cookie` header signs nobody in.

#![no_main]

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode};
use doorkey::domain::session::SessionCookie;
use doorkey_fuzz::{Installation, with};
use libfuzzer_sys::fuzz_target;

static SERVER: LazyLock<Installation> = LazyLock::new(Installation::start);

/// In an input these stand for the name of the session cookie, and for the value of the good one.
const NAME: &[u8] = b"NAME";
const GOOD: &[u8] = b"GOOD";

fuzz_target!(|bytes: &[u8]| {
    if let Some(cookie) = std::str::from_utf8(bytes).ok().and_then(SessionCookie::parse) {
        assert_eq!(cookie.reveal().as_bytes(), bytes);
    }
    let filled = |line: &[u8]| with(&with(line, NAME, &SERVER.session_name), GOOD, &SERVER.session);
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').map(filled).collect();
    let mut request = Request::get("/auth/verify").header("host", "example.com");
    for line in &lines {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        request = request.header("cookie", value);
    }
    let answer = SERVER.send(request.body(Body::empty()).expect("a request"));

    let expected = if is_good(&lines) { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    assert_eq!(answer.status, expected);
    assert_eq!(answer.headers.contains_key("remote-user"), expected == StatusCode::OK);
});

/// Whether exactly one pair has the name, and it is the good one.
fn is_good(lines: &[Vec<u8>]) -> bool {
    let values: Vec<_> = lines
        .iter()
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .filter_map(|pair| pair.trim_ascii().strip_prefix(SERVER.session_name.as_bytes())?.strip_prefix(b"="))
        .collect();
    values == [SERVER.session.as_bytes()]
}
