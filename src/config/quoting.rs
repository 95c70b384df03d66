//! Values in messages: one that may be the address of a database has a password in it, and is not shown.

/// A value in a message, unless it may be the address of a database that was given in the wrong place.
pub(super) fn quoted(text: &str) -> String {
    if may_have_password(text) { "what was given".to_owned() } else { format!("{text:?}") }
}

/// Whether a text looks as if it were the address of a database.
pub(crate) fn may_have_password(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["postgres", "://", "password"].iter().any(|mark| text.contains(mark))
}
