//! What may be called over HTTP: the rule for URLs that others choose, the same when one is saved, tried and called.

mod address;
mod allow;
mod retry_after;

use std::net::IpAddr;

use url::{Host, Url};

use crate::domain::host::HostName;

pub use self::address::is_public;
pub use self::allow::{InvalidAllow, OutboundAllow};
pub use self::retry_after::RetryAfter;

/// The longest URL, in bytes.
const MAX_URL: usize = 2_000;

/// The ports that anybody may have called.
const PORTS: [u16; 2] = [443, 8443];

/// A URL that may be called if where it leads passes [`OutboundUrl::judge`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundUrl {
    text: String,
    url: Url,
    host: HostName,
    address: Option<IpAddr>,
    port: u16,
}

/// Why a URL is not called.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ForbiddenUrl {
    /// It is too long.
    #[error("it has more than {MAX_URL} bytes")]
    TooLong,
    /// It has a space, a control character or a letter beyond ASCII.
    #[error(
        "it has a character other than the visible ones of ASCII: write that in percent-encoding, and a host in its xn-- form"
    )]
    NotAscii,
    /// It cannot be read as a URL of http.
    #[error("it is no URL of a web server: give one such as https://app.example.com/logout")]
    Malformed,
    /// It has a user name or a password.
    #[error("it has a user name or a password before its host, and may have none")]
    UserInfo,
    /// It has a fragment.
    #[error("it has a fragment (#), and may have none")]
    Fragment,
    /// It is not encrypted.
    #[error("it must be https: http is for what the server allows with --outbound-allow")]
    NotHttps,
    /// It has an odd port.
    #[error(
        "its port is {0} and must be 443 or 8443: others are for what the server allows with --outbound-allow"
    )]
    Port(u16),
    /// It leads to an address that is not public.
    #[error("{} is not public: such an address is for what the server allows with --outbound-allow", shown(.host, .address))]
    NotPublic {
        /// The host in the URL.
        host: String,
        /// Where it leads.
        address: IpAddr,
    },
}

/// An address, behind the name that led to it.
fn shown(host: &str, address: &IpAddr) -> String {
    if host.trim_matches(['[', ']']) == address.to_string() {
        host.to_owned()
    } else {
        format!("{host} leads to {address}, which")
    }
}

impl OutboundUrl {
    /// Takes a URL if its text is well: 2,000 bytes of visible ASCII, http or https, no user name, no fragment.
    ///
    /// What it leads to is judged as it parses (WHATWG URL): `https://0x7f.1` is 127.0.0.1.
    pub fn parse(text: &str) -> Result<Self, ForbiddenUrl> {
        if text.len() > MAX_URL {
            return Err(ForbiddenUrl::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ForbiddenUrl::NotAscii);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ForbiddenUrl::Malformed)?;
        let is_http = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        // Readers of URLs differ in what `https:///x` and a backslash are.
        if !is_http || rest.starts_with('/') || text.contains('\\') {
            return Err(ForbiddenUrl::Malformed);
        }
        let url = Url::parse(text).map_err(|_| ForbiddenUrl::Malformed)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // An empty user name counts too, of which the parser says nothing.
        if authority.contains('@') {
            return Err(ForbiddenUrl::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(ForbiddenUrl::Fragment);
        }
        let address = match url.host().ok_or(ForbiddenUrl::Malformed)? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        let host =
            HostName::parse(url.host_str().unwrap_or_default()).map_err(|_| ForbiddenUrl::Malformed)?;
        let port = url.port_or_known_default().filter(|port| *port > 0).ok_or(ForbiddenUrl::Malformed)?;
        Ok(Self { text: text.to_owned(), url, host, address, port })
    }

    /// The URL, byte for byte as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether what goes there is encrypted.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host in lower case, without a last dot; an IPv6 address stands in brackets.
    pub fn host(&self) -> &HostName {
        &self.host
    }

    /// The host as a resolver is asked for it: a last dot says that the name is whole.
    pub fn name(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The address, where the host is one: no resolver is asked then.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The port, given or not.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and, where it is not the scheme's own, port: what a `Host` header says.
    pub fn authority(&self) -> String {
        self.url.port().map_or_else(|| self.host.to_string(), |port| format!("{}:{port}", self.host))
    }

    /// Path and query, as a request line has them.
    pub fn target(&self) -> String {
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.url.path())
    }

    /// Judges what can be judged before the name is looked up: nothing is asked of a resolver in vain.
    pub fn judge_text(&self, allow: &OutboundAllow) -> Result<(), ForbiddenUrl> {
        if allow.has_host(&self.host) || allow.has_networks() { Ok(()) } else { self.must_be_usual() }
    }

    /// Judges all addresses that the host leads to: each must be public, unless the host, or all of them, are excepted.
    pub fn judge(&self, addresses: &[IpAddr], allow: &OutboundAllow) -> Result<(), ForbiddenUrl> {
        if allow.has_host(&self.host) || allow.covers(addresses) {
            return Ok(());
        }
        self.must_be_usual()?;
        match addresses.iter().find(|address| !is_public(**address)) {
            Some(address) => {
                Err(ForbiddenUrl::NotPublic { host: self.host.to_string(), address: address.to_canonical() })
            }
            None => Ok(()),
        }
    }

    fn must_be_usual(&self) -> Result<(), ForbiddenUrl> {
        if !self.is_https() {
            Err(ForbiddenUrl::NotHttps)
        } else if !PORTS.contains(&self.port) {
            Err(ForbiddenUrl::Port(self.port))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
