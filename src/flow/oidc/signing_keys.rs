//! stub
use crate::app::App;
use crate::domain::oidc::app::SigningAlgorithm;
use crate::domain::workspace::Workspace;
use crate::store::StoreError;
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error(transparent)]
    Store(#[from] StoreError),
}
pub struct OwnClaims {
    pub sub: String,
    pub aud: String,
}
pub async fn verify_own(_: &App, _: &Workspace, _: &str) -> Result<Option<OwnClaims>, StoreError> {
    Ok(None)
}
pub async fn public_keys(_: &App, _: &Workspace) -> Result<Vec<serde_json::Value>, StoreError> {
    Ok(vec![])
}
pub async fn sign<T: serde::Serialize>(
    _: &App,
    _: &Workspace,
    _: SigningAlgorithm,
    _: &str,
    _: &T,
) -> Result<String, SigningError> {
    Ok(String::new())
}
