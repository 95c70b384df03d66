//! What is noted of a request that opens a link: no whole address and no `User-Agent` goes on from here.

use axum::http::{HeaderMap, HeaderName, Method, header};

use super::context::RequestContext;
use crate::app::App;
use crate::domain::opening::{Sign, Signs, Visit};

/// The longest part of a `User-Agent` that counts, in bytes.
const MAX_USER_AGENT: usize = 512;

/// What browsers say that fetch a page for later (RFC 9842 has the first, the others are older).
pub(in crate::http) static EARLY: [HeaderName; 3] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-moz"),
];

/// What browsers say of each request (W3C Fetch Metadata).
static FETCH_METADATA: [HeaderName; 4] = [
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-fetch-user"),
];

/// What a request tells of who opens a link. `None` where the workspace does not want it noted.
pub(in crate::http) fn visit_of(
    app: &App,
    context: &RequestContext,
    (method, headers): (&Method, &HeaderMap),
) -> Option<Visit> {
    if !context.workspace.stories.is_recording {
        return None;
    }
    let has_any = |names: &[HeaderName]| names.iter().any(|name| headers.contains_key(name));
    let signs = Signs::default()
        .with(Sign::Head, method == Method::HEAD)
        .with(Sign::Prefetch, has_any(&EARLY))
        .with(Sign::NoFetchMetadata, !has_any(&FETCH_METADATA))
        .with(Sign::NoAcceptLanguage, !headers.contains_key(header::ACCEPT_LANGUAGE));
    Some(Visit {
        at: app.clock.now(),
        network: context.client_network(headers),
        user_agent: user_agent(headers).to_vec(),
        signs,
    })
}

/// What the browser of a request is known by for some seconds.
pub(in crate::http) fn visitor_of(app: &App, context: &RequestContext, headers: &HeaderMap) -> [u8; 16] {
    app.keys().visitor_hash(context.workspace.id, &context.client_network(headers), user_agent(headers))
}

fn user_agent(headers: &HeaderMap) -> &[u8] {
    let agent = headers.get(header::USER_AGENT).map_or(&[][..], |agent| agent.as_bytes());
    &agent[..agent.len().min(MAX_USER_AGENT)]
}
