//! Asks: what strangers wish, and what was made of it.

use uuid::Uuid;

use super::login_links::{self, may_use_links};
use super::mail_counters::{self, MailCounter};
use super::secret_keys::is_active;
use super::{audit, link_marks, mails};
use crate::domain::ask::{Ask, MAX_TRIES, MAX_WRONG_CODES_A_DAY};
use crate::domain::audit::AuditEntry;
use crate::domain::login_link::{LinkLookupKey, LoginLink};
use crate::domain::mail::Mail;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, UnitResult, sql};
use crate::store::engine::value::{all, from_row, only, values};
use crate::store::{Store, StoreError};

/// The columns of an ask.
macro_rules! ask_columns {
    () => {
        "a.workspace_id, a.id, a.kind, a.first_id, a.email, a.client_id, a.redirect, a.language, a.source, a.request_id, a.seed, \
         a.key_id, a.created_at, a.expires_at, a.last_mail_at, a.looked_at, a.link_hash, a.tries, a.ended_at, a.seal"
    };
}

from_row! {
    Ask {
        workspace, id, kind, first, email, destination, language, source, request_id, seed, key, created_at, expires_at,
        last_mail_at, looked_at, link, tries, ended_at, seal,
    }
}

/// A try of a code that was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CountedTry {
    /// How many there were of the ask, with this one.
    pub tries: i64,
    /// The link that was made for it by then.
    pub link: Option<LinkLookupKey>,
    /// Whether a code for its address may still be right today.
    pub is_address_open: bool,
}

/// What is made of an ask.
#[derive(Clone, PartialEq, Debug)]
pub struct AskedMail<'a> {
    /// The mail.
    pub mail: &'a Mail,
    /// The link in it, and whether its openings are noted, if it is a new one.
    pub link: Option<(&'a LoginLink, bool)>,
    /// How many mails the workspace may send in this UTC day by being asked.
    pub budget: i64,
    /// How many the user may be sent since two moments: after the first, and from the second one on.
    pub limits: [(Timestamp, i64); 2],
    /// What happened.
    pub entries: &'a [AuditEntry],
}

impl Store {
    /// How many asks of a source there were since a moment, up to a number.
    pub async fn count_asks_of_source(
        &self,
        workspace: WorkspaceId,
        source: &[u8; 32],
        since: Timestamp,
        most: i64,
    ) -> Result<i64, StoreError> {
        let counted = sql(
            "SELECT count(*) FROM (SELECT 1 FROM asks WHERE workspace_id = $1 AND source = $2 AND created_at > $3 LIMIT $4) AS c",
            values![workspace, *source, since, most],
        );
        let [rows] = self.read([counted]).await?;
        only(rows)
    }

    /// How many asks of its source came before one, since a moment, up to a number.
    pub async fn count_asks_before(&self, ask: &Ask, since: Timestamp, most: i64) -> Result<i64, StoreError> {
        let counted = sql(
            "SELECT count(*) FROM (SELECT 1 FROM asks WHERE workspace_id = $1 AND source = $2 AND created_at > $3
                                   AND (created_at < $4 OR (created_at = $4 AND id < $5)) LIMIT $6) AS c",
            values![ask.workspace, ask.source, since, ask.created_at, ask.id, most],
        );
        let [rows] = self.read([counted]).await?;
        only(rows)
    }

    /// Keeps an ask; one of the same number gives way. The ask that this browser had before is over. One that repeats another is kept
    /// only if that was not mailed after `last`: of any number that race one is.
    pub async fn add_ask(
        &self,
        ask: &Ask,
        replaced: Option<(Uuid, Timestamp)>,
        last: Timestamp,
    ) -> Result<Outcome, StoreError> {
        // The same statements whoever is asked for.
        let (replaced, made_at) = replaced.unwrap_or((Uuid::nil(), last));
        let ended = sql(
            "UPDATE asks SET ended_at = $1 WHERE workspace_id = $2 AND id = $3 AND created_at = $4 AND ended_at IS NULL",
            values![ask.created_at, ask.workspace, replaced, made_at],
        );
        let mut unit = UnitOfWork::new();
        if let Some(first) = ask.first {
            unit = unit.guard(sql(
                "UPDATE asks SET last_mail_at = $1 WHERE workspace_id = $2 AND id = $3 AND last_mail_at <= $4",
                values![ask.created_at, ask.workspace, first, last],
            ));
        }
        self.apply(unit.and(ended).and(keep(ask))).await
    }

    /// An ask by its number. It is not proven by that: its seal and the cookie must be.
    pub async fn find_ask(&self, workspace: WorkspaceId, id: Uuid) -> Result<Option<Ask>, StoreError> {
        const FOUND: &str =
            concat!("SELECT ", ask_columns!(), " FROM asks a WHERE a.workspace_id = $1 AND a.id = $2");
        self.find(sql(FOUND, values![workspace, id])).await
    }

    /// Asks that nobody has looked at, up to `limit` of each workspace, oldest first.
    pub async fn list_waiting_asks(&self, limit: i64) -> Result<Vec<Ask>, StoreError> {
        const WAITING: &str = concat!(
            "SELECT ",
            ask_columns!(),
            " FROM asks a WHERE a.workspace_id = $1 AND a.looked_at IS NULL ORDER BY a.created_at LIMIT $2"
        );
        let workspaces = sql(
            "SELECT w.id FROM workspaces w
             WHERE EXISTS (SELECT 1 FROM asks a WHERE a.workspace_id = w.id AND a.looked_at IS NULL)",
            values![],
        );
        let [workspaces] = self.read([workspaces]).await?;
        let mut waiting = Vec::new();
        for workspace in all::<WorkspaceId>(workspaces)? {
            let [asks] = self.read([sql(WAITING, values![workspace, limit])]).await?;
            waiting.extend(all::<Ask>(asks)?);
        }
        Ok(waiting)
    }

    /// Writes down that an ask leads to no mail. `Conflict` if another node has looked at it.
    pub async fn close_ask(&self, ask: &Ask, now: Timestamp) -> Result<Outcome, StoreError> {
        self.apply(UnitOfWork::new().guard(looked_at(ask, now, i64::MAX))).await
    }

    /// The same where a limit keeps the mail back. The first time in its hour there is an entry.
    pub async fn withhold(
        &self,
        ask: &Ask,
        counter: &MailCounter,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let said = UnitOfWork::new()
            .guard(looked_at(ask, now, i64::MAX))
            .guard(mail_counters::begin(ask.workspace, counter))
            .and(audit::entry(ask.workspace, entry, now));
        match self.apply(said).await? {
            Outcome::Applied => Ok(Outcome::Applied),
            Outcome::Conflict => self.close_ask(ask, now).await,
        }
    }

    /// Makes a mail of an ask, with its link. `Conflict` if another node has looked at the ask, or the user was changed, or user or
    /// workspace were sent, or have sent, as many mails as may be.
    ///
    /// `ask` is as this leaves it, but for the moment.
    pub async fn answer_ask(
        &self,
        ask: &Ask,
        asked: &AskedMail<'_>,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let budget = MailCounter::budget(now);
        let mut unit = UnitOfWork::about(ask.workspace, asked.mail.user_id)
            // What was tried too often has ended, and gets no link.
            .guard(looked_at(ask, now, MAX_TRIES))
            .and(mail_counters::make_room(ask.workspace, &budget))
            .guard(mail_counters::count_up_to(ask.workspace, &budget, asked.budget));
        if let Some((link, _)) = asked.link {
            unit = unit.guard(add_link(link));
        }
        let [held, counted, kept, added] = mails::queue_asked(ask.workspace, asked.mail, asked.limits);
        let issued = asked.link.map(|(link, is_recorded)| {
            link_marks::count_issued(&self.engine, link, (link.draft.kind.name(), is_recorded))
        });
        let unit = unit.guard(held).guard(counted).and(kept).and(added);
        let entries = audit::entries(ask.workspace, asked.entries, now);
        self.apply(unit.and_all(entries).and_all(issued)).await
    }

    /// Counts a try of a code, before it is looked at: of any number of racing tries no more than five are. `None` if the ask is over.
    ///
    /// The address of the ask is counted too.
    pub async fn count_try(
        &self,
        ask: &Ask,
        counter: &MailCounter,
        now: Timestamp,
    ) -> Result<Option<CountedTry>, StoreError> {
        let tried = sql(
            "UPDATE asks SET tries = tries + 1
             WHERE workspace_id = $1 AND id = $2 AND tries < $3 AND ended_at IS NULL AND expires_at > $4 RETURNING tries, link_hash",
            values![ask.workspace, ask.id, MAX_TRIES, now],
        );
        let of_address = mail_counters::count_up_to(ask.workspace, counter, MAX_WRONG_CODES_A_DAY);
        let unit = UnitOfWork::new()
            .guard(tried)
            .and(mail_counters::make_room(ask.workspace, counter))
            .and(of_address);
        let UnitResult::Done(mut rows) = self.write(unit).await? else { return Ok(None) };
        let is_address_open = rows.pop().is_some_and(|rows| !rows.is_empty());
        let (number, link) = only(rows.swap_remove(0))?;
        Ok(Some(CountedTry { tries: number, link, is_address_open }))
    }

    /// Takes a try that was right off the counts of its ask and its address.
    pub async fn refund_try(&self, ask: &Ask, counter: &MailCounter) -> Result<(), StoreError> {
        let of_ask = sql(
            "UPDATE asks SET tries = tries - 1 WHERE workspace_id = $1 AND id = $2 AND tries > 0",
            values![ask.workspace, ask.id],
        );
        let of_address = mail_counters::count_down(ask.workspace, counter);
        self.write(UnitOfWork::new().and(of_ask).and(of_address)).await.map(drop)
    }

    /// Ends an ask, and the link that was made for it: by the same statements where there is none.
    pub async fn end_ask(
        &self,
        ask: &Ask,
        link: Option<&LoginLink>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ended = sql(
            "UPDATE asks SET ended_at = $1 WHERE workspace_id = $2 AND id = $3 AND ended_at IS NULL",
            values![now, ask.workspace, ask.id],
        );
        let (hash, seal) = link.map_or(([0; 32], [0; 32]), |link| (link.hash, link.seal));
        let at = link.and_then(|link| link.ended_at).unwrap_or(now);
        let link = login_links::end_as(ask.workspace, &hash, (Some(at), &seal));
        self.write(UnitOfWork::new().and(ended).and(link)).await.map(drop)
    }

    /// Deletes asks that ended before a moment.
    pub async fn sweep_asks(&self, workspace: WorkspaceId, until: Timestamp) -> Result<(), StoreError> {
        let gone = sql(
            "DELETE FROM asks WHERE workspace_id = $1 AND id IN
               (SELECT id FROM asks WHERE workspace_id = $1 AND expires_at <= $2 LIMIT 500) RETURNING 1",
            values![workspace, until],
        );
        self.until_none(gone).await
    }
}

/// The statement that keeps an ask.
fn keep(ask: &Ask) -> Statement {
    sql(
        "INSERT INTO asks (workspace_id, id, kind, first_id, email, client_id, redirect, language, source, request_id, seed, key_id,
                           created_at, expires_at, last_mail_at, looked_at, link_hash, tries, ended_at, seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
         ON CONFLICT (workspace_id, id) DO UPDATE SET
           kind = excluded.kind, first_id = excluded.first_id, email = excluded.email, client_id = excluded.client_id, redirect = excluded.redirect,
           language = excluded.language, source = excluded.source, request_id = excluded.request_id, seed = excluded.seed,
           key_id = excluded.key_id, created_at = excluded.created_at, expires_at = excluded.expires_at,
           last_mail_at = excluded.last_mail_at, looked_at = excluded.looked_at, link_hash = excluded.link_hash,
           tries = excluded.tries, ended_at = excluded.ended_at, seal = excluded.seal",
        values! {
            ask.workspace, ask.id, ask.kind, ask.first, ask.email.as_str(), ask.destination.app.clone(),
            ask.destination.redirect.clone(), ask.language.clone(),
            ask.source, ask.request_id, ask.seed, ask.key, ask.created_at, ask.expires_at, ask.last_mail_at, ask.looked_at,
            ask.link, ask.tries, ask.ended_at, ask.seal
        },
    )
}

/// The statement that takes an ask off the list of those that nobody has looked at, with the link that was made for it, unless so many
/// codes were tried meanwhile.
fn looked_at(ask: &Ask, now: Timestamp, most_tries: i64) -> Statement {
    sql(
        "UPDATE asks SET looked_at = $1, link_hash = $2, seal = $3
         WHERE workspace_id = $4 AND id = $5 AND created_at = $6 AND looked_at IS NULL AND tries < $7",
        values![now, ask.link, ask.seal, ask.workspace, ask.id, ask.created_at, most_tries],
    )
}

/// The statement that keeps a link of its own beside the user's newest one, unless the user may no longer have one.
pub(super) fn add_link(link: &LoginLink) -> Statement {
    let draft = &link.draft;
    sql(
        concat!(
            "INSERT INTO login_links (workspace_id, hash, id, user_id, link_epoch, seed, single_use, created_at,
                                      expires_at, key_id, seal, last_issued_at, times_issued, kind)
             SELECT u.workspace_id, $2, $4, u.id, u.link_epoch, $6, $7, $8, $9, $10, $11, $8, 1, $12 FROM users u
             WHERE u.workspace_id = $1 AND u.id = $3 AND u.link_epoch = $5 AND ",
            may_use_links!(),
            " AND ",
            is_active!("$10")
        ),
        values! {
            draft.workspace, link.hash, draft.user, link.id, draft.epoch, draft.seed, draft.is_single_use, draft.created_at,
            draft.expires_at, link.key, link.seal, draft.kind
        },
    )
}
