//! Cookies: read strictly, written with every attribute (RFC 6265 and the name prefixes of its revision).

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::context::RequestContext;
use crate::domain::ask::AskCookie;
use crate::domain::destination::Destination;
use crate::domain::session::{CsrfCookie, SessionCookie, SessionWithUser};
use crate::flow::sessions::PresentedCookie;

/// How long a redirect, or an app's request, is remembered, in seconds.
const WISH_LIFETIME: i64 = 3_600;

/// What a remembered wish begins with that leads to an app: its client id follows, and after a space the redirect.
const APP_WISH: &str = "app ";

/// The cookies that an app's request is kept in, and the most that one holds: browsers drop a cookie of more than 4,096 bytes.
const REQUEST_PARTS: [&str; 4] = ["request", "request_2", "request_3", "request_4"];
const MAX_PART: usize = 3_600;

/// Some session cookie of the request, of whichever workspace: it says what to look up, and is not verified.
/// [`CookieJar::session`] decides which cookie counts.
pub(in crate::http) fn any_session(headers: &HeaderMap) -> Option<SessionCookie> {
    pairs(headers).find_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        name.contains("doorkey_session").then(|| SessionCookie::parse(value)).flatten()
    })
}

/// How much longer than a link the cookie of its form lives, in seconds: a page that was left open still belongs to its browser.
const BROWSER_OUTLIVES_LINK: i64 = 86_400;

/// The cookies of a workspace on one of its hosts.
#[derive(Clone, Debug)]
pub(in crate::http) struct CookieJar {
    found: Option<Arc<SessionWithUser>>,
    is_secure: bool,
    session: String,
    /// The session cookie of the shared domain, where the host is not within it: a proxy may pass it on.
    shared_session: Option<String>,
    domain: Option<String>,
    link_lifetime: i64,
    session_lifetime: i64,
}

impl CookieJar {
    /// The cookies on the host of this request.
    ///
    /// Cookies are set for a shared domain where the host is within it; other hosts keep cookies of their own, since browsers
    /// would not take any other there. The cookie of the shared domain is read on every host.
    pub(in crate::http) fn of(context: &RequestContext) -> Self {
        let workspace = &context.workspace;
        let is_secure = workspace.url.is_https();
        let domain = workspace.cookie_domain.clone().filter(|domain| context.host.is_within(domain));
        let shared = workspace.cookie_domain.as_ref();
        let shared = shared.map(|_| format!("__Secure-doorkey_session_{}", workspace.cookie_tag));
        let (session, shared_session) = match shared {
            Some(shared) if domain.is_some() => (shared, None),
            shared => (name(is_secure, &format!("session_{}", workspace.cookie_tag)), shared),
        };
        let (link_lifetime, session_lifetime) = (workspace.link_lifetime, workspace.session_lifetime);
        let found = context.signed_in.clone();
        Self { found, is_secure, session, shared_session, domain, link_lifetime, session_lifetime }
    }

    /// The session cookie, with the session that the lookup found by its id; none if it was sent twice, or is malformed.
    ///
    /// A cookie of the host's own comes before that of the shared domain: no other host can set it.
    pub(in crate::http) fn session(&self, headers: &HeaderMap) -> Option<PresentedCookie> {
        let shared =
            self.shared_session.as_ref().filter(|_| cookies(headers, &self.session).next().is_none());
        let value = single_cookie(headers, shared.unwrap_or(&self.session))?;
        SessionCookie::parse(value).map(|cookie| self.presented(cookie))
    }

    /// Every session cookie that was sent, the doubled ones too: signing out must leave none of their sessions alive.
    pub(in crate::http) fn all_sessions(&self, headers: &HeaderMap) -> Vec<PresentedCookie> {
        let names = [Some(&self.session), self.shared_session.as_ref()].into_iter().flatten();
        let values = names.flat_map(|name| cookies(headers, name));
        let parsed = values.filter_map(|value| SessionCookie::parse(std::str::from_utf8(value).ok()?));
        parsed.map(|cookie| self.presented(cookie)).collect()
    }

    fn presented(&self, cookie: SessionCookie) -> PresentedCookie {
        let found = self.found.clone().filter(|found| found.session.id == cookie.id);
        PresentedCookie { cookie, found }
    }

    /// The cookie that ties forms to this browser; none if it was sent twice, or is malformed.
    pub(in crate::http) fn browser(&self, headers: &HeaderMap) -> Option<CsrfCookie> {
        CsrfCookie::parse(single_cookie(headers, &name(self.is_secure, "browser"))?)
    }

    /// Where to go, as it was remembered before there was a link.
    pub(in crate::http) fn wish(&self, headers: &HeaderMap) -> Option<Destination> {
        let encoded = single_cookie(headers, &name(self.is_secure, "redirect"))?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
        let Some(app) = text.strip_prefix(APP_WISH) else {
            return Some(Destination { app: None, redirect: Some(text) });
        };
        let (app, redirect) =
            app.split_once(' ').map_or((app, None), |(app, redirect)| (app, Some(redirect)));
        Some(Destination { app: Some(app.to_owned()), redirect: redirect.map(str::to_owned) })
    }

    /// The ask that this browser made.
    pub(in crate::http) fn ask(&self, headers: &HeaderMap) -> Option<AskCookie> {
        AskCookie::parse(single_cookie(headers, &name(self.is_secure, "ask"))?)
    }

    pub(in crate::http) fn set_ask(&self, cookie: &AskCookie, lifetime: i64) -> HeaderValue {
        self.write(&name(self.is_secure, "ask"), &cookie.reveal(), lifetime, None)
    }

    pub(in crate::http) fn set_session(&self, cookie: &SessionCookie) -> HeaderValue {
        self.write(&self.session, &cookie.reveal(), self.session_lifetime, self.domain.as_deref())
    }

    pub(in crate::http) fn clear_session(&self) -> HeaderValue {
        self.write(&self.session, "", 0, self.domain.as_deref())
    }

    pub(in crate::http) fn set_browser(&self, cookie: &CsrfCookie) -> HeaderValue {
        self.write(
            &name(self.is_secure, "browser"),
            cookie.reveal(),
            self.link_lifetime + BROWSER_OUTLIVES_LINK,
            None,
        )
    }

    /// Remembers where to go. In base64url, since browsers drop cookies of more than 4,096 bytes, and percent-encoding
    /// would make more of an address that has escapes already.
    pub(in crate::http) fn set_wish(&self, wish: &Destination) -> HeaderValue {
        let redirect = wish.redirect.as_deref();
        let text = match &wish.app {
            Some(app) => {
                [APP_WISH, app].concat() + &redirect.map(|text| format!(" {text}")).unwrap_or_default()
            }
            None => redirect.unwrap_or_default().to_owned(),
        };
        let encoded = URL_SAFE_NO_PAD.encode(text);
        self.write(&name(self.is_secure, "redirect"), &encoded, WISH_LIFETIME, None)
    }

    pub(in crate::http) fn clear_wish(&self) -> HeaderValue {
        self.write(&name(self.is_secure, "redirect"), "", 0, None)
    }

    /// The app's request that waits in this browser for a sign-in, sealed.
    pub(in crate::http) fn app_request(&self, headers: &HeaderMap) -> Option<String> {
        let part = |what: &&str| single_cookie(headers, &name(self.is_secure, what));
        let (count, first) = part(&REQUEST_PARTS[0])?.split_once('.')?;
        let mut others = REQUEST_PARTS.iter().take(count.parse().ok()?).skip(1).map(part);
        others.try_fold(first.to_owned(), |whole, part| Some(whole + part?))
    }

    /// Remembers an app's request, which may be too long for one cookie: the first says how many there are. None if it is too long for
    /// all of them.
    pub(in crate::http) fn set_app_request(&self, sealed: &str) -> Vec<HeaderValue> {
        let parts: Vec<_> = sealed.as_bytes().chunks(MAX_PART).map(String::from_utf8_lossy).collect();
        if parts.len() > REQUEST_PARTS.len() {
            return Vec::new();
        }
        let count = parts.len();
        let begin = |place: usize| if place == 0 { format!("{count}.") } else { String::new() };
        let parts = parts.iter().enumerate().map(|(place, part)| begin(place) + part);
        let named = REQUEST_PARTS.iter().zip(parts);
        named
            .map(|(what, part)| self.write(&name(self.is_secure, what), &part, WISH_LIFETIME, None))
            .collect()
    }

    /// Forgets the app's request, if this browser has one.
    pub(in crate::http) fn clear_app_request(&self, headers: &HeaderMap) -> Vec<HeaderValue> {
        let names = REQUEST_PARTS.iter().map(|what| name(self.is_secure, what));
        let there = names.filter(|name| cookies(headers, name).next().is_some());
        there.map(|name| self.write(&name, "", 0, None)).collect()
    }

    fn write(&self, name: &str, value: &str, lifetime: i64, domain: Option<&str>) -> HeaderValue {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let domain = domain.map_or_else(String::new, |domain| format!("; Domain={domain}"));
        let text =
            format!("{name}={value}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Lax{secure}{domain}");
        // Names and values are plain ASCII, so this is always a header value.
        let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

/// With `__Host-`, browsers let no other host set the cookie; it needs https.
fn name(is_secure: bool, what: &str) -> String {
    let prefix = if is_secure { "__Host-" } else { "" };
    format!("{prefix}doorkey_{what}")
}

/// The value of a cookie that was sent exactly once. Cookies of other applications on the host are skipped, whatever bytes they
/// hold.
pub(in crate::http) fn single_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = cookies(headers, name);
    match (values.next(), values.next()) {
        (Some(value), None) => std::str::from_utf8(value).ok(),
        _ => None,
    }
}

/// The values of all cookies of a name.
fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    pairs(headers).filter_map(move |pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(header::COOKIE).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).map(<[u8]>::trim_ascii)
}
