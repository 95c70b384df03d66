//! `POST /oidc/token`: an app exchanges its code.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{cors, errors};
use crate::app::App;
use crate::domain::oidc::code::TOKEN_LIFETIME;
use crate::domain::oidc::request::single;
use crate::flow;
use crate::flow::oidc::token::{ClientCredentials, PARAMETERS, TokenRequest};
use crate::http::error::Error;
use crate::http::request::body::read_raw_form;
use crate::http::request::context::RequestContext;
use crate::http::request::params::{Params, decode};

/// The largest form, in bytes.
const MAX_FORM: usize = 16_384;

#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    scope: &'a str,
    id_token: &'a str,
}

/// `POST /oidc/token`: tokens, or why there are none.
pub(in crate::http) async fn exchange(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let response = match read_form(&headers, body).await {
        Ok(form) => {
            let request = TokenRequest {
                form: &form.0,
                credentials: credentials(&headers, query.as_deref().unwrap_or_default()),
                source: context.client_network(&headers),
                request_id: context.request,
            };
            match flow::oidc::token::exchange(&app, &context.workspace, &request).await {
                Ok(tokens) => Json(Answer {
                    access_token: tokens.access_token.reveal(),
                    token_type: "Bearer",
                    expires_in: TOKEN_LIFETIME,
                    scope: &tokens.scope,
                    id_token: &tokens.id_token,
                })
                .into_response(),
                Err(error) => errors::refused(error),
            }
        }
        Err(response) => response,
    };
    cors::allow(&app, &context, &headers, response).await
}

/// The form. What is no form at all is told with the status of what is wrong with it.
async fn read_form(headers: &HeaderMap, body: Body) -> Result<Params, Response> {
    let bytes = read_raw_form(headers, body, MAX_FORM).await.map_err(|error| errors::render(&error))?;
    let form = std::str::from_utf8(&bytes).ok().and_then(|text| Params::parse_named(text, &PARAMETERS).ok());
    form.ok_or_else(|| errors::answer(StatusCode::BAD_REQUEST, "invalid_request", "the form cannot be read"))
}

/// How an app shows who it is. A secret in the query is none, and spoils any other.
fn credentials(headers: &HeaderMap, query: &str) -> ClientCredentials {
    // An empty parameter is as none.
    let in_query = Params::parse_named(query, &["client_secret"]);
    if in_query.map_or(true, |query| single(&query.0, "client_secret") != Ok(None)) {
        return ClientCredentials::Unusable;
    }
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => ClientCredentials::Form,
        (Some(value), None) => {
            let basic = value.to_str().ok().and_then(basic);
            basic.map_or(ClientCredentials::Unusable, |(id, secret)| ClientCredentials::Basic(id, secret))
        }
        (Some(_), Some(_)) => ClientCredentials::Unusable,
    }
}

/// The halves of HTTP Basic, each decoded as a form's value (RFC 6749, section 2.3.1). Ids and secrets are plain, so what some clients
/// send as it is comes out the same.
fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((decode(id)?, decode(secret)?))
}
