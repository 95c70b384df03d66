//! Where a link leads by what stands in it: an app, a redirect, or a redirect in an app.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a query value as it is (RFC 3986, section 2.3).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a link says of where it leads, as it was given. It is judged where it is used.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Destination {
    /// The client id of an app.
    pub app: Option<String>,
    /// A redirect; beside an app it is one of that app.
    pub redirect: Option<String>,
}

impl Destination {
    /// One that says where it leads, and that leads nowhere: it stands for what is not allowed, or not known.
    pub fn not_allowed() -> Self {
        Self { app: None, redirect: Some(String::new()) }
    }

    /// Whether a link says nothing of where it leads.
    pub const fn is_nothing(&self) -> bool {
        self.app.is_none() && self.redirect.is_none()
    }

    /// How it stands in a query, behind another parameter.
    pub fn parameters(&self) -> String {
        let one = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("&{name}={}", encoded(value))).unwrap_or_default()
        };
        one("app", &self.app) + &one("redirect", &self.redirect)
    }
}

/// A text as it stands in a query.
pub fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, PLAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_stands_before_the_redirect() {
        let some = |text: &str| Some(text.to_owned());
        let both = Destination { app: some("wiki"), redirect: some("/a?b=c&d#é") };

        assert_eq!(both.parameters(), "&app=wiki&redirect=%2Fa%3Fb%3Dc%26d%23%C3%A9");
        assert_eq!(Destination { redirect: None, ..both }.parameters(), "&app=wiki");
        assert_eq!(Destination::default().parameters(), "");
        assert_eq!(Destination::not_allowed().parameters(), "&redirect=");
    }
}
