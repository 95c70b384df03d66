//! An app as the API shows it.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::oidc::app_body::type_of;
use crate::domain::oidc::app_secret::AppSecret;
use crate::domain::timestamp::Timestamp;
use crate::flow::oidc::app_admin::ShownApp;

/// An app.
#[derive(Serialize, ToSchema)]
#[schema(as = App)]
pub struct AppObject {
    /// What it is called in requests.
    client_id: String,
    /// What people call it.
    name: String,
    /// `confidential` or `public`.
    #[serde(rename = "type")]
    #[schema(example = "confidential")]
    kind: &'static str,
    /// Where codes may be sent.
    redirect_uris: Vec<String>,
    /// Where a person arrives who comes by a link.
    #[schema(required = true)]
    start_url: Option<String>,
    /// Where a person may be sent after signing out.
    post_logout_redirect_uris: Vec<String>,
    /// Where it hears that a session has ended.
    #[schema(required = true)]
    backchannel_logout_uri: Option<String>,
    /// `required`, or `optional` for an app that cannot do it.
    #[schema(example = "required")]
    pkce: &'static str,
    /// What its ID tokens are signed with: `RS256` or `ES256`.
    #[schema(example = "RS256")]
    alg: &'static str,
    /// Whether claims of scopes are left to userinfo.
    slim_id_token: bool,
    /// Its live secrets, without what they are.
    secrets: Vec<SecretObject>,
    /// When it was added.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// A secret of an app, without what it is.
#[derive(Serialize, ToSchema)]
#[schema(as = AppSecret)]
pub struct SecretObject {
    /// What it is called where it is removed.
    id: Uuid,
    /// When it was made.
    created_at: Timestamp,
}

impl From<AppSecret> for SecretObject {
    fn from(secret: AppSecret) -> Self {
        Self { id: secret.id, created_at: secret.created_at }
    }
}

impl From<ShownApp> for AppObject {
    fn from(ShownApp { app, secrets }: ShownApp) -> Self {
        Self {
            kind: type_of(&app),
            client_id: app.client_id,
            name: app.name,
            redirect_uris: app.redirect_uris,
            start_url: app.start_url,
            post_logout_redirect_uris: app.post_logout_redirect_uris,
            backchannel_logout_uri: app.backchannel_logout_uri,
            pkce: if app.is_pkce_optional { "optional" } else { "required" },
            alg: app.algorithm.name(),
            slim_id_token: app.is_id_token_slim,
            secrets: secrets.into_iter().map(SecretObject::from).collect(),
            created_at: app.created_at,
            updated_at: app.updated_at,
        }
    }
}

/// An app that was just added.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct AddedApp {
    #[serde(flatten)]
    pub(in crate::http) app: AppObject,
    /// The issuer that it trusts.
    pub(in crate::http) issuer: String,
    /// Its secret, in this response alone; a public app has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(in crate::http) client_secret: Option<String>,
}

/// A secret that was just made.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct AddedSecret {
    /// What it is called where it is removed.
    pub(in crate::http) id: Uuid,
    /// The secret, in this response alone.
    pub(in crate::http) secret: String,
    /// When it was made.
    pub(in crate::http) created_at: Timestamp,
}

/// The last refusals of an app.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Refusals {
    /// Newest first, 50 at most.
    data: Vec<RefusalObject>,
}

/// A request that named an app and was refused.
#[derive(Serialize, ToSchema)]
#[schema(as = AppRefusal)]
pub(in crate::http) struct RefusalObject {
    /// When.
    time: Timestamp,
    /// The word that the app was answered, or would have been.
    error: String,
    /// What is wrong, for the operator.
    message: String,
    /// In which request.
    request_id: Uuid,
}

impl From<Vec<crate::domain::oidc::refusal::AppRefusal>> for Refusals {
    fn from(refusals: Vec<crate::domain::oidc::refusal::AppRefusal>) -> Self {
        let data = refusals.into_iter().map(|refusal| RefusalObject {
            time: refusal.time,
            error: refusal.error,
            message: refusal.message,
            request_id: refusal.request,
        });
        Self { data: data.collect() }
    }
}
