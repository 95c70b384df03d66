//! Users are imported: row by row the same story as adding and changing one, many at a time.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::users;
use super::users::UserError;
use crate::app::App;
use crate::domain::audit::AuditContext;
use crate::domain::import_row::ImportRow;
use crate::domain::reach::Reach;
use crate::domain::user::UserChange;
use crate::domain::user::{User, UserId, UserRef};
use crate::domain::validation::{Code, ValidationErrors};
use crate::domain::workspace::Workspace;
use crate::store::{NewUser, StoreError};

/// Rows that are written together: a few commits of a few milliseconds.
const BATCH: usize = 128;

/// How long the store is left alone after a batch, at least.
const SHORTEST_REST: Duration = Duration::from_millis(2);

/// How often a row is tried at most while the store cannot be used, or others change the same user; on a locked file each try
/// waits for 5 s.
const MAX_ATTEMPTS: u32 = 10;

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
    waiting: Vec<Waiting>,
    claimed: HashSet<RowKey>,
    rests_until: Instant,
    is_dry: bool,
    tally: Tally,
    refused: Vec<(u64, ValidationErrors)>,
}

/// A row that is to be written.
#[derive(Debug)]
struct Waiting {
    line: u64,
    row: ImportRow,
    found: Option<UserId>,
}

/// What a row touches: two rows that touch the same are never written together, so that they keep their order.
#[derive(PartialEq, Eq, Hash, Debug)]
enum RowKey {
    Id(UserId),
    Address(String),
}

enum RowOutcome {
    Added,
    Changed,
    Unchanged,
    Refused(ValidationErrors),
}

impl<'a> Import<'a> {
    /// Begins an import; its entries in the audit log are one request's.
    #[must_use]
    pub fn begin(app: &'a App, workspace: &'a Workspace, act: AuditContext) -> Self {
        Self {
            app,
            workspace,
            act,
            waiting: Vec::with_capacity(BATCH),
            claimed: HashSet::new(),
            rests_until: Instant::now(),
            is_dry: false,
            tally: Tally::default(),
            refused: Vec::new(),
        }
    }

    /// From here on rows are judged, and nothing is written.
    pub fn only_look(&mut self) {
        self.is_dry = true;
    }

    /// Takes a row, by the number of its line. It is durable once a batch is full or [`Import::finish`] returned.
    ///
    /// # Errors
    /// `StoreError` if the store cannot be used; what was written before stays.
    pub async fn put(&mut self, line: u64, row: ImportRow) -> Result<(), StoreError> {
        loop {
            let read_point = self.app.store.read_point();
            let found = find(self.app, self.workspace, &row).await?;
            if self.is_dry {
                return self.judge(line, &row, found).await;
            }
            let claims = claims(&row, found.as_ref());
            if claims.iter().any(|claim| self.claimed.contains(claim)) {
                // What was found may be about to change.
                self.finish().await?;
                continue;
            }
            // Else it is counted with the others once what was found can no longer be lost.
            if found.as_ref().is_some_and(|user| matches_row(user, &row)) && !read_point.is_binding() {
                self.tally.unchanged += 1;
                return Ok(());
            }
            // What is written together has no order: a number must not be drawn while the file still gives it away.
            if self.waiting.last().is_some_and(|last| last.row.id.is_some() && row.id.is_none()) {
                self.finish().await?;
            }
            self.claimed.extend(claims);
            self.waiting.push(Waiting { line, row, found: found.map(|user| user.id) });
            if self.waiting.len() >= BATCH {
                self.finish().await?;
            }
            return Ok(());
        }
    }

    /// What would become of a row.
    async fn judge(&mut self, line: u64, row: &ImportRow, found: Option<User>) -> Result<(), StoreError> {
        let taken = match &row.fields.email {
            Some(email) if row.id.is_some() => {
                let owner =
                    self.app.store.find_user(self.workspace.id, &UserRef::Email(email.clone())).await?;
                owner.is_some_and(|owner| Some(owner.id) != row.id)
            }
            _ => false,
        };
        match (row.of_a_new_user(), found) {
            _ if taken => {
                let problem = Code::Taken.saying(users::NAMESAKE);
                self.refused.push((line, ValidationErrors::field("email", problem)));
            }
            (_, Some(user)) if matches_row(&user, row) => self.tally.unchanged += 1,
            (_, Some(_)) => self.tally.changed += 1,
            (Ok(_), None) => self.tally.added += 1,
            (Err(invalid), None) => self.refused.push((line, invalid)),
        }
        Ok(())
    }

    /// Writes the rows that wait.
    ///
    /// # Errors
    /// `StoreError` if the store cannot be used for a while; what was written before stays.
    pub async fn finish(&mut self) -> Result<(), StoreError> {
        let mut tries = 0;
        while !self.waiting.is_empty() {
            tries += 1;
            tokio::time::sleep_until(self.rests_until.into()).await;
            let began = Instant::now();
            let (app, workspace, act) = (self.app, self.workspace, self.act);
            let rows =
                self.waiting.iter().map(|waiting| upsert(app, workspace, &act, &waiting.row, waiting.found));
            let done = join_all(rows).await;
            // Other processes try the lock now and then only, so it must be free for a good part of the time.
            self.rests_until = Instant::now() + (began.elapsed() / 2).max(SHORTEST_REST);
            for (waiting, done) in std::mem::take(&mut self.waiting).into_iter().zip(done) {
                match done {
                    Ok(RowOutcome::Added) => self.tally.added += 1,
                    Ok(RowOutcome::Changed) => self.tally.changed += 1,
                    Ok(RowOutcome::Unchanged) => self.tally.unchanged += 1,
                    Ok(RowOutcome::Refused(invalid)) => self.refused.push((waiting.line, invalid)),
                    // Whether it was written or not, it can be written again.
                    Err(StoreError::Unavailable(_) | StoreError::Contended(_)) if tries < MAX_ATTEMPTS => {
                        self.waiting.push(waiting);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        self.claimed.clear();
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
}

/// Whom a row is about: by number if it has one, else by address.
async fn find(app: &App, workspace: &Workspace, row: &ImportRow) -> Result<Option<User>, StoreError> {
    let user = match (row.id, &row.fields.email) {
        (Some(id), _) => UserRef::Id(id),
        (None, Some(email)) => UserRef::Email(email.clone()),
        (None, None) => return Ok(None),
    };
    app.store.find_user(workspace.id, &user).await
}

fn claims(row: &ImportRow, found: Option<&User>) -> Vec<RowKey> {
    let ids = row.id.into_iter().chain(found.map(|user| user.id)).map(RowKey::Id);
    let addresses = row.fields.email.iter().chain(found.map(|user| &user.email));
    ids.chain(addresses.map(|email| RowKey::Address(email.lowercased()))).collect()
}

fn matches_row(user: &User, row: &ImportRow) -> bool {
    UserChange::fields_between(user, &change_by(row).applied_to(user)).is_empty()
}

/// What a row changes. An address that only says who is meant does not change the spelling that is kept.
fn change_by(row: &ImportRow) -> UserChange {
    let mut change = row.fields.clone();
    if row.id.is_none() {
        change.email = None;
    }
    change
}

/// Changes the user who was found, adds one if none was.
///
/// Others may add, change and delete users at the same time: then it begins again from what there is now.
async fn upsert(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    row: &ImportRow,
    mut found: Option<UserId>,
) -> Result<RowOutcome, StoreError> {
    for _ in 0..MAX_ATTEMPTS {
        if let Some(id) = found {
            match users::set_within(app, workspace, act, &UserRef::Id(id), (&change_by(row), Reach::All))
                .await
            {
                Ok((_, true)) => return Ok(RowOutcome::Changed),
                Ok((_, false)) => return Ok(RowOutcome::Unchanged),
                Err(UserError::ValidationErrors(invalid)) => return Ok(RowOutcome::Refused(invalid)),
                Err(UserError::Store(error)) => return Err(error),
                Err(error @ (UserError::MayNotUnlock | UserError::AnotherRequest)) => {
                    return Ok(RowOutcome::Refused(ValidationErrors::field(
                        "two_factor_enabled, status",
                        error,
                    )));
                }
                Err(UserError::NodeUnhealthy(unfit)) => {
                    return Err(StoreError::Unavailable(unfit.to_string()));
                }
                Err(UserError::NotFound) => {}
            }
        }
        let email = match row.of_a_new_user() {
            Ok(email) => email.clone(),
            Err(invalid) => return Ok(RowOutcome::Refused(invalid)),
        };
        let user = NewUser { id: row.id, email, fields: row.fields.clone() };
        let refused = match users::add(app, workspace, act, &user).await {
            Ok(_) => return Ok(RowOutcome::Added),
            Err(UserError::Store(error)) => return Err(error),
            Err(UserError::ValidationErrors(invalid)) => Some(invalid),
            // To add somebody ends nothing.
            Err(
                UserError::NotFound
                | UserError::MayNotUnlock
                | UserError::AnotherRequest
                | UserError::NodeUnhealthy(_),
            ) => None,
        };
        found = find(app, workspace, row).await?.map(|user| user.id);
        if let (None, Some(invalid)) = (found, refused) {
            return Ok(RowOutcome::Refused(invalid));
        }
    }
    Err(StoreError::Contended("others kept adding and deleting the same user"))
}
