//! Mails: queued, listed, and what became of each.

use uuid::Uuid;

use super::counted_lists::settled_at;
use super::list::Source;
use super::login_links::{FoundLink, by_hash, may_use_links};
use super::outbox::{self, OutboxItem, OutboxKind};
use super::{audit, idempotency};
use crate::domain::audit::AuditEntry;
use crate::domain::destination::Destination;
use crate::domain::idempotency::RepeatableRequest;
use crate::domain::list_query::{Field, FieldType, ListQuery, Page};
use crate::domain::login_link::LinkLookupKey;
use crate::domain::mail::{Mail, MailKind, MailState};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, sql};
use crate::store::engine::value::{from_row, only, values};
use crate::store::{ListError, ListPermit, Store, StoreError};

/// What a list of mails may be filtered by.
pub const MAIL_FIELDS: [Field; 7] = [
    Field { name: "id", kind: FieldType::Id },
    Field { name: "user_id", kind: FieldType::Number },
    Field { name: "kind", kind: FieldType::Text },
    Field { name: "state", kind: FieldType::Text },
    Field { name: "attempts", kind: FieldType::Number },
    Field { name: "created_at", kind: FieldType::Time },
    Field { name: "sent_at", kind: FieldType::Time },
];

/// The columns of a mail.
macro_rules! mail_columns {
    () => {
        "m.id, m.user_id, m.kind, m.recipient, m.state, m.attempts, m.created_at, m.sent_at, m.smtp_reply, \
         m.request_id, m.link_hash, m.link_expires_at, m.reused, m.ask_id, m.language, m.client_id, m.redirect"
    };
}

pub(in crate::store) use mail_columns;

from_row! {
    Mail {
        id, user_id, kind, to, state, attempts, created_at, sent_at, smtp_reply, request_id, link, link_expires_at,
        is_reused, ask, language, destination,
    }
    Destination { app, redirect }
}

/// What an attempt to send a mail led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// What the mail is from now on.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: i64,
    /// The last reply of the mail server, where there was one.
    pub reply: Option<String>,
    /// When that was.
    pub at: Timestamp,
}

/// A mail that waits, with its link: to be written and sent, if the link is still live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingMail {
    /// The mail.
    pub mail: Mail,
    /// Its link, with its user; none if the link is not kept any more, or the user was deleted.
    pub link: Option<FoundLink>,
}

impl Store {
    /// Queues a mail. `Conflict` if another request has the same `Idempotency-Key`.
    pub async fn add_mail(
        &self,
        workspace: WorkspaceId,
        mail: &Mail,
        request: Option<&RepeatableRequest>,
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        let mut unit = UnitOfWork::new();
        if let Some(request) = request {
            let [forgotten, kept] = idempotency::keep_with_mail(workspace, request, mail.id, mail.created_at);
            unit = unit.and(forgotten).guard(kept);
        }
        let unit = unit.and_all(queue(workspace, mail)).and(audit::entry(workspace, entry, mail.created_at));
        self.apply(unit).await
    }

    /// A mail by its number.
    pub async fn find_mail(&self, workspace: WorkspaceId, id: Uuid) -> Result<Option<Mail>, StoreError> {
        const FOUND: &str =
            concat!("SELECT ", mail_columns!(), " FROM mails m WHERE m.workspace_id = $1 AND m.id = $2");
        self.find(sql(FOUND, values![workspace, id])).await
    }

    /// Where the link of a mail leads, if the mail has this link.
    pub async fn find_mail_destination(
        &self,
        workspace: WorkspaceId,
        id: Uuid,
        links: &[LinkLookupKey],
    ) -> Result<Option<Destination>, StoreError> {
        let found = self.find_mail(workspace, id).await?;
        Ok(found.filter(|mail| links.contains(&mail.link)).map(|mail| mail.destination))
    }

    /// The mails of a workspace, newest first.
    pub async fn list_mails(
        &self,
        permit: &ListPermit,
        options: &ListQuery,
        now: Timestamp,
    ) -> Result<Page<Mail>, ListError> {
        let source = Source {
            column_of: |field| format!("m.{field}"),
            columns: mail_columns!(),
            table: "mails m WHERE m.workspace_id = $1",
            key: "m.id",
            key_field: "created_at",
            from: "FROM mails m WHERE m.workspace_id = $1".to_owned(),
            values: values![permit.workspace()],
            first: None,
            order: "m.id DESC",
            total: None,
        };
        let counted = (&self.counted.mails, audit::first_id_at(settled_at(now)));
        self.list_counted(permit, counted, (&source, options), |mail| mail).await
    }

    /// Up to `limit` mails older than one, newest first.
    pub async fn list_mails_before(
        &self,
        workspace: WorkspaceId,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Mail>, StoreError> {
        const BEFORE: &str = concat!(
            "SELECT ",
            mail_columns!(),
            " FROM mails m WHERE m.workspace_id = $1 AND m.id < $2 ORDER BY m.id DESC LIMIT $3"
        );
        self.find_all(sql(BEFORE, values![workspace, before.unwrap_or(Uuid::max()), limit])).await
    }

    /// A mail that waits in the outbox, with what is to stand in it. `None` if it waits no longer.
    pub async fn find_waiting_mail(&self, item: &OutboxItem) -> Result<Option<WaitingMail>, StoreError> {
        const MAIL: &str = concat!(
            "SELECT ",
            mail_columns!(),
            " FROM mails m WHERE m.workspace_id = $1 AND m.id = $2 AND m.state = 'queued'"
        );
        let found: Option<Mail> = self.find(sql(MAIL, values![item.workspace, item.id])).await?;
        let Some(mail) = found else { return Ok(None) };
        let link = self.find(by_hash(item.workspace, mail.link)).await?;
        Ok(Some(WaitingMail { mail, link }))
    }

    /// Writes down what an attempt led to; what waits is tried again at `next`.
    pub async fn record_attempt(
        &self,
        item: &OutboxItem,
        attempt: &Attempt,
        next: Timestamp,
        entry: Option<&AuditEntry>,
    ) -> Result<Outcome, StoreError> {
        let sent_at = (attempt.state == MailState::Sent).then_some(attempt.at);
        let written = sql(
            "UPDATE mails SET state = $3, attempts = $4, smtp_reply = coalesce($5, smtp_reply), sent_at = $6
             WHERE workspace_id = $1 AND id = $2 AND state = 'queued'",
            values![item.workspace, item.id, attempt.state, attempt.attempts, attempt.reply.clone(), sent_at],
        );
        let waits = attempt.state == MailState::Queued;
        let moved = if waits { outbox::postpone(item, next) } else { outbox::remove(item) };
        let entry = entry.map(|entry| audit::entry(item.workspace, entry, attempt.at));
        self.apply(UnitOfWork::new().guard(written).and(moved).and_all(entry)).await
    }

    /// How many mails a person was sent by asking for them: after the first moment, and from the second one on.
    pub async fn mails_asked_for(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        since: [Timestamp; 2],
    ) -> Result<[i64; 2], StoreError> {
        let counted = sql(
            "SELECT count(CASE WHEN created_at > $3 THEN 1 END), count(CASE WHEN created_at >= $4 THEN 1 END) FROM mails
             WHERE workspace_id = $1 AND user_id = $2 AND created_at >= $5 AND kind <> 'link'",
            values![workspace, user, since[0], since[1], since[0].min(since[1])],
        );
        let [rows] = self.read([counted]).await?;
        let (lately, today) = only::<(i64, i64)>(rows)?;
        Ok([lately, today])
    }

    /// Forgets where links led that are dead by now: it may be what somebody typed.
    pub async fn forget_mail_redirects(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let forgotten = sql(
            "UPDATE mails SET redirect = NULL WHERE workspace_id = $1 AND id IN
               (SELECT id FROM mails WHERE workspace_id = $1 AND redirect IS NOT NULL AND kind <> 'link' AND link_expires_at <= $2 LIMIT 500)
             RETURNING 1",
            values![workspace, now],
        );
        self.until_none(forgotten).await
    }
}

/// The statements that queue a mail that its user has asked for, unless as many were since each of two moments as may be. The first
/// holds the user, so that of any number that race, on any number of nodes, the second of each sees those before it.
pub(super) fn queue_asked(
    workspace: WorkspaceId,
    mail: &Mail,
    [lately, today]: [(Timestamp, i64); 2],
) -> [Statement; 4] {
    const COUNTED: &str = "UPDATE users AS u SET link_epoch = u.link_epoch WHERE u.workspace_id = $1 AND u.id = $2
           AND (SELECT count(*) FROM mails m WHERE m.workspace_id = $1 AND m.user_id = $2 AND m.created_at > $3
                AND m.kind <> 'link') < $4
           AND (SELECT count(*) FROM mails m WHERE m.workspace_id = $1 AND m.user_id = $2 AND m.created_at >= $5
                AND m.kind <> 'link') < $6";
    let held = sql(
        concat!(
            "UPDATE users AS u SET link_epoch = u.link_epoch WHERE u.workspace_id = $1 AND u.id = $2 AND ",
            may_use_links!()
        ),
        values![workspace, mail.user_id],
    );
    let counted = sql(COUNTED, values![workspace, mail.user_id, lately.0, lately.1, today.0, today.1]);
    let [kept, added] = queue(workspace, mail);
    [held, counted, kept, added]
}

/// The statements that queue a mail: its row, and that it is to be sent. What a person waits for goes before what a back office has
/// mailed.
pub(super) fn queue(workspace: WorkspaceId, mail: &Mail) -> [Statement; 2] {
    let kept = sql(
        "INSERT INTO mails (workspace_id, id, user_id, kind, recipient, state, attempts, created_at, request_id, link_hash,
                            link_expires_at, reused, ask_id, language, client_id, redirect)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        values! {
            workspace, mail.id, mail.user_id, mail.kind, mail.to.as_str(), mail.state, mail.attempts, mail.created_at,
            mail.request_id, mail.link, mail.link_expires_at, mail.is_reused, mail.ask, mail.language.as_str(),
            mail.destination.app.clone(), mail.destination.redirect.clone()
        },
    );
    let item = OutboxItem { workspace, id: mail.id, attempts: 0, next_at: mail.created_at };
    [kept, outbox::add(&item, OutboxKind::Mail, mail.kind != MailKind::Link)]
}
