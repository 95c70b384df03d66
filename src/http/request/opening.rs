//! What is noted of a request that opens a link: no whole address and no `User-Agent` goes on from here.

use axum::http::{HeaderMap, Method, header};

use super::context::RequestContext;
use crate::app::App;
use crate::domain::opening::{BrowserClass, Opening, Sign, Signs};

/// The longest part of a `User-Agent` that counts, in bytes.
const MAX_USER_AGENT: usize = 512;

/// What browsers say that fetch a page for later (RFC 9842 has the first, the others are older).
pub(in crate::http) const EARLY: [&str; 3] = ["sec-purpose", "purpose", "x-moz"];

/// What browsers say of each request (W3C Fetch Metadata).
const FETCH_METADATA: [&str; 4] = ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user"];

/// What a request tells of who opens a link. `None` where the workspace does not want it noted.
pub(in crate::http) fn opening_of(
    app: &App,
    context: &RequestContext,
    (method, headers): (&Method, &HeaderMap),
) -> Option<Opening> {
    if !context.workspace.stories.is_recording {
        return None;
    }
    let has_any = |names: &[&str]| names.iter().any(|name| headers.contains_key(*name));
    let signs = Signs::default()
        .with(Sign::Head, method == Method::HEAD)
        .with(Sign::Prefetch, has_any(&EARLY))
        .with(Sign::NoFetchMetadata, !has_any(&FETCH_METADATA))
        .with(Sign::NoAcceptLanguage, !headers.contains_key(header::ACCEPT_LANGUAGE));
    Some(Opening {
        at: app.clock.now(),
        network: context.client_network(headers).coarse(),
        browser: BrowserClass::of(&String::from_utf8_lossy(user_agent(headers))),
        signs,
        client: visitor_of(app, context, headers),
        was_dead: false,
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
