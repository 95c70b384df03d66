//! Base 62: the alphabet that survives mail clients, scanners and double clicks.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Sixteen letters out of 128 random bits, each as likely as the next to within 2^-32.
const LETTERS_PER_HALF: usize = 16;

/// Thirty-two letters out of 256 bits that nobody can tell from chance, such as a MAC.
pub fn letters_from(bits: &[u8; 32]) -> [u8; 32] {
    let mut letters = [0; 32];
    for (half, out) in bits.chunks_exact(16).zip(letters.chunks_exact_mut(LETTERS_PER_HALF)) {
        let number = half.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        write_digits(number, out);
    }
    letters
}

/// `N` letters that stand for a number, the least digit last; higher digits are cut off.
pub fn digits_of<const N: usize>(number: u128) -> [u8; N] {
    let mut letters = [0; N];
    write_digits(number, &mut letters);
    letters
}

/// Letters drawn one by one from random bytes; bytes that would make some letters likelier are passed over.
///
/// Gives fewer than asked for when the bytes run out.
pub fn letters_drawn_from(random: impl IntoIterator<Item = u8>) -> impl Iterator<Item = u8> {
    random.into_iter().filter(|byte| *byte < 248).map(|byte| ALPHABET[usize::from(byte % 62)])
}

/// Whether a text consists of this alphabet alone.
pub fn is_base62(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_alphanumeric)
}

/// The number that a few letters stand for, ten at most; what is not of the alphabet counts as nothing.
pub fn number_of(letters: &[u8]) -> u64 {
    letters.iter().fold(0, |number, letter| {
        let digit = match letter {
            b'0'..=b'9' => letter - b'0',
            b'A'..=b'Z' => letter - b'A' + 10,
            b'a'..=b'z' => letter - b'a' + 36,
            _ => 0,
        };
        number * 62 + u64::from(digit)
    })
}

fn write_digits(mut number: u128, letters: &mut [u8]) {
    // Eight digits at a time fit a machine word, whose division by a constant is cheap.
    const EIGHT_DIGITS: u128 = 62_u128.pow(8);
    for eight in letters.rchunks_mut(8) {
        let mut word = u64::try_from(number % EIGHT_DIGITS).unwrap_or(0);
        number /= EIGHT_DIGITS;
        for letter in eight.iter_mut().rev() {
            *letter = ALPHABET[usize::try_from(word % 62).unwrap_or(0)];
            word /= 62;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        assert_eq!(&digits_of::<6>(0), b"000000");
        assert_eq!(&digits_of::<6>(61), b"00000z");
        assert_eq!(&digits_of::<3>(62 * 62), b"100");
        assert_eq!(&digits_of::<12>(62_u128.pow(9) + 1), b"001000000001");
        for number in [0, 9, 10, 35, 36, 61, 62, 62_u64.pow(7) - 1] {
            assert_eq!(number_of(&digits_of::<7>(u128::from(number))), number);
        }
    }

    #[test]
    fn both_halves_of_the_bits_reach_the_letters() {
        let mut bits = [0; 32];
        bits[15] = 1;
        bits[31] = 2;

        assert_eq!(&letters_from(&bits), b"00000000000000010000000000000002");
    }
}
