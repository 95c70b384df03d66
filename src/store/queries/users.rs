//! Users: the people of a workspace.

use super::columns::standing_columns;
use super::login_links::no_newest;
use super::user_counts::{count_added, count_deleted, count_moved};
use super::{app_sessions, audit, idempotency, link_kills};
use crate::domain::audit::AuditEntry;
use crate::domain::email::EmailAddress;
use crate::domain::idempotency::RepeatableRequest;
use crate::domain::json::JsonText;
use crate::domain::reach::Reach;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserChange;
use crate::domain::user::search::fold;
use crate::domain::user::{AccountStatus, User, UserId, UserRef};
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, sql};
use crate::store::engine::value::{from_row, only, values};
use crate::store::{Engine, Store, StoreError};

/// A user to be added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewUser {
    /// The number that the caller gives; the next free one is drawn otherwise.
    pub id: Option<UserId>,
    /// The address.
    pub email: EmailAddress,
    /// The other fields; the address in it is not looked at.
    pub fields: UserChange,
}

impl NewUser {
    /// The user that was added, at its first moment.
    pub fn added(self, id: UserId, at: Timestamp) -> User {
        let standing = AccountStatus {
            is_staff: false,
            has_two_factor: false,
            is_active: true,
            link_epoch: 0,
            session_epoch: 0,
        };
        let user = User {
            id,
            email: self.email.clone(),
            name_f: String::new(),
            name_l: String::new(),
            company: String::new(),
            phone: String::new(),
            locale: String::new(),
            note: String::new(),
            custom_fields: JsonText::default(),
            standing,
            revision: 1,
            created_at: at,
            updated_at: at,
        };
        UserChange { email: Some(self.email), ..self.fields }.applied_to(&user)
    }
}

/// A user as a change leaves it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangedUser<'a> {
    /// The user, but for the revision, which is the one that was read.
    pub user: &'a User,
    /// Whether it was staff when it was read.
    pub was_staff: bool,
    /// Who may be changed.
    pub reach: Reach,
}

/// The columns of a user.
macro_rules! user_columns {
    () => {
        concat!(
            "u.id, u.email, u.name_f, u.name_l, u.company, u.phone, u.locale, u.note, u.custom_fields, ",
            standing_columns!(),
            ", u.revision, u.created_at, u.updated_at"
        )
    };
}

pub(in crate::store) use user_columns;

from_row! {
    User {
        id, email, name_f, name_l, company, phone, locale, note, custom_fields, standing, revision, created_at, updated_at,
    }
}

impl Store {
    /// A user who was not deleted.
    pub async fn find_user(
        &self,
        workspace: WorkspaceId,
        user: &UserRef,
    ) -> Result<Option<User>, StoreError> {
        const FOUND: &str = concat!(
            "SELECT ",
            user_columns!(),
            " FROM users u WHERE u.workspace_id = $1 AND u.deleted_at IS NULL AND "
        );
        let found = match user {
            UserRef::Id(id) => sql(format!("{FOUND} u.id = $2"), values![workspace, *id]),
            UserRef::Email(email) => {
                sql(format!("{FOUND} u.email_folded = $2"), values![workspace, email.lowercased()])
            }
        };
        self.find(found).await
    }

    /// What a new user is known by to apps (OpenID Connect Core 1.0, section 8): drawn by the engine for each row, never given again.
    pub(super) const fn drawn_subject(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite(_) => "lower(hex(randomblob(11)))",
            Engine::Postgres(_) => "substr(replace(gen_random_uuid()::text, '-', ''), 1, 22)",
        }
    }

    /// Whether a number was ever given to a user of the workspace.
    pub async fn is_user_id_taken(&self, workspace: WorkspaceId, id: UserId) -> Result<bool, StoreError> {
        let found = sql("SELECT 1 FROM users WHERE workspace_id = $1 AND id = $2", values![workspace, id]);
        Ok(self.find::<i64>(found).await?.is_some())
    }

    /// Adds a user and gives the number, unless the number, the address or the request is taken, or the workspace is gone.
    pub async fn add_user(
        &self,
        workspace: WorkspaceId,
        (user, request): (&NewUser, Option<&RepeatableRequest>),
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        let drawn = user.id.is_none();
        let unit = if drawn {
            UnitOfWork::drawing(workspace).guard(hold_counter(workspace)).guard(draw_user_id(workspace))
        } else {
            UnitOfWork::new()
        };
        // The number comes with the row of the user, behind the statements before it.
        let place = if drawn { 2 } else { 0 };
        let fields = &user.fields;
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let custom_fields = fields.custom_fields.clone().unwrap_or_default();
        let subject = self.drawn_subject();
        let added = sql(
            format!("INSERT INTO users (workspace_id, id, email, email_folded, name_f, name_l, company, phone, note,
                                custom_fields, is_staff, is_active, two_factor, link_epoch, session_epoch, revision,
                                created_at, updated_at, locale, name_f_folded, name_l_folded, subject)
             SELECT c.workspace_id, coalesce($2, c.last_user_id), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, 1, $14, $14, $15,
                    $16, $17, {subject}
             FROM number_counters c WHERE c.workspace_id = $1
             ON CONFLICT DO NOTHING RETURNING id"),
            values! {
                workspace, user.id, user.email.as_str(), user.email.lowercased(), text(&fields.name_f),
                text(&fields.name_l), text(&fields.company), text(&fields.phone), text(&fields.note),
                custom_fields.as_str(), fields.is_staff.unwrap_or(false), fields.is_active.unwrap_or(true),
                fields.has_two_factor.unwrap_or(false), now, text(&fields.locale),
                fold(&text(&fields.name_f)), fold(&text(&fields.name_l))
            },
        );
        let told = match user.id {
            Some(id) => audit::entry(workspace, &entry.clone().about(id), now),
            None => audit::entry_about_drawn(workspace, entry, now),
        };
        let mut unit = unit.guard(added).and(count_added(workspace, user.id)).and(told);
        if let Some(request) = request {
            let [forgotten, kept] = idempotency::keep_with_user(workspace, request, user.id, now);
            unit = unit.and(forgotten).guard(kept);
        }
        let written = self.write(unit).await?;
        let crate::store::UnitResult::Done(mut rows) = written else { return Ok(None) };
        only(rows.swap_remove(place)).map(Some)
    }

    /// Changes a user, unless somebody else did since it was read, or the user is out of reach. The revision is counted up
    /// here; epochs are as `user` says.
    pub async fn set_user(
        &self,
        workspace: WorkspaceId,
        ChangedUser { user, was_staff, reach }: ChangedUser<'_>,
        entries: &[AuditEntry],
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let standing = &user.standing;
        let mut changed = sql(
            "UPDATE users SET email = $1, email_folded = $2, name_f = $3, name_l = $4, company = $5, phone = $6,
                    note = $7, custom_fields = $8, is_staff = $9, is_active = $10, two_factor = $11,
                    link_epoch = $12, session_epoch = $13, revision = revision + 1, updated_at = $14, locale = $18,
                    name_f_folded = $19, name_l_folded = $20
             WHERE workspace_id = $15 AND id = $16 AND revision = $17 AND deleted_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM users o WHERE o.workspace_id = $15 AND o.email_folded = $2
                               AND o.id <> $16)",
            values! {
                user.email.as_str(), user.email.lowercased(), user.name_f.as_str(), user.name_l.as_str(),
                user.company.as_str(), user.phone.as_str(), user.note.as_str(), user.custom_fields.as_str(),
                standing.is_staff, standing.is_active, standing.has_two_factor, standing.link_epoch,
                standing.session_epoch, now, workspace, user.id, user.revision, user.locale.as_str(),
                fold(&user.name_f), fold(&user.name_l)
            },
        );
        if reach != Reach::All {
            changed.sql += " AND is_staff = 0";
        }
        if reach == Reach::Clients {
            changed.sql += " AND is_active >= $10 AND two_factor <= $11";
        }
        let is_moved = standing.is_staff != was_staff;
        let signed_out = (standing.is_staff || !standing.is_active).then_some(user.id);
        let unit = UnitOfWork::about(workspace, user.id)
            .guard(changed)
            .and_all(is_moved.then(|| count_moved(workspace, user.id)))
            .and_all(app_sessions::end_of_users(workspace, signed_out, now))
            .and_all(entries.iter().filter_map(|entry| link_kills::of_entry(workspace, user.id, entry, now)))
            .and_all(audit::entries(workspace, entries, now));
        self.apply(unit).await
    }

    /// Kills all links and unfinished sign-ins of a user, for good.
    pub async fn kill_login_links(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let killed = sql(
            "UPDATE users SET link_epoch = link_epoch + 1, revision = revision + 1
             WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL",
            values![workspace, user],
        );
        let unit = UnitOfWork::about(workspace, user)
            .guard(killed)
            .and_all(link_kills::of_entry(workspace, user, entry, now))
            .and(audit::entry(workspace, entry, now));
        self.apply(unit).await
    }

    /// Deletes a user, unless it is out of reach: the person goes, the number stays taken; links and sessions are dead.
    pub async fn delete_user(
        &self,
        workspace: WorkspaceId,
        (user, reach): (UserId, Reach),
        entries: &[AuditEntry],
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let mut gone = deletion(workspace, user, now);
        if reach != Reach::All {
            gone.sql += " AND is_staff = 0";
        }
        let unit = UnitOfWork::about(workspace, user)
            .guard(gone)
            .and(count_deleted(workspace, user))
            .and_all(app_sessions::end_of_users(workspace, [user], now))
            .and_all(entries.iter().filter_map(|entry| link_kills::of_entry(workspace, user, entry, now)))
            .and_all(audit::entries(workspace, entries, now));
        self.apply(unit).await
    }

    /// Up to `limit` users whose numbers are larger than `after`, in the order of their numbers.
    pub async fn list_users_after(
        &self,
        workspace: WorkspaceId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<User>, StoreError> {
        const AFTER: &str = concat!(
            "SELECT ",
            user_columns!(),
            " FROM users u WHERE u.workspace_id = $1 AND u.id > $2 AND u.deleted_at IS NULL ORDER BY u.id LIMIT $3"
        );
        self.find_all(sql(AFTER, values![workspace, after, limit])).await
    }
}

/// Takes the person out of a user's row, which stays.
pub(in crate::store) fn deletion(workspace: WorkspaceId, user: UserId, now: Timestamp) -> Statement {
    sql(
        concat!(
            "UPDATE users SET email = NULL, email_folded = NULL, name_f = '', name_l = '', name_f_folded = '', name_l_folded = '', company = '', phone = '',
                    locale = '', note = '', custom_fields = '{}', is_active = 0, link_epoch = link_epoch + 1,
                    session_epoch = session_epoch + 1, revision = revision + 1, updated_at = $1, deleted_at = $1, ",
            no_newest!(),
            " WHERE workspace_id = $2 AND id = $3 AND deleted_at IS NULL"
        ),
        values![now, workspace, user],
    )
}

/// Lets one caller at a time draw: in PostgreSQL whoever waited here sees, in the next statement, all that the one
/// before did.
fn hold_counter(workspace: WorkspaceId) -> Statement {
    sql("UPDATE number_counters SET last_user_id = last_user_id WHERE workspace_id = $1", values![workspace])
}

/// Moves the workspace's counter to the next number that nobody has or had.
fn draw_user_id(workspace: WorkspaceId) -> Statement {
    sql(
        "UPDATE number_counters SET last_user_id = coalesce(
             (SELECT c.last_user_id + 1 FROM number_counters c WHERE c.workspace_id = $1
              AND NOT EXISTS (SELECT 1 FROM users u WHERE u.workspace_id = $1 AND u.id = c.last_user_id + 1)),
             (SELECT min(u.id) + 1 FROM users u
              WHERE u.workspace_id = $1 AND u.id > number_counters.last_user_id
                AND NOT EXISTS (SELECT 1 FROM users n WHERE n.workspace_id = $1 AND n.id = u.id + 1)))
         WHERE workspace_id = $1",
        values![workspace],
    )
}
