//! Secrets that travel: the login token, the session cookie, and what ties a form to a browser.

use std::fmt;

use super::base62;

/// The length of a login token, in characters.
pub const LENGTH: usize = 32;

/// How many of them, the first, nobody can guess: 149 bits. The others hide the link's time prefix.
const SECRET: usize = 25;

/// How many time prefixes those others can tell apart.
pub const TIME_PREFIXES: u64 = 62_u64.pow(7);

/// A login token as it stands in a link. Derived when needed, never stored.
///
/// Its last seven characters are the link's time prefix, shifted by a number that only the first ones and a secret key tell:
/// to whoever lacks that key they are as random as the rest, and say nothing of the time.
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

    /// The token of the same secret with a time prefix, shifted by `shift`.
    pub fn with_time_prefix(mut self, time_prefix: u64, shift: u64) -> Self {
        let shifted = (u128::from(time_prefix) + u128::from(shift)) % u128::from(TIME_PREFIXES);
        self.0[SECRET..].copy_from_slice(&base62::digits_of::<{ LENGTH - SECRET }>(shifted));
        self
    }

    /// What nobody can guess of it.
    pub fn secret(&self) -> &[u8] {
        &self.0[..SECRET]
    }

    /// Its time prefix, where that was shifted by `shift`.
    pub fn time_prefix(&self, shift: u64) -> u64 {
        (base62::number_of(&self.0[SECRET..]) + TIME_PREFIXES - shift % TIME_PREFIXES) % TIME_PREFIXES
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
    fn a_token_keeps_its_time_prefix() {
        let token = Token::from_mac(&[7; 32]);

        let last = TIME_PREFIXES - 1;
        for (time_prefix, shift) in [(0, 0), (5, u64::MAX), (last, 1), (last, last)] {
            let shifted = token.clone().with_time_prefix(time_prefix, shift);
            assert_eq!(shifted.time_prefix(shift), time_prefix);
            assert_eq!(shifted.secret(), token.secret());
            assert_eq!(Token::parse(shifted.reveal()), Some(shifted));
        }
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let token = Token::parse("ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT").unwrap();

        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }
}
