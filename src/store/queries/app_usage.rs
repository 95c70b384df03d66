//! How often apps exchanged codes, by the day, and what they answered when they were last told of a sign-out.

use std::collections::HashMap;

use crate::domain::login_link::LinkLookupKey;
use crate::domain::oidc::code::AppCode;
use crate::domain::oidc::sign_out::SignOutAnswer;
use crate::domain::oidc::usage::{AppUsage, first_told_day};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, sql};
use crate::store::engine::value::{FromValue, Value, all, values};
use crate::store::{Engine, Store, StoreError};

/// Slots of a day on PostgreSQL.
const SLOTS: u8 = 32;

/// A day that has been over for so long is merged, in seconds: few nodes count in it any more.
const MERGED_AFTER: i64 = 600;

/// An answer like the last one is written again after so long, in seconds: many sign-outs at once need not wait for one row.
const REPEATED_AFTER: i64 = 1;

impl FromValue for SignOutAnswer {
    fn from_value(value: Value) -> Option<Self> {
        Self::parse(&String::from_value(value)?)
    }
}

/// The statement that counts an exchange, by the link that began its session: that of a trial counts nothing. SQLite, which has one
/// writer, has one slot.
pub(super) fn count(engine: &Engine, code: &AppCode, link: &LinkLookupKey, now: Timestamp) -> Statement {
    let slot = match engine {
        Engine::Postgres(_) => i64::from(code.hash[31] % SLOTS),
        Engine::Sqlite(_) => 0,
    };
    sql(
        "INSERT INTO app_usage (workspace_id, client_id, day, slot, sign_ins, last_at)
         SELECT a.workspace_id, a.client_id, $3, $4, 1, $5 FROM apps a
         WHERE a.workspace_id = $1 AND a.client_id = $2
           AND NOT EXISTS (SELECT 1 FROM login_links l WHERE l.workspace_id = $1 AND l.hash = $6 AND l.is_trial <> 0)
         ON CONFLICT (workspace_id, client_id, day, slot) DO UPDATE SET sign_ins = app_usage.sign_ins + 1,
           last_at = CASE WHEN excluded.last_at > app_usage.last_at THEN excluded.last_at ELSE app_usage.last_at END",
        values![code.workspace, code.client_id.as_str(), now.start_of_day(), slot, now, *link],
    )
}

/// The statement that notes what an app answered when it was told of a sign-out.
pub(super) fn told(
    (workspace, client_id): (WorkspaceId, &str),
    answer: SignOutAnswer,
    now: Timestamp,
) -> Statement {
    sql(
        "INSERT INTO app_sign_outs (workspace_id, client_id, told_at, answer)
         SELECT a.workspace_id, a.client_id, $3, $4 FROM apps a
         WHERE a.workspace_id = $1 AND a.client_id = $2
           AND NOT EXISTS (SELECT 1 FROM app_sign_outs o WHERE o.workspace_id = $1 AND o.client_id = $2
                           AND o.answer = $4 AND o.told_at > $5)
         ON CONFLICT (workspace_id, client_id) DO UPDATE SET told_at = excluded.told_at, answer = excluded.answer
           WHERE excluded.told_at >= app_sign_outs.told_at",
        values![workspace, client_id, now, answer.word(), now.plus_seconds(-REPEATED_AFTER)],
    )
}

/// The statements that forget what an app was used for.
pub(super) fn forget(workspace: WorkspaceId, client_id: &str) -> [Statement; 2] {
    [
        "DELETE FROM app_usage WHERE workspace_id = $1 AND client_id = $2",
        "DELETE FROM app_sign_outs WHERE workspace_id = $1 AND client_id = $2",
    ]
    .map(|text| sql(text, values![workspace, client_id]))
}

impl Store {
    /// What some apps were used for, by their client ids. One that never was is left out.
    pub async fn find_app_usage(
        &self,
        (workspace, client_ids): (WorkspaceId, &[&str]),
        now: Timestamp,
    ) -> Result<HashMap<String, AppUsage>, StoreError> {
        if client_ids.is_empty() {
            return Ok(HashMap::new());
        }
        let placed = |first: usize| {
            let places: Vec<_> = (0..client_ids.len()).map(|place| format!("${}", place + first)).collect();
            places.join(", ")
        };
        let with = |mut values: Vec<Value>| {
            values.extend(client_ids.iter().map(|client_id| (*client_id).into()));
            values
        };
        let counted = format!(
            "SELECT u.client_id, CAST(sum(CASE WHEN u.day >= $2 THEN u.sign_ins ELSE 0 END) AS BIGINT), max(u.last_at)
             FROM app_usage u WHERE u.workspace_id = $1 AND u.client_id IN ({}) GROUP BY u.client_id",
            placed(3)
        );
        let told = format!(
            "SELECT o.client_id, o.told_at, o.answer FROM app_sign_outs o
             WHERE o.workspace_id = $1 AND o.client_id IN ({})",
            placed(2)
        );
        let counted = sql(counted, with(values![workspace, first_told_day(now)]));
        let [counted, told] = self.read([counted, sql(told, with(values![workspace]))]).await?;
        let mut usage = HashMap::<String, AppUsage>::new();
        for (client_id, sign_ins, last_at) in all(counted)? {
            usage.insert(client_id, AppUsage { sign_ins, last_at, told: None });
        }
        for (client_id, told_at, answer) in all::<(String, _, _)>(told)? {
            usage.entry(client_id).or_default().told = Some((told_at, answer));
        }
        Ok(usage)
    }

    /// Merges the slots of days that are over. SQLite has none.
    pub async fn merge_app_usage(&self, workspace: WorkspaceId, now: Timestamp) -> Result<(), StoreError> {
        if matches!(self.engine, Engine::Sqlite(_)) {
            return Ok(());
        }
        // What somebody else holds is left for the next time: so two nodes, or a late exchange, do not wait for each other.
        let merged = sql(
            "WITH gone AS (
                DELETE FROM app_usage u USING (
                    SELECT client_id, day, slot FROM app_usage WHERE workspace_id = $1 AND day < $2 AND slot > 0
                    ORDER BY client_id, day, slot LIMIT 1000 FOR UPDATE SKIP LOCKED) s
                WHERE u.workspace_id = $1 AND u.client_id = s.client_id AND u.day = s.day AND u.slot = s.slot
                RETURNING u.workspace_id, u.client_id, u.day, u.sign_ins, u.last_at)
             INSERT INTO app_usage (workspace_id, client_id, day, slot, sign_ins, last_at)
             SELECT workspace_id, client_id, day, 0, CAST(sum(sign_ins) AS BIGINT), max(last_at) FROM gone
             GROUP BY workspace_id, client_id, day ORDER BY client_id, day
             ON CONFLICT (workspace_id, client_id, day, slot) DO UPDATE SET
               sign_ins = app_usage.sign_ins + excluded.sign_ins, last_at = greatest(app_usage.last_at, excluded.last_at)
             RETURNING 1",
            values![workspace, now.plus_seconds(-MERGED_AFTER).start_of_day()],
        );
        self.until_none(merged).await
    }

    /// Deletes days before a moment, but for the last of each app, and what is of an app that is gone: somebody may have counted while it was
    /// deleted.
    pub async fn sweep_app_usage(&self, workspace: WorkspaceId, until: Timestamp) -> Result<(), StoreError> {
        let days = sql(
            "DELETE FROM app_usage WHERE workspace_id = $1 AND day < $2
               AND EXISTS (SELECT 1 FROM app_usage later WHERE later.workspace_id = $1
                           AND later.client_id = app_usage.client_id AND later.day > app_usage.day)",
            values![workspace, until.start_of_day()],
        );
        let orphans = [
            "DELETE FROM app_usage WHERE workspace_id = $1
               AND NOT EXISTS (SELECT 1 FROM apps a WHERE a.workspace_id = $1 AND a.client_id = app_usage.client_id)",
            "DELETE FROM app_sign_outs WHERE workspace_id = $1
               AND NOT EXISTS (SELECT 1 FROM apps a WHERE a.workspace_id = $1 AND a.client_id = app_sign_outs.client_id)",
        ]
        .map(|text| sql(text, values![workspace]));
        self.write(UnitOfWork::new().and(days).and_all(orphans)).await.map(drop)
    }
}
