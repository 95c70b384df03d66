//! An app asks who is there (OpenID Connect Core 1.0, section 3.1.2).

use std::sync::Arc;

use uuid::Uuid;

use super::{apps, refusals, signing_keys, waiting};
use crate::app::App;
use crate::domain::email::EmailAddress;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_uri::{is_registered, why_not_registered};
use crate::domain::oidc::code::{AppCode, AppToken};
use crate::domain::oidc::request::{
    AuthorizeError, AuthorizeRequest, Pairs, ReplyTo, WaitingRequest, parse, reply_to, single,
};
use crate::domain::oidc::scope::OidcScopes;
use crate::domain::session::SessionWithUser;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::Workspace;
use crate::flow::operations::nodes;
use crate::flow::sign_in::SignInError;
use crate::keys;
use crate::store::{Outcome, StoreError};

/// Why nothing can be answered to an app: it is not known, or may not be answered where the request says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAnswerable;

/// A request that has been read.
#[derive(Debug)]
pub enum Read {
    /// Nothing is sent anywhere.
    NotAnswerable,
    /// The app is told what is wrong.
    Wrong(ReplyTo, AuthorizeError),
    /// It can be gone on with.
    Request(Box<(OidcApp, WaitingRequest)>),
}

/// What a request leads to.
#[derive(Debug)]
pub enum Authorized {
    /// A code for the app.
    Code(ReplyTo, AppToken),
    /// An error for the app.
    Wrong(ReplyTo, AuthorizeError),
    /// The person signs in first; then this, sealed, goes on.
    SignIn(String),
    /// The person says whether to go on with the account that is signed in here.
    AskAccount {
        /// The app's name.
        app_name: String,
        /// The account's address, masked.
        account: String,
        /// The person's language, as a tag.
        locale: String,
        /// The request, sealed.
        waiting: String,
    },
}

/// Reads a request as it came from the app.
pub async fn read(
    app: &App,
    workspace: &Workspace,
    pairs: &Pairs,
    request_id: Uuid,
) -> Result<Read, StoreError> {
    let Some(client_id) = single(pairs, "client_id").ok().flatten() else { return Ok(Read::NotAnswerable) };
    let Some(client) = apps::find(app, workspace.id, client_id).await? else {
        return Ok(Read::NotAnswerable);
    };
    let note = |error, message| refusals::note(app, &client, (error, message), request_id);
    let Some(reply_to) = reply_to(pairs, &client) else {
        let uri = single(pairs, "redirect_uri");
        note("invalid_redirect_uri", why_not_registered(&client.redirect_uris, uri));
        return Ok(Read::NotAnswerable);
    };
    let request = match parse(pairs, &client, &reply_to) {
        Ok(request) => with_hint(app, workspace, pairs, request).await?,
        Err(error) => Err(error),
    };
    match request {
        Ok(request) => {
            let first_seen_at = app.clock.now().millis();
            let waiting = WaitingRequest { request, first_seen_at, confirmed_by: None };
            Ok(Read::Request(Box::new((client, waiting))))
        }
        Err(error) => {
            note(error.code, error.description.to_owned());
            Ok(Read::Wrong(reply_to, error))
        }
    }
}

/// Reads a request that has waited. It is judged anew where the app may have changed meanwhile.
pub async fn resume(app: &App, workspace: &Workspace, sealed: &str) -> Result<Read, StoreError> {
    let Some(waiting) = waiting::open(app, workspace, sealed) else { return Ok(Read::NotAnswerable) };
    let request = &waiting.request;
    let client = apps::find(app, workspace.id, &request.client_id).await?;
    let client =
        client.filter(|client| is_registered(&client.redirect_uris, &request.redirect_uri, client.is_public));
    Ok(client.map_or(Read::NotAnswerable, |client| Read::Request(Box::new((client, waiting)))))
}

/// The request with whom its ID token hint names.
async fn with_hint(
    app: &App,
    workspace: &Workspace,
    pairs: &Pairs,
    request: AuthorizeRequest,
) -> Result<Result<AuthorizeRequest, AuthorizeError>, StoreError> {
    let Some(hint) = single(pairs, "id_token_hint").ok().flatten() else { return Ok(Ok(request)) };
    let claims = signing_keys::verify_own(app, workspace, hint).await?;
    Ok(match claims {
        Some(claims) => Ok(AuthorizeRequest { hinted_subject: Some(claims.sub), ..request }),
        None => Err(AuthorizeError::of(
            "invalid_request",
            "id_token_hint is not an ID token that this issuer signed",
        )),
    })
}

/// Who is at the browser, and what is known of how that came about.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who is signed in.
    pub signed_in: Option<Arc<SessionWithUser>>,
    /// Whether the request has waited in this browser: then a sign-in since it was first seen is the one that it demanded.
    pub has_waited: bool,
}

/// Goes on with a request: a code, an error, or a page first.
///
/// # Errors
/// `SignInError` if the store cannot be used, or this node must not issue anything: nothing was answered to the app.
pub async fn proceed(
    app: &App,
    workspace: &Workspace,
    (client, waiting): (&OidcApp, WaitingRequest),
    visitor: &Visitor,
) -> Result<Authorized, SignInError> {
    nodes::is_fit(app)?;
    let request = &waiting.request;
    let wrong = |error| Ok(Authorized::Wrong(request.into(), error));
    let Some(signed_in) = visitor.signed_in.as_deref() else {
        return Ok(sign_in_first(app, workspace, &waiting, "nobody is signed in"));
    };
    // Whom the rule refuses is not sent to a sign-in.
    if signed_in.standing.refusal().is_some() {
        return wrong(AuthorizeError::of("access_denied", "this person may not sign in"));
    }
    let now = app.clock.now();
    let first_seen_at = Timestamp::from_millis(waiting.first_seen_at);
    let is_new = visitor.has_waited && signed_in.session.created_at >= first_seen_at;
    let age = now.millis().saturating_sub(signed_in.session.created_at.millis());
    let is_too_old = request.max_age.is_some_and(|most| {
        most == 0 || i64::try_from(most).is_ok_and(|most| age >= most.saturating_mul(1_000))
    });
    if !is_new && (request.demands_sign_in || is_too_old) {
        return Ok(sign_in_first(app, workspace, &waiting, "a new sign-in is demanded"));
    }
    if request.hinted_subject.is_some() || request.login_hint.is_some() {
        let subject = subject_of(app, workspace, signed_in.session.user).await?;
        if request.hinted_subject.as_ref().is_some_and(|hinted| Some(hinted) != subject.as_ref()) {
            let description = "somebody else than id_token_hint names is signed in";
            if is_new {
                return wrong(AuthorizeError::login_required(description));
            }
            return Ok(sign_in_first(app, workspace, &waiting, description));
        }
        let is_other = |hint: &String| !is_named(hint, subject.as_deref(), &signed_in.email);
        if !is_new && request.login_hint.as_ref().is_some_and(is_other) {
            if request.is_silent {
                let description = "somebody else than login_hint names is signed in";
                return wrong(AuthorizeError::login_required(description));
            }
            if waiting.confirmed_by != Some(signed_in.session.id) {
                return Ok(ask_account(app, workspace, (client, &waiting), signed_in));
            }
        }
    }
    if request.asks_for_account && !is_new && waiting.confirmed_by != Some(signed_in.session.id) {
        return Ok(ask_account(app, workspace, (client, &waiting), signed_in));
    }
    let code = keys::random_app_token()?;
    let row = app.keys().seal_new_app_code(new_code(workspace, request, signed_in, now), &code);
    match app.store.add_app_code(&row).await? {
        Outcome::Applied => Ok(Authorized::Code(request.into(), code)),
        // The session has just ended, or another secret key derives by now.
        Outcome::Conflict => {
            nodes::check_health(app).await??;
            Ok(sign_in_first(app, workspace, &waiting, "nobody is signed in any more"))
        }
    }
}

/// Goes on with the account that is signed in here, once its person said so: the request, sealed anew.
pub fn confirm(
    app: &App,
    workspace: &Workspace,
    sealed: &str,
    signed_in: &SessionWithUser,
) -> Option<String> {
    let waiting = waiting::open(app, workspace, sealed)?;
    let confirmed = WaitingRequest { confirmed_by: Some(signed_in.session.id), ..waiting };
    Some(waiting::seal(app, workspace, &confirmed))
}

/// Asks once more whether to go on with the account that is signed in here; nothing, if the request cannot be gone on with.
pub async fn ask_again(
    app: &App,
    workspace: &Workspace,
    sealed: &str,
    signed_in: &SessionWithUser,
) -> Result<Option<Authorized>, StoreError> {
    let Read::Request(request) = resume(app, workspace, sealed).await? else { return Ok(None) };
    let (client, waiting) = *request;
    Ok(Some(ask_account(app, workspace, (&client, &waiting), signed_in)))
}

fn sign_in_first(
    app: &App,
    workspace: &Workspace,
    waiting: &WaitingRequest,
    description: &'static str,
) -> Authorized {
    if waiting.request.is_silent {
        return Authorized::Wrong((&waiting.request).into(), AuthorizeError::login_required(description));
    }
    Authorized::SignIn(waiting::seal(app, workspace, waiting))
}

fn ask_account(
    app: &App,
    workspace: &Workspace,
    (client, waiting): (&OidcApp, &WaitingRequest),
    signed_in: &SessionWithUser,
) -> Authorized {
    Authorized::AskAccount {
        app_name: client.name.clone(),
        account: signed_in.email.masked(),
        locale: signed_in.locale.clone(),
        waiting: waiting::seal(app, workspace, waiting),
    }
}

/// Whether a request means somebody else than a user, by its hints.
pub async fn means_somebody_else(
    app: &App,
    workspace: &Workspace,
    request: &AuthorizeRequest,
    (user, email): (UserId, &EmailAddress),
) -> Result<bool, StoreError> {
    if request.hinted_subject.is_none() && request.login_hint.is_none() {
        return Ok(false);
    }
    let subject = subject_of(app, workspace, user).await?;
    let is_other = |hint: &String| Some(hint) != subject.as_ref();
    Ok(request.hinted_subject.as_ref().is_some_and(is_other)
        || request.login_hint.as_ref().is_some_and(|hint| !is_named(hint, subject.as_deref(), email)))
}

/// Whether a login hint names a user: by the subject or the address.
fn is_named(hint: &str, subject: Option<&str>, email: &EmailAddress) -> bool {
    Some(hint) == subject || hint.eq_ignore_ascii_case(email.as_str())
}

/// What apps know a user by.
pub(super) async fn subject_of(
    app: &App,
    workspace: &Workspace,
    user: UserId,
) -> Result<Option<String>, StoreError> {
    Ok(app.store.find_person(workspace.id, user).await?.map(|person| person.subject))
}

fn new_code(
    workspace: &Workspace,
    request: &AuthorizeRequest,
    signed_in: &SessionWithUser,
    now: Timestamp,
) -> AppCode {
    let keys = &signed_in.session;
    AppCode {
        workspace: workspace.id,
        hash: [0; 32],
        client_id: request.client_id.clone(),
        user: keys.user,
        link_epoch: signed_in.standing.link_epoch,
        session: keys.id,
        redirect_uri: request.redirect_uri.clone(),
        code_challenge: request.code_challenge.clone(),
        nonce: request.nonce.clone(),
        scopes: OidcScopes::from_bits(request.scopes).unwrap_or(OidcScopes::parse("openid")),
        key: keys.key,
        created_at: now,
        used_at: None,
        token_hash: None,
        token_expires_at: None,
        token_revoked_at: None,
        seal: [0; 32],
    }
}
