//! Requests of apps that wait, in a browser's hands, until somebody is signed in there.

use crate::app::App;
use crate::domain::oidc::request::WaitingRequest;
use crate::domain::workspace::Workspace;

/// The longest that is read, in bytes: more than a request with all that may be in it.
const MAX_SEALED: usize = 16_384;

/// A request as it travels: nobody can change it on the way.
pub fn seal(app: &App, workspace: &Workspace, waiting: &WaitingRequest) -> String {
    // What is derived from plain fields always serializes.
    let text = serde_json::to_vec(waiting).unwrap_or_default();
    app.keys().seal_request(workspace.id, &text)
}

/// The request that travelled, while it may be gone on with.
pub fn open(app: &App, workspace: &Workspace, sealed: &str) -> Option<WaitingRequest> {
    if sealed.len() > MAX_SEALED {
        return None;
    }
    let text = app.keys().open_request(workspace.id, sealed)?;
    let waiting: WaitingRequest = serde_json::from_slice(&text).ok()?;
    (!waiting.is_over(app.clock.now())).then_some(waiting)
}
