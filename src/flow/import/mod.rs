//! Users are imported: what each row does is what adding or changing one user does, a thousand at a time.
//!
//! While some rows are being written, the next are taken, read about and decided (docs/decisions/0032-bulk-import.md).

mod one_by_one;
mod pace;
mod plan;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use self::one_by_one::{RowOutcome, upsert};
use self::pace::{Lock, MAX_ROWS};
use self::plan::{Known, NumberedRow, Plan, RowKey};
use super::operations::nodes;
use crate::app::App;
use crate::domain::audit::AuditContext;
use crate::domain::import_row::ImportRow;
use crate::domain::user::UserId;
use crate::domain::validation::ValidationErrors;
use crate::domain::workspace::Workspace;
use crate::store::{Outcome, StoreError};

/// How much text they have together, in bytes, but for the last of them: so memory and the time of a commit are bounded.
const MAX_TEXT: usize = 1 << 20;

/// How many rows are read about at least where some had to wait for others.
const MIN_WINDOW: usize = 16;

/// How often it is looked whether a server is there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often rows are tried at most while the store cannot be used; on a locked file each try waits for 5 s.
const MAX_ATTEMPTS: u32 = 10;

/// How often rows are tried in which others got in the way, before they are tried in smaller numbers.
const MAX_CONFLICTS: u32 = 2;

/// What became of the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Users who were not there.
    pub added: u64,
    /// Users who were there and are now as their row says.
    pub changed: u64,
    /// Users who were as their row says already.
    pub unchanged: u64,
}

/// Rows on their way into a workspace, in their order.
#[derive(Debug)]
pub struct Import<'a> {
    app: &'a App,
    workspace: &'a Workspace,
    act: AuditContext,
    waiting: VecDeque<NumberedRow>,
    /// How much text the waiting rows have, in bytes.
    text: usize,
    /// How many of them are read about at once.
    window: usize,
    in_flight: Option<InFlight>,
    lock: Lock,
    rests_until: Instant,
    /// Whether a server was there when that was last looked at.
    is_beside_server: bool,
    looks_at: Instant,
    /// Since rows last went in.
    failures: u32,
    conflicts: u32,
    is_dry: bool,
    tally: Tally,
    refused: Vec<(u64, ValidationErrors)>,
}

/// Rows that are being written.
#[derive(Debug)]
struct InFlight {
    rows: Vec<NumberedRow>,
    claims: HashSet<RowKey>,
    added: usize,
    changed: usize,
    task: JoinHandle<Result<(Outcome, Duration), StoreError>>,
}

impl<'a> Import<'a> {
    /// Begins an import; its entries in the audit log are one request's.
    #[must_use]
    pub fn begin(app: &'a App, workspace: &'a Workspace, act: AuditContext) -> Self {
        Self {
            app,
            workspace,
            act,
            waiting: VecDeque::with_capacity(MAX_ROWS),
            text: 0,
            window: MAX_ROWS,
            in_flight: None,
            lock: if app.store.has_one_writer() { Lock::Database } else { Lock::Rows },
            rests_until: Instant::now(),
            is_beside_server: true,
            looks_at: Instant::now(),
            failures: 0,
            conflicts: 0,
            is_dry: false,
            tally: Tally::default(),
            refused: Vec::new(),
        }
    }

    /// From here on rows are judged, and nothing is written.
    pub fn only_look(&mut self) {
        self.is_dry = true;
    }

    /// Takes a row, by the number of its line. It is durable once [`Import::finish`] returned.
    ///
    /// # Errors
    /// `StoreError` if the store cannot be used; what was written before stays.
    pub async fn put(&mut self, line: u64, row: ImportRow) -> Result<(), StoreError> {
        self.text += row.length();
        self.waiting.push_back(NumberedRow { line, row });
        while self.waiting.len() >= MAX_ROWS || self.text >= MAX_TEXT {
            self.go_on().await?;
        }
        Ok(())
    }

    /// The number of the user whom a row names by address.
    ///
    /// # Errors
    /// `StoreError` if the store cannot be used.
    pub async fn find_id(&self, row: &ImportRow) -> Result<Option<UserId>, StoreError> {
        let emails: Vec<_> = row.fields.email.iter().collect();
        let [_, found] = self.app.store.find_users(self.workspace.id, &[], &emails).await?;
        Ok(found.first().map(|user| user.id))
    }

    /// Writes the rows that wait.
    ///
    /// # Errors
    /// `StoreError` if the store cannot be used for a while; what was written before stays.
    pub async fn finish(&mut self) -> Result<(), StoreError> {
        while !self.waiting.is_empty() || self.in_flight.is_some() {
            self.go_on().await?;
        }
        Ok(())
    }

    /// The rows that were refused since this was last asked, by their lines.
    pub fn take_refused(&mut self) -> Vec<(u64, ValidationErrors)> {
        std::mem::take(&mut self.refused)
    }

    /// What became of the rows that are written.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Brings the rows on by a step. What could not be written waits again.
    async fn go_on(&mut self) -> Result<(), StoreError> {
        match self.step().await {
            Err(StoreError::Unavailable(_) | StoreError::Contended(_)) if self.failures < MAX_ATTEMPTS => {
                self.failures += 1;
                Ok(())
            }
            done => done,
        }
    }

    /// Decides what the next rows do, waits for those before them, and begins to write.
    async fn step(&mut self) -> Result<(), StoreError> {
        let read_point = self.app.store.read_point();
        let plan = self.plan().await?;
        if self.is_dry {
            self.take_rows(&plan);
            self.count(plan.batch.added.len(), plan.batch.changed.len());
            self.conclude(plan.unchanged, plan.refused);
            return Ok(());
        }
        if !self.settle().await? || plan.is_written.is_empty() {
            return Ok(());
        }
        if plan.unchanged > 0 {
            // They count once what was read can no longer be lost.
            self.app.store.ensure_durable(read_point, None).await?;
        }
        let is_written = !plan.claims.is_empty();
        if is_written {
            self.rest().await?;
        }
        // From here on nothing fails before the rows are on their way.
        let rows = self.take_rows(&plan);
        self.conclude(plan.unchanged, plan.refused);
        if !is_written {
            self.failures = 0;
            return Ok(());
        }
        let (app, workspace, batch) = (self.app.clone(), self.workspace.id, plan.batch);
        let (added, changed) = (batch.added.len(), batch.changed.len());
        let task =
            tokio::spawn(async move { app.store.write_users(workspace, &batch, app.clock.now()).await });
        self.in_flight = Some(InFlight { rows, claims: plan.claims, added, changed, task });
        Ok(())
    }

    /// Leaves the store alone for a while: other processes try the one lock of the embedded database now and then only, so it
    /// must be free for a good part of the time.
    async fn rest(&mut self) -> Result<(), StoreError> {
        if self.looks_at <= Instant::now() {
            self.is_beside_server = !nodes::list(self.app).await?.is_empty();
            self.looks_at = Instant::now() + LOOK_EVERY;
        }
        tokio::time::sleep_until(self.rests_until.into()).await;
        Ok(())
    }

    /// What the next rows do, up to the first that has to wait for those before it.
    async fn plan(&mut self) -> Result<Plan, StoreError> {
        let window = self.window.min(self.waiting.len());
        let rows = &self.waiting.make_contiguous()[..window];
        let known = Known::read(self.app, self.workspace.id, rows).await?;
        let in_flight = self.in_flight.as_ref().map(|in_flight| &in_flight.claims);
        let mut plan = Plan::default();
        for row in rows {
            let may_end = if self.is_dry { Ok(()) } else { nodes::is_fit(self.app) };
            if !self.is_dry && plan.must_wait(&row.row, &known, in_flight) {
                self.window = (2 * plan.is_written.len()).max(MIN_WINDOW);
                break;
            }
            if !plan.add(&self.act, row, &known, may_end.is_ok()) {
                match may_end {
                    Err(unfit) if plan.is_written.is_empty() => {
                        return Err(StoreError::Unavailable(unfit.to_string()));
                    }
                    _ => break,
                }
            }
        }
        Ok(plan)
    }

    /// Waits for the rows that are being written. `false` if they wait again, before the others.
    async fn settle(&mut self) -> Result<bool, StoreError> {
        let Some(InFlight { mut rows, added, changed, task, .. }) = self.in_flight.take() else {
            return Ok(true);
        };
        let written = task.await.map_err(|_| StoreError::Unexpected("a write was broken off"))?;
        let (outcome, held) = match written {
            Ok(written) => written,
            Err(error) => {
                self.wait_again(rows);
                return Err(error);
            }
        };
        self.rests_until = Instant::now() + self.lock.rest_after(held, self.is_beside_server);
        match outcome {
            Outcome::Applied => {
                self.count(added, changed);
                (self.failures, self.conflicts) = (0, 0);
                self.window = (2 * self.window).min(self.lock.fitting(rows.len(), held));
                return Ok(true);
            }
            Outcome::Conflict if self.conflicts < MAX_CONFLICTS => self.conflicts += 1,
            // It is among few rows that others get in the way.
            Outcome::Conflict if rows.len() > 1 => self.window = rows.len() / 2,
            Outcome::Conflict => {
                if let Some(row) = rows.pop() {
                    self.write_alone(row).await?;
                }
                return Ok(true);
            }
        }
        self.wait_again(rows);
        Ok(false)
    }

    async fn write_alone(&mut self, row: NumberedRow) -> Result<(), StoreError> {
        match upsert(self.app, self.workspace, &self.act, &row).await {
            Ok(RowOutcome::Added) => self.tally.added += 1,
            Ok(RowOutcome::Changed) => self.tally.changed += 1,
            Ok(RowOutcome::Unchanged) => self.tally.unchanged += 1,
            Ok(RowOutcome::Refused(invalid)) => self.refused.push((row.line, invalid)),
            Err(error) => {
                self.wait_again(vec![row]);
                return Err(error);
            }
        }
        (self.failures, self.conflicts, self.window) = (0, 0, MIN_WINDOW);
        Ok(())
    }

    /// Takes the rows of a plan from those that wait, and gives those that are written.
    fn take_rows(&mut self, plan: &Plan) -> Vec<NumberedRow> {
        let rows = self.waiting.drain(..plan.is_written.len());
        let mut written = Vec::new();
        for (row, is_written) in rows.zip(&plan.is_written) {
            self.text -= row.row.length();
            if *is_written {
                written.push(row);
            }
        }
        written
    }

    /// Whether they were written or not, they can be written again.
    fn wait_again(&mut self, rows: Vec<NumberedRow>) {
        for row in rows.into_iter().rev() {
            self.text += row.row.length();
            self.waiting.push_front(row);
        }
    }

    fn conclude(&mut self, unchanged: u64, refused: Vec<(u64, ValidationErrors)>) {
        self.tally.unchanged += unchanged;
        self.refused.extend(refused);
    }

    fn count(&mut self, added: usize, changed: usize) {
        self.tally.added += added as u64;
        self.tally.changed += changed as u64;
    }
}
