//! The gate that every request passes: it gets a number, its workspace is found, its answer gets its headers.

pub(super) mod request_id;
pub(super) mod same_origin;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::future::{FutureExt, OptionFuture};
use tokio::time::timeout_at;
use uuid::Uuid;

use self::request_id::{REQUEST_ID, new_number};
use super::error::Error;
use super::request::context::{Peer, RequestContext, RequestInfo};
use super::request::credentials;
use super::{Settings, api, pages};
use crate::app::App;
use crate::domain::api_version::{ApiVersion, InvalidVersion};
use crate::domain::host::HostName;
use crate::flow;
use crate::flow::login_links::RequestedUser;
use crate::flow::request_lookup::LookupResult;
use crate::metrics::ResponseLabels;

const API_IDENTIFIER: HeaderName = HeaderName::from_static("x-api-identifier");
const API_VERSION: HeaderName = HeaderName::from_static("x-api-version");
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// How long a request may take, whatever it waits for: its body has 10 s to come, and the store 5 s for each question.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Who asks, where no connection says it: nobody's address.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Nothing from elsewhere, no script, no frame around it.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Lets a request pass to its handler and its answer out. Whatever is logged on the way carries its number.
pub(super) async fn handle(
    State((app, settings)): State<(App, Arc<Settings>)>,
    request: Request,
    next: Next,
) -> Response {
    let number = new_number(app.clock.now());
    REQUEST_ID.scope(number, handle_with_id(app, settings, number, request, next)).await
}

async fn handle_with_id(
    app: App,
    settings: Arc<Settings>,
    number: Uuid,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let deadline = begun + REQUEST_TIMEOUT;
    let version = version_of(request.headers());
    let path = request.uri().path();
    let is_api = path == "/api" || path.starts_with("/api/");
    let is_verify = path == "/auth/verify";
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let method = method_label(request.method());

    let context_result = build_context(&app, settings, (number, version), &mut request, is_api);
    let context_result = outcome_of(context_result, deadline).await.and_then(|context_result| context_result);
    let workspace = context_result.as_ref().ok().map(|context| Arc::clone(&context.workspace));
    let response = match context_result {
        Ok(context) => {
            request.extensions_mut().insert(context);
            run_handler(next.run(request), deadline).await
        }
        // Proxies take an empty 401 for what it is: nobody is let in.
        Err(Error::WorkspaceNotFound | Error::BadHost) if is_verify => super::forward_auth::unauthorized(),
        Err(error) => error.into_placeholder(),
    };
    let name = workspace.as_ref().map_or("", |workspace| &workspace.name);
    let mut response = if is_verify { response } else { render_error(response, is_api, name) };
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
    app.metrics.responses.get_or_create(&ResponseLabels { route, status }).inc();
    response
}

/// What is known of a request before any handler sees it.
async fn build_context(
    app: &App,
    settings: Arc<Settings>,
    (number, version): (Uuid, Result<ApiVersion, InvalidVersion>),
    request: &mut Request,
    is_api: bool,
) -> Result<RequestContext, Error> {
    let authority = authority_of(request.uri(), request.headers()).ok_or(Error::BadHost)?.to_owned();
    let host = HostName::from_header(&authority).map_err(|_| Error::WorkspaceNotFound)?;
    let peer = request.extensions().get::<Peer>().map_or(UNKNOWN, |peer| peer.0.ip().to_canonical());
    // A body that nobody asked for is not read: whoever names no host of ours could have all of it kept.
    if credentials::reads_a_form(request) && !flow::request_lookup::is_host(app, &host).await? {
        return Err(Error::WorkspaceNotFound);
    }
    let shown = credentials::of(request, is_api).await;
    let arrival = flow::request_lookup::look_up(app, &host, &shown).await?.ok_or(Error::WorkspaceNotFound)?;
    let LookupResult { workspace, api_key, issue_state, signed_in, link, read_point } = arrival;
    Ok(RequestContext(Arc::new(RequestInfo {
        request: number,
        version,
        workspace,
        host,
        authority,
        peer,
        is_from_trusted_proxy: settings.trusts(peer),
        settings,
        api_key,
        subject: shown.into_user().map(|user| RequestedUser { user, seen: issue_state, read_point }),
        signed_in,
        link,
        read_point,
    })))
}

/// What a handler answers, if it does in time.
fn run_handler(handler: impl Future<Output = Response>, deadline: Instant) -> impl Future<Output = Response> {
    outcome_of(handler, deadline).map(|ended| ended.unwrap_or_else(Error::into_placeholder))
}

/// What comes of a part of a request, if it comes in time. A panic in it is this request's alone.
fn outcome_of<T>(part: impl Future<Output = T>, deadline: Instant) -> impl Future<Output = Result<T, Error>> {
    with_deadline(deadline, AssertUnwindSafe(part).catch_unwind())
        .map(|ended| ended.and_then(|ended| ended.map_err(|_| Error::Panicked)))
}

/// What comes of something, if it comes in time. Where it is too late already it is not even begun.
///
/// Not `async`: such a function keeps what it is given twice, and all that is kept is copied with each request.
fn with_deadline<T>(
    deadline: Instant,
    what: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Error>> {
    let begun = (Instant::now() < deadline).then(|| timeout_at(deadline.into(), what));
    OptionFuture::from(begun).map(|ended| {
        ended.and_then(Result::ok).ok_or_else(|| {
            tracing::warn!("a request was given up: it took too long");
            Error::Unavailable
        })
    })
}

/// The name of a method that is a standard one: any other is whatever a stranger wrote, at any length.
fn method_label(method: &Method) -> &'static str {
    let standard = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    standard.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
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
fn render_error(response: Response, is_api: bool, workspace: &str) -> Response {
    let carried = response.extensions().get::<Error>().cloned();
    // A router that knows the path but not the method answers by itself.
    let by_router =
        (response.status() == Error::MethodNotAllowed.status()).then_some(Error::MethodNotAllowed);
    let Some(error) = carried.or(by_router) else { return response };
    let mut rendered =
        if is_api { api::errors::render(&error) } else { pages::errors::render(&error, workspace) };
    if let Some(methods) = response.headers().get(header::ALLOW) {
        rendered.headers_mut().insert(header::ALLOW, methods.clone());
    }
    rendered
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
        (CONTENT_SECURITY_POLICY, CSP),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::audit::AuditContext;
    use crate::domain::origin::Origin;
    use crate::store::DatabaseUrl;

    #[tokio::test]
    async fn a_handler_that_hangs_is_answered_for() {
        let folder = tempfile::tempdir().unwrap();
        let database = DatabaseUrl::Sqlite(folder.path().join("doorkey.db"));
        let key_file = folder.path().join("doorkey.key");
        let app = flow::operations::startup::open(&database, &key_file, true, Clock::System).await.unwrap();
        let url = Origin::parse("https://example.com").unwrap();
        let act = AuditContext::at_command_line();
        flow::workspaces::create(&app, &act, "Acme".to_owned(), url, Vec::new()).await.unwrap();
        let gate = from_fn_with_state((app, Arc::new(Settings::default())), handle);
        let routes = Router::new().route("/hang", get(std::future::pending::<()>)).layer(gate);
        let ask = Request::builder().uri("/hang").header("host", "example.com");

        // With nothing else to do, a clock that stands goes on to whatever is waited for.
        tokio::time::pause();
        let begun = tokio::time::Instant::now();
        let answer = routes.oneshot(ask.body(axum::body::Body::empty()).unwrap()).await.unwrap();

        assert_eq!(answer.status(), 503);
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?} by the clock that was moved",
            begun.elapsed()
        );
    }
}
