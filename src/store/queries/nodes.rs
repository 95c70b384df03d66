//! Nodes send heartbeats, and read what their health is checked against: the keys that the database uses, and its clock.

use uuid::Uuid;

use super::secret_keys::known_key_columns;
use crate::domain::clock_watch::ClockReading;
use crate::domain::login_link::KeyId;
use crate::domain::node::Node;
use crate::domain::secret_key::SecretKeyRecord;
use crate::domain::timestamp::Timestamp;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, sql};
use crate::store::engine::value::{FromRow, Row, all, first, from_row, values};
use crate::store::{Engine, Store, StoreError};

/// How long the row of a node that is gone is kept, in seconds.
const KEPT: i64 = 3_600;

/// What the health of a node is checked against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeysAndClock {
    /// The keys that the database uses, and those that it retired.
    pub keys: Vec<SecretKeyRecord>,
    /// What the database's own clock said meanwhile, if it has one: an embedded one goes by ours.
    pub time: Option<Timestamp>,
    /// What the clocks of the machine said when an embedded database was last served.
    pub last_reading: Option<ClockReading>,
}

from_row! { ClockReading { boot, since_boot, wall } }

impl Store {
    /// Reads what a node is judged by.
    pub async fn find_keys_and_clock(&self) -> Result<KeysAndClock, StoreError> {
        const KEYS: &str = concat!("SELECT ", known_key_columns!(), ", NULL, NULL FROM key_fingerprints");
        const READING: &str = "SELECT boot, since_boot, wall FROM clock_readings";
        // The only place where another clock is asked: to compare it with ours.
        const KEYS_AND_TIME: &str = concat!(
            "SELECT ",
            known_key_columns!(),
            ", CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT),
               current_setting('synchronous_standby_names', true) FROM key_fingerprints"
        );
        let generation = self.generation();
        let [keys, readings] = match &self.engine {
            Engine::Sqlite(_) => self.read([sql(KEYS, values![]), sql(READING, values![])]).await?,
            Engine::Postgres(_) => {
                let [rows] = self.read([sql(KEYS_AND_TIME, values![])]).await?;
                [rows, Vec::new()]
            }
        };
        let last_reading = first(readings)?;
        let mut found = KeysAndClock { keys: Vec::new(), time: None, last_reading };
        for mut row in keys {
            found.keys.push(row.take()?);
            found.time = row.take()?;
            let standbys: Option<String> = row.take()?;
            self.note_synchronous(generation, standbys.is_some_and(|names| !names.is_empty()));
        }
        Ok(found)
    }

    /// Records that a node is alive, and forgets those that are long gone; in an embedded database also what its clocks
    /// say, for whoever serves it next.
    pub async fn report_node(&self, node: &Node, clocks: &ClockReading) -> Result<(), StoreError> {
        let keys: Vec<_> = node.keys.iter().map(KeyId::to_string).collect();
        let (file_inode, reading) = match &self.engine {
            Engine::Sqlite(sqlite) => (Some(sqlite.file.inode), Some(keep(clocks))),
            Engine::Postgres(_) => (None, None),
        };
        let report = sql(
            "INSERT INTO nodes (id, key_ids, reported_at, file_inode) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET key_ids = $2, reported_at = $3",
            values![node.id, keys.join(" "), node.reported_at, file_inode],
        );
        let long_gone = node.reported_at.plus_seconds(-KEPT);
        let forget = sql("DELETE FROM nodes WHERE reported_at < $1", values![long_gone]);
        self.write(UnitOfWork::new().guard(report).and(forget).and_all(reading)).await.map(|_| ())
    }

    /// Checkpoints an embedded database, as far as no other connection stands in the way: the file itself then says which nodes there
    /// are, so that a copy of the file alone is known as one.
    pub async fn checkpoint(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.checkpoint().await,
            Engine::Postgres(_) => {}
        }
    }

    /// Takes a node off the list.
    pub async fn remove_node(&self, id: Uuid) -> Result<(), StoreError> {
        self.write(UnitOfWork::new().and(sql("DELETE FROM nodes WHERE id = $1", values![id])))
            .await
            .map(|_| ())
    }

    /// The nodes that reported in within the last hour or so.
    pub async fn list_nodes(&self) -> Result<Vec<Node>, StoreError> {
        let [rows] = self.read([sql("SELECT id, key_ids, reported_at FROM nodes", values![])]).await?;
        all(rows)
    }
}

/// The statement that keeps a reading in place of the one before.
fn keep(clocks: &ClockReading) -> Statement {
    sql(
        "INSERT INTO clock_readings (id, boot, since_boot, wall) VALUES (1, $1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET boot = $1, since_boot = $2, wall = $3",
        values![clocks.boot.as_str(), clocks.since_boot, clocks.wall],
    )
}

impl FromRow for Node {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (id, keys): (_, String) = row.take()?;
        let keys = keys.split_whitespace().map(|key| u32::from_str_radix(key, 16).map(KeyId));
        let keys = keys
            .collect::<Result<_, _>>()
            .map_err(|_| StoreError::Unexpected("the number of a key that is none"))?;
        Ok(Node { id, keys, reported_at: row.take()? })
    }
}
