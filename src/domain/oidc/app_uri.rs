//! The addresses of an app.

use url::Url;

use crate::domain::validation::{Code, Problem};

/// A parameter is there twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doubled;

/// The longest address, in bytes.
const MAX_LENGTH: usize = 2_000;

/// The hosts at which http is as good as https: nothing leaves the machine (RFC 8252, section 8.3).
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What stands in a start URL for something that is known only when somebody goes there.
pub const PLACEHOLDERS: [&str; 3] = ["{iss}", "{login_hint}", "{target}"];

/// Whether an address may be one of an app's. It is kept byte for byte.
///
/// # Errors
/// What is wrong, and what to do.
pub fn check_uri(uri: &str, is_public: bool) -> Result<(), Problem> {
    if uri.len() > MAX_LENGTH {
        return Err(Code::TooLong.saying(format!("{} may have 2,000 bytes at most", shown(uri))));
    }
    let wrong = |what: &str| Err(Code::Invalid.saying(format!("{} {what}", shown(uri))));
    if uri.is_empty() || !uri.bytes().all(|byte| byte.is_ascii_graphic()) || uri.contains('\\') {
        return wrong(
            "must be visible ASCII without spaces and backslashes: percent-encode other characters",
        );
    }
    if uri.contains('#') {
        return wrong("may have no fragment (#)");
    }
    if uri.contains('*') {
        return wrong("may have no `*`: name each URI");
    }
    let Some((scheme, rest)) = uri.split_once(':') else {
        return wrong("must be an absolute URI such as https://app.example.com/callback");
    };
    let scheme = scheme.to_ascii_lowercase();
    if has_dot_segment(rest) {
        return wrong("may have no `.` or `..` as a part of its path, encoded or not");
    }
    if scheme == "https" || scheme == "http" {
        let Some(rest) = rest.strip_prefix("//") else { return wrong("must have // after its scheme") };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return wrong("may have no user name or password");
        }
        let host = Url::parse(uri).ok().and_then(|url| url.host_str().map(str::to_owned));
        let Some(host) = host.filter(|host| !host.is_empty() && !authority.is_empty()) else {
            return wrong("must have a host");
        };
        if scheme == "http" && !LOOPBACK.contains(&host.as_str()) {
            return wrong("must be https; http is for localhost, 127.0.0.1 and [::1]");
        }
        return Ok(());
    }
    let is_scheme = scheme.starts_with(|letter: char| letter.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
    if is_public && is_scheme && scheme.contains('.') && !rest.is_empty() {
        return Ok(());
    }
    wrong(if is_public {
        "must be https, or have a scheme with a dot in it, such as com.example.app:/callback"
    } else {
        "must be https; a scheme of its own is for public apps"
    })
}

/// Whether an address may be an app's start URL: placeholders stand after its origin.
pub fn check_start_url(url: &str) -> Result<(), Problem> {
    let filled = PLACEHOLDERS.iter().fold(url.to_owned(), |url, placeholder| url.replace(placeholder, "x"));
    if filled.contains(['{', '}']) {
        return Err(Code::Invalid.saying(format!(
            "{} may have {{iss}}, {{login_hint}} and {{target}} in braces, and nothing else",
            shown(url)
        )));
    }
    check_uri(&filled, false)?;
    let after_scheme = url.find("://").map_or(0, |place| place + 3);
    let origin = url[after_scheme..].split(['/', '?']).next().unwrap_or_default();
    if origin.contains('{') {
        return Err(
            Code::Invalid.saying(format!("{} may have placeholders only behind its host", shown(url)))
        );
    }
    Ok(())
}

fn has_dot_segment(rest: &str) -> bool {
    let path = rest.split('?').next().unwrap_or_default();
    path.split('/').any(|segment| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        segment == "." || segment == ".."
    })
}

/// An address as an error repeats it.
fn shown(uri: &str) -> String {
    let end = (0..=100).rev().find(|end| uri.is_char_boundary(*end)).unwrap_or(0);
    format!("{:?}", uri.get(..end).unwrap_or(uri))
}

/// Whether an address is one of those that are registered, byte for byte. Of a public app's on the loopback interface any port is
/// (RFC 8252, section 7.3).
pub fn is_registered(registered: &[String], uri: &str, is_public: bool) -> bool {
    registered.iter().any(|one| one == uri)
        || (is_public
            && without_port(uri).is_some_and(|uri| {
                registered.iter().filter_map(|one| without_port(one)).any(|one| one == uri)
            }))
}

/// What is wrong with an address that is none of those that are registered, for the app's operator.
pub fn why_not_registered(registered: &[String], uri: Result<Option<&str>, Doubled>) -> String {
    let uri = match uri {
        Ok(Some(uri)) => uri,
        Ok(None) => return "redirect_uri is missing".to_owned(),
        Err(Doubled) => return "redirect_uri is there twice".to_owned(),
    };
    let differs_in = |same: &dyn Fn(&str, &str) -> bool| registered.iter().any(|one| same(one, uri));
    let path = |uri: &str| uri.split(['?', '#']).next().unwrap_or_default().to_owned();
    let rest = |uri: &str| uri.split_once("://").map(|(_, rest)| rest.to_owned());
    let without_authority =
        |uri: &str| rest(uri).and_then(|rest| rest.split_once('/').map(|(_, path)| path.to_owned()));
    if differs_in(&|one, uri| uri.strip_suffix('/') == Some(one)) {
        "redirect_uri ends in `/` here, not in the app's list".to_owned()
    } else if differs_in(&|one, uri| one.strip_suffix('/') == Some(uri)) {
        "redirect_uri ends in `/` in the app's list, not here".to_owned()
    } else if differs_in(&|one, uri| one.eq_ignore_ascii_case(uri)) {
        "redirect_uri differs from one in the app's list by upper and lower case".to_owned()
    } else if differs_in(&|one, uri| path(one) == path(uri)) {
        "redirect_uri differs from one in the app's list by its query".to_owned()
    } else if differs_in(&|one, uri| rest(one) == rest(uri)) {
        "redirect_uri differs from one in the app's list by its scheme".to_owned()
    } else if differs_in(&|one, uri| {
        without_authority(one).is_some() && without_authority(one) == without_authority(uri)
    }) {
        "redirect_uri differs from one in the app's list by its host or port".to_owned()
    } else {
        let end = (0..=200).rev().find(|end| uri.is_char_boundary(*end)).unwrap_or(0);
        format!("redirect_uri is none of the app's: {:?}", uri.get(..end).unwrap_or(uri))
    }
}

/// The parts of a loopback address on either side of its port; `None` for any other address.
fn without_port(uri: &str) -> Option<(&str, &str)> {
    let loopback = ["http://127.0.0.1", "http://[::1]"];
    let (host, rest) = loopback.into_iter().find_map(|host| Some((host, uri.strip_prefix(host)?)))?;
    let rest = match rest.strip_prefix(':') {
        Some(port) => {
            let end = port.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(port.len());
            let number: u32 = port[..end].parse().ok()?;
            if number == 0 || number > 65_535 || port.starts_with('0') {
                return None;
            }
            &port[end..]
        }
        None => rest,
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_whole_and_plain() {
        for uri in [
            "https://app.example.com/cb",
            "https://app.example.com",
            "https://APP.example.com:8443/cb?x=%2F&y=.",
            "http://localhost:3000/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:9/cb",
            "https://app.example.com/a.b/..c",
        ] {
            assert_eq!(check_uri(uri, false), Ok(()), "{uri}");
        }
        for uri in ["com.example.app:/cb", "com.example.app://cb"] {
            assert_eq!(check_uri(uri, true), Ok(()), "{uri}");
            assert!(check_uri(uri, false).is_err(), "{uri}");
        }
        let long = format!("https://a.test/{}", "a".repeat(2_000));
        for uri in [
            "",
            "/cb",
            "https:app.example.com/cb",
            "https:///cb",
            "http://app.example.com/cb",
            "http://localhost.evil.test/cb",
            "https://u@app.example.com/cb",
            "https://app.example.com/cb#x",
            "https://*.example.com/cb",
            "https://app.example.com/a/../cb",
            "https://app.example.com/./cb",
            "https://app.example.com/%2E%2e/cb",
            "https://app.example.com/a b",
            "https://app.example.com/é",
            "https://app.example.com\\evil",
            "javascript:alert(1)",
            "myapp:/cb",
            "ftp://a.b/cb",
            &long,
        ] {
            assert!(check_uri(uri, true).is_err(), "{uri}");
        }
    }

    #[test]
    fn a_start_url_has_placeholders_behind_its_host() {
        for url in [
            "https://app.example.com/login?iss={iss}&hint={login_hint}&to={target}",
            "https://app.example.com/{target}",
            "https://app.example.com",
        ] {
            assert_eq!(check_start_url(url), Ok(()), "{url}");
        }
        for url in [
            "https://{target}/",
            "https://app{iss}.example.com/",
            "https://a.test/{other}",
            "https://a.test/{",
            "{iss}",
        ] {
            assert!(check_start_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn of_a_public_apps_loopback_address_the_port_alone_may_differ() {
        let registered = ["http://127.0.0.1/cb".to_owned(), "http://[::1]:80/cb".to_owned()];
        for uri in
            ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]:9/cb"]
        {
            assert!(is_registered(&registered, uri, true), "{uri}");
        }
        for uri in [
            "http://localhost/cb",
            "http://127.0.0.2/cb",
            "http://127.0.0.1.evil.test/cb",
            "http://127.0.0.1:1.evil.test/cb",
            "http://u@127.0.0.1/cb",
            "http://127.0.0.1:x@evil.test/cb",
            "http://127.0.0.1:1@evil.test/cb",
            "http://127.0.0.1/cb/",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:065/cb",
            "http://127.0.0.1:65536/cb",
            "https://127.0.0.1:1/cb",
            "http://127.0.0.1:1/cb?a",
        ] {
            assert!(!is_registered(&registered, uri, true), "{uri}");
        }
        assert!(!is_registered(&registered, "http://127.0.0.1:1/cb", false));
    }
}
