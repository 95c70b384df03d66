//! The secret key is changed: another one derives from here on, and one day the old one is taken away.

use std::path::Path;
use std::time::Duration;

use super::nodes;
use crate::app::App;
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::domain::login_link::{KeyId, LoginLink};
use crate::domain::node::{HEARTBEAT_TTL, Node, NodeUnhealthy};
use crate::domain::oidc::app_secret::AppSecret;
use crate::domain::secret_key::SecretKeyRecord;
use crate::domain::timestamp::Timestamp;
use crate::flow::admin;
use crate::flow::oidc::rekey;
use crate::keys;
use crate::keys::{InvalidSeal, KeyFileError};
use crate::store::{KeyUsage, Outcome, SessionUsingKey, StoreError};

/// How long a change waits for servers that are about to see a changed key file: they look each second.
const NODES_TIMEOUT: Duration = Duration::from_secs(4);

/// How long after the change something made with the old key may still be committed: what was sent before, and is given up
/// after 5 s.
const LAG: i64 = 6;

/// Why a key is not used, or not retired.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// The key file cannot be used or changed.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// This machine must not judge.
    #[error(transparent)]
    NodeUnhealthy(#[from] NodeUnhealthy),
    /// A server would not know what is derived with it.
    #[error(
        "{lacking} of {there} running server(s) lack the key {key}: copy the key file there, which each sees within a \
         second, and run this again"
    )]
    Lacking {
        /// The key.
        key: KeyId,
        /// Servers that lack it.
        lacking: usize,
        /// Servers that are there.
        there: usize,
    },
    /// It was retired before.
    #[error("the key {0} was retired, and does not come back: make another with `doorkey secret add`")]
    Retired(KeyId),
    /// It derives what is new.
    #[error("the key {0} is the active one: make another one active first, with `doorkey secret use`")]
    Active(KeyId),
    /// Something would end with it.
    #[error(
        "on the key {key} rest {} live login link(s), {} session(s) and {} API key(s), and {} of admins, {} client secret(s), \
         and {} edited app(s) or signing key(s): wait until links and sessions have ended and each API key, client secret and \
         allowed admin was used once, or end them all with --force",
        .resting.login_links, .resting.sessions, .resting.api_keys, .resting.admins, .resting.client_secrets,
        .resting.edited
    )]
    Rested {
        /// The key.
        key: KeyId,
        /// What uses it.
        resting: KeyUsage,
    },
    /// Others changed keys at the same moment.
    #[error("another command changed the keys at the same moment: run this again")]
    Overtaken,
    /// What is to be ended was edited.
    #[error(transparent)]
    InvalidSeal(#[from] InvalidSeal),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a key file with its first key, and gives its id.
pub fn create(key_file: &Path) -> Result<KeyId, SecretKeyError> {
    Ok(keys::create(key_file)?.active_id())
}

/// The ids of the keys in a key file, the active one first.
pub fn list(key_file: &Path) -> Result<Vec<KeyId>, SecretKeyError> {
    Ok(keys::load(key_file)?.all().map(|key| key.id).collect())
}

/// Adds a fresh key to the key file, which proves only, and gives its number. Each workspace of a database that is there
/// gets an entry.
///
/// # Errors
/// `SecretKeyError`; the file is as it was, or has a key that nothing uses.
pub async fn add(app: Option<&App>, act: &AuditContext, key_file: &Path) -> Result<KeyId, SecretKeyError> {
    let id = keys::add(key_file)?;
    if let Some(app) = app {
        let entry = act.entry(AuditEvent::SecretKeyAdded).with("secret_key", id.to_string());
        app.store.add_entry_everywhere(&entry, app.clock.now()).await?;
    }
    Ok(id)
}

/// Makes a key of the key file the one that derives, on every node, and says so in the file.
///
/// The file is ready before the database says it, and takes its place afterwards. Whatever ends in between, the database
/// is right, and the same again puts the file right too.
///
/// # Errors
/// `SecretKeyError` says what stands in the way; database and file are as they were, or the same again helps.
pub async fn make_active(app: &App, act: &AuditContext, id: KeyId) -> Result<(), SecretKeyError> {
    let path = app.held.path();
    let draft = keys::with_active(path, id, None)?;
    let in_file = app.held.in_file();
    let key = in_file.all().find(|key| key.id == id);
    let key = key.ok_or_else(|| KeyFileError::Unknown { path: path.to_owned(), key: id })?;
    let read_point = app.store.read_point();
    nodes::check_health(app).await??;
    let is_retired = |known: &SecretKeyRecord| known.fingerprint == key.fingerprint && !known.is_accepted();
    // Servers drop a retired key, so this comes before the wait for those that lack it.
    if app.store.list_known_keys().await?.iter().any(is_retired) {
        return Err(SecretKeyError::Retired(id));
    }
    wait_for_nodes(app, id).await?;
    let known = app.store.list_known_keys().await?;
    if app.keys().active_id() == id {
        // The file must not say what the database may yet take back.
        app.store.ensure_durable(read_point, None).await?;
        return Ok(draft.put_in_place()?);
    }
    let now = app.clock.now();
    let newest = known.iter().filter_map(|key| key.activated_at).max();
    // By a clock that was set back, the key would not be the newest.
    let activated_at = newest.map_or(now, |newest| now.max(newest.just_after()));
    let there_since = now.plus_seconds(-HEARTBEAT_TTL);
    let entry = act.entry(AuditEvent::SecretKeyUsed).with("secret_key", id.to_string());
    let used = (activated_at, there_since);
    if app.store.use_key((id, key.fingerprint), used, &entry, now).await? == Outcome::Conflict {
        return Err(SecretKeyError::Overtaken);
    }
    Ok(draft.put_in_place()?)
}

/// Waits a little for servers that lack a key, since they may be about to see it.
async fn wait_for_nodes(app: &App, id: KeyId) -> Result<(), SecretKeyError> {
    let waited = tokio::time::Instant::now();
    loop {
        let there = nodes::list(app).await?;
        let lacks = |node: &&Node| !node.keys.contains(&id);
        let lacking = there.iter().filter(lacks).count();
        if lacking == 0 {
            return Ok(());
        }
        if waited.elapsed() > NODES_TIMEOUT {
            return Err(SecretKeyError::Lacking { key: id, lacking, there: there.len() });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Takes a key away for good, from the database and from the key file, and gives what ended with it.
///
/// It is refused while something live uses it, unless `is_forced`, which ends all that, each with an entry. The
/// database goes first: a key that still stands in some file is of no use from there on.
///
/// # Errors
/// `SecretKeyError` says what stands in the way; what was ended before stays ended, and the same again goes on from there.
pub async fn retire(
    app: &App,
    act: &AuditContext,
    id: KeyId,
    is_forced: bool,
) -> Result<KeyUsage, SecretKeyError> {
    let read_point = app.store.read_point();
    nodes::check_health(app).await??;
    let known = app.store.list_known_keys().await?;
    let active = app.keys().active_id();
    if active == id {
        return Err(SecretKeyError::Active(id));
    }
    let draft = keys::with_active(app.held.path(), active, Some(id))?;
    // Apps and signing keys are nobody's to wait for.
    rekey::move_to_active_key(app).await?;
    let mut ended = KeyUsage::default();
    if known.iter().any(|key| key.id == id && key.is_accepted()) {
        if !is_forced {
            require_unused(app, id).await?;
        }
        wait_for_change(app, &known).await?;
        if is_forced {
            ended = end_all(app, act, id).await?;
        }
        let entry = act.entry(AuditEvent::SecretKeyRetired).with("secret_key", id.to_string());
        let entry = entry.with("forced", is_forced);
        if app.store.retire_key(id, &entry, app.clock.now()).await? == Outcome::Conflict {
            require_unused(app, id).await?;
            return Err(SecretKeyError::Overtaken);
        }
    } else {
        // What is taken out of the file does not come back: the database must not need it again.
        app.store.ensure_durable(read_point, None).await?;
    }
    draft.put_in_place()?;
    Ok(ended)
}

async fn require_unused(app: &App, id: KeyId) -> Result<(), SecretKeyError> {
    let resting = app.store.count_key_usage(id, app.clock.now()).await?;
    if resting == KeyUsage::default() { Ok(()) } else { Err(SecretKeyError::Rested { key: id, resting }) }
}

/// Lets some seconds pass after a change, until whatever was sent before it has come to its end.
async fn wait_for_change(app: &App, known: &[SecretKeyRecord]) -> Result<(), StoreError> {
    if nodes::list(app).await?.is_empty() {
        return Ok(());
    }
    let changed = known.iter().filter_map(|key| key.activated_at).max();
    let over = changed.map_or(Timestamp::from_millis(0), |changed| changed.plus_seconds(LAG));
    let left = (over.millis() - app.clock.now().millis()).clamp(0, LAG * 1000);
    tokio::time::sleep(Duration::from_millis(left.unsigned_abs())).await;
    Ok(())
}

/// Ends everything that uses a key, some at a time.
async fn end_all(app: &App, act: &AuditContext, id: KeyId) -> Result<KeyUsage, SecretKeyError> {
    let mut ended = KeyUsage::default();
    let retired = |event| act.entry(event).with("reason", "key_retired");
    let now = app.clock.now();
    for key in app.store.list_api_keys_using_key(id, now).await? {
        let entry = retired(AuditEvent::KeyRevoked).with("key", key.id).with("name", key.name.as_str());
        let mut revoked = key.clone();
        revoked.revoked_at = Some(now);
        let revoked = app.keys().reseal_api_key(revoked)?;
        if app.store.end_api_key(&revoked, &entry, now).await? == Outcome::Applied {
            ended.api_keys += 1;
        }
    }
    ended.admins = admin::end_all_using_key(app, act, id).await?;
    ended.client_secrets = end_client_secrets(app, act, id).await?;
    ended.edited = app.store.delete_edited_using_key(id, now).await?;
    loop {
        let links = app.store.list_links_using_key(id, now).await?;
        if links.is_empty() {
            break;
        }
        let end = |link: LoginLink| {
            let entry =
                retired(AuditEvent::LinksKilled).about(link.draft.user).with("link", link.id.to_string());
            (app.keys().seal_link(link.expired(now)), entry)
        };
        let links: Vec<_> = links.into_iter().map(end).collect();
        app.store.end_links_using_key(&links, now).await?;
        ended.login_links += i64::try_from(links.len()).unwrap_or(0);
    }
    loop {
        let sessions = app.store.list_sessions_using_key(id, now).await?;
        if sessions.is_empty() {
            return Ok(ended);
        }
        let end = |session: SessionUsingKey| {
            let entry = retired(AuditEvent::SessionEnded).about(session.user);
            (session, entry.with("session", session.id.to_string()))
        };
        let sessions: Vec<_> = sessions.into_iter().map(end).collect();
        app.store.end_sessions_using_key(&sessions, now).await?;
        ended.sessions += i64::try_from(sessions.len()).unwrap_or(0);
    }
}

/// Ends the client secrets that use a key, some at a time.
async fn end_client_secrets(app: &App, act: &AuditContext, id: KeyId) -> Result<i64, SecretKeyError> {
    let (mut ended, now) = (0, app.clock.now());
    loop {
        let secrets = app.store.list_app_secrets_using_key(id).await?;
        if secrets.is_empty() {
            return Ok(ended);
        }
        let end = |secret: AppSecret| {
            let entry = act.entry(AuditEvent::AppSecretRemoved).with("reason", "key_retired");
            let entry =
                entry.with("client_id", secret.client_id.as_str()).with("secret", secret.id.to_string());
            let removed = AppSecret { removed_at: Some(now), ..secret };
            Ok((app.keys().reseal_app_secret(removed)?, entry))
        };
        let secrets = secrets.into_iter().map(end).collect::<Result<Vec<_>, InvalidSeal>>()?;
        app.store.end_app_secrets_using_key(&secrets, now).await?;
        ended += i64::try_from(secrets.len()).unwrap_or(0);
    }
}
