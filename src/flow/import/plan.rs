//! What rows of an import do: decided from what was read about all of them, before any is written.

use std::collections::{HashMap, HashSet};

use crate::app::App;
use crate::domain::audit::AuditContext;
use crate::domain::email::EmailAddress;
use crate::domain::import_row::ImportRow;
use crate::domain::user::{User, UserChange, UserId};
use crate::domain::validation::ValidationErrors;
use crate::domain::workspace::WorkspaceId;
use crate::flow::users;
use crate::store::{BatchedChange, NewUser, StoreError, TakenKeys, UserBatch};

/// A row, by the number of its line.
#[derive(Debug)]
pub(super) struct NumberedRow {
    pub(super) line: u64,
    pub(super) row: ImportRow,
}

/// What a row touches: two rows that touch the same are never written together, so that they keep their order.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(super) enum RowKey {
    Id(UserId),
    Address(String),
}

/// What was read about some rows.
pub(super) struct Known {
    by_id: HashMap<UserId, User>,
    by_email: HashMap<String, User>,
    taken: TakenKeys,
}

impl Known {
    /// Reads whom rows are about and, where that is needed to decide, whose their numbers and addresses are.
    pub(super) async fn read(
        app: &App,
        workspace: WorkspaceId,
        rows: &[NumberedRow],
    ) -> Result<Self, StoreError> {
        let rows = || rows.iter().map(|numbered| &numbered.row);
        let ids: Vec<_> = rows().filter_map(|row| row.id).collect();
        let emails: Vec<_> =
            rows().filter(|row| row.id.is_none()).filter_map(|row| row.fields.email.as_ref()).collect();
        let [by_id, by_email] = app.store.find_users(workspace, &ids, &emails).await?;
        let by_id: HashMap<_, _> = by_id.into_iter().map(|user| (user.id, user)).collect();
        let by_email = by_email.into_iter().map(|user| (user.email.lowercased(), user)).collect();
        let (mut ids, mut emails) = (Vec::new(), Vec::new());
        for row in rows() {
            let Some(id) = row.id else { continue };
            let found = by_id.get(&id);
            if found.is_none() {
                ids.push(id);
            }
            if let Some(email) = &row.fields.email
                && found.is_none_or(|user| !user.email.is_same_as(email))
            {
                emails.push(email);
            }
        }
        let needs_taken = !ids.is_empty() || !emails.is_empty();
        let taken = if needs_taken {
            app.store.find_taken_keys(workspace, &ids, &emails).await?
        } else {
            TakenKeys::default()
        };
        Ok(Self { by_id, by_email, taken })
    }

    /// Whom a row is about: by number if it has one, else by address.
    fn user(&self, row: &ImportRow) -> Option<&User> {
        match (row.id, &row.fields.email) {
            (Some(id), _) => self.by_id.get(&id),
            (None, Some(email)) => self.by_email.get(&email.lowercased()),
            (None, None) => None,
        }
    }

    /// Whether the address that a row gives a user belongs to another one.
    fn has_namesake(&self, row: &ImportRow) -> bool {
        let Some(email) = row.fields.email.as_ref().filter(|_| row.id.is_some()) else { return false };
        self.taken.emails.get(&email.lowercased()).is_some_and(|owner| Some(*owner) != row.id)
    }
}

/// What the first of some rows do.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Of each row, whether it changes anything.
    pub(super) is_written: Vec<bool>,
    pub(super) unchanged: u64,
    pub(super) refused: Vec<(u64, ValidationErrors)>,
    pub(super) batch: UserBatch,
    /// What those rows touch that change anything.
    pub(super) claims: HashSet<RowKey>,
    has_ids: bool,
}

impl Plan {
    /// Whether a row has to wait until those before it are in: it touches what one of them touches, or a number would be drawn
    /// for it while one of them still gives that away.
    pub(super) fn must_wait(
        &self,
        row: &ImportRow,
        known: &Known,
        in_flight: Option<&HashSet<RowKey>>,
    ) -> bool {
        if self.has_ids && row.id.is_none() {
            return true;
        }
        let in_flight = in_flight.filter(|claims| !claims.is_empty());
        let is_alone = self.claims.is_empty() && in_flight.is_none();
        !is_alone
            && claims(row, known.user(row)).any(|claim| {
                self.claims.contains(&claim) || in_flight.is_some_and(|claims| claims.contains(&claim))
            })
    }

    /// Adds the next row. `false` if it ends links or sessions and `may_end` forbids that: then it was not added.
    pub(super) fn add(
        &mut self,
        act: &AuditContext,
        numbered: &NumberedRow,
        known: &Known,
        may_end: bool,
    ) -> bool {
        let NumberedRow { line, row } = numbered;
        let found = known.user(row);
        let is_written = match decide(act, row, found, known) {
            Decision::Add(user) => {
                let entry = users::addition(act, &user.fields);
                self.batch.added.push((*user, entry));
                true
            }
            Decision::Change(_, true) if !may_end => return false,
            Decision::Change(changed, _) => {
                self.batch.changed.push(*changed);
                true
            }
            Decision::Unchanged => {
                self.unchanged += 1;
                false
            }
            Decision::Refused(invalid) => {
                self.refused.push((*line, invalid));
                false
            }
        };
        if is_written {
            self.claims.extend(claims(row, found));
        }
        self.has_ids |= row.id.is_some();
        self.is_written.push(is_written);
        true
    }
}

enum Decision {
    Add(Box<NewUser>),
    /// And whether it ends links or sessions.
    Change(Box<BatchedChange>, bool),
    Unchanged,
    Refused(ValidationErrors),
}

fn decide(act: &AuditContext, row: &ImportRow, found: Option<&User>, known: &Known) -> Decision {
    let has_namesake = known.has_namesake(row);
    let Some(user) = found else {
        let email = match row.of_a_new_user() {
            Ok(email) => email.clone(),
            Err(invalid) => return Decision::Refused(invalid),
        };
        let taken = users::taken(row.id.filter(|id| known.taken.ids.contains(id)), has_namesake);
        if !taken.is_empty() {
            return Decision::Refused(taken);
        }
        return Decision::Add(Box::new(NewUser { id: row.id, email, fields: row.fields.clone() }));
    };
    match users::alteration(act, user, change_by(row).applied_to(user)) {
        None => Decision::Unchanged,
        Some(_) if has_namesake => Decision::Refused(users::taken(None, true)),
        Some((new, entries)) => {
            let ends = new.standing.ended_more_than(&user.standing);
            let is_renamed = new.name_f != user.name_f || new.name_l != user.name_l;
            let is_indexed = is_renamed || new.email != user.email || new.standing != user.standing;
            let was_staff = user.standing.is_staff;
            Decision::Change(Box::new(BatchedChange { user: new, entries, was_staff, is_indexed }), ends)
        }
    }
}

fn claims<'a>(row: &'a ImportRow, found: Option<&'a User>) -> impl Iterator<Item = RowKey> + 'a {
    let ids = row.id.into_iter().chain(found.map(|user| user.id)).map(RowKey::Id);
    let addresses = row.fields.email.iter().chain(found.map(|user| &user.email));
    ids.chain(addresses.map(|email| RowKey::Address(EmailAddress::lowercased(email))))
}

/// What a row changes. An address that only says who is meant does not change the spelling that is kept.
pub(super) fn change_by(row: &ImportRow) -> UserChange {
    let mut change = row.fields.clone();
    if row.id.is_none() {
        change.email = None;
    }
    change
}
