//! Users by the thousand: those of many rows are read in one go, added and changed in one commit.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::columns::standing_columns;
use super::link_kills;
use super::user_counts;
use super::users::{NewUser, user_columns};
use super::{app_sessions, audit};
use crate::domain::audit::AuditEntry;
use crate::domain::email::EmailAddress;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::search::fold;
use crate::domain::user::{User, UserChange, UserId};
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, over, sql};
use crate::store::engine::value::{all, first, values};
use crate::store::{Store, StoreError};

/// Users that are written together. None of them touches another one's number or address.
#[derive(Debug, Default)]
pub struct UserBatch {
    /// Those to be added, each with the entry about it.
    pub added: Vec<(NewUser, AuditEntry)>,
    /// Those to be changed.
    pub changed: Vec<BatchedChange>,
}

/// A user who is to be changed.
#[derive(Debug)]
pub struct BatchedChange {
    /// The user as it is to be; the revision is the one that was read.
    pub user: User,
    /// The entries about it.
    pub entries: Vec<AuditEntry>,
    /// Whether it was staff when it was read.
    pub was_staff: bool,
    /// Whether the address, a name or the standing changes, which indexes hold.
    pub is_indexed: bool,
}

/// Of some numbers and addresses, those that belong to somebody.
#[derive(Debug, Default)]
pub struct TakenKeys {
    /// Numbers of users who are there, and of deleted ones.
    pub ids: HashSet<UserId>,
    /// Whose the addresses are, in lower case.
    pub emails: HashMap<String, UserId>,
}

impl Store {
    /// The users who were not deleted by these numbers, and those by these addresses.
    pub async fn find_users(
        &self,
        workspace: WorkspaceId,
        ids: &[UserId],
        emails: &[&EmailAddress],
    ) -> Result<[Vec<User>; 2], StoreError> {
        const COLUMNS: &str = concat!("SELECT ", user_columns!(), " FROM");
        let by_id = over(
            COLUMNS,
            vec![("id", numbers(ids))],
            "CROSS JOIN users u WHERE u.workspace_id = $1 AND u.id = r.id AND u.deleted_at IS NULL",
            values![workspace],
        );
        let by_email = over(
            COLUMNS,
            vec![("email", folded(emails))],
            "CROSS JOIN users u WHERE u.workspace_id = $1 AND u.email_folded = r.email AND u.deleted_at IS NULL",
            values![workspace],
        );
        let [by_id, by_email] = self.read([by_id, by_email]).await?;
        Ok([all(by_id)?, all(by_email)?])
    }

    /// Which of these numbers were ever given to a user, and which of these addresses belong to one.
    pub async fn find_taken_keys(
        &self,
        workspace: WorkspaceId,
        ids: &[UserId],
        emails: &[&EmailAddress],
    ) -> Result<TakenKeys, StoreError> {
        let by_id = over(
            "SELECT u.id FROM",
            vec![("id", numbers(ids))],
            "CROSS JOIN users u WHERE u.workspace_id = $1 AND u.id = r.id",
            values![workspace],
        );
        let by_email = over(
            "SELECT u.email_folded, u.id FROM",
            vec![("email", folded(emails))],
            "CROSS JOIN users u WHERE u.workspace_id = $1 AND u.email_folded = r.email",
            values![workspace],
        );
        let [by_id, by_email] = self.read([by_id, by_email]).await?;
        let ids = all(by_id)?.into_iter().collect();
        Ok(TakenKeys { ids, emails: all::<(String, UserId)>(by_email)?.into_iter().collect() })
    }

    /// Adds and changes users, all of them or none: it conflicts if a number or an address of one of them is taken by now, if
    /// one that is to be changed was changed by somebody else since it was read, or if the workspace is gone. Also says how long
    /// the commit stood in the way of others who write.
    pub async fn write_users(
        &self,
        workspace: WorkspaceId,
        batch: &UserBatch,
        now: Timestamp,
    ) -> Result<(Outcome, Duration), StoreError> {
        let wanted = batch.added.iter().filter(|(user, _)| user.id.is_none()).count();
        let mut drawn = Vec::new();
        let mut unit = UnitOfWork::new();
        if wanted > 0 {
            let Some((counter, free)) = self.find_free_ids(workspace, wanted).await? else {
                return Ok((Outcome::Conflict, Duration::ZERO));
            };
            let last = free.last().map(|id| id.number());
            let moved = sql(
                "UPDATE number_counters SET last_user_id = $2 WHERE workspace_id = $1 AND last_user_id = $3",
                values![workspace, last, counter],
            );
            unit = UnitOfWork::drawing(workspace).guard(moved);
            drawn = free;
        }
        let mut drawn = drawn.into_iter();
        let added = batch.added.iter().filter_map(|(user, _)| user.id.or_else(|| drawn.next()));
        let added: Vec<_> = added.collect();
        let about_added = batch.added.iter().zip(&added).map(|((_, entry), id)| (*id, entry));
        let about_changed = batch
            .changed
            .iter()
            .flat_map(|changed| changed.entries.iter().map(|entry| (changed.user.id, entry)));
        let kills = kills_of(workspace, batch, now);
        let entries = audit::entries_about(workspace, about_added.chain(about_changed), now);
        if !batch.added.is_empty() {
            unit = unit.guard(insertion((workspace, self.drawn_subject()), &batch.added, &added, now));
        }
        for is_indexed in [true, false] {
            let changed = batch.changed.iter().filter(|changed| changed.is_indexed == is_indexed);
            let changed: Vec<_> = changed.collect();
            if !changed.is_empty() {
                unit = unit.guard(update(workspace, &changed, now, is_indexed));
            }
        }
        let counted = user_counts::count_many(
            workspace,
            added
                .iter()
                .zip(&batch.added)
                .map(|(id, (user, _))| (*id, user.fields.is_staff.unwrap_or(false))),
            batch
                .changed
                .iter()
                .map(|changed| (changed.user.id, changed.was_staff, changed.user.standing.is_staff)),
        );
        let signed_out = batch.changed.iter().filter(|changed| {
            changed.is_indexed && (changed.user.standing.is_staff || !changed.user.standing.is_active)
        });
        let told = app_sessions::end_of_users(workspace, signed_out.map(|changed| changed.user.id), now);
        let unit = unit.and_all(told);
        let (result, held) = self.write_timed(unit.and_all(counted).and_all(kills).and_all(entries)).await?;
        Ok((Outcome::from(result), held))
    }

    /// The next numbers that nobody has or had, and the counter that they follow. `None` if the workspace is gone, or has not so
    /// many.
    async fn find_free_ids(
        &self,
        workspace: WorkspaceId,
        wanted: usize,
    ) -> Result<Option<(i64, Vec<UserId>)>, StoreError> {
        let next = sql(
            "SELECT c.last_user_id,
                    (SELECT min(u.id) FROM users u WHERE u.workspace_id = $1 AND u.id > c.last_user_id)
             FROM number_counters c WHERE c.workspace_id = $1",
            values![workspace],
        );
        let [found] = self.read([next]).await?;
        let Some((counter, next)) = first::<(i64, Option<i64>)>(found)? else { return Ok(None) };
        let mut free = free_between(counter, next, wanted);
        if free.len() < wanted {
            // Each gap has a number at least.
            let most = i64::try_from(wanted - free.len()).unwrap_or(i64::MAX);
            let gaps = sql(
                "SELECT u.id, (SELECT min(n.id) FROM users n WHERE n.workspace_id = $1 AND n.id > u.id)
                 FROM users u WHERE u.workspace_id = $1 AND u.id > $2
                   AND NOT EXISTS (SELECT 1 FROM users n WHERE n.workspace_id = $1 AND n.id = u.id + 1)
                 ORDER BY u.id LIMIT $3",
                values![workspace, counter, most],
            );
            let [gaps] = self.read([gaps]).await?;
            for (before, next) in all::<(i64, Option<i64>)>(gaps)? {
                free.extend(free_between(before, next, wanted - free.len()));
            }
        }
        Ok((free.len() == wanted).then_some((counter, free)))
    }
}

/// The statement that tells of the kills of a batch.
fn kills_of(workspace: WorkspaceId, batch: &UserBatch, now: Timestamp) -> Option<Statement> {
    let changed = batch.changed.iter();
    let entries = changed.flat_map(|changed| changed.entries.iter().map(|entry| (changed.user.id, entry)));
    link_kills::of_entries(workspace, entries, now)
}

/// Up to `most` numbers after one that is taken and before the next that is.
fn free_between(before: i64, next: Option<i64>, most: usize) -> Vec<UserId> {
    let end = next.unwrap_or(i64::MAX);
    (before + 1..end).map_while(UserId::from_number).take(most).collect()
}

fn insertion(
    (workspace, subject): (WorkspaceId, &str),
    added: &[(NewUser, AuditEntry)],
    ids: &[UserId],
    now: Timestamp,
) -> Statement {
    let users = || added.iter().map(|(user, _)| user);
    let text = |field: fn(&UserChange) -> &Option<String>| {
        Column::Texts(users().map(|user| field(&user.fields).clone().unwrap_or_default()).collect())
    };
    let folded = |field: fn(&UserChange) -> &Option<String>| {
        Column::Texts(users().map(|user| fold(field(&user.fields).as_deref().unwrap_or_default())).collect())
    };
    let flag = |field: fn(&UserChange) -> bool| {
        Column::Numbers(users().map(|user| i64::from(field(&user.fields))).collect())
    };
    let custom_fields = users().map(|user| user.fields.custom_fields.clone().unwrap_or_default());
    let columns = vec![
        ("id", numbers(ids)),
        ("email", Column::Texts(users().map(|user| user.email.as_str().to_owned()).collect())),
        ("email_folded", Column::Texts(users().map(|user| user.email.lowercased()).collect())),
        ("name_f", text(|fields| &fields.name_f)),
        ("name_l", text(|fields| &fields.name_l)),
        ("name_f_folded", folded(|fields| &fields.name_f)),
        ("name_l_folded", folded(|fields| &fields.name_l)),
        ("company", text(|fields| &fields.company)),
        ("phone", text(|fields| &fields.phone)),
        ("locale", text(|fields| &fields.locale)),
        ("note", text(|fields| &fields.note)),
        ("custom_fields", Column::Texts(custom_fields.map(|text| text.as_str().to_owned()).collect())),
        ("is_staff", flag(|fields| fields.is_staff.unwrap_or(false))),
        ("is_active", flag(|fields| fields.is_active.unwrap_or(true))),
        ("two_factor", flag(|fields| fields.has_two_factor.unwrap_or(false))),
    ];
    over(
        format!("INSERT INTO users (workspace_id, id, email, email_folded, name_f, name_l, name_f_folded, name_l_folded, company, phone,
                            locale, note, custom_fields, is_staff, is_active, two_factor, link_epoch, session_epoch, revision,
                            created_at, updated_at, subject)
         SELECT c.workspace_id, r.id, r.email, r.email_folded, r.name_f, r.name_l, r.name_f_folded, r.name_l_folded, r.company, r.phone,
                r.locale, r.note, r.custom_fields, r.is_staff, r.is_active, r.two_factor, 0, 0, 1, $2, $2, {subject}
         FROM"),
        columns,
        "CROSS JOIN number_counters c WHERE c.workspace_id = $1 ON CONFLICT DO NOTHING",
        values![workspace, now],
    )
}

/// What of a user no index holds.
macro_rules! unindexed {
    () => {
        "name_f = r.name_f, name_l = r.name_l, company = r.company, phone = r.phone, locale = r.locale, note = r.note,
         custom_fields = r.custom_fields, revision = users.revision + 1, updated_at = $2 FROM"
    };
}

/// Which user a row is about: as it was read.
macro_rules! who {
    () => {
        "WHERE users.workspace_id = $1 AND users.id = r.id AND users.revision = r.revision AND users.deleted_at IS NULL"
    };
}

/// The statement that changes users; those whose address, names and standing stay, which indexes hold, have one that leaves the indexes be.
fn update(workspace: WorkspaceId, changed: &[&BatchedChange], now: Timestamp, is_indexed: bool) -> Statement {
    let users = || changed.iter().map(|changed| &changed.user);
    let text = |field: fn(&User) -> &str| Column::Texts(users().map(|user| field(user).to_owned()).collect());
    let number = |field: fn(&User) -> i64| Column::Numbers(users().map(field).collect());
    let mut columns = vec![
        ("id", number(|user| user.id.number())),
        ("revision", number(|user| user.revision)),
        ("name_f", text(|user| &user.name_f)),
        ("name_l", text(|user| &user.name_l)),
        ("company", text(|user| &user.company)),
        ("phone", text(|user| &user.phone)),
        ("locale", text(|user| &user.locale)),
        ("note", text(|user| &user.note)),
        ("custom_fields", text(|user| user.custom_fields.as_str())),
    ];
    if !is_indexed {
        return over(concat!("UPDATE users SET ", unindexed!()), columns, who!(), values![workspace, now]);
    }
    columns.extend([
        ("email", text(|user| user.email.as_str())),
        ("email_folded", Column::Texts(users().map(|user| user.email.lowercased()).collect())),
        ("name_f_folded", Column::Texts(users().map(|user| fold(&user.name_f)).collect())),
        ("name_l_folded", Column::Texts(users().map(|user| fold(&user.name_l)).collect())),
        ("is_staff", number(|user| user.standing.is_staff.into())),
        ("is_active", number(|user| user.standing.is_active.into())),
        ("two_factor", number(|user| user.standing.has_two_factor.into())),
        ("link_epoch", number(|user| user.standing.link_epoch)),
        ("session_epoch", number(|user| user.standing.session_epoch)),
    ]);
    over(
        concat!(
            "UPDATE users SET email = r.email, email_folded = r.email_folded, name_f_folded = r.name_f_folded,
                    name_l_folded = r.name_l_folded, is_staff = r.is_staff,
                    is_active = r.is_active, two_factor = r.two_factor, link_epoch = r.link_epoch,
                    session_epoch = r.session_epoch, ",
            unindexed!()
        ),
        columns,
        concat!(
            who!(),
            " AND NOT EXISTS (SELECT 1 FROM users o WHERE o.workspace_id = $1 AND o.email_folded = r.email_folded
                              AND o.id <> r.id)"
        ),
        values![workspace, now],
    )
}

fn numbers(ids: &[UserId]) -> Column {
    Column::Numbers(ids.iter().map(|id| id.number()).collect())
}

fn folded(emails: &[&EmailAddress]) -> Column {
    Column::Texts(emails.iter().map(|email| email.lowercased()).collect())
}
