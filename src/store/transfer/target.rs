//! The PostgreSQL that is filled: in one transaction, by one process at a time.

use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::TransferError;
use super::marker::{self, Mark, State};
use super::source::{Lines, Source};
use crate::store::database_url::{DatabaseUrl, PostgresUrl};
use crate::store::engine::postgres;
use crate::store::engine::postgres::Connected;
use crate::store::engine::unit_of_work::Statement;
use crate::store::{OpenError, StoreError};

pub(super) struct Target {
    client: Connected,
    shown: String,
    id: Uuid,
}

impl Target {
    /// Connects, and makes the tables where there are none.
    pub(super) async fn enter(url: &PostgresUrl, shown: &str) -> Result<Self, OpenError> {
        let (client, _) = postgres::enter(url, shown, true).await?;
        Ok(Self { client, shown: shown.to_owned(), id: Uuid::nil() })
    }

    /// Whether it holds the whole copy of a source that is marked as moved.
    pub(super) async fn has_copy_of(&mut self, source: &Mark) -> Result<bool, StoreError> {
        self.id = source.id;
        let mark = self.mark().await?;
        Ok(mark.is_some_and(|mark| mark.id == source.id && mark.state == State::TargetComplete))
    }

    /// Keeps everybody else out, if nobody has used it: of several moves to one target the last that begins copies.
    pub(super) async fn claim(&mut self, source: &Mark, from: &DatabaseUrl) -> Result<(), TransferError> {
        self.id = source.id;
        // The lock of whoever takes a fresh database into use.
        let begin = "BEGIN READ WRITE; UPDATE migrations SET number = number";
        self.client.batch_execute(begin).await?;
        let (mine, from) = (source.id.as_bytes().to_vec(), from.to_string());
        match self.mark().await? {
            Some(mark) if mark.id != source.id && mark.state != State::TargetFilling => {
                return Err(TransferError::Taken { target: self.shown.clone(), from: mark.place });
            }
            Some(_) => {
                // One that is copying meanwhile finds that its mark is gone, or has left its own here.
                let sql = "UPDATE transfers SET id = $1, place = $2 WHERE id = $1 OR state = $3";
                let values: [&(dyn ToSql + Sync); 3] = [&mine, &from, &State::TargetFilling.word()];
                if self.client.execute(sql, &values).await? != 1 {
                    return Err(TransferError::Overtaken(self.shown.clone()));
                }
            }
            None => {
                let used =
                    "SELECT EXISTS (SELECT 1 FROM key_fingerprints) OR EXISTS (SELECT 1 FROM workspaces)";
                let used = self.client.query_one(used, &[]).await.and_then(|row| row.try_get(0))?;
                if used {
                    return Err(TransferError::Used(self.shown.clone()));
                }
                let sql = "INSERT INTO transfers (id, state, place) VALUES ($1, $2, $3)";
                let values: [&(dyn ToSql + Sync); 3] = [&mine, &State::TargetFilling.word(), &from];
                self.client.execute(sql, &values).await?;
            }
        }
        self.commit().await.map_err(TransferError::from)
    }

    /// Begins the transaction that everything is copied in. Its end lets nobody in yet.
    pub(super) async fn begin(&mut self) -> Result<(), TransferError> {
        // It takes as long as it takes.
        let begin = "BEGIN READ WRITE; SET LOCAL statement_timeout = 0;
                     SET LOCAL idle_in_transaction_session_timeout = 0";
        self.client.batch_execute(begin).await?;
        let sql = "UPDATE transfers SET state = $2 WHERE id = $1";
        let mine = self.id.as_bytes().to_vec();
        let marked = self.client.execute(sql, &[&mine, &State::TargetComplete.word()]).await;
        match marked? {
            1 => Ok(()),
            _ => Err(TransferError::Overtaken(self.shown.clone())),
        }
    }

    /// Copies a table over whatever an earlier try left; gives how many rows it has then.
    pub(super) async fn fill(
        &self,
        source: &Source,
        table: &str,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, StoreError> {
        let columns = source.columns(table)?;
        let mut rows = source.read(table, &columns)?;
        let mut lines = Lines::of(&mut rows)?;
        self.client.batch_execute(&format!("TRUNCATE {table}")).await?;
        let copy = format!("COPY {table} ({columns}) FROM STDIN");
        let mut sink = pin!(self.client.copy_in::<_, Bytes>(&copy).await?);
        while let Some(chunk) = lines.chunk()? {
            sink.send(chunk).await?;
            progress(lines.count);
        }
        sink.finish().await?;
        // Without statistics the planner takes a full table for an empty one, until autovacuum comes by.
        self.client.batch_execute(&format!("ANALYZE {table}")).await?;
        let arrived = self.client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await;
        let arrived: i64 = arrived.and_then(|row| row.try_get(0))?;
        Ok(u64::try_from(arrived).unwrap_or(0))
    }

    pub(super) async fn commit(&self) -> Result<(), StoreError> {
        Ok(self.client.batch_execute("COMMIT").await?)
    }

    /// Takes the mark away, and says so in an entry.
    pub(super) async fn let_go(&mut self, entry: &Statement) -> Result<(), StoreError> {
        self.client.batch_execute("BEGIN READ WRITE").await?;
        let mine = self.id.as_bytes().to_vec();
        self.client.execute("DELETE FROM transfers WHERE id = $1", &[&mine]).await?;
        let types: Vec<_> = entry.values.iter().map(postgres::type_of).collect();
        let progress = self.client.prepare_typed(&entry.sql, &types).await?;
        self.client.execute_raw(&progress, &entry.values).await?;
        self.commit().await
    }

    async fn mark(&self) -> Result<Option<Mark>, StoreError> {
        let found = self.client.query_opt(&*marker::find().sql, &[]).await?;
        found.map(|found| postgres::row(&found)?.take()).transpose()
    }
}
