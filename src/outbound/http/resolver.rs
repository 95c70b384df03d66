//! Where a name leads: asked once for each attempt, so that no second answer can lead elsewhere.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long a resolver is waited for.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Lookups that may run at once: more than calls, since one whose resolver hangs goes on, in a thread of its own, when nobody
/// waits for it any more.
const MAX_LOOKUPS: usize = 128;

/// How a name is looked up where it is not the system that is asked.
pub(super) type Lookup = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Who is asked.
pub(super) struct Resolver {
    lookup: Option<Box<Lookup>>,
    running: Arc<Semaphore>,
}

impl Resolver {
    /// The one of the system.
    pub(super) fn system() -> Self {
        Self { lookup: None, running: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }

    /// Another one.
    pub(super) fn asking(lookup: Box<Lookup>) -> Self {
        Self { lookup: Some(lookup), ..Self::system() }
    }

    /// All addresses of a name: at least one. An error says why there is none.
    pub(super) async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let found = if let Some(lookup) = &self.lookup {
            lookup(name)
        } else {
            let asked = timeout(TIMEOUT, self.ask_system(name.to_owned())).await;
            asked.map_err(|_| format!("the resolver does not answer within {} s", TIMEOUT.as_secs()))?
        };
        let addresses = found.map_err(|error| error.to_string())?;
        if addresses.is_empty() { Err("it has no address".to_owned()) } else { Ok(addresses) }
    }

    async fn ask_system(&self, name: String) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(io::Error::other)?;
        // It holds its permit until the system is done with it, and not only until nobody waits any more.
        let lookup = tokio::spawn(async move {
            let found = lookup_host((name, 0)).await?.map(|address| address.ip()).collect();
            drop(permit);
            Ok(found)
        });
        lookup.await.map_err(io::Error::other)?
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}
