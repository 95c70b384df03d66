//! A request arrives: which workspace it is for, and whether the key that it shows lets it in.

use crate::app::App;
use crate::domain::api_key::{ApiKey, ApiKeySecret};
use crate::domain::host::HostName;
use crate::domain::session::SessionCookie;
use crate::domain::user::UserRef;
use crate::store::{Arrival, Named, StoreError};

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

/// Looks up, at once, all that a request shows. `None` if no workspace has the host.
///
/// It is one question to the store, and nothing is judged yet: what is found of a user may not be told before the key
/// and its scope hold ([`admit`]).
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub async fn look(app: &App, host: &HostName, shown: &Shown) -> Result<Option<Arrival>, StoreError> {
    let now = app.clock.now();
    let (secret, user) = match shown {
        Shown::Nothing => return app.store.find_arrival(host, Named::Nobody, now).await,
        Shown::Session(cookie) => return app.store.find_arrival(host, Named::Session(cookie.id), now).await,
        Shown::Key(secret, user) => (secret, user.as_ref()),
    };
    let mut arrival = None;
    for hash in app.keys.api_key_hashes(secret) {
        let named = user.map_or(Named::Key(hash), |user| Named::KeyAndUser(hash, user));
        arrival = app.store.find_arrival(host, named, now).await?;
        if arrival.as_ref().is_none_or(|arrival| arrival.api_key.is_some()) {
            break;
        }
    }
    Ok(arrival)
}

/// Judges the key that was found. `None` for any that does not let in, without saying why.
pub fn admit(app: &App, found: Option<&ApiKey>) -> Option<ApiKey> {
    let admitted = found.filter(|key| app.keys.is_genuine_api_key(key));
    if admitted.is_none() {
        app.metrics.failed_keys.inc();
    }
    admitted.cloned()
}
