//! Origins (RFC 6454): where a portal lives, and where people may be sent.

use std::fmt;

use url::Url;

use super::host::HostName;

/// An origin such as `https://example.com`: a scheme, a host, and a port where it is not the scheme's own.
///
/// `http` only for localhost, 127.0.0.1 and `[::1]`: anywhere else a link would travel in the open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin(String);

/// Why a text is no origin that doorkey takes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidOrigin {
    /// It is no URL, or has more than an origin's parts.
    #[error("{0:?} is not an origin: give one such as https://example.com, without path, query or user name")]
    Malformed(String),
    /// It is plain http on a host that is not this machine.
    #[error("{0:?} must be https; http is for localhost, 127.0.0.1 and [::1] alone")]
    Insecure(String),
}

impl Origin {
    /// Takes an origin as an operator writes it; a lone `/` after it is let pass.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let malformed = || InvalidOrigin::Malformed(text.chars().take(200).collect());
        let url = Url::parse(text).map_err(|_| malformed())?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !is_bare {
            return Err(malformed());
        }
        Self::of(&url)
    }

    /// The origin of a URL.
    ///
    /// # Errors
    /// `InvalidOrigin` if the URL carries a user name, is neither http nor https, or is http beyond this machine.
    pub fn of(url: &Url) -> Result<Self, InvalidOrigin> {
        let malformed = || InvalidOrigin::Malformed(url.as_str().chars().take(200).collect());
        let host = url.host_str().ok_or_else(malformed)?;
        HostName::parse(host).map_err(|_| malformed())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(malformed());
        }
        match url.scheme() {
            "https" => Ok(Self(url.origin().ascii_serialization())),
            "http" if matches!(host, "localhost" | "127.0.0.1" | "[::1]") => {
                Ok(Self(url.origin().ascii_serialization()))
            }
            "http" => Err(InvalidOrigin::Insecure(url.as_str().chars().take(200).collect())),
            _ => Err(malformed()),
        }
    }

    /// An origin as it stands in the store, where only parsed ones are put.
    pub(crate) fn from_store(text: String) -> Self {
        Self(text)
    }

    /// The origin, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what travels there is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.is_https() { "https" } else { "http" }
    }

    /// Host and, where it is not the scheme's own, port: as a `Host` header names this origin.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, authority)| authority)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_in_its_shortest_form() {
        assert_eq!(Origin::parse("https://EXAMPLE.com:443/").unwrap().as_str(), "https://example.com");
        assert_eq!(Origin::parse("http://[::1]:8080").unwrap().authority(), "[::1]:8080");
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        assert!(Origin::parse("http://localhost:8080").is_ok());
        assert!(matches!(Origin::parse("http://example.com"), Err(InvalidOrigin::Insecure(_))));
        assert!(matches!(Origin::parse("http://localhost.evil.test"), Err(InvalidOrigin::Insecure(_))));
    }

    #[test]
    fn more_than_an_origin_is_refused() {
        for text in [
            "",
            "example.com",
            "https://example.com/app",
            "https://a@example.com",
            "https://example.com?x=1",
            "https://example.com#x",
            "ftp://example.com",
            "javascript:alert(1)",
            "https://*.example.com",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }
}
