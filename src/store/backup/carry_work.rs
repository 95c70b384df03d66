//! What all that is carried over into a backup is done with.

use rusqlite::Connection;

use crate::domain::api_key::ApiKey;
use crate::domain::audit::{AuditContext, AuditEntry};
use crate::domain::login_link::KeyId;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_secret::AppSecret;
use crate::domain::oidc::signing_key::SigningKey;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::StoreError;
use crate::store::engine::sqlite::run;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{FromRow, Row, all, only, values};
use crate::store::queries::audit;

/// What the store does not know by itself, and who acts.
pub struct CarryWith {
    /// The fingerprints of the keys in the key file.
    pub fingerprints: Vec<[u8; 32]>,
    /// What an API key of the backup is from here on.
    pub api_key: Decide<ApiKey>,
    /// What a client secret of the backup is from here on.
    pub client_secret: Decide<AppSecret>,
    /// Whether the row of an app is as doorkey wrote it.
    pub is_genuine_app: Judge<OidcApp>,
    /// Whether the row of a signing key is as doorkey wrote it.
    pub is_genuine_signing_key: Judge<SigningKey>,
    /// Who acts.
    pub act: AuditContext,
    /// The time.
    pub now: Timestamp,
}

/// What a row of the backup is from here on: given as it is there, and as it was in the replaced database, if it was there. `None` leaves
/// it as it is.
pub type Decide<T> = Box<dyn Fn(&T, Option<&T>) -> Option<T> + Send>;

/// Whether a seal holds.
pub type Judge<T> = Box<dyn Fn(&T) -> bool + Send>;

/// Rows of the backup and of the replaced database that are of one workspace.
pub(super) const SAME: &str = "JOIN main.workspaces w ON w.id = k.workspace_id
                               JOIN old.workspaces ow ON ow.id = w.id AND ow.created_at = w.created_at";

/// The backup as `main`, with the replaced database as `old`.
pub(super) struct Work<'a> {
    pub(super) database: &'a Connection,
    pub(super) with: &'a CarryWith,
}

impl Work<'_> {
    pub(super) fn run(&self, statement: &Statement) -> Result<Vec<Row>, StoreError> {
        Ok(run(self.database, statement)?)
    }

    pub(super) fn all<T: FromRow>(&self, statement: &Statement) -> Result<Vec<T>, StoreError> {
        all(self.run(statement)?)
    }

    pub(super) fn tell(&self, workspace: WorkspaceId, entry: AuditEntry) -> Result<(), StoreError> {
        self.run(&audit::entry(workspace, &entry.with("reason", "restored"), self.with.now)).map(|_| ())
    }

    /// Whether a secret key is retired, in the backup or since.
    pub(super) fn is_retired(&self, key: KeyId) -> Result<bool, StoreError> {
        let retired =
            "SELECT count(*) FROM main.key_fingerprints WHERE key_id = $1 AND retired_at IS NOT NULL";
        Ok(only::<i64>(self.run(&sql(retired, values![key]))?)? > 0)
    }
}
