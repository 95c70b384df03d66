//! Where the admin pages are, and the header by which a proxy names an admin.

use axum::http::HeaderName;
use ipnet::IpNet;

use super::sources::{ConfigError, RawSettings};
use super::values::address;
use crate::domain::origin::Origin;

/// What the admin pages are to be; they are served where there is an address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AdminConfig {
    /// Where admins, or their proxy, connect: host and port.
    pub listen: Option<String>,
    /// Where a proxy shows the pages.
    pub url: Option<Origin>,
    /// The header by which a trusted proxy names an admin.
    pub proxy_header: Option<HeaderName>,
}

/// Headers that browsers and servers have a use for: none of them names anybody.
const TAKEN: [&str; 9] = [
    "host",
    "cookie",
    "origin",
    "referer",
    "connection",
    "content-type",
    "content-length",
    "transfer-encoding",
    "x-forwarded-for",
];

impl AdminConfig {
    pub(super) fn load(given: &RawSettings) -> Result<Self, ConfigError> {
        let config = Self {
            listen: given.optional("admin_listen", address)?,
            url: given.optional("admin_url", Origin::parse)?,
            proxy_header: given.optional("admin_proxy_header", header)?,
        };
        if config.url.is_none()
            && let Some(listen) = &config.listen
        {
            own_url(listen).map_err(|why| given.refusal("admin_listen", why))?;
        }
        Ok(config)
    }

    /// Where the pages are found: what a link to them begins with. `None` if nothing says so.
    pub fn origin(&self) -> Option<Origin> {
        // At port 0 the system chooses one, which only the server knows.
        let fixed = || self.listen.as_deref().filter(|listen| !listen.ends_with(":0"));
        self.url.clone().or_else(|| own_url(fixed()?).ok())
    }

    /// The same for a server whose address has this port.
    pub fn origin_on(&self, port: u16) -> Option<Origin> {
        let own = || own_url(&format!("{}:{port}", self.listen.as_deref()?.rsplit_once(':')?.0)).ok();
        self.url.clone().or_else(own)
    }

    /// Refuses a header that anybody could send.
    ///
    /// # Errors
    /// `ConfigError` names the setting.
    pub fn check_proxies(&self, trusted: &[IpNet]) -> Result<(), ConfigError> {
        match &self.proxy_header {
            Some(header) if trusted.is_empty() => Err(ConfigError::ValidationErrors {
                origin: "--admin-proxy-header".to_owned(),
                why: format!(
                    "{header} counts from proxies alone, and none is trusted: name yours with --trusted-proxy, such as \
                     --trusted-proxy 127.0.0.1"
                ),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// The URL of an address, which must be of this machine: anywhere else cookies would travel in the open.
fn own_url(listen: &str) -> Result<Origin, &'static str> {
    const FAR: &str = "other machines reach it, and nothing says at which URL: give --admin-url https://…, where a proxy with TLS shows \
                       the admin pages, or listen at 127.0.0.1";
    Origin::parse(&format!("http://{listen}")).map_err(|_| FAR)
}

fn header(text: &str) -> Result<HeaderName, String> {
    let name = HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| format!("{text:?} is no name of a header: give one such as X-Forwarded-User"))?;
    if TAKEN.contains(&name.as_str()) {
        return Err(format!("{name} has another use in each request: give one such as X-Forwarded-User"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::config::{CommonFlags, Config, ServeFlags};

    fn load(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variable = |name: &str| {
            let found = settings.iter().find(|(known, _)| format!("DOORKEY_{known}") == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Config::load(&CommonFlags::default(), &ServeFlags::default(), variable)
    }

    #[test]
    fn the_pages_are_found_at_their_url_else_at_an_address_of_this_machine() {
        let origin = |settings: &[(&str, &str)]| {
            load(settings).unwrap().admin.origin().map(|origin| origin.as_str().to_owned())
        };

        assert_eq!(origin(&[]), None);
        for (listen, url) in [
            ("127.0.0.1:8081", "http://127.0.0.1:8081"),
            ("localhost:8081", "http://localhost:8081"),
            ("[::1]:8081", "http://[::1]:8081"),
        ] {
            assert_eq!(origin(&[("ADMIN_LISTEN", listen)]).as_deref(), Some(url));
        }
        let url = ("ADMIN_URL", "https://admin.example.com");
        assert_eq!(origin(&[url]).as_deref(), Some(url.1));
        assert_eq!(origin(&[("ADMIN_LISTEN", "0.0.0.0:8081"), url]).as_deref(), Some(url.1));
        let any_port = load(&[("ADMIN_LISTEN", "localhost:0")]).unwrap().admin;
        assert_eq!(any_port.origin(), None);
        assert_eq!(any_port.origin_on(7).unwrap().as_str(), "http://localhost:7");
    }

    #[test]
    fn what_would_let_strangers_in_is_refused_by_its_name() {
        for (name, value, said) in [
            ("ADMIN_LISTEN", "0.0.0.0:8081", "--admin-url"),
            ("ADMIN_LISTEN", "192.0.2.1:8081", "--admin-url"),
            ("ADMIN_LISTEN", "8081", "DOORKEY_ADMIN_LISTEN"),
            ("ADMIN_URL", "http://admin.example.com", "must be https"),
            ("ADMIN_URL", "https://example.com/admin", "DOORKEY_ADMIN_URL"),
            ("ADMIN_PROXY_HEADER", "X User", "DOORKEY_ADMIN_PROXY_HEADER"),
            ("ADMIN_PROXY_HEADER", "Cookie", "another use"),
        ] {
            let error = load(&[(name, value)]).expect_err(value).to_string();
            assert!(error.contains(said) && !error.contains('\n'), "{error}");
        }
        let header = ("ADMIN_PROXY_HEADER", "X-Forwarded-User");
        let check = |settings: &[(&str, &str)]| {
            let config = load(settings).unwrap();
            config.admin.check_proxies(&config.trusted_proxies)
        };
        let error = check(&[header]).unwrap_err().to_string();
        assert!(error.contains("--admin-proxy-header") && error.contains("--trusted-proxy"), "{error}");
        assert!(check(&[header, ("TRUSTED_PROXY", "127.0.0.1")]).is_ok());
    }
}
