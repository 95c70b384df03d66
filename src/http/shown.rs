//! What a request shows of itself, read before anything of it is judged.

use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

use super::cookies;
use super::query::Pairs;
use crate::domain::api_key::ApiKeySecret;
use crate::domain::user::UserRef;
use crate::flow::admission::Shown;

/// What a call of the API shows: a key whose checksum is right, and the user where a link is asked for, so that both
/// are looked up at once.
pub(super) fn by_back_office(request: &Request) -> Shown {
    let (uri, is_get) = (request.uri(), request.method() == Method::GET);
    let key = bearer_of(request.headers()).filter(|_| !has_key_in_query(uri.query()));
    let key = key.and_then(ApiKeySecret::parse);
    let asked_for = uri.path().strip_prefix("/api/login_links/").filter(|_| is_get);
    let user = asked_for
        .and_then(|user| percent_decode_str(user).decode_utf8().ok())
        .and_then(|user| UserRef::parse(&user));
    key.map_or(Shown::Nothing, |key| Shown::Key(key, user))
}

/// What a browser shows: its session cookie, whichever of the workspaces' names it has.
pub(super) fn by_browser(request: &Request) -> Shown {
    cookies::any_session(request.headers()).map_or(Shown::Nothing, Shown::Session)
}

/// The key of the one `Authorization: Bearer KEY` header (RFC 6750, section 2.1).
fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_start_matches(' '))
}

/// A key in an address ends up in logs and histories: whoever sends one there is told so at the first try, even if
/// a good one stands in the header (RFC 6750, section 2.3).
fn has_key_in_query(query: Option<&str>) -> bool {
    let pairs = Pairs::parse(query.unwrap_or_default());
    pairs.is_ok_and(|pairs| pairs.has("access_token") || pairs.has("api_key"))
}
