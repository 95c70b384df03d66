//! Which addresses an app may have. They are kept byte for byte, so whatever two readers of URLs could take for different places is
//! refused.

use url::Url;

/// The longest address, in bytes.
pub const MAX_LENGTH: usize = 2_000;

/// What may be filled in behind the origin of a start URL.
pub const PLACEHOLDERS: [&str; 3] = ["{iss}", "{login_hint}", "{target}"];

/// Judges a redirect URI or a post-logout redirect URI. That of a public app may have a scheme of the app's own, which is known by a
/// dot in it (RFC 8252, section 7.1).
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_redirect_uri(text: &str, is_public: bool) -> Result<(), String> {
    check_text(text)?;
    let scheme = text.split(':').next().unwrap_or_default();
    if !text.contains(':') || !is_scheme(scheme) {
        return Err("must be absolute, such as https://app.example.com/callback".to_owned());
    }
    let is_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    if is_web {
        return check_web(text);
    }
    if !scheme.contains('.') {
        return Err("must be https, or http on localhost, 127.0.0.1 or [::1]".to_owned());
    }
    if !is_public {
        return Err("must be https: a scheme of its own is for an app of the type public".to_owned());
    }
    let rest = text.get(scheme.len() + 1..).unwrap_or_default();
    let (authority, path) = rest.strip_prefix("//").map_or(("", rest), split_authority);
    if authority.contains('@') {
        return Err(USER_INFO.to_owned());
    }
    if rest.is_empty() {
        return Err(format!("must have something behind the scheme, such as {scheme}:/callback"));
    }
    check_path(path)
}

/// Judges a start URL.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_start_url(text: &str) -> Result<(), String> {
    check_redirect_uri(text, false)?;
    let authority = text.split_once("://").map(|(_, rest)| split_authority(rest).0).unwrap_or_default();
    if authority.contains('{') {
        return Err("must have its placeholders behind the origin".to_owned());
    }
    let plain = PLACEHOLDERS.iter().fold(text.to_owned(), |text, placeholder| text.replace(placeholder, ""));
    if plain.contains(['{', '}']) {
        return Err(format!("has a brace that is no placeholder; there are {}", PLACEHOLDERS.join(", ")));
    }
    Ok(())
}

const USER_INFO: &str = "must have no user name or password before its host";

fn check_text(text: &str) -> Result<(), String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("must have {MAX_LENGTH} bytes at most"));
    }
    // Lists stand between spaces where they are kept.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            "must be visible ASCII: write other letters percent-encoded, and a host in its xn-- form"
                .to_owned(),
        );
    }
    if text.contains('#') {
        return Err("must have no fragment (#)".to_owned());
    }
    if text.contains('*') {
        return Err("must have no * in it: each address is named in full".to_owned());
    }
    if text.split('?').next().is_some_and(|before| before.contains('\\')) {
        return Err("must have no backslash: readers of URLs differ in what it means".to_owned());
    }
    Ok(())
}

/// Letters, digits, `+`, `-` and `.`, a letter first (RFC 3986, section 3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn check_web(text: &str) -> Result<(), String> {
    const MALFORMED: &str = "must be a URL such as https://app.example.com/callback";
    let rest = text.split_once("://").map(|(_, rest)| rest).ok_or(MALFORMED)?;
    let (authority, path) = split_authority(rest);
    if authority.contains('@') {
        return Err(USER_INFO.to_owned());
    }
    let url = Url::parse(text).map_err(|_| MALFORMED)?;
    let (host, port) = (url.host_str().unwrap_or_default(), url.port());
    // The host as it was written is the host that is meant: 0x7f.1 is another way to write an address, and %61 one to write a letter.
    let written = match authority.rsplit_once(':') {
        Some((host, digits)) if !digits.contains(']') => host,
        _ => authority,
    };
    if host.is_empty() || !written.eq_ignore_ascii_case(host) || port == Some(0) {
        return Err("must have its host, and its port if there is one, written plainly".to_owned());
    }
    if url.scheme() == "http" && !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        return Err("must be https: http is for localhost, 127.0.0.1 and [::1] alone".to_owned());
    }
    check_path(path)
}

/// What stands before the path, and the rest.
fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()))
}

/// No segment may lead up or stay, however it is written.
fn check_path(path: &str) -> Result<(), String> {
    let path = path.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let path = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err("must have no . or .. in its path, encoded or not".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_is_written_or_not_at_all() {
        let long = |length: usize| format!("https://a.test/{}", "x".repeat(length - 15));
        for good in [
            "https://app.example.com/cb",
            "https://app.example.com",
            "https://App.Example.com:8443/cb?a=b&c=https://x.test/../y",
            "https://[2001:db8::1]/cb",
            "https://192.0.2.1/cb",
            "https://xn--bcher-kva.example/cb",
            "https://a.test/a..b/.well-known/...",
            "http://localhost/cb",
            "http://localhost:3000/cb",
            "http://127.0.0.1:8080/cb",
            "http://[::1]/cb",
            &long(2_000),
        ] {
            for is_public in [true, false] {
                assert_eq!(check_redirect_uri(good, is_public), Ok(()), "{good}");
            }
        }
        for bad in [
            "",
            "/cb",
            "app.example.com/cb",
            "//app.example.com/cb",
            "https:/a.test/cb",
            "https:a.test",
            "https://",
            "https:///cb",
            "https://a.test:0/cb",
            "https://a.test:70000/cb",
            "https://a.test/cb#",
            "https://a.test/cb#x",
            "https://*.a.test/cb",
            "https://a.test/cb?x=*",
            "https://u@a.test/cb",
            "https://@a.test/cb",
            "https://a.test%40evil.test/cb",
            "https://a.test\\@evil.test/cb",
            "https://a.test/a/../cb",
            "https://a.test/a/..",
            "https://a.test/./cb",
            "https://a.test/a/%2e%2E/cb",
            "https://a.test/a/.%2e/cb",
            "https://a.test/a%2f..%2fcb",
            "https://a.test/a b",
            "https://a.test/é",
            "https://bücher.example/cb",
            "https://0x7f.1/cb",
            "https://%61.test/cb",
            "http://a.test/cb",
            "http://localhost.evil.test/cb",
            "http://127.0.0.2/cb",
            "http://127.1/cb",
            "ftp://a.test/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/cb",
            "1.app:/cb",
            &long(2_001),
        ] {
            for is_public in [true, false] {
                assert!(check_redirect_uri(bad, is_public).is_err(), "{bad}");
            }
        }
    }

    #[test]
    fn a_scheme_of_its_own_is_for_public_apps_and_has_a_dot() {
        for good in ["com.example.app:/cb", "com.example.app://cb/x?y", "com.example.app:cb"] {
            assert_eq!(check_redirect_uri(good, true), Ok(()), "{good}");
            assert!(check_redirect_uri(good, false).is_err() && check_start_url(good).is_err(), "{good}");
        }
        for bad in [
            "com.example.app:",
            "com.example.app:/a/../b",
            "com.example.app://u@b/c",
            "com.example.app:/a#b",
            "com.example.app:/*",
            "com example.app:/a",
        ] {
            assert!(check_redirect_uri(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn placeholders_stand_behind_the_origin() {
        for good in [
            "https://a.test/start",
            "https://a.test/{target}",
            "https://a.test/?i={iss}&h={login_hint}&t={target}",
        ] {
            assert_eq!(check_start_url(good), Ok(()), "{good}");
        }
        for bad in [
            "https://{iss}/start",
            "https://a.test{target}/start",
            "https://a.test:{target}/",
            "{target}",
            "https://a.test/{user}",
            "https://a.test/{iss",
            "https://a.test/../{target}",
        ] {
            assert!(check_start_url(bad).is_err(), "{bad}");
        }
    }
}
