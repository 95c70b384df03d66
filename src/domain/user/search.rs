//! How clients are searched by the beginning of a name or an address, whatever its case.

use std::iter;

/// What two spellings that differ by case alone have in common.
pub fn fold(text: &str) -> String {
    // By way of the upper case, ß and ss are the same, and so are σ and ς.
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// All texts that begin in one way: from the first of them on, up to what comes after all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// How they begin, folded.
    pub from: String,
    /// What is larger than all of them, in the order of their bytes.
    pub end: String,
}

impl Prefix {
    /// The texts that begin so. `None` where that is all of them, or none.
    pub fn of(text: &str) -> Option<Self> {
        let from = fold(text);
        if from.contains('\0') {
            return None;
        }
        let mut letters: Vec<_> = from.chars().collect();
        let next = iter::from_fn(|| letters.pop()).find_map(after)?;
        let end = letters.into_iter().chain([next]).collect();
        Some(Self { from, end })
    }
}

/// The letter behind another one.
fn after(letter: char) -> Option<char> {
    (letter..=char::MAX).nth(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_that_differ_by_case_are_the_same() {
        for (one, other) in
            [("ADA", "ada"), ("ÉMILIE", "émilie"), ("Weiß", "WEISS"), ("ΟΔΥΣΣΕΥΣ", "οδυσσευς")]
        {
            assert_eq!(fold(one), fold(other));
        }
        assert_ne!(fold("a_b%"), fold("axb%"));
    }

    #[test]
    fn a_prefix_has_an_end() {
        let end = |text| Prefix::of(text).map(|prefix| prefix.end);
        assert_eq!(end("Ada"), Some("adb".to_owned()));
        assert_eq!(end("\u{d7ff}"), Some("\u{e000}".to_owned()));
        assert_eq!(end("a\u{10ffff}"), Some("b".to_owned()));
        assert_eq!(end(""), None);
        assert_eq!(end("a\0"), None);
    }

    proptest! {
        /// What begins so lies within, and nothing else does.
        #[test]
        fn a_prefix_holds_what_begins_so_and_nothing_else(prefix in "[a-z%_*\u{e9}\u{10ffff}]{1,3}", text in "[a-z%_*\u{e9}\u{10ffff}]{0,5}") {
            let range = Prefix::of(&prefix);
            prop_assume!(range.is_some());
            let (range, folded) = (range.unwrap(), fold(&text));
            prop_assert_eq!(range.from <= folded && folded < range.end, folded.starts_with(&fold(&prefix)));
            prop_assert!(range.from < range.end);
        }
    }
}
