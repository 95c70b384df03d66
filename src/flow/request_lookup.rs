//! A request arrives: which workspace it is for, and whom it names there.

use std::collections::VecDeque;
use std::sync::Arc;

use uuid::Uuid;

use crate::app::App;
use crate::domain::api_key::{ApiKey, ApiKeySecret};
use crate::domain::client_network::ClientNetwork;
use crate::domain::host::HostName;
use crate::domain::login_link::UserLinkState;
use crate::domain::scope::Scope;
use crate::domain::session::{SessionCookie, SessionWithUser};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::Token;
use crate::domain::user::UserRef;
use crate::domain::workspace::Workspace;
use crate::rate_limits::RateLimited;
use crate::store::{FoundLink, LookupBy, LookupRow, Outcome, ReadPoint, StoreError};

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

/// What the directory says of a request: its workspace, and its API key if that is proven and live.
struct Addressee {
    workspace: Arc<Workspace>,
    api_key: Option<Arc<ApiKey>>,
}

/// Looks up, at once, all that a request shows. `None` if no workspace has the host.
///
/// It is one question to the store, but where the directory is not known from before, or has changed since.
pub async fn look_up(
    app: &App,
    host: &HostName,
    shown: &Credentials,
) -> Result<Option<LookupResult>, StoreError> {
    let (now, read_point) = (app.clock.now(), app.store.read_point());
    let hashes = match shown {
        Credentials::Key(secret, _) => app.keys().api_key_hashes(secret),
        Credentials::Nothing | Credentials::Browser(..) => Vec::new(),
    };
    let known = look_up_known(app, host, &hashes, shown, now).await?;
    let (addressee, found) = if let Some(known) = known {
        known
    } else {
        let Some(addressee) = read_addressee(app, host, hashes, now).await? else { return Ok(None) };
        let named = named_by(app, &addressee, shown, None);
        let is_nobody = matches!(named, LookupBy::Nobody);
        let found = if is_nobody { None } else { app.store.look_up(addressee.workspace.id, named).await? };
        (addressee, found)
    };
    if let (Credentials::Key(secret, _), Some(key)) = (shown, &addressee.api_key)
        && key.key != app.keys().active_id()
    {
        rekey_api_key(app, key, secret);
    }
    let Addressee { workspace, api_key, .. } = addressee;
    let (issue_state, signed_in, link) =
        found.map_or((None, None, None), |found| (found.issue_state, found.signed_in, found.link));
    Ok(Some(LookupResult { workspace, api_key, issue_state, signed_in, link, read_point }))
}

/// Whether a workspace has the host, as far as can be said before a body is read: what was known a moment ago is enough, since
/// [`look_up`] asks again.
pub async fn is_host(app: &App, host: &HostName) -> Result<bool, StoreError> {
    if app.lookup_cache.workspaces.get(host).is_some() {
        return Ok(true);
    }
    Ok(read_addressee(app, host, Vec::new(), app.clock.now()).await?.is_some())
}

/// Looks up what a request shows by what the directory said before. `None` if that is not known, or no longer so.
async fn look_up_known(
    app: &App,
    host: &HostName,
    hashes: &[[u8; 32]],
    shown: &Credentials,
    now: Timestamp,
) -> Result<Option<(Addressee, Option<LookupRow>)>, StoreError> {
    let Some((stamp, workspace)) = app.lookup_cache.workspaces.get(host) else { return Ok(None) };
    let mut known = Addressee { workspace, api_key: None };
    if !hashes.is_empty() {
        let keys =
            hashes.iter().filter_map(|hash| app.lookup_cache.api_keys.get(&(known.workspace.id, *hash)));
        known.api_key = keys.filter(|(of, key)| *of == stamp && key.is_live(now)).map(|(_, key)| key).next();
        if known.api_key.is_none() {
            return Ok(None);
        }
    }
    let named = named_by(app, &known, shown, Some(stamp));
    let found = app.store.look_up(known.workspace.id, named).await?;
    let is_known = if let Some(found) = &found {
        found.stamp == stamp
    } else {
        let directory = app.store.look_up(known.workspace.id, LookupBy::Nobody).await?;
        directory.is_some_and(|directory| directory.stamp == stamp)
    };
    Ok(is_known.then_some((known, found)))
}

/// Reads what the directory says, and keeps it for requests to come.
async fn read_addressee(
    app: &App,
    host: &HostName,
    hashes: Vec<[u8; 32]>,
    now: Timestamp,
) -> Result<Option<Addressee>, StoreError> {
    // Between two looks a key may have moved from another hash to the first one.
    let again = hashes.first().filter(|_| hashes.len() > 1).copied();
    let mut hashes = hashes.into_iter().chain(again).map(Some).collect::<VecDeque<_>>();
    loop {
        let hash = hashes.pop_front().flatten();
        let Some(entry) = app.store.find_directory_entry(host, hash, now).await? else {
            app.lookup_cache.workspaces.remove(host);
            return Ok(None);
        };
        let (stamp, workspace) = (entry.stamp, Arc::new(entry.workspace));
        app.lookup_cache.workspaces.insert(host.clone(), (stamp, Arc::clone(&workspace)));
        // Its row may be another's, with this one's seal copied into it, or its end edited.
        let api_key =
            entry.api_key.filter(|key| app.keys().is_genuine_api_key(key) && key.is_live(now)).map(Arc::new);
        if let (Some(key), Some(hash)) = (&api_key, hash) {
            app.lookup_cache.api_keys.insert((workspace.id, hash), (stamp, Arc::clone(key)));
        }
        if api_key.is_some() || hashes.is_empty() {
            return Ok(Some(Addressee { workspace, api_key }));
        }
    }
}

/// Whom a request names in its workspace. The user for whom a link is asked hangs on the key and its scope: nobody else learns,
/// not even by the time it takes, whether there is one.
fn named_by<'a>(
    app: &App,
    addressee: &Addressee,
    shown: &'a Credentials,
    stamp: Option<Uuid>,
) -> LookupBy<'a> {
    match shown {
        Credentials::Key(_, Some(user)) => {
            let may_ask =
                addressee.api_key.as_ref().is_some_and(|key| key.scopes.has(Scope::LoginLinksWrite));
            if may_ask { LookupBy::User(user, stamp) } else { LookupBy::Nobody }
        }
        Credentials::Nothing | Credentials::Key(_, None) => LookupBy::Nobody,
        Credentials::Browser(session, token) => {
            let hash = token.as_ref().map(|token| app.keys().link_hash(addressee.workspace.id, token));
            match (session, hash) {
                (None, None) => LookupBy::Nobody,
                (Some(cookie), None) => LookupBy::Session(cookie.id),
                (None, Some(hash)) => LookupBy::Link(hash),
                (Some(cookie), Some(hash)) => LookupBy::SessionAndLink(cookie.id, hash),
            }
        }
    }
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

/// Counts a request that shows no key which lets in.
pub fn count_auth_failure(app: &App, source: ClientNetwork) -> Result<(), RateLimited> {
    app.metrics.failed_keys.inc();
    app.limits.check_auth(&app.metrics, source)
}
