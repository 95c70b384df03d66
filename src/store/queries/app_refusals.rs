//! The last requests that named an app and were refused.

use crate::domain::oidc::refusal::{AppRefusal, MAX_OF_APP};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, sql};
use crate::store::engine::value::{all, from_row, values};
use crate::store::{Store, StoreError};

from_row! { AppRefusal { id, time, error, message, request } }

/// Refusals of some apps.
#[derive(Debug, Default)]
pub struct RefusalsOfApps {
    /// The newest of all of them, with the client id of each.
    pub newest: Vec<(String, AppRefusal)>,
    /// How many of each app are known, and when the last was. An app without any is left out.
    pub counted: Vec<(String, i64, Timestamp)>,
}

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

    /// The newest refusals of some apps, a page of them at most, each with the client id; and for each app how many there were
    /// since a moment, of those that are kept, and when the last was.
    pub async fn list_refusals_of_apps(
        &self,
        (workspace, client_ids): (WorkspaceId, &[&str]),
        since: Timestamp,
    ) -> Result<RefusalsOfApps, StoreError> {
        if client_ids.is_empty() {
            return Ok(RefusalsOfApps::default());
        }
        let places: Vec<_> = (0..client_ids.len()).map(|place| format!("${}", place + 3)).collect();
        let places = places.join(", ");
        let newest = format!(
            "SELECT r.client_id, r.id, r.time, r.error, r.message, r.request_id FROM app_refusals r
             WHERE r.workspace_id = $1 AND r.client_id IN ({places}) AND r.time >= $2 ORDER BY r.id DESC LIMIT 50"
        );
        let counted = format!(
            "SELECT r.client_id, count(*), max(r.time) FROM app_refusals r
             WHERE r.workspace_id = $1 AND r.client_id IN ({places}) AND r.time >= $2 GROUP BY r.client_id"
        );
        let mut values = values![workspace, since];
        values.extend(client_ids.iter().map(|client_id| (*client_id).into()));
        let [newest, counted] = self.read([sql(newest, values.clone()), sql(counted, values)]).await?;
        Ok(RefusalsOfApps { newest: all(newest)?, counted: all(counted)? })
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
