//! Who calls: an API key with the scope that the endpoint needs.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::app::App;
use crate::domain::audit::{Act, Actor};
use crate::domain::scope::Scope;
use crate::domain::version::ApiVersion;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::http::error::Error;
use crate::http::query::Pairs;
use crate::http::visit::Visit;

/// A scope that an endpoint needs, as a type.
pub(in crate::http) trait Needs {
    /// The scope.
    const SCOPE: Scope;
}

/// A type for each scope.
macro_rules! needs {
    ($($name:ident),*) => {
        $(
            pub(in crate::http) struct $name;

            impl Needs for $name {
                const SCOPE: Scope = Scope::$name;
            }
        )*
    };
}

needs!(
    LoginLinksRead,
    LoginLinksWrite,
    ClientsRead,
    ClientsWrite,
    TeamRead,
    LogsRead,
    SessionsRead,
    SessionsWrite
);

/// A caller whose version, key and scope have been judged, in that order. Put it first among a handler's arguments:
/// nothing else of the request may be judged before.
pub(in crate::http) struct Caller<S> {
    pub(in crate::http) workspace: Arc<Workspace>,
    pub(in crate::http) version: ApiVersion,
    pub(in crate::http) act: Act,
    /// Host and port as they were asked.
    pub(in crate::http) authority: String,
    scope: PhantomData<S>,
}

impl<S: Needs> FromRequestParts<App> for Caller<S> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let visit = parts.extensions.get::<Visit>().ok_or(Error::WorkspaceNotFound)?.clone();
        let version = visit.version.map_err(|_| Error::InvalidVersion)?;
        let shown = bearer_of(&parts.headers).filter(|_| !has_key_in_query(parts.uri.query()));
        let key =
            flow::admission::admit(app, &visit.workspace, shown).await?.ok_or(Error::Unauthenticated)?;
        if !key.scopes.has(S::SCOPE) {
            return Err(Error::InsufficientScope(S::SCOPE.name()));
        }
        let act = Act { actor: Actor::ApiKey(key.id), request: visit.request };
        Ok(Self { workspace: visit.workspace, version, act, authority: visit.authority, scope: PhantomData })
    }
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
