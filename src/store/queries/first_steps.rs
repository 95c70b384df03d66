//! How far a workspace has come in which nobody has signed in yet.

use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::store::engine::unit_of_work::sql;
use crate::store::engine::value::{Row, first, only, values};
use crate::store::{ListError, ListPermit, Store};

/// What there is already of what it takes until somebody signs in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FirstSteps {
    /// The newest API key that is good: its name, and when it was made.
    pub key: Option<(String, Timestamp)>,
    /// The first client.
    pub client: Option<UserId>,
    /// Whether a link was made.
    pub has_link: bool,
    /// Whether somebody has signed in by one.
    pub has_sign_in: bool,
}

impl Store {
    /// What there is of it in a workspace.
    pub async fn find_first_steps(
        &self,
        permit: &ListPermit,
        now: Timestamp,
    ) -> Result<FirstSteps, ListError> {
        let workspace = permit.workspace();
        let key = sql(
            "SELECT name, created_at FROM api_keys
             WHERE workspace_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) ORDER BY id DESC LIMIT 1",
            values![workspace, now],
        );
        let client = sql(
            "SELECT id FROM users WHERE workspace_id = $1 AND is_staff = 0 AND deleted_at IS NULL ORDER BY id LIMIT 1",
            values![workspace],
        );
        let links = sql(
            "SELECT coalesce(max(issued), 0), coalesce(max(signed_in), 0) FROM link_stats WHERE workspace_id = $1",
            values![workspace],
        );
        let read = |[key, client, links]: [Vec<Row>; 3]| {
            let (issued, signed_in): (i64, i64) = only(links)?;
            Ok(FirstSteps {
                key: first(key)?,
                client: first(client)?,
                has_link: issued > 0,
                has_sign_in: signed_in > 0,
            })
        };
        let found = self.scan_with([key, client, links], Some(permit.clone()), read).await;
        found.map_err(|error| permit.classify(error))
    }
}
