//! Batches that were counted: a commit whose answer came late may be there, so a batch is written again, and counted once.

use uuid::Uuid;

use crate::domain::timestamp::Timestamp;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::values;
use crate::store::{Store, StoreError};

/// For so many seconds a batch is known. Who could not write it for longer has had no answer to anything meanwhile.
const KEPT: i64 = 86_400;

/// The guard of a batch: it holds once.
pub(in crate::store) fn once(batch: Uuid, now: Timestamp) -> Statement {
    sql("INSERT INTO counted_batches (id, time) VALUES ($1, $2) ON CONFLICT DO NOTHING", values![batch, now])
}

impl Store {
    /// Forgets batches that nobody writes again.
    pub async fn forget_batches(&self, now: Timestamp) -> Result<(), StoreError> {
        let old = sql(
            "DELETE FROM counted_batches WHERE id IN (SELECT id FROM counted_batches WHERE time < $1 LIMIT 1000) RETURNING 1",
            values![now.plus_seconds(-KEPT)],
        );
        self.until_none(old).await
    }
}
