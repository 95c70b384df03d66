//! A request arrives: which workspace it is for, and whom it names there.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::app::App;
use crate::domain::api_key::{ApiKey, ApiKeySecret};
use crate::domain::host::HostName;
use crate::domain::login_link::IssueState;
use crate::domain::session::{SessionCookie, SignedIn};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserRef;
use crate::domain::workspace::{Workspace, WorkspaceId};
use crate::store::{self, Named, StoreError};

/// Workspaces, and API keys, that are known from before at most.
const MOST_KNOWN: usize = 4_096;

/// What a request shows of itself beside its host.
#[derive(Debug)]
pub enum Shown {
    /// Nothing, or nothing that could be one of these.
    Nothing,
    /// An API key, and the user for whom it asks for a link, if it does.
    Key(ApiKeySecret, Option<UserRef>),
    /// A session cookie.
    Session(SessionCookie),
}

impl Shown {
    /// The user for whom a link is asked.
    pub fn into_user(self) -> Option<UserRef> {
        match self {
            Self::Key(_, user) => user,
            Self::Nothing | Self::Session(_) => None,
        }
    }
}

/// What is known of a request once it was looked up.
#[derive(Debug)]
pub struct Arrival {
    /// The workspace of its host.
    pub workspace: Arc<Workspace>,
    /// Its API key, proven and live.
    pub api_key: Option<Arc<ApiKey>>,
    /// What is seen of the user for whom it asks for a link. It may not be told before the key's scope is judged.
    pub issue_state: Option<Arc<IssueState>>,
    /// The session whose number its cookie has. It is not proven by that.
    pub signed_in: Option<Arc<SignedIn>>,
}

/// Looks up, at once, all that a request shows. `None` if no workspace has the host.
///
/// It is one question to the store, but for a workspace or key that is not known from before, or has changed since.
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub async fn look(app: &App, host: &HostName, shown: &Shown) -> Result<Option<Arrival>, StoreError> {
    let now = app.clock.now();
    match shown {
        Shown::Nothing => arrive(app, host, Named::Nobody, now).await,
        Shown::Session(cookie) => arrive(app, host, Named::Session(cookie.id), now).await,
        Shown::Key(secret, user) => {
            let mut arrival = None;
            for hash in app.keys.api_key_hashes(secret) {
                let named = user.as_ref().map_or(Named::Key(hash), |user| Named::KeyAndUser(hash, user));
                arrival = arrive(app, host, named, now).await?;
                if arrival.as_ref().is_none_or(|arrival| arrival.api_key.is_some()) {
                    break;
                }
            }
            Ok(arrival)
        }
    }
}

async fn arrive(
    app: &App,
    host: &HostName,
    named: Named<'_>,
    now: Timestamp,
) -> Result<Option<Arrival>, StoreError> {
    let Some(found) = app.store.find_arrival(host, named, now).await? else { return Ok(None) };
    let Some(workspace) = workspace_of(app, &found).await? else { return Ok(None) };
    let api_key = match (named, found.api_key) {
        (Named::Key(hash) | Named::KeyAndUser(hash, _), Some((id, seal))) => {
            let key = api_key_of(app, workspace.id, id, seal).await?;
            // The row that was found may be another's, with this one's seal copied into it, or its end edited.
            key.filter(|key| key.workspace == workspace.id && key.hash == hash && key.is_live(now))
        }
        _ => None,
    };
    Ok(Some(Arrival { workspace, api_key, issue_state: found.issue_state, signed_in: found.signed_in }))
}

/// Counts a request that shows no key which lets in.
pub fn refuse(app: &App) {
    app.metrics.failed_keys.inc();
}

/// What was read before: believed as long as a look at the store says that it is still the same.
#[derive(Debug)]
pub struct Known {
    /// By number; the revision must be the same.
    workspaces: Cache<WorkspaceId, Arc<Workspace>>,
    /// By seal, which is a MAC over the whole row; genuine ones alone.
    api_keys: Cache<[u8; 32], Arc<ApiKey>>,
}

impl Default for Known {
    fn default() -> Self {
        Self { workspaces: Cache::new(MOST_KNOWN), api_keys: Cache::new(MOST_KNOWN) }
    }
}

async fn workspace_of(app: &App, found: &store::Arrival) -> Result<Option<Arc<Workspace>>, StoreError> {
    let known = app.known.workspaces.get(&found.workspace);
    if let Some(known) = known.filter(|known| known.revision == found.revision) {
        return Ok(Some(known));
    }
    let read = app.store.find_workspace_by_id(found.workspace).await?.map(Arc::new);
    if let Some(workspace) = &read {
        app.known.workspaces.insert(found.workspace, Arc::clone(workspace));
    }
    Ok(read)
}

async fn api_key_of(
    app: &App,
    workspace: WorkspaceId,
    id: i64,
    seal: [u8; 32],
) -> Result<Option<Arc<ApiKey>>, StoreError> {
    if let Some(known) = app.known.api_keys.get(&seal) {
        return Ok(Some(known));
    }
    let read = app.store.find_api_key_by_id(workspace, id).await?;
    let genuine = read.filter(|key| app.keys.is_genuine_api_key(key)).map(Arc::new);
    if let Some(key) = &genuine {
        app.known.api_keys.insert(key.seal, Arc::clone(key));
    }
    Ok(genuine)
}
