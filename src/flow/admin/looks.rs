//! Looks of admins at what is not on every page: each is an entry of the workspace's log before anything is shown.

use crate::app::App;
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::domain::named::named;
use crate::domain::user::UserId;
use crate::domain::workspace::Workspace;
use crate::store::StoreError;

named! {
    /// What is looked at.
    pub enum Look(
        /// The word in the log.
        name
    ) {
        /// Something was looked for, and led to a client, a link, or nothing.
        Find = "find",
        /// What became of one link.
        Story = "story",
        /// The audit log, as a file.
        LogFile = "logs.csv",
        /// A live link, shown once more: a new one has an entry of its own.
        Link = "link",
    }
}

/// Writes a look down, with the client or link that it led to. What somebody typed is no part of it.
pub async fn looked(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (look, user, link): (Look, Option<UserId>, Option<uuid::Uuid>),
) -> Result<(), StoreError> {
    let mut entry = act.entry(AuditEvent::AdminLooked).with("page", look.name());
    if let Some(user) = user {
        entry = entry.about(user);
    }
    if let Some(link) = link {
        entry = entry.with("link", link.to_string());
    }
    app.store.add_audit_entry(workspace.id, &entry, app.clock.now()).await
}
