//! Which secret keys this database rests on, known by fingerprints that tell nothing of them.

use super::unit::{Unit, sql};
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

    /// Writes down that this database rests on a key.
    ///
    /// # Errors
    /// `StoreError` if it could not be written.
    pub async fn add_key_fingerprint(
        &self,
        key: KeyId,
        fingerprint: [u8; 32],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let added = sql(
            "INSERT INTO key_fingerprints (fingerprint, key_id, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (fingerprint) DO NOTHING",
            values![fingerprint, i64::from(key.0), now],
        );
        self.write(Unit::new().and(added)).await.map(|_| ())
    }
}
