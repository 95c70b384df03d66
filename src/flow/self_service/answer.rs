//! What an ask leads to: at most one mail, to the address that is kept of a client whom the rule allows.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;

use crate::app::{App, MailSetup};
use crate::domain::ask::{ADDRESS_WINDOW, Ask, AskKind, MAX_MAILS_TO_ADDRESS, MAX_TRIES, SOURCE_WINDOW};
use crate::domain::audit::{Actor, AuditContext, AuditEvent};
use crate::domain::email::EmailAddress;
use crate::domain::language::Language;
use crate::domain::login_link::{LinkClaims, LinkLookupKey, LoginLink};
use crate::domain::mail::{Mail, MailKind, MailState};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{User, UserId, UserRef};
use crate::domain::workspace::Workspace;
use crate::flow::mail::queued_entry;
use crate::flow::operations::nodes;
use crate::keys;
use crate::store::{AskedMail, MailCounter, Outcome, StoreError};

/// Asks of one workspace that are looked at in one go.
const MAX_ASKS: i64 = 64;

/// Asks that are looked at at once.
const AT_ONCE: usize = 16;

/// A limit that keeps a mail back.
#[derive(Clone, Copy, Debug)]
enum MailLimit {
    Address,
    Source,
    Workspace,
}

impl MailLimit {
    const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Source => "source",
            Self::Workspace => "workspace",
        }
    }
}

/// Looks at the asks that wait, each once however many nodes do so, and gives how many there were.
pub async fn answer_waiting(app: &App) -> Result<usize, StoreError> {
    let Some(setup) = app.mail.clone() else { return Ok(0) };
    if nodes::is_fit(app).is_err() {
        return Ok(0);
    }
    let asks = app.store.list_waiting_asks(MAX_ASKS).await?;
    let count = asks.len();
    let answered = stream::iter(asks).map(|ask| answer(app, &setup, ask)).buffer_unordered(AT_ONCE);
    let failed = answered.filter_map(|answered| std::future::ready(answered.err())).collect::<Vec<_>>().await;
    failed.into_iter().next().map_or(Ok(count), Err)
}

async fn answer(app: &App, setup: &Arc<MailSetup>, ask: Ask) -> Result<(), StoreError> {
    let now = app.clock.now();
    let Some(workspace) = app.store.find_workspace_by_id(ask.workspace).await? else { return Ok(()) };
    let step = Step { app, setup, workspace: &workspace, ask: &ask, now };
    if !app.keys().is_genuine_ask(&ask) {
        tracing::error!(workspace = workspace.id.0, ask = %ask.id, "an ask is not answered: its row was edited, or its key is not in the key file");
        return step.close().await;
    }
    let is_spent = ask.kind == AskKind::SelfService && ask.tries >= MAX_TRIES;
    if is_spent || !workspace.mail.has_self_service || now >= ask.expires_at {
        return step.close().await;
    }
    if step.is_over_source_limit().await? {
        return step.withhold(MailLimit::Source, None).await;
    }
    match step.wish().await? {
        Some(wish) => step.mail(wish).await,
        None => step.close().await,
    }
}

/// One ask on its way: what its steps share.
struct Step<'a> {
    app: &'a App,
    setup: &'a MailSetup,
    workspace: &'a Workspace,
    ask: &'a Ask,
    now: Timestamp,
}

/// To whom an ask leads, and which link.
struct Wish {
    user: User,
    kind: MailKind,
    /// The link of the ask that is repeated; else a new one is made.
    repeated: Option<(uuid::Uuid, LinkLookupKey, Timestamp)>,
}

impl Step<'_> {
    async fn close(&self) -> Result<(), StoreError> {
        self.app.store.close_ask(self.ask, self.now).await.map(drop)
    }

    async fn is_over_source_limit(&self) -> Result<bool, StoreError> {
        if self.ask.is_over_limit() {
            return Ok(true);
        }
        let Some(most) = self.setup.asks_per_source else { return Ok(false) };
        let (since, most) = (self.ask.created_at.plus_seconds(-SOURCE_WINDOW), i64::from(most.get()));
        Ok(self.app.store.count_asks_before(self.ask, since, most).await? >= most)
    }

    async fn withhold(&self, limit: MailLimit, user: Option<&User>) -> Result<(), StoreError> {
        let Self { app, ask, now, .. } = *self;
        let about = user.map(|user| user.id);
        let counter = MailCounter::withheld(limit.name(), about.map(UserId::number), now);
        let entry = self.act().entry(AuditEvent::MailWithheld).with("limit", limit.name());
        let entry = match about {
            Some(user) => entry.about(user),
            None => entry,
        };
        if app.store.withhold(ask, &counter, &entry, now).await? == Outcome::Applied {
            app.metrics.withheld.get_or_create(&limit.name().into()).inc();
        }
        Ok(())
    }

    fn act(&self) -> AuditContext {
        AuditContext { actor: Actor::Visitor, request: self.ask.request_id }
    }

    /// Whom the ask names, if that is a client whom the rule allows.
    async fn wish(&self) -> Result<Option<Wish>, StoreError> {
        match self.ask.kind {
            AskKind::SelfService => {
                let Ok(email) = EmailAddress::parse(self.ask.email.trim()) else { return Ok(None) };
                let user = self.client(&UserRef::Email(email)).await?;
                Ok(user.map(|user| Wish { user, kind: MailKind::SelfService, repeated: None }))
            }
            AskKind::Repeat => self.repeated().await,
            AskKind::Again => {
                let Some(dead) = self.genuine_link(self.ask.link).await? else { return Ok(None) };
                if dead.1 {
                    return Ok(None);
                }
                let user = self.client(&UserRef::Id(dead.0.draft.user)).await?;
                Ok(user.map(|user| Wish { user, kind: MailKind::Again, repeated: None }))
            }
        }
    }

    async fn repeated(&self) -> Result<Option<Wish>, StoreError> {
        let Self { app, workspace, now, .. } = *self;
        let Some(first) = self.ask.first else { return Ok(None) };
        let first = app.store.find_ask(workspace.id, first).await?;
        let Some(first) = first.filter(|ask| ask.is_live(now) && app.keys().is_genuine_ask(ask)) else {
            return Ok(None);
        };
        let Some((link, true)) = self.genuine_link(first.link).await? else { return Ok(None) };
        let user = self.client(&UserRef::Id(link.draft.user)).await?;
        let repeated = Some((first.id, link.hash, link.draft.expires_at));
        Ok(user.map(|user| Wish { user, kind: MailKind::SelfService, repeated }))
    }

    /// A client whom the rule allows to have a link.
    async fn client(&self, user: &UserRef) -> Result<Option<User>, StoreError> {
        let found = self.app.store.find_user(self.workspace.id, user).await?;
        Ok(found.filter(|user| user.standing.refusal().is_none()))
    }

    /// A link that this server made, and whether it is live.
    async fn genuine_link(
        &self,
        hash: Option<LinkLookupKey>,
    ) -> Result<Option<(LoginLink, bool)>, StoreError> {
        let Some(hash) = hash else { return Ok(None) };
        let found = self.app.store.find_login_link(self.workspace.id, &[hash]).await?;
        let found = found.filter(|found| self.app.keys().rederive(&found.link).is_ok());
        Ok(found.map(|found| {
            let is_live = found.link.death(&found.standing, self.now).is_none();
            (found.link, is_live)
        }))
    }

    /// Queues the mail, with a link of its own, unless a limit keeps it back.
    async fn mail(&self, wish: Wish) -> Result<(), StoreError> {
        let Self { app, workspace, ask, now, .. } = *self;
        let user = &wish.user;
        if self.is_over_address_limit(user).await? {
            return self.withhold(MailLimit::Address, Some(user)).await;
        }
        let made = match wish.repeated {
            Some(_) => None,
            None => Some(self.new_link(&wish)?),
        };
        let (asked, hash, expires_at) = match (&wish.repeated, &made) {
            (Some((first, hash, expires_at)), _) => (*first, *hash, *expires_at),
            (None, Some(link)) => (ask.id, link.hash, link.draft.expires_at),
            (None, None) => return self.close().await,
        };
        let mail = self.new_mail(&wish, (asked, hash, expires_at));
        let act = self.act();
        let issued = made.as_ref().map(|link| {
            let entry = act.entry(AuditEvent::LinkIssued).about(user.id).with("link", link.id.to_string());
            let entry = entry.with("expires_at", link.draft.expires_at.to_string());
            entry.with("kind", wish.kind.name())
        });
        let entries: Vec<_> = issued.into_iter().chain([queued_entry(&act, &mail)]).collect();
        let link = made.as_ref().map(|link| (link, workspace.stories.is_recording));
        let changed = match &made {
            Some(link) => Ask { link: Some(link.hash), ..ask.clone() },
            None => ask.clone(),
        };
        let Ok(changed) = app.keys().seal_ask(changed) else { return self.close().await };
        let limits = self.address_limits();
        let asked = AskedMail { mail: &mail, link, budget: workspace.mail.budget, limits, entries: &entries };
        if app.store.answer_ask(&changed, &asked, now).await? == Outcome::Applied {
            app.metrics.mails(wish.kind, MailState::Queued).inc();
            return Ok(());
        }
        // Another one was first, or the user was changed, in which case the next look finds it so.
        if self.is_over_address_limit(user).await? {
            return self.withhold(MailLimit::Address, Some(user)).await;
        }
        if app.store.mail_count(workspace.id, &MailCounter::budget(now)).await? >= workspace.mail.budget {
            return self.withhold(MailLimit::Workspace, None).await;
        }
        Ok(())
    }

    /// Since when mails to a person are counted, and how many there may be.
    fn address_limits(&self) -> [(Timestamp, i64); 2] {
        let [lately, today] = MAX_MAILS_TO_ADDRESS;
        [(self.now.plus_seconds(-ADDRESS_WINDOW), lately), (self.now.start_of_day(), today)]
    }

    async fn is_over_address_limit(&self, user: &User) -> Result<bool, StoreError> {
        let limits = self.address_limits();
        let since = limits.map(|(since, _)| since);
        let mailed = self.app.store.mails_asked_for(self.workspace.id, user.id, since).await?;
        Ok(mailed.iter().zip(limits).any(|(mailed, (_, most))| *mailed >= most))
    }

    fn new_link(&self, wish: &Wish) -> Result<LoginLink, StoreError> {
        let user = &wish.user;
        let seed = keys::random().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let epoch = user.standing.link_epoch;
        let claims = LinkClaims::for_user(user.id, epoch, self.workspace, self.now, seed);
        let (link, _) =
            self.app.keys().issue_token(claims.asked_for(wish.kind.link_kind(), self.ask.expires_at));
        Ok(link)
    }

    fn new_mail(
        &self,
        wish: &Wish,
        (ask, link, link_expires_at): (uuid::Uuid, LinkLookupKey, Timestamp),
    ) -> Mail {
        let user = &wish.user;
        let asked_for = self.ask.language.as_deref().and_then(Language::look_up);
        let language =
            Language::look_up(&user.locale).or(asked_for).unwrap_or(self.workspace.branding.locale);
        Mail {
            id: self.now.new_id(),
            user_id: user.id,
            kind: wish.kind,
            to: user.email.masked(),
            state: MailState::Queued,
            attempts: 0,
            created_at: self.now,
            sent_at: None,
            smtp_reply: None,
            request_id: self.ask.request_id,
            link,
            link_expires_at,
            is_reused: wish.repeated.is_some(),
            ask: (wish.kind == MailKind::SelfService).then_some(ask),
            language: language.tag().to_owned(),
            destination: self.ask.destination.clone(),
        }
    }
}
