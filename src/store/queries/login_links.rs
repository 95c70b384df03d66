//! Login links: the guarded writes that make, use and end them.

use uuid::Uuid;

use super::columns::standing_columns;
use super::link_events::{Kept, keep};
use super::link_marks::{Marks, count_change, count_issued, marked};
use super::secret_keys::is_active;
use super::{app_sessions, audit};
use crate::domain::audit::AuditEntry;
use crate::domain::email::EmailAddress;
use crate::domain::login_link::{LinkClaims, LinkLookupKey, LoginLink, UserLinkState};
use crate::domain::session::{Session, SignInMethod};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountStatus, UserRef};
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, sql};
use crate::store::engine::value::{FromRow, Joined, Row, from_row, values};
use crate::store::{Engine, Store, StoreError};

/// A link with its user. It is not proven by that: its token and seal must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundLink {
    /// The link.
    pub link: LoginLink,
    /// Whether its user may use it.
    pub standing: AccountStatus,
    /// The address of its user.
    pub email: EmailAddress,
    /// The language of its user, as a tag; empty where none is known.
    pub locale: String,
    /// The session that it led to, if one use has ended it.
    pub session: Option<Uuid>,
}

/// The columns of a link.
macro_rules! link_columns {
    () => {
        "l.hash, l.id, l.workspace_id, l.user_id, l.link_epoch, l.seed, l.single_use, l.created_at, l.expires_at, \
         l.kind, l.key_id, l.used_at, l.ended_at, l.seal"
    };
}
pub(in crate::store) use link_columns;

from_row! { LinkClaims { workspace, user, epoch, seed, is_single_use, created_at, expires_at, kind } }

impl FromRow for LoginLink {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (hash, id, draft) = row.take()?;
        let (key, used_at, ended_at, seal) = row.take()?;
        Ok(Self { id, hash, draft, key, used_at, ended_at, seal })
    }
}

/// A link of the workspace `$1` with its user, by the hash `$2`: columns, and from where.
macro_rules! found_link {
    () => {
        concat!(
            standing_columns!(),
            ", u.email, u.locale, l.session_id, ",
            link_columns!(),
            " FROM login_links l JOIN users u ON u.workspace_id = l.workspace_id AND u.id = l.user_id
              WHERE l.workspace_id = $1 AND l.hash = $2 AND u.deleted_at IS NULL"
        )
    };
}
pub(in crate::store) use found_link;

from_row! { FoundLink { standing, email, locale, session, link } }

/// What is seen of a user of the workspace `$1` when a link is asked for: columns, and from where. The user's row says of the newest
/// link all that its own row says, but when it was used.
macro_rules! issue_state {
    ($condition:expr) => {
        concat!(
            "u.id, ",
            standing_columns!(),
            ", u.newest_link, u.newest_id, u.workspace_id, u.id, u.newest_epoch, u.newest_seed, u.newest_single_use,
               u.newest_created_at, u.newest_expires_at, 'api', u.newest_key_id, NULL, u.newest_ended_at, u.newest_seal
              FROM users u WHERE u.workspace_id = $1 AND u.deleted_at IS NULL AND ",
            $condition
        )
    };
}
pub(in crate::store) use issue_state;

impl FromRow for UserLinkState {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (user, standing, Joined(newest)) = row.take()?;
        Ok(Self { user, standing, newest })
    }
}

/// What must still be true of a user, in the very statement that acts (contract, section 2, rules 1 to 4).
macro_rules! may_use_links {
    () => {
        "u.deleted_at IS NULL AND u.is_staff = 0 AND u.two_factor = 0 AND u.is_active <> 0"
    };
}
pub(in crate::store) use may_use_links;

/// A use of a link.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    /// The link as the use leaves it.
    pub link: &'a LoginLink,
    /// Whether the code of its mail was typed.
    pub by_code: bool,
    /// The app that it leads to.
    pub client_id: Option<&'a str>,
}

impl Store {
    /// What is seen of a user when a link is asked for. `None` if there is no such user.
    pub async fn find_issue_state(
        &self,
        workspace: WorkspaceId,
        user: &UserRef,
    ) -> Result<Option<UserLinkState>, StoreError> {
        self.find(state_of(workspace, user)).await
    }

    /// Keeps a new link, unless another was made, or the user may no longer have one, since `seen` was seen.
    ///
    /// The conditions sit in the first statement, so that of any number of racing callers exactly one makes a
    /// link. `is_recorded` says whether its openings are noted. `expired` is the link it takes the place of, sealed as ended, if that one's time was over.
    pub async fn add_login_link(
        &self,
        (link, is_recorded): (&LoginLink, bool),
        seen: &UserLinkState,
        expired: Option<&LoginLink>,
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        let (draft, now) = (&link.draft, link.draft.created_at);
        let become_newest = sql(
            concat!(
                "UPDATE users AS u SET newest_link = $1, newest_id = $7, newest_epoch = $5, newest_seed = $8,
                        newest_single_use = $9, newest_created_at = $10, newest_expires_at = $11, newest_key_id = $6,
                        newest_ended_at = NULL, newest_seal = $12
                 WHERE u.workspace_id = $2 AND u.id = $3 AND u.newest_link IS NOT DISTINCT FROM $4
                   AND u.link_epoch = $5 AND ",
                may_use_links!(),
                " AND ",
                is_active!("$6")
            ),
            values![
                link.hash,
                draft.workspace,
                draft.user,
                seen.newest.as_ref().map(|newest| newest.hash),
                draft.epoch,
                link.key,
                link.id,
                draft.seed,
                draft.is_single_use,
                draft.created_at,
                draft.expires_at,
                link.seal
            ],
        );
        let keep = sql(
            "INSERT INTO login_links (workspace_id, hash, id, user_id, link_epoch, seed, single_use, created_at,
                                      expires_at, key_id, seal, last_issued_at, times_issued)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $8, 1)",
            values! {
                draft.workspace, link.hash, link.id, draft.user, draft.epoch, draft.seed, draft.is_single_use,
                draft.created_at, draft.expires_at, link.key, link.seal
            },
        );
        let unit = UnitOfWork::about(draft.workspace, draft.user)
            .guard(become_newest)
            .and(keep)
            .and_all(expired.map(end))
            .and(audit::entry(draft.workspace, entry, now))
            .and(count_issued(&self.engine, link, ("api", is_recorded)));
        self.apply(unit).await
    }

    /// A link and its user, by the hashes its token may have. `None` if there is no such link, or its user was deleted.
    ///
    /// Each hash is looked up whatever was found before, so that the time it takes does not tell whether there is a link.
    pub async fn find_login_link(
        &self,
        workspace: WorkspaceId,
        hashes: &[LinkLookupKey],
    ) -> Result<Option<FoundLink>, StoreError> {
        let mut found = None;
        for hash in hashes {
            let one = self.find(by_hash(workspace, *hash)).await?;
            found = found.or(one);
        }
        Ok(found)
    }

    /// Uses a link and starts its session, ending the one that this browser had.
    ///
    /// The conditions sit in the first two statements, so that of any number of racing
    /// callers exactly one gets a session: another confirm, a kill, a refusal as expired or a change of the user
    /// that came first makes this lose. Do not split this into a read and a write.
    pub async fn claim_login_link(
        &self,
        redemption: &Redemption<'_>,
        session: &Session,
        replaced: Option<Uuid>,
        entries: &[AuditEntry],
    ) -> Result<Outcome, StoreError> {
        let (workspace, now, link) = (session.workspace, session.created_at, redemption.link);
        // The user is written to first, so that on PostgreSQL no kill passes between our read of the user and our commit: it
        // waits for us, or we for it. On SQLite, whose one writer is passed by nobody, only to say that the newest link has ended.
        let is_held = link.ended_at.is_some() || matches!(self.engine, Engine::Postgres(_));
        let unit = if is_held {
            UnitOfWork::about(workspace, session.user).guard(hold_user(link, session))
        } else {
            UnitOfWork::new()
        };
        let unit = unit
            .guard(redeem(redemption, session))
            .and(super::sessions::begin(session, link.draft.is_single_use))
            .and_all((session.method == SignInMethod::Email).then(|| prove_address(session, link)))
            .and_all(replaced.map(|id| super::sessions::end(workspace, id)))
            .and_all(replaced.into_iter().flat_map(|id| app_sessions::end_of_session(workspace, id, now)))
            .and_all(audit::entries(workspace, entries, now))
            .and(count_change(&self.engine, workspace, &link.into(), now));
        // What the link's own row does not keep, since it may be used again.
        let again = [Kept::Pressed, Kept::SignedIn(&session.id, redemption.client_id)];
        let again = again.into_iter().filter(|_| !link.draft.is_single_use);
        self.apply(unit.and_all(again.map(|event| keep(workspace, &link.hash, event, now)))).await
    }

    /// Marks a link as dead of age, for good, unless it ended before: a clock set back must not revive what was refused.
    pub async fn end_login_link(&self, link: &LoginLink) -> Result<Outcome, StoreError> {
        let [newest, itself] = end_both(link);
        self.apply(UnitOfWork::about(link.draft.workspace, link.draft.user).and(newest).guard(itself)).await
    }
}

/// The statement that finds a user and the newest link.
pub(in crate::store) fn state_of(workspace: WorkspaceId, user: &UserRef) -> Statement {
    match user {
        UserRef::Id(id) => sql(concat!("SELECT ", issue_state!("u.id = $2")), values![workspace, *id]),
        UserRef::Email(email) => {
            let text = concat!("SELECT ", issue_state!("u.email_folded = $2"));
            sql(text, values![workspace, email.lowercased()])
        }
    }
}

/// The statement that finds a link and its user.
pub(in crate::store) fn by_hash(workspace: WorkspaceId, hash: LinkLookupKey) -> Statement {
    sql(concat!("SELECT ", found_link!()), values![workspace, hash])
}

/// The statement that ends a link, unless it ended before.
pub(in crate::store) fn end(link: &LoginLink) -> Statement {
    end_as(link.draft.workspace, &link.hash, (link.ended_at, &link.seal))
}

/// The same by what a link is looked up by, and what its row says from then on.
pub(super) fn end_as(
    workspace: WorkspaceId,
    hash: &LinkLookupKey,
    (ended_at, seal): (Option<Timestamp>, &[u8; 32]),
) -> Statement {
    sql(
        "UPDATE login_links SET ended_at = $1, seal = $2
         WHERE workspace_id = $3 AND hash = $4 AND ended_at IS NULL",
        values![ended_at, *seal, workspace, *hash],
    )
}

/// The same, and before it the statement that says so in the user's row, if the link is the newest. Whoever writes to both rows writes
/// to the user's first.
pub(super) fn end_both(link: &LoginLink) -> [Statement; 2] {
    let newest = sql(
        "UPDATE users SET newest_ended_at = $1, newest_seal = $2
         WHERE workspace_id = $3 AND id = $4 AND newest_link = $5 AND newest_ended_at IS NULL",
        values![link.ended_at, link.seal, link.draft.workspace, link.draft.user, link.hash],
    );
    [newest, end(link)]
}

/// What a user's row says of the newest link, when there is none any more.
macro_rules! no_newest {
    () => {
        "newest_link = NULL, newest_id = NULL, newest_epoch = NULL, newest_seed = NULL, newest_single_use = NULL, \
         newest_created_at = NULL, newest_expires_at = NULL, newest_key_id = NULL, newest_ended_at = NULL, newest_seal = NULL"
    };
}
pub(in crate::store) use no_newest;

/// The statement that holds the user of a link, unless the user may no longer use it; it says of the newest link what the use makes of
/// it, if that is the one.
fn hold_user(link: &LoginLink, session: &Session) -> Statement {
    sql(
        concat!(
            "UPDATE users AS u
             SET newest_ended_at = CASE WHEN u.newest_link = $5 THEN $6 ELSE u.newest_ended_at END,
                 newest_seal = CASE WHEN u.newest_link = $5 THEN $7 ELSE u.newest_seal END
             WHERE u.workspace_id = $1 AND u.id = $2 AND u.link_epoch = $3 AND u.session_epoch = $4 AND ",
            may_use_links!()
        ),
        values! {
            session.workspace, session.user, link.draft.epoch, session.epoch, link.hash, link.ended_at, link.seal
        },
    )
}

/// The statement that says of a user that what was mailed to the address of now has come back from there. The link of a trial was mailed
/// to nobody.
fn prove_address(session: &Session, link: &LoginLink) -> Statement {
    sql(
        "UPDATE users SET proven_email = email_folded
         WHERE workspace_id = $1 AND id = $2 AND proven_email IS DISTINCT FROM email_folded
           AND EXISTS (SELECT 1 FROM mails m WHERE m.workspace_id = $1 AND m.user_id = $2 AND m.created_at >= $3 AND m.link_hash = $4)",
        values![session.workspace, session.user, link.draft.created_at, link.hash],
    )
}

/// The statement that uses a link up, unless somebody or something came first.
pub(in crate::store) fn redeem(redemption: &Redemption<'_>, session: &Session) -> Statement {
    let (workspace, now) = (session.workspace, session.created_at);
    let Redemption { link, by_code, client_id } = *redemption;
    let marks =
        if by_code { Marks::SIGNED_IN.and(Marks::BY_CODE) } else { Marks::SIGNED_IN.and(Marks::PRESSED) };
    let pressed_at = (!by_code).then_some(now);
    sql(
        concat!(
            "UPDATE login_links AS l SET used_at = $1, ended_at = $2, seal = $3, session_id = $11, client_id = $14, ",
            marked!("$12", "$13", "$13"),
            "
             WHERE l.workspace_id = $4 AND l.hash = $5 AND l.user_id = $6 AND l.ended_at IS NULL
               AND l.expires_at > $1
               AND EXISTS (SELECT 1 FROM users u WHERE u.workspace_id = $4 AND u.id = $6
                           AND u.link_epoch = l.link_epoch AND u.session_epoch = $7 AND ",
            may_use_links!(),
            ")
               AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.workspace_id = $4 AND s.confirm_hash = $8
                               AND s.single_use = 0 AND s.created_at > $9)
               AND ",
            is_active!("$10")
        ),
        values! {
            now, link.ended_at, link.seal, workspace, link.hash, session.user, session.epoch,
            session.confirm_hash, now.plus_seconds(-crate::domain::session::REPEAT_WINDOW), session.key,
            link.draft.is_single_use.then_some(session.id), marks.bits(), pressed_at,
            client_id.filter(|_| link.draft.is_single_use).map(str::to_owned)
        },
    )
}
