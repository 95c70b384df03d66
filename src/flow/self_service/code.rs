//! A code is typed: it uses up the link that was mailed with it.

use std::sync::Arc;

use crate::app::App;
use crate::domain::ask::{Ask, LoginCode, MAX_TRIES};
use crate::domain::audit::AuditContext;
use crate::domain::login_link::{LinkLookupKey, LoginLink};
use crate::domain::session::{CsrfCookie, SessionCookie};
use crate::domain::workspace::Workspace;
use crate::flow::operations::nodes;
use crate::flow::sign_in::{self, Client, Confirmation, Confirmed, FoundLink, RedeemedBy, SignInError};
use crate::store::{MailCounter, StoreError};

/// A code that is typed in the browser of an ask.
#[derive(Debug)]
pub struct TypedCode<'a> {
    /// The ask, which is live.
    pub ask: &'a Ask,
    /// What was typed.
    pub typed: &'a str,
    /// The cookie that came with the page.
    pub browser: CsrfCookie,
    /// Who types; the session that the browser has gives way to the new one.
    pub client: Client,
    /// Where the person is to land.
    pub landing: String,
    /// The app that this leads to.
    pub client_id: Option<String>,
}

/// What a code led to.
#[derive(Debug)]
pub enum Redeemed {
    /// A session, new or that of the same code before.
    SignedIn {
        /// What proves it.
        cookie: SessionCookie,
        /// Where the person lands.
        landing: String,
    },
    /// It is not the code.
    Wrong,
    /// The ask is over: no code is right any more.
    Over,
}

/// Takes a code. However many are typed at once, five are looked at, and one of them gets a session.
pub async fn redeem(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    typed: TypedCode<'_>,
) -> Result<Redeemed, SignInError> {
    nodes::is_fit(app)?;
    let (ask, now) = (typed.ask, app.clock.now());
    let Some(code) = LoginCode::parse(typed.typed) else { return Ok(Redeemed::Wrong) };
    let counter = counter_of(app, workspace, ask);
    let is_right = app.keys().ask_code(ask).is_ok_and(|right| right.is_same_as(&code));
    // Counted first, and looked at then: else many at once would all be looked at before the first is counted.
    let Some(tried) = app.store.count_try(ask, &counter, now).await? else {
        // The last try may have been right, and be sent twice.
        return if is_right { replay(app, (workspace, act), typed).await } else { Ok(Redeemed::Over) };
    };
    if is_right
        && tried.is_address_open
        && let Some(found) = linked(app, workspace, tried.link).await?
    {
        // It was right, whatever becomes of its link.
        if let Err(error) = app.store.refund_try(ask, &counter).await {
            tracing::warn!(%error, "a code that was right stays counted as a try");
        }
        return confirm(app, (workspace, act), typed, &found).await;
    }
    if tried.tries < MAX_TRIES {
        return Ok(Redeemed::Wrong);
    }
    let ended = linked(app, workspace, tried.link).await?.map(|found| ended(app, &found.link));
    app.store.end_ask(ask, ended.as_ref(), now).await?;
    Ok(Redeemed::Over)
}

/// What wrong codes for the address of an ask are counted by. No code is right where asks stand for all those of a network that asks
/// too often: they are counted as one.
fn counter_of(app: &App, workspace: &Workspace, ask: &Ask) -> MailCounter {
    let now = app.clock.now();
    if ask.is_over_limit() {
        return MailCounter::wrong_codes(&[0; 32], now);
    }
    MailCounter::wrong_codes(&app.keys().address_hash(workspace.id, ask.email.trim()), now)
}

/// The session that the right code has begun, if it is typed once more.
async fn replay(
    app: &App,
    place: (&Workspace, &AuditContext),
    typed: TypedCode<'_>,
) -> Result<Redeemed, SignInError> {
    let found = linked(app, place.0, typed.ask.link).await?;
    match found.filter(|found| found.link.used_at.is_some()) {
        Some(found) => confirm(app, place, typed, &found).await,
        None => Ok(Redeemed::Over),
    }
}

/// The link that was made for an ask, if any was.
async fn linked(
    app: &App,
    workspace: &Workspace,
    link: Option<LinkLookupKey>,
) -> Result<Option<FoundLink>, StoreError> {
    let found = app.store.find_login_link(workspace.id, &[link.unwrap_or_default()]).await?;
    Ok(found.filter(|_| link.is_some()))
}

fn ended(app: &App, link: &LoginLink) -> LoginLink {
    app.keys().seal_link(link.expired(app.clock.now()))
}

async fn confirm(
    app: &App,
    (workspace, act): (&Workspace, &AuditContext),
    typed: TypedCode<'_>,
    found: &FoundLink,
) -> Result<Redeemed, SignInError> {
    let Ok(token) = app.keys().rederive(&found.link) else { return Ok(Redeemed::Over) };
    let visitor = Client { link: Some(Arc::new(found.clone())), ..typed.client };
    let TypedCode { browser, landing, client_id, .. } = typed;
    let confirm = Confirmation { token, browser, visitor, landing, client_id, by: RedeemedBy::Code };
    match sign_in::confirm(app, workspace, act, &confirm).await? {
        Confirmed::SignedIn { cookie, landing } => Ok(Redeemed::SignedIn { cookie, landing }),
        Confirmed::Dead => Ok(Redeemed::Over),
    }
}
