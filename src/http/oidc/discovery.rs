//! What an app reads first: where everything is (OpenID Connect Discovery 1.0; RFC 8414), and the public keys (RFC 7517).

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::json;

use crate::app::App;
use crate::domain::language::Language;
use crate::domain::oidc::app::SigningAlgorithm;
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::request::ResponseMode;
use crate::domain::oidc::scope::OidcScope;
use crate::flow;
use crate::flow::oidc::token::ACR;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;

/// The claims of an ID token itself.
const TOKEN_CLAIMS: [&str; 11] =
    ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "sid", "at_hash", "acr", "amr"];

/// What anybody may read and keep for an hour.
fn public(value: impl Serialize) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, Json(value)).into_response()
}

/// `GET /.well-known/openid-configuration`: the provider's metadata.
pub(in crate::http) async fn configuration(Extension(context): Extension<Arc<RequestContext>>) -> Response {
    let issuer = context.workspace.url.as_str();
    let at = |path: &str| format!("{issuer}{path}");
    let claims: Vec<_> = TOKEN_CLAIMS.iter().chain(&Claims::NAMES).collect();
    public(json!({
        "issuer": issuer,
        "authorization_endpoint": at("/oidc/authorize"),
        "token_endpoint": at("/oidc/token"),
        "userinfo_endpoint": at("/oidc/userinfo"),
        "jwks_uri": at("/oidc/jwks"),
        "end_session_endpoint": at("/oidc/end_session"),
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::ALL.map(ResponseMode::name),
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": SigningAlgorithm::ALL.map(SigningAlgorithm::name),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": OidcScope::ALL.map(OidcScope::name),
        "claims_supported": claims,
        "claim_types_supported": ["normal"],
        "acr_values_supported": [ACR],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": Language::ALL.map(Language::tag),
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    }))
}

/// `GET /oidc/jwks`: the public keys, those that are about to sign and those that have signed among them.
pub(in crate::http) async fn jwks(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
) -> Result<Response, Error> {
    let keys = flow::oidc::signing_keys::public_keys(&app, &context.workspace).await?;
    Ok(public(json!({ "keys": keys })))
}
