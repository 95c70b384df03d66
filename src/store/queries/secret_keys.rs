//! Which secret keys this database uses, known by fingerprints that say nothing of them.

use super::audit;
use crate::domain::audit::AuditEntry;
use crate::domain::login_link::KeyId;
use crate::domain::secret_key::SecretKeyRecord;
use crate::domain::timestamp::Timestamp;
use crate::store::engine::unit_of_work::{Outcome, UnitOfWork, sql};
use crate::store::engine::value::{all, from_row, values};
use crate::store::{Store, StoreError};

/// The columns of a key.
macro_rules! known_key_columns {
    () => {
        "fingerprint, key_id, activated_at, retired_at"
    };
}
pub(in crate::store) use known_key_columns;

from_row! { SecretKeyRecord { fingerprint, id, activated_at, retired_at } }

/// What must be true of the key `$n` of something new, in the very statement that makes it: it is the one that derives. So
/// nothing is made with a key by a node that has not heard yet that another took its place.
macro_rules! is_active {
    ($key:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM key_fingerprints f WHERE f.key_id = ",
            $key,
            " AND f.retired_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM key_fingerprints g
                               WHERE g.retired_at IS NULL AND g.activated_at > coalesce(f.activated_at, 0)))"
        )
    };
}
pub(in crate::store) use is_active;

impl Store {
    /// The keys that this database uses, and those that it retired.
    pub async fn list_known_keys(&self) -> Result<Vec<SecretKeyRecord>, StoreError> {
        const ALL: &str = concat!("SELECT ", known_key_columns!(), " FROM key_fingerprints");
        let [rows] = self.read([sql(ALL, values![])]).await?;
        all(rows)
    }

    /// Records that this database uses some keys, the first of them active, unless it uses others already, or
    /// is being filled with what uses others.
    pub async fn add_key_fingerprints(
        &self,
        keys: &[(KeyId, [u8; 32])],
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        // One caller at a time: two nodes that start with different keys must not both find nothing.
        let mut unit = UnitOfWork::new().guard(sql("UPDATE migrations SET number = number", values![]));
        for (number, (key, fingerprint)) in keys.iter().enumerate() {
            let activated_at = (number == 0).then_some(now);
            unit = unit.guard(sql(
                "INSERT INTO key_fingerprints (fingerprint, key_id, created_at, activated_at)
                 SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM key_fingerprints) = $5
                   AND NOT EXISTS (SELECT 1 FROM transfers WHERE state <> 'leaving')",
                values![*fingerprint, *key, now, activated_at, i64::try_from(number).unwrap_or(0)],
            ));
        }
        self.apply(unit).await
    }

    /// Makes a key the one that derives from `activated_at` on, unless it was retired, another was made so at that moment or
    /// later, or a node that reported in after `there_since` lacks it.
    pub async fn use_key(
        &self,
        (key, fingerprint): (KeyId, [u8; 32]),
        (activated_at, there_since): (Timestamp, Timestamp),
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let used = sql(
            "INSERT INTO key_fingerprints (fingerprint, key_id, created_at, activated_at)
             SELECT $1, $2, $3, $3
             WHERE NOT EXISTS (SELECT 1 FROM key_fingerprints WHERE activated_at >= $3)
               AND NOT EXISTS (SELECT 1 FROM key_fingerprints WHERE key_id = $2 AND fingerprint <> $1)
               AND NOT EXISTS (SELECT 1 FROM nodes WHERE reported_at > $4 AND key_ids NOT LIKE $5)
             ON CONFLICT (fingerprint) DO UPDATE SET activated_at = $3 WHERE key_fingerprints.retired_at IS NULL",
            values![fingerprint, key, activated_at, there_since, format!("%{key}%")],
        );
        let told = audit::entry_everywhere(entry, now);
        self.apply(UnitOfWork::new().guard(used).and(told)).await
    }
}
