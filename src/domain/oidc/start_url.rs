//! Where a person arrives in an app who comes by a link: its start URL, and what is filled in there.

use url::Url;

use super::app::OidcApp;
use crate::domain::destination::encoded;
use crate::domain::origin::Origin;
use crate::domain::redirect::{RedirectPolicy, RedirectTarget};

/// Why a redirect beside an app is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "redirect must be a path of the app's start URL (/orders/12) or an absolute URL on an origin of its start URL or its \
     redirect URIs, at most 2,000 bytes"
)]
pub struct InvalidAppRedirect;

/// The start URL of an app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartUrl<'a> {
    template: &'a str,
    origin: Origin,
    /// The origins of the app's redirect URIs.
    others: Vec<Origin>,
}

/// Who arrives, and where in the app.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The issuer, who can tell the app who this is.
    pub issuer: &'a Origin,
    /// The subject of who arrives.
    pub subject: &'a str,
    /// The redirect as it was given, if that is one of the app's.
    pub target: Option<&'a str>,
}

impl<'a> StartUrl<'a> {
    /// The start URL of an app, if it has one.
    pub fn of(app: &'a OidcApp) -> Option<Self> {
        let template = app.start_url.as_deref()?;
        let origin = Origin::of(&Url::parse(template).ok()?).ok()?;
        let uris = app.redirect_uris.iter().filter_map(|uri| Url::parse(uri).ok());
        let others = uris.filter_map(|uri| Origin::of(&uri).ok()).collect();
        Some(Self { template, origin, others })
    }

    /// Judges a redirect that stands beside the app.
    ///
    /// # Errors
    /// `InvalidAppRedirect` for whatever could lead to an origin that is none of the app's.
    pub fn judge(&self, redirect: &str) -> Result<(), InvalidAppRedirect> {
        self.target(redirect).map(drop)
    }

    fn target(&self, redirect: &str) -> Result<RedirectTarget, InvalidAppRedirect> {
        let policy = RedirectPolicy { portal: &self.origin, landing: None, allowed: &self.others };
        RedirectTarget::parse(redirect, &policy).map_err(|_| InvalidAppRedirect)
    }

    /// The start URL with what is known of who arrives filled in; where it has no place for any of that, it is appended (OpenID Connect
    /// Core 1.0, section 4).
    pub fn filled(&self, arrival: &Arrival<'_>) -> String {
        let Arrival { issuer, subject, target } = *arrival;
        let target = target.filter(|target| self.judge(target).is_ok());
        let values =
            [("{iss}", issuer.as_str()), ("{login_hint}", subject), ("{target}", target.unwrap_or_default())];
        if values.iter().any(|(place, _)| self.template.contains(place)) {
            // No value has a brace once it is encoded.
            return values.iter().fold(self.template.to_owned(), |url, (place, value)| {
                url.replace(place, &encoded(value).to_string())
            });
        }
        let (url, fragment) = self.template.split_at(self.template.find('#').unwrap_or(self.template.len()));
        let separator = match url.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        let target = target.map(|target| format!("&target_link_uri={}", encoded(&self.absolute(target))));
        let known = format!("iss={}&login_hint={}", encoded(issuer.as_str()), encoded(subject));
        format!("{url}{separator}{known}{}{fragment}", target.unwrap_or_default())
    }

    /// A redirect with its origin.
    fn absolute(&self, redirect: &str) -> String {
        if redirect.starts_with('/') { format!("{}{redirect}", self.origin) } else { redirect.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(start_url: &str) -> OidcApp {
        let redirect_uris = vec!["https://b.test/cb".to_owned(), "com.example.app:/cb".to_owned()];
        OidcApp { redirect_uris, start_url: Some(start_url.to_owned()), ..OidcApp::sample() }
    }

    fn filled(start_url: &str, target: Option<&str>) -> String {
        let (app, issuer) = (app(start_url), Origin::parse("https://example.com").unwrap());
        StartUrl::of(&app).unwrap().filled(&Arrival { issuer: &issuer, subject: "S1", target })
    }

    #[test]
    fn what_is_known_stands_in_its_places_percent_encoded() {
        let all = "https://a.test/go?i={iss}&h={login_hint}&t={target}";
        assert_eq!(
            filled(all, Some("/x?a=b&c=d#e")),
            "https://a.test/go?i=https%3A%2F%2Fexample.com&h=S1&t=%2Fx%3Fa%3Db%26c%3Dd%23e"
        );
        assert_eq!(filled(all, None), "https://a.test/go?i=https%3A%2F%2Fexample.com&h=S1&t=");
        assert_eq!(
            filled("https://a.test/{target}/{target}", Some("/{iss}")),
            "https://a.test/%2F%7Biss%7D/%2F%7Biss%7D"
        );
        assert_eq!(filled("https://a.test/{login_hint}/{other}", Some("/x")), "https://a.test/S1/{other}");
    }

    #[test]
    fn where_there_is_no_place_it_is_appended_and_the_target_is_absolute() {
        let known = "iss=https%3A%2F%2Fexample.com&login_hint=S1";
        for (start, begin) in [
            ("https://a.test", "https://a.test?"),
            ("https://a.test/in?a=b", "https://a.test/in?a=b&"),
            ("https://a.test/in?", "https://a.test/in?"),
        ] {
            assert_eq!(filled(start, None), format!("{begin}{known}"));
        }
        let target = |redirect| filled("https://a.test/in", Some(redirect));
        let begin = format!("https://a.test/in?{known}&target_link_uri=");
        assert_eq!(target("/x?y"), format!("{begin}https%3A%2F%2Fa.test%2Fx%3Fy"));
        assert_eq!(target("https://b.test/z"), format!("{begin}https%3A%2F%2Fb.test%2Fz"));
    }

    #[test]
    fn a_redirect_is_on_an_origin_of_the_app_or_as_none() {
        let app = app("https://a.test/in?t={target}");
        let start = StartUrl::of(&app).unwrap();
        for good in ["/", "/x?a=b&c=d#e", "https://a.test/x", "https://b.test/y"] {
            assert_eq!(start.judge(good), Ok(()), "{good}");
        }
        let long = format!("/{}", "a".repeat(2_000));
        for bad in [
            "",
            "x",
            "//evil.test",
            "/\\evil.test",
            "https://a.test@evil",
            "https://a.test.evil.test/",
            "https://c.test/",
            "https://a.test:8443/",
            "http://a.test/",
            "com.example.app:/cb",
            "https://example.com/",
            &long,
        ] {
            assert_eq!(start.judge(bad), Err(InvalidAppRedirect), "{bad}");
            assert_eq!(filled("https://a.test/in?t={target}", Some(bad)), "https://a.test/in?t=");
        }
    }

    #[test]
    fn what_leads_to_no_origin_is_no_start_url() {
        for start in
            ["com.example.app:/start", "https://{target}/", "https://a.test{target}", "http://a.test/", ""]
        {
            assert_eq!(StartUrl::of(&app(start)), None, "{start}");
        }
    }
}
