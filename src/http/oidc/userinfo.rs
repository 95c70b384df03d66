//! `/oidc/userinfo`: an app asks about a person (RFC 6750).

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::{cors, errors};
use crate::app::App;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::body::read_lenient_form;
use crate::http::request::context::RequestContext;

/// `GET`, `POST /oidc/userinfo`: the claims that a token grants.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let in_form = match in_form(&method, &headers, body).await {
        Ok(in_form) => in_form,
        Err(error) => return cors::allow(&app, &context, &headers, errors::render(&error)).await,
    };
    let response = match (in_header(&headers), in_form) {
        (Shown::Token(_) | Shown::Unusable, Some(_)) => {
            errors::answer(StatusCode::BAD_REQUEST, "invalid_request", "send the access token in one way")
        }
        (Shown::Token(token), None) | (Shown::Nothing, Some(token)) => {
            match flow::oidc::userinfo::show(&app, &context.workspace, &token).await {
                Ok(Some(info)) => Json(info).into_response(),
                Ok(None) => dead_token(),
                Err(error) => errors::render(&error.into()),
            }
        }
        (Shown::Unusable, None) => dead_token(),
        (Shown::Nothing, None) => {
            let mut response = errors::answer(
                StatusCode::UNAUTHORIZED,
                "invalid_request",
                "an access token is needed: send it as Authorization: Bearer",
            );
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
    };
    cors::allow(&app, &context, &headers, response).await
}

/// What the `Authorization` header shows.
enum Shown {
    Nothing,
    Token(String),
    Unusable,
}

fn in_header(headers: &HeaderMap) -> Shown {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Shown::Nothing,
        (Some(value), None) => value.to_str().ok(),
        (Some(_), Some(_)) => None,
    };
    let token = value.and_then(|value| value.split_once(' '));
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Shown::Token(token.trim().to_owned())
        }
        // Another scheme shows no access token (RFC 9110, section 11.6.2).
        Some(_) => Shown::Nothing,
        None => Shown::Unusable,
    }
}

/// The token in a form. A POST without a form has none.
async fn in_form(method: &Method, headers: &HeaderMap, body: Body) -> Result<Option<String>, Error> {
    if method != Method::POST || (body.is_end_stream() && !headers.contains_key(CONTENT_TYPE)) {
        return Ok(None);
    }
    let form = read_lenient_form(headers, body).await?;
    let token = form.single("access_token").map_err(Error::ValidationErrors)?;
    Ok(token.filter(|token| !token.is_empty()).map(str::to_owned))
}

fn dead_token() -> Response {
    let description = "the access token is unknown or over, or its session is";
    let mut response = errors::answer(StatusCode::UNAUTHORIZED, "invalid_token", description);
    let scheme = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    response
}
