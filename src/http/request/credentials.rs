//! What a request shows of itself, read before anything of it is judged.

use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

use super::cookies;
use super::params::{Params, read_form};
use crate::domain::api_key::ApiKeySecret;
use crate::domain::token::Token;
use crate::domain::user::UserRef;
use crate::flow::request_lookup::Credentials;
use crate::http::error::Error;

/// Where links are opened and confirmed.
const LOGIN: &str = "/login";

/// Whether a form is read to see what a request shows.
pub(in crate::http) fn reads_a_form(request: &Request) -> bool {
    request.uri().path() == LOGIN && request.method() == Method::POST
}

/// What a request shows. The form that confirms a link is read for it, since the token stands there; it goes on with the
/// request as a [`ParsedForm`].
pub(in crate::http) async fn of(request: &mut Request, is_api: bool) -> Credentials {
    if is_api {
        return api_credentials(request);
    }
    let session = cookies::any_session(request.headers());
    let token = if reads_a_form(request) {
        let body = std::mem::take(request.body_mut());
        let form = read_form(request.headers(), body).await;
        let token = form.as_ref().ok().and_then(token_of);
        request.extensions_mut().insert(ParsedForm(form));
        token
    } else if request.uri().path() != LOGIN {
        None
    } else {
        let query = request.uri().query().and_then(|query| Params::parse(query).ok());
        query.as_ref().and_then(token_of)
    };
    Credentials::Browser(session, token)
}

/// A form that was read, or why it could not be.
#[derive(Clone)]
pub(in crate::http) struct ParsedForm(pub(in crate::http) Result<Params, Error>);

fn token_of(pairs: &Params) -> Option<Token> {
    pairs.single("token").ok().flatten().and_then(Token::parse)
}

/// What a call of the API shows: a key whose checksum is right, and the user where a link is asked for, so that both
/// are looked up at once.
fn api_credentials(request: &Request) -> Credentials {
    let (uri, is_get) = (request.uri(), request.method() == Method::GET);
    let key = bearer_of(request.headers()).filter(|_| !has_key_in_query(uri.query()));
    let key = key.and_then(ApiKeySecret::parse);
    let asked_for = uri.path().strip_prefix("/api/login_links/").filter(|_| is_get);
    let user = asked_for
        .and_then(|user| percent_decode_str(user).decode_utf8().ok())
        .and_then(|user| UserRef::parse(&user));
    key.map_or(Credentials::Nothing, |key| Credentials::Key(key, user))
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
    let pairs = Params::parse(query.unwrap_or_default());
    pairs.is_ok_and(|pairs| pairs.has("access_token") || pairs.has("api_key"))
}
