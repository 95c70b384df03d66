//! A link is opened and confirmed.

use std::sync::Arc;

use super::operations::nodes;
use super::operations::nodes::EndError;
use super::sessions::PresentedCookie;
use super::{sessions, stories};
use crate::app::App;
use crate::domain::audit::{Actor, AuditContext, AuditEntry, AuditEvent};
use crate::domain::client_network::ClientNetwork;
use crate::domain::login_link::{LinkRejection, LoginLink};
use crate::domain::node::NodeUnhealthy;
use crate::domain::opening::Visit;
pub use crate::domain::session::RedeemedBy;
use crate::domain::session::{CsrfCookie, Session, SessionCookie, SessionWithUser};
use crate::domain::story::PressRefusal;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::Token;
use crate::domain::user::AccountStatus;
use crate::domain::workspace::Workspace;
use crate::keys;
use crate::keys::NoRandomness;
use crate::rate_limits::RateLimited;
pub use crate::store::FoundLink;
use crate::store::{Outcome, ReadPoint, Redemption, StoreError};

/// How often a confirm looks again when others keep getting in between.
const MAX_ATTEMPTS: usize = 8;

/// Why a sign-in could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The token opens nothing, like too many before it from the same source.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// This node must not.
    #[error(transparent)]
    NodeUnhealthy(#[from] NodeUnhealthy),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No secret could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl From<EndError> for SignInError {
    fn from(error: EndError) -> Self {
        match error {
            EndError::NodeUnhealthy(unfit) => unfit.into(),
            EndError::Store(error) => error.into(),
        }
    }
}

/// Who comes with a token.
#[derive(Debug)]
pub struct Client {
    /// From where; dead tokens count against it.
    pub source: ClientNetwork,
    /// The session that the browser has.
    pub session: Option<PresentedCookie>,
    /// The link of the token, if one look has found it already.
    pub link: Option<Arc<FoundLink>>,
    /// What is to be noted of it if the link is opened by that.
    pub visit: Option<Visit>,
    /// Before any of this was found.
    pub read_point: ReadPoint,
}

/// What is behind a token.
#[derive(Debug)]
pub enum Opened {
    /// A live link: whose account it opens, masked, and who else is signed in here.
    Live {
        /// The account.
        account: String,
        /// Somebody else, who would be signed out, unmasked: that person is at this browser.
        signed_in_as: Option<String>,
        /// The language of the account's owner, as a tag; empty where none is known.
        locale: String,
    },
    /// An invalid link of the person who is signed in here: where that session led.
    AlreadySignedIn(String),
    /// Nothing.
    Dead,
}

/// Looks behind a token. It changes nothing that a person could notice: scanners may do it any number of times.
///
/// A link that is refused as expired is marked so, for good, before this says it is dead.
///
/// # Errors
/// `SignInError::RateLimited` in place of `Opened::Dead`, `NodeUnhealthy` where this node cannot be sure of that, or that the store cannot
/// be used.
pub async fn open(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    token: Option<&Token>,
    visitor: &Client,
) -> Result<Opened, SignInError> {
    let Some(token) = token else {
        record_rejection(app, LinkRejection::Malformed, visitor)?;
        return Ok(Opened::Dead);
    };
    let now = app.clock.now();
    let signed_in = match sessions::current(app, workspace, act, visitor.session.as_ref()).await {
        Ok(signed_in) => Ok(signed_in),
        Err(EndError::NodeUnhealthy(unfit)) => Err(unfit),
        Err(EndError::Store(error)) => return Err(error.into()),
    };
    let (death, found) = match find(app, workspace, token, visitor.link.clone()).await? {
        None => {
            nodes::knows_all(app)?;
            (LinkRejection::Unknown, None)
        }
        Some(found) => match noted_death(app, &found, visitor, now) {
            // Who else is signed in here does not matter to it: nothing is pressed at a node that cannot tell.
            None => return Ok(live(&found, signed_in.ok().flatten().as_deref())),
            Some(death) => (death, Some(found)),
        },
    };
    let signed_in = signed_in?;
    if let Some(found) = found.as_ref().filter(|_| death == LinkRejection::Expired) {
        end_link(app, &found.link, visitor.read_point, now).await?;
    }
    if let Some(signed_in) = signed_in {
        // A link that is gone is known by the session that it began.
        let is_theirs = match &found {
            Some(found) => found.link.draft.user == signed_in.session.user,
            None => app.keys().link_hashes(workspace.id, token).contains(&signed_in.session.link),
        };
        if is_theirs {
            return Ok(Opened::AlreadySignedIn(signed_in.session.landing.clone()));
        }
    }
    record_rejection(app, death, visitor)?;
    Ok(Opened::Dead)
}

/// Why a link that is opened is dead; that it is opened is noted.
fn noted_death(app: &App, found: &FoundLink, visitor: &Client, now: Timestamp) -> Option<LinkRejection> {
    let death = found.link.death(&found.standing, now);
    stories::note_opening(app, &found.link, death.is_some(), visitor.visit.as_ref());
    death
}

fn live(found: &FoundLink, signed_in: Option<&SessionWithUser>) -> Opened {
    let somebody_else = signed_in.filter(|signed_in| signed_in.session.user != found.link.draft.user);
    Opened::Live {
        account: found.email.masked(),
        signed_in_as: somebody_else.map(|signed_in| signed_in.email.as_str().to_owned()),
        locale: found.locale.clone(),
    }
}

/// A confirm: the token, the browser it was shown in, and where the person is to land.
#[derive(Debug)]
pub struct Confirmation {
    /// The token.
    pub token: Token,
    /// The cookie that came with the page.
    pub browser: CsrfCookie,
    /// Who presses; the session that the browser has gives way to the new one.
    pub visitor: Client,
    /// Where the person is to land.
    pub landing: String,
    /// The app that this leads to.
    pub client_id: Option<String>,
    /// What was shown.
    pub by: RedeemedBy,
}

/// What a confirm led to.
#[derive(Debug)]
pub enum Confirmed {
    /// A session, new or that of the same confirm before.
    SignedIn {
        /// What proves it.
        cookie: SessionCookie,
        /// Where the person lands.
        landing: String,
    },
    /// The token opens nothing.
    Dead,
}

/// Uses a link up and begins a session; of any number of racing confirms one gets it.
///
/// The same confirm repeated within two minutes gives the same session again: a double click or a lost answer
/// must not lock a person out.
///
/// # Errors
/// `SignInError`, with the link as it was.
pub async fn confirm(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    confirm: &Confirmation,
) -> Result<Confirmed, SignInError> {
    nodes::is_fit(app)?;
    let attempt = Attempt { app, workspace, act, confirm, now: app.clock.now() };
    let mut seen = confirm.visitor.link.clone();
    for tries in 0..MAX_ATTEMPTS {
        let Some(found) = find(app, workspace, &confirm.token, seen.take()).await? else {
            if confirm.by != RedeemedBy::OneClick {
                record_rejection(app, LinkRejection::Unknown, &confirm.visitor)?;
            }
            return Ok(Confirmed::Dead);
        };
        let FoundLink { link, standing, .. } = &*found;
        // Nobody has begun a session with a link that is unused.
        if link.used_at.is_some()
            && let Some(again) = attempt.replay(&found).await?
        {
            stories::note_opening(app, link, link.draft.is_single_use, confirm.visitor.visit.as_ref());
            return Ok(again);
        }
        if let Some(death) = link.death(standing, attempt.now) {
            return attempt.refuse(link, death).await;
        }
        if tries > 0 {
            // Nothing has happened to the link: it may be that another key derives by now.
            nodes::check_health(app).await??;
        }
        if let Some(confirmed) = attempt.claim(link, standing).await? {
            app.metrics.redeemed.inc();
            stories::note_opening(app, link, false, confirm.visitor.visit.as_ref());
            return Ok(confirmed);
        }
    }
    Err(StoreError::Contended("others kept changing the same link").into())
}

/// A confirm on its way: what its steps share.
struct Attempt<'a> {
    app: &'a App,
    workspace: &'a Workspace,
    act: &'a AuditContext,
    confirm: &'a Confirmation,
    now: Timestamp,
}

impl Attempt<'_> {
    /// The session that the same browser began with the same token within the last two minutes.
    async fn replay(&self, link: &FoundLink) -> Result<Option<Confirmed>, SignInError> {
        let Self { app, workspace, act, confirm, now } = *self;
        let confirm_hashes = app.keys().confirm_hashes(&confirm.token, &confirm.browser);
        let read_point = app.store.read_point();
        let found = app.store.find_session_of(workspace.id, link.session, &confirm_hashes).await?;
        let Some(signed_in) = found.filter(|signed_in| signed_in.session.within_replay_window(now)) else {
            return Ok(None);
        };
        let cookie = app.keys().repeat_session(&signed_in.session, &confirm.token, &confirm.browser);
        match cookie {
            Ok(cookie) if signed_in.session.is_live(&signed_in.standing, workspace, now) => {
                // The session began in the commit that used the link up.
                app.store.ensure_durable(read_point, Some(signed_in.session.created_at)).await?;
                Ok(Some(Confirmed::SignedIn { cookie, landing: signed_in.session.landing }))
            }
            // It stands in the way of a new one, and nobody can use it.
            _ => {
                sessions::end_expired(app, workspace, act, &signed_in).await?;
                Ok(None)
            }
        }
    }

    /// A session of its own. `None` if somebody else, a kill or a change of the user came first.
    async fn claim(
        &self,
        link: &LoginLink,
        standing: &AccountStatus,
    ) -> Result<Option<Confirmed>, SignInError> {
        let Self { app, workspace, act, confirm, now } = *self;
        let user = link.draft.user;
        let session = Session {
            workspace: workspace.id,
            id: now.new_id(),
            user,
            epoch: standing.session_epoch,
            link: link.hash,
            confirm_hash: [0; 32],
            seed: keys::random()?,
            secret_hash: [0; 32],
            key: link.key,
            landing: confirm.landing.clone(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus_seconds(workspace.session_lifetime),
            method: confirm.by.method(link.draft.kind),
            seal: [0; 32],
        };
        let (session, cookie) = app.keys().begin_session(session, &confirm.token, &confirm.browser);
        let replaced = sessions::verify(app, workspace, confirm.visitor.session.as_ref()).await?;
        let act = AuditContext { actor: Actor::User(user), ..act.clone() };
        let entry = act.entry(AuditEvent::LinkRedeemed).about(user).with("link", link.id.to_string());
        let entry = entry.with("session", session.id.to_string());
        let mut entries = vec![entry.with("by", confirm.by.name())];
        entries.extend(replaced.as_deref().map(|old| replaced_entry(&act, old)));
        let spent = app.keys().seal_link(link.used(now));
        let replaced = replaced.map(|old| old.session.id);
        let by_code = confirm.by == RedeemedBy::Code;
        let redemption = Redemption { link: &spent, by_code, client_id: confirm.client_id.as_deref() };
        let outcome = app.store.claim_login_link(&redemption, &session, replaced, &entries).await?;
        Ok((outcome == Outcome::Applied).then_some(Confirmed::SignedIn { cookie, landing: session.landing }))
    }

    /// The dead page, with an entry: the link was one, once.
    async fn refuse(&self, link: &LoginLink, death: LinkRejection) -> Result<Confirmed, SignInError> {
        let Self { app, workspace, act, confirm, now } = *self;
        if confirm.by == RedeemedBy::OneClick {
            return Ok(Confirmed::Dead);
        }
        // Whoever set a flag in the database itself counted no epoch up: the link must not outlive the flag.
        if matches!(death, LinkRejection::Expired | LinkRejection::Refused) {
            end_link(app, link, confirm.visitor.read_point, now).await?;
        }
        // Beyond the limit nothing more is written: the audit log is not for strangers to fill.
        if let Err(limited) = record_rejection(app, death, &confirm.visitor) {
            if confirm.by == RedeemedBy::Link {
                stories::note_refused_press(app, link, PressRefusal::RateLimited);
            }
            return Err(limited.into());
        }
        let entry = act.entry(AuditEvent::LinkRefused).about(link.draft.user).with("reason", death.reason());
        let (entry, refusal) = (entry.with("link", link.id.to_string()), PressRefusal::of(death, link));
        if confirm.by == RedeemedBy::Code {
            // Who types a code presses nothing.
            app.store.add_audit_entry(workspace.id, &entry, now).await?;
        } else {
            app.store.add_refused_press(workspace.id, (&link.into(), refusal), &entry, now).await?;
        }
        Ok(Confirmed::Dead)
    }
}

fn replaced_entry(act: &AuditContext, old: &SessionWithUser) -> AuditEntry {
    let entry = act.entry(AuditEvent::SessionEnded).about(old.session.user).with("reason", "replaced");
    entry.with("session", old.session.id.to_string())
}

/// Marks a link that is refused as dead for good, so that no clock set back revives it. It is not said to be dead by a wrong
/// clock.
async fn end_link(app: &App, link: &LoginLink, since: ReadPoint, now: Timestamp) -> Result<(), EndError> {
    if link.ended_at.is_some() {
        return Ok(app.store.ensure_durable(since, link.ended_at).await?);
    }
    nodes::check_health(app).await??;
    match app.store.end_login_link(&app.keys().seal_link(link.expired(now))).await? {
        Outcome::Applied => Ok(()),
        Outcome::Conflict => Ok(app.store.ensure_durable(since, None).await?),
    }
}

/// The genuine link of a token, and its user: what was seen, or what is there now.
async fn find(
    app: &App,
    workspace: &Workspace,
    token: &Token,
    seen: Option<Arc<FoundLink>>,
) -> Result<Option<Arc<FoundLink>>, StoreError> {
    let found = if let Some(seen) = seen {
        Some(seen)
    } else {
        let hashes = app.keys().link_hashes(workspace.id, token);
        app.store.find_login_link(workspace.id, &hashes).await?.map(Arc::new)
    };
    Ok(found.filter(|found| {
        let verify_token = app.keys().verify_token(&found.link, token);
        if !verify_token {
            tracing::error!(workspace = workspace.id.0, link = %found.link.id, "a login link is not used: its row was edited, or its key is not in the key file");
        }
        verify_token
    }))
}

fn record_rejection(app: &App, death: LinkRejection, visitor: &Client) -> Result<(), RateLimited> {
    app.metrics.dead_tokens.get_or_create(&death.reason().into()).inc();
    app.limits.check_login(&app.metrics, visitor.source)
}
