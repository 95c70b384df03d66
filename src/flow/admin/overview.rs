//! What the overview of a workspace needs besides its figures.

use crate::app::App;
use crate::store::{FirstSteps, ListError, ListPermit};

/// How far a workspace has come in which nobody has signed in yet.
pub async fn first_steps(app: &App, permit: &ListPermit) -> Result<FirstSteps, ListError> {
    app.store.find_first_steps(permit, app.clock.now()).await
}
