//! Folds a paragraph into lines that every mail program shows.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns that a line takes at most, where it can be broken.
const COLUMNS: usize = 76;

/// The bytes that a line has at most, whatever stands in it (RFC 5322, section 2.1.1, allows 998).
pub const MAX_BYTES: usize = 900;

/// What no line begins with where words have no spaces between them.
const NEVER_FIRST: &str = "、。，．！？）」』】ーぁぃぅぇぉっゃゅょァィゥェォッャュョ…";

/// Breaks a paragraph at its spaces, and between wide letters, which have none. A word is broken only if it alone is too long
/// for a mail.
pub fn fold(paragraph: &str) -> String {
    let (mut folded, mut columns, mut bytes) = (String::with_capacity(paragraph.len() + 16), 0, 0);
    for (number, word) in paragraph.split(' ').enumerate() {
        for (place, piece) in pieces(word).into_iter().enumerate() {
            let space = usize::from(place == 0 && number > 0);
            let width = piece.width();
            let is_full = columns + space + width > COLUMNS && columns > 0;
            if is_full || bytes + space + piece.len() > MAX_BYTES {
                folded.push('\n');
                (columns, bytes) = (0, 0);
            } else if space == 1 {
                folded.push(' ');
                (columns, bytes) = (columns + 1, bytes + 1);
            }
            folded.push_str(piece);
            (columns, bytes) = (columns + width, bytes + piece.len());
        }
    }
    folded
}

/// The pieces of a word between which a line may end.
fn pieces(word: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut was_wide) = (Vec::new(), 0, false);
    for (place, letter) in word.char_indices() {
        let is_wide = letter.width() == Some(2);
        let may_break = (is_wide || was_wide) && !NEVER_FIRST.contains(letter);
        if place > start && (may_break || place - start + letter.len_utf8() > MAX_BYTES) {
            pieces.push(&word[start..place]);
            start = place;
        }
        was_wide = is_wide;
    }
    pieces.push(&word[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_spaces_and_long_words_stay_whole() {
        let link = format!("https://example.com/{}", "a".repeat(200));
        let folded = fold(&format!("{} {link} end", "word ".repeat(40).trim_end()));

        assert_eq!(folded.replace('\n', " "), format!("{} {link} end", "word ".repeat(40).trim_end()));
        assert!(folded.lines().all(|line| line.width() <= 76 || line == link), "{folded}");
        assert!(folded.lines().any(|line| line == link));
    }

    #[test]
    fn a_language_without_spaces_is_folded_too_and_no_line_begins_with_a_full_stop() {
        let folded = fold(&"お心当たりがない場合は、何もしないでください。".repeat(6));

        assert_eq!(folded.replace('\n', ""), "お心当たりがない場合は、何もしないでください。".repeat(6));
        assert!(folded.lines().count() > 3 && folded.lines().all(|line| line.width() <= 78), "{folded}");
        assert!(folded.lines().all(|line| !line.starts_with(['。', '、'])), "{folded}");
    }

    #[test]
    fn no_line_is_too_long_for_a_mail_whatever_stands_in_it() {
        for letter in ["a", "é", "。", "😀", "\u{301}"] {
            let folded = fold(&letter.repeat(3_000));
            assert!(folded.lines().all(|line| line.len() <= MAX_BYTES), "{letter}");
            assert_eq!(folded.replace('\n', ""), letter.repeat(3_000));
        }
    }
}
