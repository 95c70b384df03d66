//! What an operator sets of the public listener.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;

/// What an operator sets of the public listener.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Proxies whose `X-Forwarded-*` headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether the API console is served at `/docs`.
    pub has_docs: bool,
    /// The folder whose mails are shown at `/mail` of the operators' listener, if one is.
    pub caught_mail: Option<PathBuf>,
}

impl Settings {
    /// Whether an address is that of a trusted proxy.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}
