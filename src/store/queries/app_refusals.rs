//! The last requests that named an app and were refused.

use crate::domain::oidc::refusal::{AppRefusal, MAX_OF_APP};
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, sql};
use crate::store::engine::value::{all, from_row, values};
use crate::store::{Store, StoreError};

from_row! { AppRefusal { id, time, error, message, request } }

impl Store {
    /// Writes refusals of apps that are there, and forgets older ones of theirs. The same ones again change nothing.
    pub async fn add_app_refusals(
        &self,
        refusals: &[((WorkspaceId, String), Vec<AppRefusal>)],
    ) -> Result<(), StoreError> {
        let mut unit = UnitOfWork::new();
        for ((workspace, client_id), refusals) in refusals {
            let added = refusals.iter().map(|refusal| add(*workspace, client_id, refusal));
            unit = unit.and_all(added).and(sql(
                "DELETE FROM app_refusals WHERE workspace_id = $1 AND client_id = $2 AND id NOT IN
                   (SELECT id FROM app_refusals WHERE workspace_id = $1 AND client_id = $2 ORDER BY id DESC LIMIT $3)",
                values![*workspace, client_id.as_str(), i64::try_from(MAX_OF_APP).unwrap_or(0)],
            ));
        }
        self.write(unit).await.map(|_| ())
    }

    /// The refusals of an app, newest first.
    pub async fn list_app_refusals(
        &self,
        workspace: WorkspaceId,
        client_id: &str,
    ) -> Result<Vec<AppRefusal>, StoreError> {
        let newest = sql(
            "SELECT r.id, r.time, r.error, r.message, r.request_id FROM app_refusals r
             WHERE r.workspace_id = $1 AND r.client_id = $2 ORDER BY r.id DESC LIMIT $3",
            values![workspace, client_id, i64::try_from(MAX_OF_APP).unwrap_or(0)],
        );
        let [rows] = self.read([newest]).await?;
        all(rows)
    }
}

fn add(workspace: WorkspaceId, client_id: &str, refusal: &AppRefusal) -> Statement {
    sql(
        "INSERT INTO app_refusals (workspace_id, client_id, id, time, error, message, request_id)
         SELECT a.workspace_id, a.client_id, $3, $4, $5, $6, $7 FROM apps a
         WHERE a.workspace_id = $1 AND a.client_id = $2 ON CONFLICT DO NOTHING",
        values! {
            workspace, client_id, refusal.id, refusal.time, refusal.error.as_str(), refusal.message.as_str(),
            refusal.request
        },
    )
}
