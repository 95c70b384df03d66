//! The gate that every request passes: it gets a number, its workspace is found, its answer gets its headers.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use uuid::Uuid;

use super::Settings;
use super::error::Error;
use super::shown;
use super::visit::{Known, NUMBER, Peer, Visit};
use crate::app::App;
use crate::domain::host::HostName;
use crate::domain::version::{ApiVersion, InvalidVersion};
use crate::flow;
use crate::flow::admission::{Arrival, Shown};
use crate::flow::login_links::Subject;
use crate::metrics::Answer;

const API_IDENTIFIER: HeaderName = HeaderName::from_static("x-api-identifier");
const API_VERSION: HeaderName = HeaderName::from_static("x-api-version");
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// Nothing from elsewhere, no script, no frame around it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Lets a request pass to its handler and its answer out. Whatever is logged on the way carries its number.
pub(super) async fn pass(
    State((app, settings)): State<(App, Arc<Settings>)>,
    request: Request,
    next: Next,
) -> Response {
    let number = Uuid::now_v7();
    NUMBER.scope(number, numbered(app, settings, number, request, next)).await
}

async fn numbered(
    app: App,
    settings: Arc<Settings>,
    number: Uuid,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let version = version_of(request.headers());
    let path = request.uri().path();
    let is_api = path == "/api" || path.starts_with("/api/");
    let is_verify = path == "/auth/verify";
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let method = known(request.method());

    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_canonical());
    let is_from_trusted_proxy = peer.is_some_and(|peer| is_trusted(&settings, peer));
    let authority = authority_of(request.uri(), request.headers()).map(str::to_owned);
    let shown = if is_api { shown::by_back_office(&request) } else { shown::by_browser(&request) };
    let visited = arrive(&app, authority, &shown).await.map(|(authority, host, arrival)| {
        let Arrival { workspace, api_key, issue_state, signed_in } = arrival;
        let subject = shown.into_user().map(|user| Subject { user, seen: issue_state });
        Visit(Arc::new(Known {
            request: number,
            version,
            workspace,
            host,
            authority,
            is_from_trusted_proxy,
            api_key,
            subject,
            signed_in,
        }))
    });
    let workspace = visited.as_ref().ok().map(|visit| Arc::clone(&visit.workspace));
    let response = match visited {
        Ok(visit) => {
            request.extensions_mut().insert(visit);
            // A panic on the way is this request's alone.
            let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
            answer.await.unwrap_or_else(|_| Error::Panicked.marker())
        }
        // Proxies take an empty 401 for what it is: nobody is let in.
        Err(Error::WorkspaceNotFound | Error::BadHost) if is_verify => super::verify::nobody(),
        Err(error) => error.marker(),
    };
    let name = workspace.as_ref().map_or("", |workspace| &workspace.name);
    let mut response = if is_verify { response } else { drawn(response, is_api, name) };
    if is_api {
        set_api_headers(response.headers_mut(), number, version.unwrap_or_default());
    } else if is_verify {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    } else {
        set_page_headers(response.headers_mut());
    }

    let status = response.status().as_u16();
    let took = begun.elapsed();
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let workspace = workspace.map_or(0, |workspace| workspace.id.0);
    tracing::info!(method, route, status, workspace, microseconds, "answered");
    app.metrics.latency.observe(took.as_secs_f64());
    app.metrics.answers.get_or_create(&Answer { route, status }).inc();
    response
}

/// The workspace of the host, and whom the request names in it.
async fn arrive(
    app: &App,
    authority: Option<String>,
    shown: &Shown,
) -> Result<(String, HostName, Arrival), Error> {
    let authority = authority.ok_or(Error::BadHost)?;
    let host = HostName::from_header(&authority).map_err(|_| Error::WorkspaceNotFound)?;
    let arrival = flow::admission::look(app, &host, shown).await?.ok_or(Error::WorkspaceNotFound)?;
    Ok((authority, host, arrival))
}

/// The name of a method that is a standard one: any other is whatever a stranger wrote, at any length.
fn known(method: &Method) -> &'static str {
    let standard = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    standard.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

fn is_trusted(settings: &Settings, peer: IpAddr) -> bool {
    settings.trusted_proxies.iter().any(|network| network.contains(&peer))
}

/// The one host that a request names: two `Host` headers, or a target that says otherwise, are no host
/// (RFC 9112, section 3.2).
fn authority_of<'a>(target: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let host = host.to_str().ok()?;
    let agrees =
        target.authority().map(Authority::as_str).is_none_or(|target| target.eq_ignore_ascii_case(host));
    agrees.then_some(host)
}

fn version_of(headers: &HeaderMap) -> Result<ApiVersion, InvalidVersion> {
    let mut values = headers.get_all(API_VERSION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(ApiVersion::DEFAULT),
        (Some(value), None) => ApiVersion::parse(value.to_str().map_err(|_| InvalidVersion)?.trim()),
        (Some(_), Some(_)) => Err(InvalidVersion),
    }
}

/// The answer as the caller reads it: an error in it becomes JSON or a page.
fn drawn(response: Response, is_api: bool, workspace: &str) -> Response {
    let carried = response.extensions().get::<Error>().cloned();
    // A router that knows the path but not the method answers by itself.
    let by_router =
        (response.status() == Error::MethodNotAllowed.status()).then_some(Error::MethodNotAllowed);
    let Some(error) = carried.or(by_router) else { return response };
    let mut drawn = if is_api { error.as_json() } else { error.as_page(workspace) };
    if let Some(methods) = response.headers().get(header::ALLOW) {
        drawn.headers_mut().insert(header::ALLOW, methods.clone());
    }
    drawn
}

fn set_api_headers(headers: &mut HeaderMap, number: Uuid, version: ApiVersion) {
    let mut text = Uuid::encode_buffer();
    let number = HeaderValue::from_str(number.hyphenated().encode_lower(&mut text));
    // A UUID is always a header value.
    headers.extend(number.into_iter().map(|number| (API_IDENTIFIER, number)));
    headers.insert(API_VERSION, HeaderValue::from_static(version.name()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn set_page_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (ROBOTS, "noindex"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
