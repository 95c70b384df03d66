//! Where a person may land after signing in.

use url::{Position, Url};

use super::origin::Origin;

/// The longest target that is taken, in bytes, as it is given and in its normal form.
const MAX_LENGTH: usize = 2_000;

/// A place that passed the rule: a path of the portal, or a URL on an origin of the workspace's choice.
///
/// It is a normal ASCII URL text, so that it may stand in a `Location` header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RedirectTarget {
    /// A path of the portal, with query and fragment: `/orders/12?tab=a`.
    Path(String),
    /// An absolute URL on the portal's origin, `landing_url`'s, or one of `allowed_redirect_origins`.
    Absolute(Url),
}

/// Where a workspace lets people be sent.
#[derive(Clone, Copy, Debug)]
pub struct RedirectPolicy<'a> {
    /// Paths are those of this origin.
    pub portal: &'a Origin,
    /// Where people land who asked for nothing else: its origin is allowed too.
    pub landing: Option<&'a str>,
    /// Further origins.
    pub allowed: &'a [Origin],
}

impl RedirectPolicy<'_> {
    /// Whether people may be sent to an origin: the portal's, the landing URL's, or an allowed one.
    pub fn allows(&self, origin: &Origin) -> bool {
        let landing = self.landing.and_then(|url| Url::parse(url).ok());
        origin == self.portal
            || self.allowed.contains(origin)
            || landing.is_some_and(|url| Origin::of(&url).is_ok_and(|landing| landing == *origin))
    }
}

/// Why a target is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "redirect must be a path of the portal (/orders/12) or an absolute URL on one of its allowed origins, \
     at most 2,000 bytes"
)]
pub struct InvalidRedirect;

impl RedirectTarget {
    /// Validates a target against a workspace's policy.
    ///
    /// Characters that URL parsers drop or turn round (control characters, backslashes in a path) are refused before
    /// anything is parsed: what a browser reads must be what was validated. Behind `?` and `#` a backslash is `%5C`.
    ///
    /// # Errors
    /// `InvalidRedirect` for whatever could lead to an origin that the workspace does not name.
    pub fn parse(text: &str, policy: &RedirectPolicy<'_>) -> Result<Self, InvalidRedirect> {
        let (path, rest) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
        let is_clean = !text.chars().any(|letter| letter.is_control() || letter.is_whitespace());
        if !is_clean || path.contains('\\') || text.len() > MAX_LENGTH {
            return Err(InvalidRedirect);
        }
        let text = &*format!("{path}{}", rest.replace('\\', "%5C"));
        let portal = Url::parse(policy.portal.as_str()).map_err(|_| InvalidRedirect)?;
        if text.starts_with('/') {
            return path_of(text, &portal);
        }
        let has_authority = text.get(..8).is_some_and(|start| {
            let start = start.to_ascii_lowercase();
            start == "https://" || start.starts_with("http://")
        });
        let url = Url::parse(text).map_err(|_| InvalidRedirect)?;
        let origin = Origin::of(&url).map_err(|_| InvalidRedirect)?;
        if has_authority && policy.allows(&origin) && url.as_str().len() <= MAX_LENGTH {
            Ok(Self::Absolute(url))
        } else {
            Err(InvalidRedirect)
        }
    }

    /// The target as it stands in a link, a header or the store.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Absolute(url) => url.as_str(),
        }
    }

    /// The same place seen from an origin: a URL of that origin becomes a path.
    pub fn seen_from(self, origin: &str) -> Self {
        match self {
            Self::Absolute(url) if url.origin().ascii_serialization() == origin => {
                let path = &url[Position::BeforePath..];
                // A path that begins with two slashes would be read as another host.
                if path.starts_with("//") { Self::Absolute(url) } else { Self::Path(path.to_owned()) }
            }
            same @ (Self::Path(_) | Self::Absolute(_)) => same,
        }
    }
}

fn path_of(text: &str, portal: &Url) -> Result<RedirectTarget, InvalidRedirect> {
    let url = portal.join(text).map_err(|_| InvalidRedirect)?;
    let path = &url[Position::BeforePath..];
    let stays = url.origin() == portal.origin() && !text.starts_with("//") && !path.starts_with("//");
    if stays && path.len() <= MAX_LENGTH {
        Ok(RedirectTarget::Path(path.to_owned()))
    } else {
        Err(InvalidRedirect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::workspace::Workspace;

    fn workspace() -> Workspace {
        let mut workspace = Workspace::sample("https://app.example.com");
        workspace.landing_url = Some("https://home.example.com/start".to_owned());
        workspace.allowed_redirect_origins = vec![Origin::parse("https://shop.example.com").unwrap()];
        workspace
    }

    #[test]
    fn paths_and_allowed_origins_are_kept_as_given() {
        for text in [
            "/",
            "/orders/5?x=1#part",
            "/orders/12?tab=a",
            "https://app.example.com/a",
            "https://home.example.com/",
            "https://shop.example.com/?q=1",
            "/a%2Fb",
            "/login?redirect=//evil.test",
        ] {
            assert_eq!(
                RedirectTarget::parse(text, &workspace().redirect_policy())
                    .map(|target| target.as_str().to_owned()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn whatever_could_lead_elsewhere_is_refused() {
        let long = format!("/{}", "a".repeat(2_000));
        let longer_once_encoded = format!("/{}", "é".repeat(900));
        for text in [
            "",
            "orders",
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "https:evil.test",
            "https:/evil.test",
            "https:app.example.com",
            "https://app.example.com@evil.test",
            "https://x@app.example.com/",
            "https://app.example.com.evil.test",
            "javascript:alert(1)",
            "data:text/html,x",
            "/\t/evil.test",
            "/a\r\nSet-Cookie: a=b",
            "/a\0",
            "/..//evil.test",
            "/./\u{2028}/x",
            "https://sub.shop.example.com/",
            "https://shop.example.com:8443/",
            "http://shop.example.com/",
            " /a",
            "/a b",
            "ftp://app.example.com/",
            &long,
            &longer_once_encoded,
        ] {
            assert_eq!(
                RedirectTarget::parse(text, &workspace().redirect_policy()),
                Err(InvalidRedirect),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_url_of_the_origin_asked_is_a_path_there() {
        let target =
            RedirectTarget::parse("https://app.example.com/a?b#c", &workspace().redirect_policy()).unwrap();

        assert_eq!(
            target.clone().seen_from("https://app.example.com"),
            RedirectTarget::Path("/a?b#c".to_owned())
        );
        assert_eq!(target.clone().seen_from("https://alias.example.com"), target);
    }
}
