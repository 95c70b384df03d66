//! The addresses of an app.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A parameter is there twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doubled;

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

/// An address with parameters behind its own query, which is kept as it is.
pub fn with_parameters<'a>(uri: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut uri = uri.to_owned();
    for (name, value) in parameters {
        if !uri.ends_with(['?', '&']) {
            uri.push(if uri.contains('?') { '&' } else { '?' });
        }
        uri.push_str(name);
        uri.push('=');
        uri.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    uri
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
