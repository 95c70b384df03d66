//! The way out to URLs of others, for a command: they are judged as the server beside it judges them.

use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::config::Config;
use crate::outbound::http::OutboundClient;

/// How long the name of a listener is looked up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// What the settings allow, without the addresses where a server with these settings listens.
pub(super) async fn client(config: &Config) -> OutboundClient {
    let listeners = [Some(&config.listen), Some(&config.ops_listen), config.admin.listen.as_ref()];
    let mut own = Vec::new();
    for listener in listeners.into_iter().flatten() {
        if let Ok(address) = listener.parse() {
            own.push(address);
        } else if let Ok(Ok(found)) = timeout(LOOKUP_TIMEOUT, lookup_host(&**listener)).await {
            own.extend(found);
        }
    }
    OutboundClient::new(config.outbound_allow.clone(), own)
}
