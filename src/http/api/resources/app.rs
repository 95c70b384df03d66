//! An app as a back office sees it.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::oidc::app_secret::{AppSecret, ClientSecret};
use crate::domain::oidc::refusal::AppRefusal;
use crate::domain::timestamp::Timestamp;
use crate::flow::oidc::app_changes::{AppWithSecrets, type_name};

/// An app that people are signed in to.
#[derive(Serialize, ToSchema)]
pub struct AppObject {
    /// What it is called in requests.
    #[schema(pattern = "^[0-9A-Za-z-]{3,64}$", example = "appewtGwgZ0b3IE1wq7a7vr")]
    client_id: String,
    /// What people call it.
    name: String,
    /// `public` if it can keep no secret, else `confidential`.
    #[serde(rename = "type")]
    #[schema(pattern = "^(confidential|public)$")]
    kind: &'static str,
    /// Where codes may be sent, byte for byte.
    redirect_uris: Vec<String>,
    /// Where a person arrives who comes by a link.
    #[schema(required = true)]
    start_url: Option<String>,
    /// Where a person may be sent after signing out, byte for byte.
    post_logout_redirect_uris: Vec<String>,
    /// Where it hears that a session has ended.
    #[schema(required = true)]
    backchannel_logout_uri: Option<String>,
    /// Whether a code challenge is `required` or `optional`.
    #[schema(pattern = "^(required|optional)$")]
    pkce: &'static str,
    /// What its ID tokens are signed with.
    #[schema(pattern = "^(RS256|ES256)$")]
    alg: &'static str,
    /// Whether claims of scopes are left to userinfo.
    slim_id_token: bool,
    /// Its live secrets, oldest first, without the secrets themselves.
    secrets: Vec<ListedSecret>,
    /// When it was added.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// A secret of an app, without the secret itself.
#[derive(Serialize, ToSchema)]
pub struct ListedSecret {
    /// What it is removed by.
    id: Uuid,
    /// When it was made.
    created_at: Timestamp,
}

/// An app that was just added.
#[derive(Serialize, ToSchema)]
pub struct AddedApp {
    #[serde(flatten)]
    app: AppObject,
    /// Who signs its ID tokens.
    #[schema(format = "uri")]
    issuer: String,
    /// Its secret, this once; a public app has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[0-9A-Za-z]{43}$")]
    client_secret: Option<String>,
}

/// A secret that was just made.
#[derive(Serialize, ToSchema)]
pub struct AddedSecret {
    /// What it is removed by.
    id: Uuid,
    /// The secret, this once.
    #[schema(pattern = "^[0-9A-Za-z]{43}$")]
    secret: String,
    /// When it was made.
    created_at: Timestamp,
}

/// Requests that named an app and were refused.
#[derive(Serialize, ToSchema)]
pub struct Refusals {
    /// The newest first, 50 at most.
    data: Vec<Refusal>,
}

/// A request that was refused.
#[derive(Serialize, ToSchema)]
#[schema(as = AppRefusal)]
pub struct Refusal {
    /// When it was.
    time: Timestamp,
    /// What the app was answered.
    #[schema(example = "invalid_redirect_uri")]
    error: String,
    /// What is wrong, for the operator.
    message: String,
    /// In which request.
    request_id: Uuid,
}

impl From<AppWithSecrets> for AppObject {
    fn from(AppWithSecrets { app, secrets }: AppWithSecrets) -> Self {
        Self {
            kind: type_name(app.is_public),
            pkce: if app.is_pkce_optional { "optional" } else { "required" },
            alg: app.algorithm.name(),
            client_id: app.client_id,
            name: app.name,
            redirect_uris: app.redirect_uris,
            start_url: app.start_url,
            post_logout_redirect_uris: app.post_logout_redirect_uris,
            backchannel_logout_uri: app.backchannel_logout_uri,
            slim_id_token: app.is_id_token_slim,
            secrets: secrets.iter().map(ListedSecret::from).collect(),
            created_at: app.created_at,
            updated_at: app.updated_at,
        }
    }
}

impl From<&AppSecret> for ListedSecret {
    fn from(secret: &AppSecret) -> Self {
        Self { id: secret.id, created_at: secret.created_at }
    }
}

impl AddedApp {
    /// An app of this issuer, and its secret, if it has one.
    pub fn of(app: AppWithSecrets, issuer: &str, secret: Option<&ClientSecret>) -> Self {
        let client_secret = secret.map(|secret| secret.reveal().to_owned());
        Self { app: app.into(), issuer: issuer.to_owned(), client_secret }
    }
}

impl AddedSecret {
    /// A secret and its row.
    pub fn of(row: &AppSecret, secret: &ClientSecret) -> Self {
        Self { id: row.id, secret: secret.reveal().to_owned(), created_at: row.created_at }
    }
}

impl From<Vec<AppRefusal>> for Refusals {
    fn from(refusals: Vec<AppRefusal>) -> Self {
        let shown = |refusal: AppRefusal| {
            let AppRefusal { time, error, message, request: request_id, .. } = refusal;
            Refusal { time, error, message, request_id }
        };
        Self { data: refusals.into_iter().map(shown).collect() }
    }
}
