//! Secrets that travel: the login token, the session cookie, and what ties a form to a browser.

use std::fmt;

use super::base62;

/// The length of a login token, in characters.
pub const LENGTH: usize = 32;

/// A login token as it stands in a link. Derived when needed, never stored.
///
/// `Debug` hides it and there is no `Display`: grep for the callers of [`reveal`](Self::reveal) to see where tokens go.
#[derive(Clone, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct Token([u8; LENGTH]);

impl Token {
    /// Takes exactly 32 characters of `[0-9A-Za-z]`: nothing is trimmed, folded or forgiven.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; LENGTH] = text.as_bytes().try_into().ok()?;
        base62::is_base62(&letters).then_some(Self(letters))
    }

    /// The token that 256 bits of a keyed MAC stand for.
    pub fn from_mac(mac: &[u8; 32]) -> Self {
        Self(base62::letters_from(mac))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_thirty_two_plain_characters_are_a_token() {
        let text = "ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT";

        assert_eq!(Token::parse(text).unwrap().reveal(), text);
        for wrong in [
            "",
            &text[1..],
            &format!("{text}x"),
            &format!("{text} "),
            &text.replace('e', "."),
            &text.replace('e', "ｅ"),
        ] {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let token = Token::parse("ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT").unwrap();

        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }
}
