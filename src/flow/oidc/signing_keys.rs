//! Signing keys: made with the first app of their algorithm, rotated, and what signs and verifies tokens.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::domain::login_link::KeyId;
use crate::domain::oidc::app::SigningAlgorithm;
use crate::domain::oidc::signing_key::{PUBLISHED_AFTER, ROTATION_PAUSE, SigningKey, SigningKeyState};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::{Workspace, WorkspaceId};
use crate::flow::operations::nodes;
use crate::keys::{InvalidSeal, KeyPair, Keyring, SigningFailed};
use crate::store::{Outcome, SigningKeyChange, StoreError};

/// How often a change is tried again when others change keys at the same moment.
const MAX_ATTEMPTS: usize = 8;

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key that signs was edited.
    #[error("the signing key: {0}; `doorkey signing-key rotate --force` replaces it")]
    InvalidSeal(#[from] InvalidSeal),
    /// The library refused a key.
    #[error(transparent)]
    Failed(#[from] SigningFailed),
    /// The claims are no JSON.
    #[error("the claims of a token cannot be written: {0}")]
    Claims(#[from] serde_json::Error),
}

/// Why keys are not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// There are no keys.
    #[error("there are no signing keys yet: they are made with the first app, by `doorkey app create`")]
    NoKeys,
    /// The last rotation is not long enough ago.
    #[error(
        "the keys were rotated less than an hour ago, and whoever verifies tokens may not know the next key yet: wait, \
         or give --force if tokens that fail for up to an hour are the lesser evil"
    )]
    TooSoon,
    /// Nothing could be made or stored.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

impl From<StoreError> for RotationError {
    fn from(error: StoreError) -> Self {
        Self::Signing(error.into())
    }
}

/// Whom an ID token of ours is about, and for whom it was made.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct OwnClaims {
    /// The issuer.
    iss: String,
    /// Who was signed in.
    pub sub: String,
    /// The app.
    pub aud: String,
}

/// Signs claims by the workspace's signing key of an algorithm, which is made if there is none. `typ` says what kind of token it is
/// (RFC 7515, section 4.1.9).
pub async fn sign<T: Serialize>(
    app: &App,
    workspace: &Workspace,
    algorithm: SigningAlgorithm,
    typ: &str,
    claims: &T,
) -> Result<String, SigningError> {
    let (kid, pair) = find_pair(app, workspace.id, algorithm).await?;
    let header = Header { typ: Some(typ.to_owned()), kid: Some(kid), ..Header::new(jose(algorithm)) };
    let encoded = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let mut token = encoded(&serde_json::to_vec(&header)?);
    token.push('.');
    token.push_str(&encoded(&serde_json::to_vec(claims)?));
    let signature = encoded(&pair.sign(token.as_bytes())?);
    token.push('.');
    token.push_str(&signature);
    Ok(token)
}

/// What an ID token says, if a key of this workspace signed it for this issuer, however long ago. Whatever else its header names, it is
/// verified by that key alone.
pub async fn verify_own(
    app: &App,
    workspace: &Workspace,
    token: &str,
) -> Result<Option<OwnClaims>, StoreError> {
    let Ok(Header { alg, typ, kid: Some(kid), .. }) = jsonwebtoken::decode_header(token) else {
        return Ok(None);
    };
    // A key is named by its thumbprint. What has another form is no key's, and PostgreSQL takes no NUL.
    if !kid.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(None);
    }
    let found = app.store.find_signing_key_by_name(workspace.id, &kid).await?;
    let Some(key) = found.filter(|key| app.keys().is_genuine_signing_key(key)) else { return Ok(None) };
    // A logout token names a subject and an app too, and is no ID token.
    if alg != jose(key.algorithm) || typ.as_deref() != Some("JWT") {
        return Ok(None);
    }
    let mut validation = Validation::new(alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let public: Option<Jwk> = serde_json::from_str(&key.public_key).ok();
    let public = public.and_then(|public| DecodingKey::from_jwk(&public).ok());
    let verified = public.and_then(|public| jsonwebtoken::decode(token, &public, &validation).ok());
    let claims = verified.map(|token| token.claims);
    Ok(claims.filter(|claims: &OwnClaims| claims.iss == workspace.url.as_str()))
}

/// The public halves of the keys that verifiers are told of, as JSON Web Keys.
pub async fn public_keys(app: &App, workspace: &Workspace) -> Result<Vec<serde_json::Value>, StoreError> {
    let keys = list(app, workspace.id).await?;
    Ok(keys.iter().filter_map(|key| serde_json::from_str(&key.public_key).ok()).collect())
}

/// The keys that verifiers are told of.
pub async fn list(app: &App, workspace: WorkspaceId) -> Result<Vec<SigningKey>, StoreError> {
    let since = app.clock.now().plus_seconds(-PUBLISHED_AFTER);
    let mut keys = app.store.list_signing_keys(workspace, since).await?;
    keys.retain(|key| app.keys().is_genuine_signing_key(key));
    Ok(keys)
}

/// Makes the keys of an algorithm, if there are none.
pub async fn ensure(
    app: &App,
    workspace: WorkspaceId,
    algorithm: SigningAlgorithm,
) -> Result<(), SigningError> {
    find_pair(app, workspace, algorithm).await.map(drop)
}

/// Has the next key of each algorithm sign from now on, and makes another one that is next. What signed until now is retired, and its
/// private half is gone. Edited keys are replaced.
pub async fn rotate(
    app: &App,
    workspace: WorkspaceId,
    act: &AuditContext,
    is_forced: bool,
) -> Result<Vec<SigningKey>, RotationError> {
    for _ in 0..MAX_ATTEMPTS {
        let now = app.clock.now();
        let since = now.plus_seconds(-ROTATION_PAUSE);
        let there = app.store.list_signing_keys(workspace, since).await?;
        let has_signed =
            |key: &SigningKey| key.state == SigningKeyState::Retired && key.activated_at.is_some();
        let is_rotated = there.iter().any(has_signed);
        if is_rotated && !is_forced {
            return Err(RotationError::TooSoon);
        }
        let mut change = SigningKeyChange::default();
        for algorithm in SigningAlgorithm::ALL {
            let of: Vec<_> = in_use(&there, algorithm).collect();
            if !of.is_empty() {
                renew(app, (workspace, algorithm), &of, &mut change).await?;
            }
        }
        if change.added.is_empty() {
            return Err(RotationError::NoKeys);
        }
        let names = |state| {
            let all = change.changed.iter().map(|(key, _)| key).chain(&change.added);
            all.filter(|key| key.state == state).map(|key| key.kid.clone()).collect::<Vec<_>>()
        };
        let entry = act.entry(AuditEvent::SigningKeyRotated).with("forced", is_forced);
        let entry = entry.with("signing", names(SigningKeyState::Signing));
        let entry = entry.with("next", names(SigningKeyState::Next));
        let told = Some((&entry, now));
        if app.store.change_signing_keys(workspace, &change, told).await? == Outcome::Applied {
            return Ok(list(app, workspace).await?);
        }
        let _ = nodes::check_health(app).await?;
    }
    Err(StoreError::Contended("others kept changing signing keys, or the workspace was deleted").into())
}

fn in_use(there: &[SigningKey], algorithm: SigningAlgorithm) -> impl Iterator<Item = &SigningKey> {
    let is_in_use =
        move |key: &&SigningKey| key.algorithm == algorithm && key.state != SigningKeyState::Retired;
    there.iter().filter(is_in_use)
}

/// The key of an algorithm that signs, opened. Where there is none, or its secret key was retired, keys are made.
async fn find_pair(
    app: &App,
    workspace: WorkspaceId,
    algorithm: SigningAlgorithm,
) -> Result<(String, Arc<KeyPair>), SigningError> {
    for _ in 0..MAX_ATTEMPTS {
        if let Some(row) = app.store.find_signing_key(workspace, algorithm).await? {
            if app.keys().is_genuine_signing_key(&row) {
                let pair = match app.signing_keys.pairs.get(&row.kid) {
                    Some(pair) => pair,
                    None => Arc::new(app.keys().open_signing_key(&row)?),
                };
                app.signing_keys.pairs.insert(row.kid.clone(), Arc::clone(&pair));
                return Ok((row.kid, pair));
            }
            // A node that lacks a key of the database must not take what it cannot read for lost.
            if app.keys().knows(row.key) || nodes::is_fit(app).is_err() {
                return Err(InvalidSeal.into());
            }
        }
        let _turn = app.signing_keys.making.acquire().await;
        if !make(app, workspace, algorithm).await? {
            let _ = nodes::check_health(app).await?;
        }
    }
    Err(StoreError::Contended("others kept changing signing keys, or the workspace was deleted").into())
}

/// Makes the keys of an algorithm, unless one signs by now. Whether nobody got in between.
async fn make(app: &App, workspace: WorkspaceId, algorithm: SigningAlgorithm) -> Result<bool, SigningError> {
    let there = app.store.list_signing_keys(workspace, app.clock.now()).await?;
    let there: Vec<_> = in_use(&there, algorithm).collect();
    let signs = |key: &&&SigningKey| key.state == SigningKeyState::Signing && app.keys().knows(key.key);
    if there.iter().any(|key| signs(&key)) {
        return Ok(true);
    }
    let mut change = SigningKeyChange::default();
    renew(app, (workspace, algorithm), &there, &mut change).await?;
    Ok(app.store.change_signing_keys(workspace, &change, None).await? == Outcome::Applied)
}

/// What is done so that of an algorithm the next key signs, and another one is next.
async fn renew(
    app: &App,
    (workspace, algorithm): (WorkspaceId, SigningAlgorithm),
    there: &[&SigningKey],
    change: &mut SigningKeyChange,
) -> Result<(), SigningError> {
    let pairs = tokio::task::spawn_blocking(move || {
        Ok::<_, SigningFailed>([KeyPair::generate(algorithm)?, KeyPair::generate(algorithm)?])
    });
    let [first, second] = pairs.await.map_err(|_| SigningFailed)??;
    let (now, keys) = (app.clock.now(), Arc::clone(&app.keys()));
    let mut signing = None;
    for key in there {
        match (key.state, keys.move_signing_key(key)) {
            (_, Err(InvalidSeal)) => change.lost.push(SigningKey::clone(key)),
            (SigningKeyState::Next, Ok(moved)) => {
                signing = Some((keys.reseal_signing_key(moved.signing(now))?, key.seal));
            }
            (SigningKeyState::Signing | SigningKeyState::Retired, Ok(moved)) => {
                change.changed.push((keys.reseal_signing_key(moved.retired(now))?, key.seal));
            }
        }
    }
    let fresh = NewKeys { keys: &keys, workspace, algorithm, now };
    match signing {
        // Behind the one that it takes the place of.
        Some(signing) => change.changed.push(signing),
        None => change.added.push(fresh.sealed(&first, true)?),
    }
    change.added.push(fresh.sealed(&second, false)?);
    Ok(())
}

/// What new keys have in common.
struct NewKeys<'a> {
    keys: &'a Keyring,
    workspace: WorkspaceId,
    algorithm: SigningAlgorithm,
    now: Timestamp,
}

impl NewKeys<'_> {
    fn sealed(&self, pair: &KeyPair, signs: bool) -> Result<SigningKey, SigningFailed> {
        let (kid, public_key) = pair.public_half()?;
        let row = SigningKey {
            workspace: self.workspace,
            kid,
            algorithm: self.algorithm,
            state: SigningKeyState::Next,
            public_key,
            private_key: None,
            key: KeyId(0),
            created_at: self.now,
            activated_at: None,
            retired_at: None,
            seal: [0; 32],
        };
        let row = if signs { row.signing(self.now) } else { row };
        self.keys.seal_new_signing_key(row, pair)
    }
}

fn jose(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::Rs256 => Algorithm::RS256,
        SigningAlgorithm::Es256 => Algorithm::ES256,
    }
}
