//! Secrets that travel: the login token, the session cookie, and what ties a form to a browser.

use std::fmt;

use super::base62;

/// The length of a login token, in characters.
pub const LENGTH: usize = 32;

/// How many of them, the first, nobody can guess: 149 bits. The others lead to the place where the link is kept.
const SECRET: usize = 25;

/// How many places those others can tell apart.
pub const PLACES: u64 = 62_u64.pow(7);

/// A login token as it stands in a link. Derived when needed, never stored.
///
/// Its last seven characters are the link's place, moved on by a number that only the first ones and a secret key tell: to
/// whoever lacks that key they are as random as the rest, and say nothing of the place.
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

    /// The token of the same secret that leads to a place, moved on by `shift`.
    pub fn leading_to(mut self, place: u64, shift: u64) -> Self {
        let moved = (u128::from(place) + u128::from(shift)) % u128::from(PLACES);
        self.0[SECRET..].copy_from_slice(&base62::digits_of::<{ LENGTH - SECRET }>(moved));
        self
    }

    /// What nobody can guess of it.
    pub fn secret(&self) -> &[u8] {
        &self.0[..SECRET]
    }

    /// The place it leads to, where it was moved on by `shift`.
    pub fn place(&self, shift: u64) -> u64 {
        (base62::number_of(&self.0[SECRET..]) + PLACES - shift % PLACES) % PLACES
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
    fn a_token_leads_to_its_place() {
        let token = Token::from_mac(&[7; 32]);

        for (place, shift) in [(0, 0), (5, u64::MAX), (PLACES - 1, 1), (PLACES - 1, PLACES - 1)] {
            let leading = token.clone().leading_to(place, shift);
            assert_eq!(leading.place(shift), place);
            assert_eq!(leading.secret(), token.secret());
            assert_eq!(Token::parse(leading.reveal()), Some(leading));
        }
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let token = Token::parse("ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT").unwrap();

        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }
}
