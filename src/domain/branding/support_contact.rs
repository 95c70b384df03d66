//! Where people of a workspace get help: an address or a page.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::domain::email::EmailAddress;

/// The longest URL that is taken, in bytes.
const MAX_URL: usize = 500;

/// What is encoded of an address in a `mailto:` URL (RFC 6068, section 2).
const IN_ADDRESSES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'@').remove(b'.').remove(b'-').remove(b'_').remove(b'~').remove(b'+');

/// An e-mail address or an https URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SupportContact {
    /// An address.
    Email(EmailAddress),
    /// A page, kept as it was given; ASCII.
    Url(String),
}

/// Why a text is no contact that doorkey takes.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "must be one plain e-mail address, or an https URL of up to 500 bytes in ASCII, such as https://example.com/help"
)]
pub struct InvalidContact;

impl SupportContact {
    /// Takes a contact as an operator writes it.
    pub fn parse(text: &str) -> Result<Self, InvalidContact> {
        if let Ok(email) = EmailAddress::parse(text) {
            return Ok(Self::Email(email));
        }
        let is_plain = text.len() <= MAX_URL && text.bytes().all(|byte| byte.is_ascii_graphic());
        let url = Url::parse(text).map_err(|_| InvalidContact)?;
        let is_page = text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        let is_anonymous = url.username().is_empty() && url.password().is_none();
        if is_plain && is_page && is_anonymous { Ok(Self::Url(text.to_owned())) } else { Err(InvalidContact) }
    }

    /// What a link to it leads to.
    pub fn href(&self) -> String {
        match self {
            Self::Email(email) => format!("mailto:{}", utf8_percent_encode(email.as_str(), IN_ADDRESSES)),
            Self::Url(url) => url.clone(),
        }
    }

    /// The contact as it was given.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Url(url) => url,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_an_https_page_are_kept_as_given() {
        let longest = format!("https://example.com/{}", "a".repeat(480));
        for text in [
            "Help@Example.com",
            "https://example.com",
            "https://example.com/help?a=b#c",
            "HTTPS://example.com/",
            &longest,
        ] {
            assert_eq!(SupportContact::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_link_to_an_address_says_nothing_but_the_address() {
        let contact = SupportContact::parse("a+b%40c?subject=x&y@example.com").unwrap();
        assert_eq!(contact.href(), "mailto:a+b%2540c%3Fsubject%3Dx%26y@example.com");
    }

    #[test]
    fn nothing_else_is_a_contact() {
        let longer = format!("https://example.com/{}", "a".repeat(481));
        for text in [
            "http://example.com",
            "https:example.com",
            "https://",
            "https://user@example.com/",
            "https://example.com/a b",
            "https://example.com/\n",
            "https://exämple.com/",
            "javascript:alert(1)",
            "mailto:help@example.com",
            "help@",
            "+420 123",
            &longer,
        ] {
            assert_eq!(SupportContact::parse(text), Err(InvalidContact), "{text:?}");
        }
    }
}
