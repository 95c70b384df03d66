//! The caller of an endpoint: an API key with the scope that the endpoint needs.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::app::App;
use crate::domain::api_version::ApiVersion;
use crate::domain::audit::{Actor, AuditContext};
use crate::domain::scope::{Scope, Scopes};
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::params::Params;

/// A scope that an endpoint needs, as a type.
pub(in crate::http) trait RequiredScope {
    /// The scope.
    const SCOPE: Scope;
}

/// A type for each scope.
macro_rules! scope_types {
    ($($name:ident),*) => {
        $(
            pub(in crate::http) struct $name;

            impl RequiredScope for $name {
                const SCOPE: Scope = Scope::$name;
            }
        )*
    };
}

scope_types!(
    LoginLinksRead,
    LoginLinksWrite,
    ClientsRead,
    ClientsWrite,
    TeamRead,
    LogsRead,
    SessionsRead,
    SessionsWrite,
    LoginLinksMail,
    MailsRead,
    AppsRead,
    AppsWrite
);

/// A caller whose API version, key and scope were checked, in that order. Put it first among a handler's arguments: nothing
/// else of the request may be checked before.
pub(in crate::http) struct Caller<S> {
    pub(in crate::http) app: App,
    pub(in crate::http) version: ApiVersion,
    pub(in crate::http) act: AuditContext,
    pub(in crate::http) scopes: Scopes,
    pub(in crate::http) workspace: Arc<Workspace>,
    pub(in crate::http) context: Arc<RequestContext>,
    scope: PhantomData<S>,
}

impl<S: RequiredScope> FromRequestParts<App> for Caller<S> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let context = parts.extensions.get::<Arc<RequestContext>>().ok_or(Error::Internal)?.clone();
        let version = context.version.map_err(|_| Error::InvalidVersion)?;
        let Some(key) = &context.api_key else {
            if parts.headers.contains_key(AUTHORIZATION) {
                // The key may be valid by a secret key that this node lacks, or by a clock that is right.
                flow::operations::nodes::is_fit(app)?;
            }
            flow::request_lookup::count_auth_failure(app, context.client_network(&parts.headers))?;
            return Err(Error::Unauthenticated);
        };
        app.limits.check_key(&app.metrics, key)?;
        if !key.scopes.has(S::SCOPE) {
            return Err(Error::InsufficientScope(S::SCOPE.name()));
        }
        // Also where nothing is read of it: a query that cannot be decoded is a mistake that its caller is told of.
        Params::parse(parts.uri.query().unwrap_or_default())?;
        let act = AuditContext { actor: Actor::ApiKey(key.id), request: context.request };
        let (workspace, scopes) = (Arc::clone(&context.workspace), key.scopes);
        Ok(Self { app: app.clone(), version, act, scopes, workspace, context, scope: PhantomData })
    }
}
