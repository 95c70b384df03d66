//! The parameters of queries and forms, parsed strictly: what cannot be decoded is an error.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::domain::validation::ValidationErrors;
use crate::http::error::Error;

/// The most parameters: doorkey's forms have four, and a list has fewer than twenty filters.
const MAX_PARAMETERS: usize = 1_000;

/// Why parameters cannot be parsed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(in crate::http) enum Unreadable {
    #[error("has more than {MAX_PARAMETERS} parameters")]
    TooMany,
    #[error(
        "is not percent-encoded UTF-8 in its parameter {0}: write % as %25, and other letters as their bytes"
    )]
    Parameter(usize),
    #[error("is not ASCII: write other letters as their bytes, percent-encoded")]
    NotAscii,
}

impl From<Unreadable> for Error {
    fn from(error: Unreadable) -> Self {
        Self::Malformed(format!("The query cannot be read: it {error}."))
    }
}

/// Names and values, decoded, in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::http) struct Params(pub(in crate::http) Vec<(String, String)>);

impl Params {
    /// Parses a query or an urlencoded body.
    pub(in crate::http) fn parse(text: &str) -> Result<Self, Unreadable> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        // A parsed parameter of one letter takes fifty bytes.
        if pairs.clone().nth(MAX_PARAMETERS).is_some() {
            return Err(Unreadable::TooMany);
        }
        let pairs = pairs.enumerate().map(|(place, pair)| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = decode(name).and_then(|name| Some((name, decode(value)?)));
            decoded.ok_or(Unreadable::Parameter(place + 1))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// Parses a query of which some names alone count: what cannot be decoded is an error in these, and passed over elsewhere.
    pub(in crate::http) fn parse_named(text: &str, names: &[&str]) -> Result<Self, Unreadable> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        if pairs.clone().nth(MAX_PARAMETERS).is_some() {
            return Err(Unreadable::TooMany);
        }
        let pairs = pairs.enumerate().filter_map(|(place, pair)| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            let value = decode(value);
            if names.contains(&name.as_str()) {
                Some(value.map(|value| (name, value)).ok_or(Unreadable::Parameter(place + 1)))
            } else {
                value.map(|value| Ok((name, value)))
            }
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// Takes the query of a link as mail clients leave it: `amp;` before a name goes, and what cannot be decoded is left out, but
    /// for a name's value where that is `kept`: of that, only what cannot be decoded is left as it is or replaced.
    pub(in crate::http) fn parse_leniently(text: &str, kept: &str) -> Result<Self, Unreadable> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        if pairs.clone().nth(MAX_PARAMETERS).is_some() {
            return Err(Unreadable::TooMany);
        }
        let pairs = pairs.filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            let name = name.rsplit("amp;").next().unwrap_or_default();
            let lossy = || percent_decode_str(value).decode_utf8_lossy().into_owned();
            let value = decode(value).or_else(|| (name == kept).then(lossy))?;
            Some((name.to_owned(), value))
        });
        Ok(Self(pairs.collect()))
    }

    /// The one value of a name; `None` if it is missing.
    pub(in crate::http) fn single(&self, name: &str) -> Result<Option<&str>, ValidationErrors> {
        let mut values = self.0.iter().filter(|pair| pair.0 == name).map(|pair| pair.1.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(ValidationErrors::field(name, "must be given once")),
        }
    }

    /// The one value of a name; empty if it is missing or given twice.
    pub(in crate::http) fn value(&self, name: &str) -> &str {
        self.single(name).ok().flatten().unwrap_or_default()
    }

    /// Whether a name is there in any spelling: `Token` and `token[]` mean `token`.
    pub(in crate::http) fn means(&self, name: &str) -> bool {
        let stem = |other: &str| other.split('[').next().unwrap_or_default().eq_ignore_ascii_case(name);
        self.0.iter().any(|(other, _)| stem(other))
    }

    /// Whether a name is there at all.
    pub(in crate::http) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|pair| pair.0 == name)
    }
}

/// Decodes a name or a value (WHATWG URL, section 5.1). Unlike browsers it refuses a lone `%` and bytes that are not UTF-8.
pub(in crate::http) fn decode(text: &str) -> Option<String> {
    let is_escape = |escape: &str| escape.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_once() {
        let params = Params::parse("a=1&b=%2Fx%20y+z&&c&a%5B%5D=%252F").unwrap();

        assert_eq!(params.single("b").unwrap(), Some("/x y z"));
        assert_eq!(params.single("c").unwrap(), Some(""));
        assert_eq!(params.single("a[]").unwrap(), Some("%2F"));
        assert_eq!(params.single("d").unwrap(), None);
        assert!(Params::parse("a=1&a=2").unwrap().single("a").is_err());
    }

    #[test]
    fn a_link_that_a_mail_client_has_changed_is_read() {
        for (query, token, redirect) in [
            ("token=T&amp;redirect=/a", "T", "/a"),
            ("token=T&utm_campaign=50%off&redirect=/a", "T", "/a"),
            ("utm_campaign=fr%FChling&token=T&redirect=/a", "T", "/a"),
            ("token=T&amp%3Bredirect=/a", "T", "/a"),
            ("token=T&amp;amp;redirect=/a", "T", "/a"),
            ("%zz=1&token=T%&redirect=/a", "T%", "/a"),
            ("token=T.%FF&redirect=/a", "T.\u{fffd}", "/a"),
            ("token=T&redirect=%FF", "T", ""),
        ] {
            let params = Params::parse_leniently(query, "token").unwrap();
            assert_eq!((params.value("token"), params.value("redirect")), (token, redirect), "{query}");
            assert!(params.has("token"), "{query}");
        }
    }

    #[test]
    fn more_than_a_thousand_parameters_are_refused() {
        assert!(Params::parse(&"a&".repeat(1_000)).is_ok());
        assert!(Params::parse(&"a&".repeat(1_001)).is_err());
    }

    #[test]
    fn what_cannot_be_decoded_is_refused() {
        for text in ["a=%", "a=%2", "a=%zz", "%=1", "a=%FF", "a=%ED%A0%80"] {
            assert!(Params::parse(text).is_err(), "{text}");
        }
    }
}
