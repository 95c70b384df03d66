//! Mails to users: queued by the back office, listed, and sent from the outbox.

pub mod delivery;
mod fold;
pub mod text;

use uuid::Uuid;

use super::login_links::{self, IssueError, IssueOptions, Issued, RequestedUser};
use crate::app::App;
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::domain::destination::Destination;
use crate::domain::email::EmailAddress;
use crate::domain::idempotency::RepeatableRequest;
use crate::domain::language::Language;
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::login_link::{Decision, decide};
use crate::domain::mail::{Mail, MailKind, MailState};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::Token;
use crate::domain::user::Refusal;
use crate::domain::workspace::Workspace;
use crate::store::{KeptRequest, ListError, ListPermit, Outcome, StoreError};

/// How often a request looks again when others keep getting in between.
const MAX_ATTEMPTS: usize = 8;

/// Why no mail was queued.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// No link was issued.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// Another request had the same `Idempotency-Key`.
    #[error("another request had this Idempotency-Key: give another one")]
    AnotherRequest,
}

impl From<StoreError> for MailError {
    fn from(error: StoreError) -> Self {
        Self::Issue(error.into())
    }
}

/// What a caller wishes of a mail.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// What it wishes of the link in it.
    pub link: IssueOptions,
    /// The language, if it names one that there is.
    pub language: Option<Language>,
    /// What the request is known again by, if it may be sent again.
    pub request: Option<RepeatableRequest>,
}

/// Has the user's live link mailed, or a new one, to the address that is kept of the user. It is on its way when this returns: queued,
/// and durable. The same request again gives the same mail, and mails nothing.
pub async fn queue_link(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    subject: &RequestedUser,
    options: &MailOptions,
) -> Result<Mail, MailError> {
    for _ in 0..MAX_ATTEMPTS {
        if let Some(mail) = find_repeated(app, workspace, subject, options).await? {
            return Ok(mail);
        }
        let issued = login_links::issue(app, workspace, act, subject, &options.link).await?;
        let user = app.store.find_user(workspace.id, &subject.user).await?;
        let Some(user) = user.filter(|user| user.id == issued.user) else {
            return Err(IssueError::Refused(Refusal::UserNotFound).into());
        };
        let language =
            options.language.or_else(|| Language::look_up(&user.locale)).unwrap_or(workspace.branding.locale);
        let wish = options.link.destination();
        let mail = new_mail(app.clock.now(), (&issued, &user.email), language, (act.request, wish));
        let entry = queued_entry(act, &mail);
        let added = app.store.add_mail(workspace.id, &mail, options.request.as_ref(), &entry).await?;
        if added == Outcome::Applied {
            app.metrics.mails(MailKind::Link, MailState::Queued).inc();
            return Ok(mail);
        }
    }
    Err(StoreError::Contended("others kept sending the same request").into())
}

/// The mail that this very request has queued before, if it has: that is answered again, whatever the settings allow by now.
pub async fn find_queued(
    app: &App,
    workspace: &Workspace,
    request: &RepeatableRequest,
) -> Result<Option<Mail>, StoreError> {
    match find_kept(app, workspace, request).await? {
        Some(kept) => mail_of(app, workspace, request, &kept).await,
        None => Ok(None),
    }
}

/// The same, where another request with the same key is an error.
async fn find_repeated(
    app: &App,
    workspace: &Workspace,
    subject: &RequestedUser,
    options: &MailOptions,
) -> Result<Option<Mail>, MailError> {
    let Some(request) = &options.request else { return Ok(None) };
    let Some(kept) = find_kept(app, workspace, request).await? else { return Ok(None) };
    if let Some(mail) = mail_of(app, workspace, request, &kept).await? {
        return Ok(Some(mail));
    }
    // What is wrong with the user is said first.
    match decide(subject.seen.as_deref(), 0, app.clock.now()) {
        Decision::Refuse(_) => Ok(None),
        Decision::Reuse(_) | Decision::Issue => Err(MailError::AnotherRequest),
    }
}

/// What was kept under the key of a request.
async fn find_kept(
    app: &App,
    workspace: &Workspace,
    request: &RepeatableRequest,
) -> Result<Option<KeptRequest>, StoreError> {
    let read_point = app.store.read_point();
    let kept = app.store.find_request(workspace.id, request, app.clock.now()).await?;
    if kept.is_some() {
        app.store.ensure_durable(read_point, None).await?;
    }
    Ok(kept)
}

/// The mail of what was kept, if that is of the same request.
async fn mail_of(
    app: &App,
    workspace: &Workspace,
    request: &RepeatableRequest,
    kept: &KeptRequest,
) -> Result<Option<Mail>, StoreError> {
    match kept.mail.filter(|_| request.is(&kept.request)) {
        Some(id) => app.store.find_mail(workspace.id, id).await,
        None => Ok(None),
    }
}

fn new_mail(
    now: Timestamp,
    (issued, to): (&Issued, &EmailAddress),
    language: Language,
    (request_id, destination): (Uuid, &Destination),
) -> Mail {
    Mail {
        id: now.new_id(),
        user_id: issued.user,
        kind: MailKind::Link,
        to: to.masked(),
        state: MailState::Queued,
        attempts: 0,
        created_at: now,
        sent_at: None,
        smtp_reply: None,
        request_id,
        link: issued.hash,
        link_expires_at: issued.expires_at,
        is_reused: issued.is_reused,
        ask: None,
        language: language.tag().to_owned(),
        destination: destination.clone(),
    }
}

/// The entry about a mail that is queued.
pub(super) fn queued_entry(act: &AuditContext, mail: &Mail) -> crate::domain::audit::AuditEntry {
    let entry = act.entry(AuditEvent::MailQueued).about(mail.user_id).with("mail", mail.id.to_string());
    entry.with("kind", mail.kind.name())
}

/// A mail by its number.
pub async fn show(app: &App, workspace: &Workspace, id: Uuid) -> Result<Option<Mail>, StoreError> {
    let read_point = app.store.read_point();
    let found = app.store.find_mail(workspace.id, id).await?;
    if found.is_none() {
        // A primary that was replaced does not know what was queued since.
        app.store.ensure_durable(read_point, None).await?;
    }
    Ok(found)
}

/// Where the link of a mail leads, by what stands in it for that: the number of the mail, which must be one with this token.
pub async fn destination_of(
    app: &App,
    workspace: &Workspace,
    token: Option<&Token>,
    named: &str,
) -> Result<Option<Destination>, StoreError> {
    let (Some(token), Ok(id)) = (token, Uuid::try_parse(named)) else { return Ok(None) };
    let links = app.keys().link_hashes(workspace.id, token);
    app.store.find_mail_destination(workspace.id, id, &links).await
}

/// The mails of a workspace, page by page.
pub async fn list(app: &App, permit: &ListPermit, options: &ListQuery) -> Result<Page<Mail>, ListError> {
    app.store.list_mails(permit, options, app.clock.now()).await
}

/// Up to `limit` mails older than the last one seen, newest first.
pub async fn list_before(
    app: &App,
    workspace: &Workspace,
    last: Option<&Mail>,
    limit: i64,
) -> Result<Vec<Mail>, StoreError> {
    app.store.list_mails_before(workspace.id, last.map(|mail| mail.id), limit).await
}
