//! A request arrives: which workspace it is for, and whom it names there.

use std::sync::Arc;

use crate::app::App;
use crate::domain::api_key::{ApiKey, ApiKeySecret};
use crate::domain::client_network::ClientNetwork;
use crate::domain::host::HostName;
use crate::domain::login_link::UserLinkState;
use crate::domain::session::{SessionCookie, SessionWithUser};
use crate::domain::token::Token;
use crate::domain::user::UserRef;
use crate::domain::workspace::{Workspace, WorkspaceId};
use crate::rate_limits::RateLimited;
use crate::store;
use crate::store::{FoundLink, LookupBy, Outcome, ReadPoint, StoreError};

/// What a request shows of itself beside its host.
#[derive(Debug)]
pub enum Credentials {
    /// Nothing, or nothing that could be one of these.
    Nothing,
    /// An API key, and the user for whom it asks for a link, if it does.
    Key(ApiKeySecret, Option<UserRef>),
    /// What a browser shows: a session cookie, and the token of a link that is opened or confirmed.
    Browser(Option<SessionCookie>, Option<Token>),
}

impl Credentials {
    /// The user for whom a link is asked.
    pub fn into_user(self) -> Option<UserRef> {
        match self {
            Self::Key(_, user) => user,
            Self::Nothing | Self::Browser(..) => None,
        }
    }
}

/// What is known of a request once it was looked up.
#[derive(Debug)]
pub struct LookupResult {
    /// The workspace of its host.
    pub workspace: Arc<Workspace>,
    /// Its API key, proven and live.
    pub api_key: Option<Arc<ApiKey>>,
    /// What is seen of the user for whom it asks for a link. It may not be told before the key's scope is judged.
    pub issue_state: Option<Arc<UserLinkState>>,
    /// The session whose number its cookie has. It is not proven by that.
    pub signed_in: Option<Arc<SessionWithUser>>,
    /// The link that its token is looked up by. It is not proven by that, and if there is none here there may be one.
    pub link: Option<Arc<FoundLink>>,
    /// Before anything of this was read.
    pub read_point: ReadPoint,
}

/// Looks up, at once, all that a request shows. `None` if no workspace has the host.
///
/// It is one question to the store, but for a workspace or key that is not known from before, or has changed since.
pub async fn look_up(
    app: &App,
    host: &HostName,
    shown: &Credentials,
) -> Result<Option<LookupResult>, StoreError> {
    match shown {
        Credentials::Nothing => look_up_once(app, host, LookupBy::Nobody).await,
        Credentials::Browser(session, token) => {
            look_up_browser(app, host, session.as_ref(), token.as_ref()).await
        }
        Credentials::Key(secret, user) => look_up_api_key(app, host, secret, user.as_ref()).await,
    }
}

/// Whether a workspace has the host, as far as can be said before a body is read: what was known a moment ago is enough, since
/// [`look_up`] asks again.
pub async fn is_host(app: &App, host: &HostName) -> Result<bool, StoreError> {
    if app.lookup_cache.hosts.get(host).is_some() {
        return Ok(true);
    }
    let found = look_up_once(app, host, LookupBy::Nobody).await?;
    if let Some(arrival) = &found {
        app.lookup_cache.hosts.insert(host.clone(), arrival.workspace.id);
    }
    Ok(found.is_some())
}

async fn look_up_browser(
    app: &App,
    host: &HostName,
    session: Option<&SessionCookie>,
    token: Option<&Token>,
) -> Result<Option<LookupResult>, StoreError> {
    // A token's hash hangs on the workspace too: that is the one that the host had before, unless something was changed. Then
    // nothing is found under it, since no token of another workspace has such a hash.
    let guess = token.and_then(|_| app.lookup_cache.hosts.get(host));
    let hash = guess.zip(token).map(|(workspace, token)| app.keys().link_hash(workspace, token));
    let named = match (session, hash) {
        (None, None) => LookupBy::Nobody,
        (Some(cookie), None) => LookupBy::Session(cookie.id),
        (None, Some(hash)) => LookupBy::Link(hash),
        (Some(cookie), Some(hash)) => LookupBy::SessionAndLink(cookie.id, hash),
    };
    let arrival = look_up_once(app, host, named).await?;
    match &arrival {
        Some(arrival) if token.is_some() && guess != Some(arrival.workspace.id) => {
            app.lookup_cache.hosts.insert(host.clone(), arrival.workspace.id);
        }
        Some(_) => {}
        None => {
            app.lookup_cache.hosts.remove(host);
        }
    }
    Ok(arrival)
}

async fn look_up_api_key(
    app: &App,
    host: &HostName,
    secret: &ApiKeySecret,
    user: Option<&UserRef>,
) -> Result<Option<LookupResult>, StoreError> {
    let mut arrival = None;
    let hashes = app.keys().api_key_hashes(secret);
    // Between two looks a key may have moved from another hash to the first one.
    let again = hashes.first().filter(|_| hashes.len() > 1).copied();
    for hash in hashes.into_iter().chain(again) {
        let named = user.map_or(LookupBy::Key(hash), |user| LookupBy::KeyAndUser(hash, user));
        arrival = look_up_once(app, host, named).await?;
        if arrival.as_ref().is_none_or(|arrival| arrival.api_key.is_some()) {
            break;
        }
    }
    if let Some(key) = arrival.as_ref().and_then(|arrival| arrival.api_key.as_ref())
        && key.key != app.keys().active_id()
    {
        rekey_api_key(app, key, secret);
    }
    Ok(arrival)
}

/// Has an API key use the active secret key from its next use on, and keeps nobody waiting for it.
///
/// One at a time: until a node has heard of another active key, each request would try to move what is where it belongs.
fn rekey_api_key(app: &App, key: &Arc<ApiKey>, secret: &ApiKeySecret) {
    let Ok(turn) = Arc::clone(&app.lookup_cache.rekey_turn).try_acquire_owned() else { return };
    let moved = app.keys().seal_api_key(ApiKey::clone(key), secret);
    let (app, key) = (app.clone(), Arc::clone(key));
    tokio::spawn(async move {
        let _turn = turn;
        match app.store.move_api_key(&key, &moved).await {
            // Another request, or a revocation, was first.
            Ok(Outcome::Applied | Outcome::Conflict) => {}
            Err(error) => tracing::warn!(%error, "an API key still rests on an old secret key"),
        }
    });
}

async fn look_up_once(
    app: &App,
    host: &HostName,
    named: LookupBy<'_>,
) -> Result<Option<LookupResult>, StoreError> {
    let now = app.clock.now();
    let read_point = app.store.read_point();
    let Some(found) = app.store.look_up(host, named, now).await? else { return Ok(None) };
    let Some(workspace) = workspace_of(app, &found).await? else { return Ok(None) };
    let api_key = match (named, found.api_key) {
        (LookupBy::Key(hash) | LookupBy::KeyAndUser(hash, _), Some((id, seal))) => {
            let key = api_key_of(app, workspace.id, id, seal).await?;
            // The row that was found may be another's, with this one's seal copied into it, or its end edited.
            key.filter(|key| key.workspace == workspace.id && key.hash == hash && key.is_live(now))
        }
        _ => None,
    };
    let store::LookupRow { issue_state, signed_in, link, .. } = found;
    Ok(Some(LookupResult { workspace, api_key, issue_state, signed_in, link, read_point }))
}

/// Counts a request that shows no key which lets in.
pub fn count_auth_failure(app: &App, source: ClientNetwork) -> Result<(), RateLimited> {
    app.metrics.failed_keys.inc();
    app.limits.check_auth(&app.metrics, source)
}

async fn workspace_of(app: &App, found: &store::LookupRow) -> Result<Option<Arc<Workspace>>, StoreError> {
    let known = app.lookup_cache.workspaces.get(&found.workspace);
    if let Some(known) = known.filter(|known| known.revision == found.revision) {
        return Ok(Some(known));
    }
    let read = app.store.find_workspace_by_id(found.workspace).await?.map(Arc::new);
    if let Some(workspace) = &read {
        app.lookup_cache.workspaces.insert(found.workspace, Arc::clone(workspace));
    }
    Ok(read)
}

async fn api_key_of(
    app: &App,
    workspace: WorkspaceId,
    id: i64,
    seal: [u8; 32],
) -> Result<Option<Arc<ApiKey>>, StoreError> {
    if let Some(known) = app.lookup_cache.api_keys.get(&seal) {
        return Ok(Some(known));
    }
    let read = app.store.find_api_key_by_id(workspace, id).await?;
    let genuine = read.filter(|key| app.keys().is_genuine_api_key(key)).map(Arc::new);
    if let Some(key) = &genuine {
        app.lookup_cache.api_keys.insert(key.seal, Arc::clone(key));
    }
    Ok(genuine)
}
