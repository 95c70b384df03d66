//! `/auth/verify`: tells a reverse proxy in front of another application who is signed in (forward authentication).

use std::fmt::Write;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::error::Error;
use super::middleware::Surface;
use super::request::context::{RequestContext, empty};
use super::request::cookies::CookieJar;
use super::request::credentials::Lookup;
use super::request::params::Params;
use crate::app::App;
use crate::domain::redirect::RedirectTarget;
use crate::domain::session::SessionWithUser;
use crate::flow;

/// What would end or change a value in a query (WHATWG URL, section 5.1). No more, since nginx takes 4 KiB of headers.
const NOT_IN_A_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'\\');

/// How forward auth looks up and answers requests: proxies read only the status, so errors are empty.
pub(super) const SURFACE: Surface = Surface {
    lookup: Lookup::Session,
    render_error: |error, _, _| render_error(error),
    accepted_language: |_| None,
    set_headers: |headers, _, _| {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    },
};

/// The capacity for the headers of a response, with those that the server adds.
const MAX_HEADERS: usize = 8;

/// The longest value of a header, in bytes: proxies refuse a response with more than 4 KiB of headers.
const MAX_VALUE: usize = 1_024;

/// `GET /auth/verify`: 200 with four headers that say who is signed in, else 401.
///
/// With `?redirect=1`, a browser without a session gets 302 to the login page instead of 401.
pub(super) async fn verify(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let cookie = CookieJar::of(&context).session(&headers);
    let current = flow::sessions::current(
        &app,
        &context.workspace,
        &context.anonymous_audit_context(),
        cookie.as_ref(),
    )
    .await;
    let wants_redirect = Params::parse_named(query.as_deref().unwrap_or_default(), &["redirect"])
        .is_ok_and(|query| query.single("redirect").is_ok_and(|value| value == Some("1")));
    match current {
        Ok(Some(signed_in)) => signed_in_response(&signed_in),
        Ok(None) if wants_redirect => to_login(&context, &headers),
        Ok(None) => unauthorized(),
        Err(error) => {
            tracing::warn!(%error, "access was refused: the session could not be looked up");
            empty(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

/// The response for anything but a verified session.
fn unauthorized() -> Response {
    empty(StatusCode::UNAUTHORIZED)
}

/// Proxies treat 401 as "not signed in", and other client errors as broken.
fn render_error(error: &Error) -> Response {
    if matches!(error, Error::WorkspaceNotFound(_) | Error::BadHost) {
        return unauthorized();
    }
    empty(error.status())
}

fn signed_in_response(signed_in: &SessionWithUser) -> Response {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.reserve(MAX_HEADERS);
    for (name, value) in [
        ("remote-user", signed_in.session.user.number().into()),
        ("remote-email", header_value(signed_in.email.as_str())),
        ("remote-name", header_value(&signed_in.name)),
        ("remote-groups", HeaderValue::from_static("client")),
    ] {
        headers.insert(HeaderName::from_static(name), value);
    }
    response
}

/// Text as a header value: bytes outside 0x20-0x7E, `%`, and spaces at either end are percent-encoded. A value that is too long
/// is cut after a whole character, so that it can be decoded.
fn header_value(text: &str) -> HeaderValue {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'%');
    let is_plain = is_plain && !text.starts_with(' ') && !text.ends_with(' ') && text.len() <= MAX_VALUE;
    let value =
        if is_plain { HeaderValue::from_str(text) } else { HeaderValue::from_str(&header_text(text)) };
    // Encoded text is always a header value.
    value.unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn header_text(text: &str) -> String {
    let inner = text.len() - text.trim_start_matches(' ').len()..text.trim_end_matches(' ').len();
    let mut encoded = String::new();
    for (place, character) in text.char_indices() {
        let before = encoded.len();
        let is_plain = (' '..='~').contains(&character) && character != '%';
        if is_plain && (character != ' ' || inner.contains(&place)) {
            encoded.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        if encoded.len() > MAX_VALUE {
            encoded.truncate(before);
            // Proxies would strip a space at the new end.
            encoded.truncate(encoded.trim_end_matches(' ').len());
            break;
        }
    }
    encoded
}

/// To the login page, and from there back to the requested page, if the redirect policy allows it.
fn to_login(context: &RequestContext, headers: &HeaderMap) -> Response {
    let redirect = requested_page(context, headers).map_or_else(String::new, |target| {
        format!("?redirect={}", utf8_percent_encode(target.as_str(), NOT_IN_A_VALUE))
    });
    let mut response = empty(StatusCode::FOUND);
    let location = HeaderValue::from_str(&format!("{}/login{redirect}", context.workspace.url));
    response.headers_mut().extend(location.into_iter().map(|location| (header::LOCATION, location)));
    response
}

/// The page that was requested, as a trusted proxy names it, if people may be sent there. What a form sent is no page: it is
/// not to be asked again as a GET.
fn requested_page(context: &RequestContext, headers: &HeaderMap) -> Option<RedirectTarget> {
    let single = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            // nginx hands over addresses as they came, and some come as UTF-8.
            (Some(value), None) => std::str::from_utf8(value.as_bytes()).ok(),
            _ => None,
        }
    };
    let (host, uri) = (single("x-forwarded-host")?, single("x-forwarded-uri")?);
    let is_page = !headers.contains_key("x-forwarded-method")
        || single("x-forwarded-method").is_some_and(|method| method == "GET" || method == "HEAD");
    if !context.is_from_trusted_proxy || !is_page || !uri.starts_with('/') {
        return None;
    }
    let own = context.workspace.url.scheme();
    let named = single("x-forwarded-proto").filter(|scheme| ["http", "https"].contains(scheme));
    if named.is_none() && headers.contains_key("x-forwarded-proto") {
        tracing::warn!(
            scheme = own,
            "X-Forwarded-Proto is not one http or https: the portal's scheme is used"
        );
    }
    let page = format!("{}://{host}{uri}", named.unwrap_or(own));
    RedirectTarget::parse(&page, &context.workspace.redirect_policy()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_carries_any_name() {
        for (name, encoded) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("Ünal 100%", "%C3%9Cnal 100%25"),
            (" a b  ", "%20a b%20%20"),
            ("a\r\nSet-Cookie: x", "a%0D%0ASet-Cookie: x"),
            ("", ""),
            ("  ", "%20%20"),
        ] {
            assert_eq!(header_value(name), encoded, "{name:?}");
        }
    }

    #[test]
    fn a_long_header_is_cut_after_the_last_whole_character_that_fits() {
        let long = |repeated: &str, times: usize, more: &str| header_value(&(repeated.repeat(times) + more));
        for (value, expected) in [
            (long("a", 1_024, ""), "a".repeat(1_024)),
            (long("a", 1_025, ""), "a".repeat(1_024)),
            (long("😀", 85, "ab😀"), "%F0%9F%98%80".repeat(85) + "ab"),
            (long("😀", 85, "abcd"), "%F0%9F%98%80".repeat(85) + "abcd"),
            (long("😀", 85, "abcde"), "%F0%9F%98%80".repeat(85) + "abcd"),
            (long("a", 1_022, "%b"), "a".repeat(1_022)),
            (long("a", 1_021, "%b"), "a".repeat(1_021) + "%25"),
            (long("a", 1_000, &(" ".repeat(30) + "b")), "a".repeat(1_000)),
            (long(" ", 400, "b"), "%20".repeat(341)),
            (long("%", 10_000, ""), "%25".repeat(341)),
        ] {
            assert_eq!(value.to_str().unwrap(), expected);
        }
    }
}
