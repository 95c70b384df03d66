//! What was pasted where something is looked for, by its shape alone: nothing is looked up.

use url::Url;

use super::host::HostName;
use super::token;

/// So many letters and digits in a row are a token that was cut off, and no name.
const MIN_CUT_TOKEN: usize = 20;

/// What a text is that can mean no link, no address and no id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misfit {
    /// There is none.
    Nothing,
    /// A login link or its token, which has another number of letters and digits than 32.
    WrongLength(usize),
    /// A token of the right length with something else around it than a link has.
    OddToken,
    /// A URL without a token.
    NoToken,
    /// An address that is not well-formed.
    Address,
    /// A number that is no id.
    Number,
    /// Anything else, such as a name.
    Words,
}

impl Misfit {
    /// What a text is, without spaces around it.
    pub fn of(text: &str) -> Self {
        // As it is, or inside the URL of a mail scanner.
        let token = ["token=", "token%3D", "token%3d"].into_iter().find_map(|name| text.split_once(name));
        if let Some((_, token)) = token {
            // `=3D` is what is left of a mail's source.
            let is_encoded = token.starts_with("3D") && letters_of(token) == token::LENGTH + 2;
            return if is_encoded { Self::OddToken } else { Self::of_token(letters_of(token)) };
        }
        // In brackets or quotes.
        let bare = text.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        if text.is_empty() {
            Self::Nothing
        } else if text.contains("://") {
            Self::NoToken
        } else if text.contains('@') {
            Self::Address
        } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Number
        } else if letters_of(bare) >= MIN_CUT_TOKEN {
            Self::of_token(letters_of(bare))
        } else {
            Self::Words
        }
    }

    fn of_token(letters: usize) -> Self {
        if letters == token::LENGTH { Self::OddToken } else { Self::WrongLength(letters) }
    }
}

/// The host of a link, where the text begins with its scheme.
pub fn host_of(link: &str) -> Option<HostName> {
    HostName::parse(Url::parse(link).ok()?.host_str()?).ok()
}

/// With how many letters and digits a text begins.
fn letters_of(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphanumeric).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_means_nothing_is_told_by_its_shape() {
        let token = "ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT";
        let link = format!("https://example.com/login?token={token}");
        for (text, misfit) in [
            ("", Misfit::Nothing),
            (&link[..link.len() - 1], Misfit::WrongLength(31)),
            (&*format!("{link}x"), Misfit::WrongLength(33)),
            ("/login?token=", Misfit::WrongLength(0)),
            (&token[1..], Misfit::WrongLength(31)),
            (&*"x".repeat(5_000), Misfit::WrongLength(5_000)),
            (&*format!("{link}é"), Misfit::OddToken),
            (&*format!("{token})"), Misfit::OddToken),
            (&*format!("“{token}”"), Misfit::OddToken),
            (&*format!("https://example.com/login?token=3D{token}"), Misfit::OddToken),
            (&*format!("token={token}"), Misfit::OddToken),
            (
                &*format!("https://scan.test/?url=https%3A%2F%2Fexample.com%2Flogin%3Ftoken%3D{token}"),
                Misfit::OddToken,
            ),
            ("https://example.com/login", Misfit::NoToken),
            ("https://example.com/@ada", Misfit::NoToken),
            ("ada@example,org", Misfit::Address),
            ("Ada <ada@example.org>", Misfit::Address),
            ("0", Misfit::Number),
            ("99999999999999999999", Misfit::Number),
            ("-1", Misfit::Words),
            ("Ada Lovelace", Misfit::Words),
            ("Σοφία", Misfit::Words),
            ("\0\u{202e}", Misfit::Words),
        ] {
            assert_eq!(Misfit::of(text), misfit, "{text}");
        }
    }

    #[test]
    fn the_host_of_a_link_is_the_one_that_a_browser_would_open() {
        for (link, host) in [
            ("https://Portal.example.com:8443/login?token=x", Some("portal.example.com")),
            ("https://portal.example.com@evil.test/login?token=x", Some("evil.test")),
            ("https://bücher.example/login?token=x", Some("xn--bcher-kva.example")),
            ("portal.example.com/login?token=x", None),
            ("ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT", None),
        ] {
            assert_eq!(host_of(link).as_ref().map(HostName::as_str), host, "{link}");
        }
    }
}
