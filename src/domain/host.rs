//! Host names: what tells one workspace from another.

use std::fmt;

/// A host without port, in lower case, without a trailing dot; an IPv6 address stands in brackets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostName(String);

/// Why a text is no host.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not a host name: give one such as portal.example.com, without scheme, port, path or wildcard"
)]
pub struct InvalidHost(pub String);

impl HostName {
    /// Takes a host as an operator writes it: no port.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let refused = || InvalidHost(text.chars().take(80).collect());
        let lower = text.to_ascii_lowercase();
        if let Some(inner) = lower.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: std::net::Ipv6Addr = inner.parse().map_err(|_| refused())?;
            return Ok(Self(format!("[{address}]")));
        }
        let name = lower.strip_suffix('.').unwrap_or(&lower);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        let is_fine = name.len() <= 253 && name.split('.').all(is_label);
        if is_fine { Ok(Self(name.to_owned())) } else { Err(refused()) }
    }

    /// The same, where letters beyond ASCII may stand for a name in its `xn--` form (RFC 5890, section 2.3.2.1).
    pub fn parse_international(text: &str) -> Result<Self, InvalidHost> {
        if text.is_ascii() {
            return Self::parse(text);
        }
        let refused = || InvalidHost(text.chars().take(80).collect());
        match url::Host::parse(text).map_err(|_| refused())? {
            url::Host::Domain(name) => Self::parse(&name).map_err(|_| refused()),
            url::Host::Ipv4(_) | url::Host::Ipv6(_) => Err(refused()),
        }
    }

    /// Takes the value of a `Host` header (RFC 9112, section 3.2): the port, which chooses nothing, is left away.
    pub fn from_header(value: &str) -> Result<Self, InvalidHost> {
        let (name, port) = match value.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port),
            _ => (value, ""),
        };
        if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.len() > 5 {
            return Err(InvalidHost(value.chars().take(80).collect()));
        }
        Self::parse(name)
    }

    /// A host as it stands in the store, where only parsed ones are put.
    pub(crate) fn from_store(text: String) -> Self {
        Self(text)
    }

    /// The host in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this host is the domain itself or stands below it (RFC 6265, section 5.1.3).
    pub fn is_within(&self, domain: &str) -> bool {
        self.0.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_port_nor_case_nor_a_trailing_dot_makes_another_host() {
        for value in
            ["portal.example.com", "PORTAL.example.com.", "portal.example.com:8080", "Portal.Example.com.:1"]
        {
            assert_eq!(HostName::from_header(value).unwrap().as_str(), "portal.example.com", "{value}");
        }
        assert_eq!(HostName::from_header("[::1]:8080").unwrap().as_str(), "[::1]");
        assert_eq!(HostName::from_header("[0:0::1]").unwrap().as_str(), "[::1]");
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for value in [
            "",
            ":80",
            "a b",
            "*.example.com",
            "https://x",
            "x/y",
            "a..b",
            "[::1",
            "::1",
            "x:8x",
            "x:123456",
            "é.org",
        ] {
            assert!(HostName::from_header(value).is_err(), "{value}");
        }
    }

    #[test]
    fn an_international_name_is_its_ascii_form() {
        for (text, name) in [
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("x.test", "x.test"),
        ] {
            assert_eq!(HostName::parse_international(text).unwrap().as_str(), name);
        }
        assert!(HostName::parse_international("bü cher.example").is_err());
        assert!(HostName::parse_international("１.２.３.４").is_err());
    }

    #[test]
    fn a_host_is_within_its_own_domain_and_its_parents() {
        let host = HostName::parse("portal.example.com").unwrap();

        assert!(host.is_within("example.com"));
        assert!(host.is_within("portal.example.com"));
        assert!(!host.is_within("le.com"));
        assert!(!host.is_within("other.example.com"));
    }
}
