//! The style sheet and the icon, embedded in the binary, with what a workspace has of its own.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::opening::visitor_of;

const STYLE: &str = include_str!("../../../assets/style.css");

/// A changed colour or logo is in every browser after five minutes.
const BRIEFLY: &str = "public, max-age=300";

/// A logo that is opened by itself runs nothing and loads nothing, whatever stands in it.
const LOGO_CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// `GET /login/style.css`: buttons are of the workspace's colour.
pub(in crate::http) async fn style(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
) -> impl IntoResponse {
    if context.workspace.stories.is_recording {
        // Machines that only look into links seldom fetch it.
        app.notes.note_stylesheet(
            context.workspace.id,
            visitor_of(&app, &context, &headers),
            app.clock.now(),
        );
    }
    let style = context.workspace.branding.color.map_or_else(
        || STYLE.to_owned(),
        |color| {
            let strong = color.darker();
            // On dark paper a dark button has an edge that is seen.
            format!(
                "{STYLE}
/* The colour of this workspace. */
:root {{
  --button: {color};
  --button-strong: {strong};
  --button-edge: {color};
  --on-button: #ffffff;
}}

@media (prefers-color-scheme: dark) {{
  :root {{
    --button-edge: var(--edge);
  }}
}}
"
            )
        },
    );
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, BRIEFLY)], style)
}

/// `GET /login/logo`.
pub(in crate::http) async fn logo(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
) -> Result<Response, Error> {
    let logo = flow::workspaces::logo(&app, &context.workspace).await?.ok_or(Error::NotFound)?;
    let headers = [
        (CONTENT_TYPE, logo.kind.media_type()),
        (CONTENT_SECURITY_POLICY, LOGO_CSP),
        (CACHE_CONTROL, BRIEFLY),
    ];
    Ok((headers, logo.content).into_response())
}

/// `GET /login/icon.svg`.
pub(in crate::http) async fn icon() -> impl IntoResponse {
    let icon = include_str!("../../../assets/icon.svg");
    ([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "public, max-age=86400")], icon)
}
