//! What others said, as it may stand in a row, a log line and on a terminal.

/// The longest text that is kept, in bytes.
const MAX_KEPT: usize = 500;

/// A text of others in one line of at most 500 bytes.
pub(super) fn for_people(text: &str) -> String {
    let cut = &text[..text.floor_char_boundary(MAX_KEPT)];
    cut.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_has_no_control_characters() {
        assert_eq!(for_people("550 no\r\n\u{1b}[2J such\u{85}user "), "550 no   [2J such user");
        let long = for_people(&format!("x{}", "ä".repeat(400)));
        assert_eq!((long.len(), long.ends_with('ä')), (499, true));
    }
}
