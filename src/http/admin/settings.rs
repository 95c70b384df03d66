//! What an operator sets of the admin listener.

use std::net::IpAddr;

use axum::http::HeaderName;
use ipnet::IpNet;

use crate::domain::origin::Origin;

/// What an operator sets of the admin listener.
#[derive(Clone, Debug)]
pub struct AdminSettings {
    /// Where the pages are found.
    pub url: Origin,
    /// The header by which a trusted proxy names an admin.
    pub proxy_header: Option<HeaderName>,
    /// Those proxies.
    pub trusted_proxies: Vec<IpNet>,
}

impl AdminSettings {
    /// The header that a connection from this address is judged by, if it is.
    pub(super) fn header_from(&self, peer: IpAddr) -> Option<&HeaderName> {
        let is_proxy = self.trusted_proxies.iter().any(|network| network.contains(&peer));
        self.proxy_header.as_ref().filter(|_| is_proxy)
    }

    /// The origin of a request that names this host and port; `None` if the pages are not there.
    pub(super) fn origin_at(&self, authority: &str) -> Option<String> {
        let own_port = if self.url.is_https() { ":443" } else { ":80" };
        let asked = authority.to_ascii_lowercase();
        let asked = asked.strip_suffix(own_port).unwrap_or(&asked);
        let (host, port) = match asked.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (asked, None),
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        let asked = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let own = self.url.authority();
        let is_own = asked == own || self.as_localhost().is_some_and(|localhost| asked == localhost);
        is_own.then(|| format!("{}://{asked}", self.url.scheme()))
    }

    /// The same host and port by the name `localhost`, where this machine is meant.
    fn as_localhost(&self) -> Option<String> {
        let own = self.url.authority();
        let port = own.strip_prefix("127.0.0.1").or_else(|| own.strip_prefix("[::1]"))?;
        (port.is_empty() || port.starts_with(':')).then(|| format!("localhost{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str, authority: &str) -> Option<String> {
        let url = Origin::parse(url).unwrap();
        AdminSettings { url, proxy_header: None, trusted_proxies: Vec::new() }.origin_at(authority)
    }

    #[test]
    fn the_pages_are_at_one_host_and_port() {
        let own = "http://127.0.0.1:8081";
        for (url, authority, origin) in [
            (own, "127.0.0.1:8081", own),
            (own, "localhost:8081", "http://localhost:8081"),
            (own, "LocalHost.:8081", "http://localhost:8081"),
            ("http://[::1]:8081", "localhost:8081", "http://localhost:8081"),
            ("http://[::1]:8081", "[::1]:8081", "http://[::1]:8081"),
            ("http://localhost", "localhost:80", "http://localhost"),
            ("https://a.example", "a.example", "https://a.example"),
            ("https://a.example", "A.example.:443", "https://a.example"),
        ] {
            assert_eq!(at(url, authority).as_deref(), Some(origin), "{url}, {authority}");
        }
        for (url, authority) in [
            (own, "evil.test"),
            (own, "127.0.0.1"),
            (own, "127.0.0.1:8080"),
            (own, "[::1]:8081"),
            (own, ""),
            ("https://a.example", "a.example:8443"),
            ("https://a.example", "localhost"),
            ("https://a.example", "b.a.example"),
            ("https://127.0.0.1.example", "localhost.example"),
        ] {
            assert_eq!(at(url, authority), None, "{url}, {authority}");
        }
    }
}
