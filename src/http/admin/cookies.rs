//! The cookies of the admin pages: host-only, strictly of this site, apart from those of the portal by their names.

use axum::http::{HeaderMap, HeaderValue};

use crate::domain::admin_access::{AdminSecret, SESSION_LIFETIME};
use crate::domain::session::CsrfCookie;
use crate::http::request::cookies::single_cookie;

/// How long the cookie lives that ties the form of the sign-in page to a browser, in seconds: as long as any admin link.
const BROWSER_LIFETIME: i64 = 86_400;

/// The cookies of the admin pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdminCookies {
    is_secure: bool,
}

impl AdminCookies {
    pub(super) const fn of(is_secure: bool) -> Self {
        Self { is_secure }
    }

    /// The session cookie; none if it was sent twice, or is malformed.
    pub(super) fn session(self, headers: &HeaderMap) -> Option<AdminSecret> {
        AdminSecret::parse(single_cookie(headers, self.session_name())?)
    }

    /// The cookie that ties the form of the sign-in page to this browser.
    pub(super) fn browser(self, headers: &HeaderMap) -> Option<CsrfCookie> {
        CsrfCookie::parse(single_cookie(headers, self.browser_name())?)
    }

    pub(super) fn set_session(self, cookie: &AdminSecret) -> HeaderValue {
        self.write(self.session_name(), cookie.reveal(), SESSION_LIFETIME)
    }

    pub(super) fn clear_session(self) -> HeaderValue {
        self.write(self.session_name(), "", 0)
    }

    pub(super) fn set_browser(self, cookie: &CsrfCookie) -> HeaderValue {
        self.write(self.browser_name(), cookie.reveal(), BROWSER_LIFETIME)
    }

    const fn session_name(self) -> &'static str {
        if self.is_secure { "__Host-doorkey_admin" } else { "doorkey_admin" }
    }

    const fn browser_name(self) -> &'static str {
        if self.is_secure { "__Host-doorkey_admin_browser" } else { "doorkey_admin_browser" }
    }

    fn write(self, name: &str, value: &str, lifetime: i64) -> HeaderValue {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Strict{secure}");
        // Names and values are plain ASCII, so this is always a header value.
        let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}
