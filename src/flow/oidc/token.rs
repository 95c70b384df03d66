//! An app exchanges its code for an ID token and an access token (OpenID Connect Core 1.0, section 3.1.3).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{apps, refusals, signing_keys};
use crate::app::App;
use crate::domain::audit::{Actor, AuditContext, AuditEvent};
use crate::domain::client_network::ClientNetwork;
use crate::domain::node::NodeUnhealthy;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::claims::{Claims, Person};
use crate::domain::oidc::code::{AppCode, AppToken, TOKEN_LIFETIME};
use crate::domain::oidc::request::{Pairs, single};
use crate::domain::session::SessionWithUser;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::Workspace;
use crate::flow::operations::nodes;
use crate::flow::request_lookup::count_auth_failure;
use crate::keys;
use crate::keys::NoRandomness;
use crate::rate_limits::RateLimited;
use crate::store::{Exchange, Outcome, StoreError};

/// How an ID token says that a person could read one mailbox, and no more.
pub const ACR: &str = "urn:doorkey:mailbox";

/// The parameters of an exchange, none of which may be there twice.
pub const PARAMETERS: [&str; 8] = [
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
];

/// How an app shows who it is.
#[derive(Debug)]
pub enum ClientCredentials {
    /// By HTTP Basic (RFC 6749, section 2.3.1): client id and secret.
    Basic(String, String),
    /// In the form.
    Form,
    /// In no way that counts.
    Unusable,
}

/// Why an exchange is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The form is not one for this.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// The app is not known, or has not shown that it is this one.
    #[error("the client is unknown, or its secret or the way it was sent is wrong")]
    InvalidClient,
    /// Another grant than a code.
    #[error("grant_type must be authorization_code")]
    UnsupportedGrantType,
    /// The code is not one that this app can exchange.
    #[error("the code is unknown, used or over, or does not fit its redirect_uri, code_verifier or client")]
    InvalidGrant,
    /// Too many wrong secrets from there.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// This node must not.
    #[error(transparent)]
    NodeUnhealthy(#[from] NodeUnhealthy),
    /// The store did not do what it was asked: the code is as it was.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No secret could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// Nothing could be signed.
    #[error(transparent)]
    Signing(#[from] signing_keys::SigningError),
}

/// What an app gets for a code.
#[derive(Debug)]
pub struct Tokens {
    /// For userinfo.
    pub access_token: AppToken,
    /// What was granted.
    pub scope: String,
    /// Who signed in, signed.
    pub id_token: String,
}

/// An exchange as it came.
#[derive(Debug)]
pub struct TokenRequest<'a> {
    /// The form.
    pub form: &'a Pairs,
    /// How the app shows who it is.
    pub credentials: ClientCredentials,
    /// From where: wrong secrets count against it.
    pub source: ClientNetwork,
    /// The number of the request.
    pub request_id: Uuid,
}

/// Exchanges a code. A refused exchange leaves an unused code as it was; one that was used before loses its access token.
pub async fn exchange(
    app: &App,
    workspace: &Workspace,
    request: &TokenRequest<'_>,
) -> Result<Tokens, TokenError> {
    let named = named_client(app, workspace, request).await?;
    let grant_type = grant_type(request.form).map_err(|message| {
        if let Some(client) = &named {
            refusals::note(app, client, ("invalid_request", message.to_owned()), request.request_id);
        }
        TokenError::InvalidRequest(message)
    })?;
    let client = authenticate(app, workspace, request, named).await?;
    let value = |name: &str| single(request.form, name).ok().flatten();
    let note = |error: &'static str, message: &str| {
        refusals::note(app, &client, (error, message.to_owned()), request.request_id);
    };
    if grant_type != "authorization_code" {
        note("unsupported_grant_type", "grant_type must be authorization_code");
        return Err(TokenError::UnsupportedGrantType);
    }
    nodes::is_fit(app)?;
    let Some(code) = find(app, workspace, value("code")).await? else {
        note("invalid_grant", "the code is unknown, or was made more than an hour ago");
        return Err(TokenError::InvalidGrant);
    };
    if let Err(reason) = fits(&code, &client, value("redirect_uri"), value("code_verifier")) {
        note("invalid_grant", reason);
        return Err(TokenError::InvalidGrant);
    }
    let attempt = Attempt { app, workspace, client: &client, now: app.clock.now() };
    if code.used_at.is_some() {
        note("invalid_grant", "the code was used before");
        return Err(attempt.used_again(&code).await?);
    }
    if !code.is_live(attempt.now) {
        note("invalid_grant", "the code is older than 60 s");
        return Err(TokenError::InvalidGrant);
    }
    let Some((signed_in, person)) = attempt.find_person(&code).await? else {
        note("invalid_grant", "the session is over, or the person may not sign in any more");
        return Err(TokenError::InvalidGrant);
    };
    let exchanged = attempt.exchange(&code, (&signed_in, &person), request.request_id).await?;
    if exchanged.is_none() {
        note("invalid_grant", "the code was used at the same moment, or the person was signed out");
    }
    exchanged.ok_or(TokenError::InvalidGrant)
}

/// What a form asks for, or what is wrong with it.
fn grant_type(form: &Pairs) -> Result<&str, &'static str> {
    if PARAMETERS.iter().any(|name| single(form, name).is_err()) {
        return Err("a parameter is there twice");
    }
    let grant_type = single(form, "grant_type").ok().flatten();
    grant_type.ok_or("grant_type is missing: it must be authorization_code")
}

/// The app that an exchange names, whoever sent it.
async fn named_client(
    app: &App,
    workspace: &Workspace,
    request: &TokenRequest<'_>,
) -> Result<Option<OidcApp>, StoreError> {
    let client_id = match &request.credentials {
        ClientCredentials::Basic(client_id, _) => Some(client_id.as_str()),
        ClientCredentials::Form | ClientCredentials::Unusable => {
            single(request.form, "client_id").ok().flatten()
        }
    };
    match client_id {
        Some(client_id) => apps::find(app, workspace.id, client_id).await,
        None => Ok(None),
    }
}

/// The app that is named, if it has shown that it is this one.
async fn authenticate(
    app: &App,
    workspace: &Workspace,
    request: &TokenRequest<'_>,
    client: Option<OidcApp>,
) -> Result<OidcApp, TokenError> {
    let value = |name: &str| single(request.form, name).ok().flatten();
    // What is shown, if anything is; of that nothing counts where it was sent in two ways.
    let secret = match &request.credentials {
        ClientCredentials::Basic(client_id, secret) => {
            let is_other = value("client_id").is_some_and(|other| other != client_id);
            Some((!is_other && value("client_secret").is_none()).then_some(secret.as_str()))
        }
        ClientCredentials::Form => value("client_secret").map(Some),
        ClientCredentials::Unusable => Some(None),
    };
    // A way that is not taken (RFC 7521, section 4.2) is one that the app wants to be known by, so it is not passed over.
    let has_assertion =
        ["client_assertion", "client_assertion_type"].iter().any(|name| value(name).is_some());
    let secret = if has_assertion { Some(None) } else { secret };
    let is_proven = match (&client, secret) {
        // A public app has no secret, and shows none.
        (Some(client), None) => client.is_public,
        (Some(client), Some(Some(secret))) if !client.is_public => {
            apps::check_secret(app, workspace.id, client, secret).await?
        }
        _ => false,
    };
    if let Some(client) = client {
        if is_proven {
            return Ok(client);
        }
        let message =
            "the secret is wrong or missing, or it was sent in two ways, in the query or as an assertion";
        refusals::note(app, &client, ("invalid_client", message.to_owned()), request.request_id);
    }
    count_auth_failure(app, request.source)?;
    Err(TokenError::InvalidClient)
}

/// The genuine row of a code.
async fn find(app: &App, workspace: &Workspace, code: Option<&str>) -> Result<Option<AppCode>, StoreError> {
    let Some(code) = code.and_then(AppToken::parse) else { return Ok(None) };
    let hashes = app.keys().app_code_hashes(workspace.id, &code);
    let found = app.store.find_app_code(workspace.id, &hashes).await?;
    Ok(found.filter(|row| app.keys().is_genuine_app_code(row)))
}

/// Whether a code is this app's, was sent to this address, and is known to whoever began with it.
fn fits(
    code: &AppCode,
    client: &OidcApp,
    redirect_uri: Option<&str>,
    verifier: Option<&str>,
) -> Result<(), &'static str> {
    if code.client_id != client.client_id {
        return Err("the code was made for another app");
    }
    if redirect_uri != Some(code.redirect_uri.as_str()) {
        return Err("redirect_uri is not the one that the code was sent to");
    }
    match (&code.code_challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err("code_verifier is there, but the request had no code_challenge"),
        (Some(_), None) => Err("code_verifier is missing"),
        (Some(challenge), Some(verifier)) => {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            let is_right: bool = hash.as_bytes().ct_eq(challenge.as_bytes()).into();
            if is_right { Ok(()) } else { Err("code_verifier does not fit the code_challenge") }
        }
    }
}

/// An exchange on its way: what its steps share.
struct Attempt<'a> {
    app: &'a App,
    workspace: &'a Workspace,
    client: &'a OidcApp,
    now: Timestamp,
}

impl Attempt<'_> {
    /// What is done when a code comes once more: whoever has its access token may have stolen both (RFC 6749, section 4.1.2).
    async fn used_again(&self, code: &AppCode) -> Result<TokenError, TokenError> {
        if code.token_revoked_at.is_none() {
            let revoked = AppCode { token_revoked_at: Some(self.now), ..code.clone() };
            self.app.store.revoke_access_token(&self.app.keys().seal_app_code(revoked)).await?;
        }
        Ok(TokenError::InvalidGrant)
    }

    /// Whose code it is, while the session holds in which it was made and the person may use links.
    async fn find_person(&self, code: &AppCode) -> Result<Option<(SessionWithUser, Person)>, StoreError> {
        super::userinfo::find_person(self.app, self.workspace, code, self.now).await
    }

    async fn exchange(
        &self,
        code: &AppCode,
        (signed_in, person): (&SessionWithUser, &Person),
        request_id: Uuid,
    ) -> Result<Option<Tokens>, TokenError> {
        let Self { app, workspace, client, now } = *self;
        let access_token = keys::random_app_token()?;
        let claims = self.id_token(code, (signed_in, person), &access_token);
        // Signed first: if that fails, the code is as it was.
        let id_token = signing_keys::sign(app, workspace, client.algorithm, "JWT", &claims).await?;
        let used = AppCode {
            used_at: Some(now),
            token_expires_at: Some(now.plus_seconds(TOKEN_LIFETIME)),
            ..code.clone()
        };
        let used = app.keys().seal_exchanged(used, &access_token);
        let act = AuditContext { actor: Actor::App(client.client_id.clone()), request: request_id };
        let entry = act.entry(AuditEvent::AppAuthorized).about(code.user);
        let entry =
            entry.with("client_id", client.client_id.clone()).with("session", code.session.to_string());
        let exchange = Exchange {
            code: &used,
            session_epoch: signed_in.session.epoch,
            link: &signed_in.session.link,
            app_session: now.new_id(),
            entry: &entry,
        };
        if app.store.exchange_app_code(&exchange, now).await? == Outcome::Applied {
            return Ok(Some(Tokens { access_token, scope: code.scopes.to_string(), id_token }));
        }
        let hashes = [code.hash];
        if let Some(row) = app.store.find_app_code(workspace.id, &hashes).await?
            && row.used_at.is_some()
        {
            self.used_again(&row).await?;
        }
        Ok(None)
    }

    fn id_token<'a>(
        &'a self,
        code: &'a AppCode,
        (signed_in, person): (&SessionWithUser, &'a Person),
        access_token: &AppToken,
    ) -> IdToken<'a> {
        let iat = self.now.millis().div_euclid(1_000);
        let hash = Sha256::digest(access_token.reveal().as_bytes());
        IdToken {
            iss: self.workspace.url.as_str(),
            sub: &person.subject,
            aud: &self.client.client_id,
            iat,
            exp: iat + TOKEN_LIFETIME,
            auth_time: signed_in.session.created_at.millis().div_euclid(1_000),
            nonce: code.nonce.as_deref(),
            sid: signed_in.session.id,
            at_hash: URL_SAFE_NO_PAD.encode(&hash[..16]),
            acr: ACR,
            amr: [signed_in.session.method.name()],
            claims: (!self.client.is_id_token_slim)
                .then(|| Claims::of(person, code.scopes, self.workspace.vouches_for_addresses())),
        }
    }
}

/// An ID token (OpenID Connect Core 1.0, section 2).
#[derive(Serialize)]
struct IdToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    sid: Uuid,
    at_hash: String,
    acr: &'static str,
    amr: [&'static str; 1],
    #[serde(flatten)]
    claims: Option<Claims>,
}
