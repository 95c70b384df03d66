//! Which secret keys this database rests on, known by fingerprints that tell nothing of them.

use super::unit::{Outcome, Unit, sql};
use super::value::values;
use super::{Store, StoreError};
use crate::domain::login_link::KeyId;
use crate::domain::timestamp::Timestamp;

impl Store {
    /// The keys that this database rests on.
    ///
    /// # Errors
    /// `StoreError` if the store cannot be read.
    pub async fn list_key_fingerprints(&self) -> Result<Vec<[u8; 32]>, StoreError> {
        let [rows] = self.read([sql("SELECT fingerprint FROM key_fingerprints", values![])]).await?;
        rows.into_iter().map(|mut row| row.take()).collect()
    }

    /// Writes down that this database rests on some keys, unless it rests on others already, or is being filled with
    /// what rests on others.
    ///
    /// # Errors
    /// `StoreError` if it could not be written.
    pub async fn add_key_fingerprints(
        &self,
        keys: &[(KeyId, [u8; 32])],
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        // One caller at a time: two nodes that start with different keys must not both find nothing.
        let mut unit = Unit::new().guard(sql("UPDATE migrations SET number = number", values![]));
        for (number, (key, fingerprint)) in keys.iter().enumerate() {
            unit = unit.guard(sql(
                "INSERT INTO key_fingerprints (fingerprint, key_id, created_at)
                 SELECT $1, $2, $3 WHERE (SELECT count(*) FROM key_fingerprints) = $4
                   AND NOT EXISTS (SELECT 1 FROM moves WHERE state <> 'leaving')",
                values![*fingerprint, i64::from(key.0), now, i64::try_from(number).unwrap_or(0)],
            ));
        }
        self.write(unit).await.map(Outcome::from)
    }
}
