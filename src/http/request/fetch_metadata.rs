//! What a browser says of why it fetches something (W3C Fetch Metadata).

use axum::http::{HeaderMap, HeaderValue};

use super::opening::EARLY;

/// Whether a person went to this page, and not a script, image or frame of another one (sections 2.1 and 2.2). Old browsers do not say.
pub(in crate::http) fn is_navigation(headers: &HeaderMap) -> bool {
    match (said(headers, "sec-fetch-mode"), said(headers, "sec-fetch-dest")) {
        (None, None) => true,
        (mode, destination) => mode == Some(b"navigate") && destination == Some(b"document"),
    }
}

/// Whether the browser says that a person goes to this page, and that it does not only fetch it for later.
pub(in crate::http) fn is_person_going_there(headers: &HeaderMap) -> bool {
    let is_early = EARLY.iter().any(|name| headers.contains_key(name));
    let is_said = said(headers, "sec-fetch-mode").is_some() || said(headers, "sec-fetch-dest").is_some();
    !is_early && is_said && is_navigation(headers)
}

fn said<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers.get(name).map(HeaderValue::as_bytes)
}
