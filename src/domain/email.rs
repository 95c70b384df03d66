//! E-mail addresses: one plain ASCII mailbox, kept as it was given.

use std::fmt;

use super::validation::{Code, Problem};

/// The longest address that is taken, in bytes (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const MAX_LENGTH: usize = 254;

/// One plain ASCII mailbox: no list, no display name, no quoting, no comment; at most 254 bytes.
///
/// Anything else is refused, never trimmed or folded into acceptance: two spellings that a mail server
/// may read differently must not become one account. `Debug` masks it, for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// Why a text is no address that doorkey takes.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be one plain e-mail address in ASCII, such as ada@example.org (at most 254 bytes)")]
pub enum InvalidEmail {
    /// It has more than 254 bytes.
    TooLong,
    /// It is another thing.
    AnotherThing,
}

impl EmailAddress {
    /// Takes an address as it was given.
    ///
    /// # Errors
    /// `InvalidEmail` for anything but a dot-atom, `@`, and a domain (RFC 5321, section 4.1.2).
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidEmail::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail::AnotherThing)?;
        let is_fine = is_dot_atom(local) && is_domain(domain);
        if is_fine { Ok(Self(text.to_owned())) } else { Err(InvalidEmail::AnotherThing) }
    }

    /// An address as it stands in the store, where only parsed ones are put.
    pub(crate) fn from_store(text: String) -> Self {
        Self(text)
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether a top-level domain that is known stands at its end: where none does, somebody may have mistyped it.
    pub fn has_known_ending(&self) -> bool {
        let domain = self.domain().to_ascii_lowercase();
        let last = domain.rsplit('.').next().unwrap_or_default();
        // International ones stand in the list in their own letters.
        let is_listed = psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.is_known());
        domain.contains('.') && (is_listed || last.starts_with("xn--"))
    }

    /// What makes two spellings the same account: the address in lower case.
    pub fn lowercased(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Whether the two are one account.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    /// The address without what stands between the first and the last letter before the `@`: `a•••a@example.org`.
    pub fn masked(&self) -> String {
        self.showing(1)
    }

    /// This address and another, both masked, with as many more first letters as it takes to tell them apart.
    pub fn masked_beside(&self, other: &Self) -> (String, String) {
        let masked = |letters| (self.showing(letters), other.showing(letters));
        let told_apart = (1..MAX_LENGTH).map(masked).find(|(mask, other)| mask != other);
        told_apart.unwrap_or_else(|| masked(MAX_LENGTH))
    }

    fn showing(&self, letters: usize) -> String {
        match self.0.split_once('@') {
            Some((local, domain)) => {
                let last = if letters < local.len() { &local[local.len() - 1..] } else { "" };
                format!("{}•••{last}@{domain}", local.get(..letters).unwrap_or(local))
            }
            None => "•••".to_owned(),
        }
    }
}

impl InvalidEmail {
    /// The problem of the field that it was to stand in.
    pub fn problem(self) -> Problem {
        let code = if self == Self::TooLong { Code::TooLong } else { Code::Invalid };
        code.saying(self)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({})", self.masked())
    }
}

fn is_dot_atom(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.split('.').all(is_atom)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_mailbox_is_kept_as_given() {
        for text in
            ["ada@example.org", "Ada.Lovelace+x@Example.ORG", "o'neil@xn--bcher-kva.example", "a@localhost"]
        {
            assert_eq!(EmailAddress::parse(text).map(|address| address.0), Ok(text.to_owned()));
        }
        // As long as it may be, wherever the letters stand.
        let longest = format!("{}@example.org", "a".repeat(MAX_LENGTH - "@example.org".len()));
        assert!(EmailAddress::parse(&longest).is_ok());
        assert_eq!(EmailAddress::parse(&format!("a{longest}")), Err(InvalidEmail::TooLong));
    }

    #[test]
    fn anything_but_one_plain_mailbox_is_refused() {
        let longer = format!("a@{}example.org", "a.".repeat(130));
        for text in [
            "",
            "@",
            "a@",
            "@b",
            "a",
            "a@b@c",
            "a@x.test,b@evil.test",
            "a@x.test;b@evil.test",
            "\"A\" <b@evil.test>",
            "a@x.test\r\nBcc: b@evil.test",
            " a@x.test",
            "a@x.test ",
            "a@x..test",
            ".a@x.test",
            "a.@x.test",
            "a@-x.test",
            "a@x-.test",
            "\"a b\"@x.test",
            "a(c)@x.test",
            "a＠x.test",
            "a﹫x.test",
            "ı@x.test",
            "a@bücher.example",
            "a@[127.0.0.1]",
            "a%0a@x.test\n",
            "a\0@x.test",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(InvalidEmail::AnotherThing), "{text:?}");
        }
        assert_eq!(EmailAddress::parse(&longer), Err(InvalidEmail::TooLong));
    }

    #[test]
    fn an_ending_that_is_no_top_level_domain_is_not_known() {
        for (text, is_known) in [
            ("ada@example.org", true),
            ("ada@EXAMPLE.CO.UK", true),
            ("ada@example.xn--p1ai", true),
            ("ada@example.con", false),
            ("ada@localhost", false),
            ("ada@org", false),
        ] {
            assert_eq!(EmailAddress::parse(text).unwrap().has_known_ending(), is_known, "{text}");
        }
    }

    #[test]
    fn a_masked_address_shows_one_letter_and_the_domain() {
        let address = EmailAddress::parse("ada@example.org").unwrap();

        assert_eq!(address.masked(), "a•••a@example.org");
        assert_eq!(format!("{address:?}"), "EmailAddress(a•••a@example.org)");
    }

    #[test]
    fn two_addresses_are_masked_so_that_they_differ() {
        for (one, other, masks) in [
            ("ada@example.org", "bob@example.org", ("a•••a@example.org", "b•••b@example.org")),
            ("ada@example.org", "amy@example.org", ("a•••a@example.org", "a•••y@example.org")),
            ("ada@example.org", "ada@example.net", ("a•••a@example.org", "a•••a@example.net")),
            ("ada@example.org", "Ada@example.org", ("a•••a@example.org", "A•••a@example.org")),
            ("ada@example.org", "adah@example.org", ("a•••a@example.org", "a•••h@example.org")),
        ] {
            let (one, other) = (EmailAddress::parse(one).unwrap(), EmailAddress::parse(other).unwrap());
            assert_eq!(one.masked_beside(&other), (masks.0.to_owned(), masks.1.to_owned()));
        }
    }
}
