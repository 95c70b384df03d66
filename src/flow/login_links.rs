//! A login link is asked for, listed, revoked.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::oidc::landing;
use super::oidc::landing::DestinationError;
use super::operations::nodes;
use super::operations::nodes::EndError;
use crate::app::App;
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::domain::destination::Destination;
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::login_link::{Decision, LinkClaims, LinkLookupKey, LoginLink, UserLinkState, decide};
use crate::domain::mail::Mail;
use crate::domain::node::NodeUnhealthy;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::Token;
use crate::domain::user::{Refusal, RevocationReason, UserId, UserRef};
use crate::domain::workspace::Workspace;
use crate::keys;
use crate::keys::NoRandomness;
use crate::store::{ListError, ListPermit, ListedLink, Outcome, ReadPoint, StoreError};

/// How often a request looks again when others keep getting in between.
const MAX_ATTEMPTS: usize = 8;

/// What a caller wishes of a link.
#[derive(Clone, Debug, Default)]
pub struct IssueOptions {
    /// Seconds that the link must have left at least.
    min_ttl: i64,
    /// Where the person is to land, as the caller gave it.
    destination: Destination,
}

impl IssueOptions {
    /// A wish whose destination is judged.
    ///
    /// # Errors
    /// `DestinationError` if the destination does not pass, or that the store cannot be used.
    pub async fn validated(
        app: &App,
        workspace: &Workspace,
        (min_ttl, destination): (i64, Destination),
    ) -> Result<Self, DestinationError> {
        landing::validate(app, workspace, &destination).await?;
        Ok(Self { min_ttl, destination })
    }

    /// Where the person is to land, as the caller gave it.
    pub const fn destination(&self) -> &Destination {
        &self.destination
    }
}

/// The user for whom a link is asked, and what is seen of that user; nothing, if there is no such user.
#[derive(Clone, Debug)]
pub struct RequestedUser {
    /// How the caller names the user.
    pub user: UserRef,
    /// User and newest link at one moment since the request began.
    pub seen: Option<Arc<UserLinkState>>,
    /// Before that was seen.
    pub read_point: ReadPoint,
}

impl RequestedUser {
    /// Looks a user up.
    pub async fn find(app: &App, workspace: &Workspace, user: UserRef) -> Result<Self, StoreError> {
        let read_point = app.store.read_point();
        let seen = app.store.find_issue_state(workspace.id, &user).await?;
        Ok(Self { user, seen: seen.map(Arc::new), read_point })
    }
}

/// A link to hand out.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The link itself.
    pub link: LinkUrl,
    /// When it dies of age.
    pub expires_at: Timestamp,
    /// Whether it was there before.
    pub is_reused: bool,
    /// Its number.
    pub id: Uuid,
    /// What it is looked up by.
    pub hash: LinkLookupKey,
    /// Whom it signs in.
    pub user: UserId,
}

/// A whole login link: as secret as its token, so `Debug` hides it and [`reveal`](Self::reveal) lets it out.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkUrl(String);

impl LinkUrl {
    fn of(workspace: &Workspace, token: &Token, destination: &Destination) -> Self {
        Self(format!("{}/login?token={}{}", workspace.url, token.reveal(), destination.parameters()))
    }

    /// The link of a mail. One that would be long names the mail instead of where it leads.
    pub(super) fn in_mail(workspace: &Workspace, token: &Token, mail: &Mail) -> Self {
        let parameters = mail.destination.parameters();
        let parameters =
            if parameters.len() > MAX_PARAMETERS { format!("&to={}", mail.id.simple()) } else { parameters };
        Self(format!("{}/login?token={}{parameters}", workspace.url, token.reveal()))
    }

    /// The link itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What a link in a mail has behind its token at most, in bytes: mail programs break long lines.
const MAX_PARAMETERS: usize = 300;

impl fmt::Debug for LinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkUrl(hidden)")
    }
}

/// Why no link was handed out.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The rule refuses.
    #[error("{}", .0.sentence())]
    Refused(Refusal),
    /// This node must not.
    #[error(transparent)]
    NodeUnhealthy(#[from] NodeUnhealthy),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No seed could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Hands out the user's live link, or makes one that is durable before this returns.
///
/// Any number of callers at once get the same token: whoever loses the write reads the winner's link, and a link
/// made while this was running satisfies any `min_ttl`.
///
/// # Errors
/// `IssueError`, with nothing kept but the audit entry of a refusal.
pub async fn issue(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    subject: &RequestedUser,
    options: &IssueOptions,
) -> Result<Issued, IssueError> {
    nodes::is_fit(app)?;
    let now = app.clock.now();
    let newest_of =
        |seen: &Option<Arc<UserLinkState>>| seen.as_ref().and_then(|seen| Some(seen.newest.as_ref()?.hash));
    let (mut seen, mut read_point) = (subject.seen.clone(), subject.read_point);
    let first_seen = newest_of(&seen);
    for tries in 0..MAX_ATTEMPTS {
        let min_ttl = if newest_of(&seen) == first_seen { options.min_ttl } else { 0 };
        let decision = decide(seen.as_deref(), min_ttl, now);
        if let Decision::Reuse(link) = &decision
            && let Some(token) = rederive(app, link)
        {
            // The link was kept, and its user let have it, in one commit. Whatever changes the user's mind or ours about it
            // since counts the link epoch up, which never falls: what has the link has it live.
            app.store.ensure_durable(read_point, Some(link.draft.created_at)).await?;
            app.metrics.reused.inc();
            app.store.count_reuse(link, now);
            return Ok(issued(workspace, link, &token, options, true));
        }
        let seen_user = match (decision, &seen) {
            (_, None) => {
                // A primary that was replaced does not know who was added since.
                app.store.ensure_durable(read_point, None).await?;
                return refuse(app, workspace, act, Refusal::UserNotFound, None).await;
            }
            (Decision::Refuse(refusal), Some(seen)) => {
                return refuse(app, workspace, act, refusal, Some(seen)).await;
            }
            (Decision::Issue | Decision::Reuse(_), Some(seen)) => seen,
        };
        if tries > 0 {
            // Nobody else has made one meanwhile: it may be that another key derives by now.
            nodes::check_health(app).await??;
        }
        if let Some((link, token)) = make(app, workspace, act, seen_user, now).await? {
            app.metrics.issued.inc();
            return Ok(issued(workspace, &link, &token, options, false));
        }
        read_point = app.store.read_point();
        seen = app.store.find_issue_state(workspace.id, &subject.user).await?.map(Arc::new);
    }
    Err(StoreError::Contended("others kept changing the same user").into())
}

/// The token of a link that is kept. None if somebody edited its row: such a link counts for nothing.
fn rederive(app: &App, link: &LoginLink) -> Option<Token> {
    let rebuilt = app.keys().rederive(link);
    if rebuilt.is_err() {
        tracing::error!(workspace = link.draft.workspace.0, link = %link.id, "a login link is not used: its row was edited, or its key is not in the key file");
    }
    rebuilt.ok()
}

/// Makes a link. `None` if somebody else did first, or the user changed meanwhile.
async fn make(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    seen: &UserLinkState,
    now: Timestamp,
) -> Result<Option<(LoginLink, Token)>, IssueError> {
    let draft = LinkClaims::for_user(seen.user, seen.standing.link_epoch, workspace, now, keys::random()?);
    let (link, token) = app.keys().issue_token(draft);
    let expired = seen.newest.as_ref().filter(|old| old.ended_at.is_none() && old.draft.is_over(now));
    // What somebody edited gets no seal of ours.
    let expired = expired.filter(|old| rederive(app, old).is_some());
    if expired.is_some() {
        // By a wrong clock none is over.
        nodes::check_health(app).await??;
    }
    let expired = expired.map(|old| app.keys().seal_link(old.expired(now)));
    let entry = act.entry(AuditEvent::LinkIssued).about(seen.user).with("link", link.id.to_string());
    let entry = entry.with("expires_at", link.draft.expires_at.to_string()).with("kind", "api");
    let outcome = app
        .store
        .add_login_link((&link, workspace.stories.is_recording), seen, expired.as_ref(), &entry)
        .await?;
    Ok((outcome == Outcome::Applied).then_some((link, token)))
}

async fn refuse(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    refusal: Refusal,
    seen: Option<&UserLinkState>,
) -> Result<Issued, IssueError> {
    app.metrics.refused.get_or_create(&refusal.code().into()).inc();
    if let Some(seen) = seen {
        let entry = act.entry(AuditEvent::LinkRefused).about(seen.user).with("reason", refusal.code());
        app.store.add_refusal(workspace.id, refusal.code(), &entry, app.clock.now()).await?;
    } else {
        app.notes.count_refusal(workspace.id, refusal.code(), app.clock.now());
    }
    Err(IssueError::Refused(refusal))
}

fn issued(
    workspace: &Workspace,
    link: &LoginLink,
    token: &Token,
    options: &IssueOptions,
    is_reused: bool,
) -> Issued {
    let expires_at = link.draft.expires_at;
    let url = LinkUrl::of(workspace, token, &options.destination);
    Issued { link: url, expires_at, is_reused, id: link.id, hash: link.hash, user: link.draft.user }
}

/// The live links of a workspace, counters up to date.
pub async fn list(
    app: &App,
    permit: &ListPermit,
    options: &ListQuery,
) -> Result<Page<ListedLink>, ListError> {
    app.store.list_login_links(permit, options, app.clock.now()).await
}

/// Kills all links and unfinished sign-ins of a user, for good. Whether there is such a user.
pub async fn revoke(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    user: &UserRef,
) -> Result<bool, EndError> {
    nodes::is_fit(app)?;
    let read_point = app.store.read_point();
    if let Some(user) = app.store.find_user(workspace.id, user).await? {
        let entry = act
            .entry(AuditEvent::LinksKilled)
            .about(user.id)
            .with("reason", RevocationReason::Revoked.reason());
        if app.store.kill_login_links(workspace.id, user.id, &entry, app.clock.now()).await?
            == Outcome::Applied
        {
            return Ok(true);
        }
    }
    // Whoever is deleted has no live link: that is an answer too.
    app.store.ensure_durable(read_point, None).await?;
    Ok(false)
}
