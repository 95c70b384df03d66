//! The credentials of a request, read after routing and before any check.

use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

use super::body::read_form;
use super::cookies;
use super::params::Params;
use crate::app::App;
use crate::domain::api_key::ApiKeySecret;
use crate::domain::host::HostName;
use crate::domain::token::Token;
use crate::domain::user::UserRef;
use crate::flow;
use crate::flow::request_lookup::Credentials;
use crate::http::error::Error;

/// What a route looks up together with the workspace, in one query.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) enum Lookup {
    /// Nothing.
    Nothing,
    /// The API key.
    ApiKey,
    /// The API key, and for a GET the user in the path, for whom a login link is requested.
    ApiKeyAndUser,
    /// The session.
    Session,
    /// The session, and the login link whose token the URL has, or in a POST the form.
    SessionAndLink,
}

impl Lookup {
    /// The credentials that are looked up.
    pub(in crate::http) async fn credentials(
        self,
        app: &App,
        host: &HostName,
        request: &mut Request,
    ) -> Result<Credentials, Error> {
        match self {
            Self::Nothing => Ok(Credentials::Nothing),
            Self::ApiKey => Ok(api_key(request, None)),
            Self::ApiKeyAndUser => {
                let user = if request.method() == Method::GET { user_in_path(request) } else { None };
                Ok(api_key(request, user))
            }
            Self::Session => Ok(Credentials::Browser(cookies::any_session(request.headers()), None)),
            Self::SessionAndLink => {
                let session = cookies::any_session(request.headers());
                Ok(Credentials::Browser(session, token_of(app, host, request).await?))
            }
        }
    }
}

/// A form that was read, or why it could not be.
#[derive(Clone)]
pub(in crate::http) struct ParsedForm(pub(in crate::http) Result<Params, Error>);

/// The token of a link that is opened or confirmed. The form that confirms it is read here, and passed on with the request as a
/// [`ParsedForm`].
async fn token_of(app: &App, host: &HostName, request: &mut Request) -> Result<Option<Token>, Error> {
    if request.method() != Method::POST {
        let params =
            Params::parse_leniently(request.uri().query().unwrap_or_default(), "token").unwrap_or_default();
        return Ok(params.single("token").ok().flatten().and_then(Token::parse_from_link));
    }
    // The body of a request to an unknown host is never read: a stranger could have the server hold it in memory.
    if !flow::request_lookup::is_host(app, host).await? {
        return Err(Error::workspace_not_found(host.as_str()));
    }
    let body = std::mem::take(request.body_mut());
    let form = read_form(request.headers(), body).await;
    let token =
        form.as_ref().ok().and_then(|form| form.single("token").ok().flatten().and_then(Token::parse));
    request.extensions_mut().insert(ParsedForm(form));
    Ok(token)
}

/// The user whom the last segment of a path names. The router's extractor would clone the head of the request.
fn user_in_path(request: &Request) -> Option<UserRef> {
    let (_, segment) = request.uri().path().rsplit_once('/')?;
    UserRef::parse(&percent_decode_str(segment).decode_utf8().ok()?)
}

/// The API key of a call, if its checksum is right, and the user for whom a link is requested.
fn api_key(request: &Request, user: Option<UserRef>) -> Credentials {
    let key = bearer_of(request.headers()).filter(|_| !has_key_in_query(request.uri().query()));
    let key = key.and_then(ApiKeySecret::parse);
    key.map_or(Credentials::Nothing, |key| Credentials::Key(key, user))
}

/// The key of the one `Authorization: Bearer KEY` header (RFC 6750, section 2.1).
fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_start_matches(' '))
}

/// Whether the query has a key. It would end up in logs and histories, so such a request is refused at the first try, even
/// with a valid key in the header (RFC 6750, section 2.3).
fn has_key_in_query(query: Option<&str>) -> bool {
    let params = Params::parse(query.unwrap_or_default());
    params.is_ok_and(|params| params.has("access_token") || params.has("api_key"))
}
