//! The header of a mail: names and subjects in any language, each one value for whoever parses it strictly.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::email::EmailAddress;

/// The longest line that is not folded (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 78;

/// Bytes in an encoded word: with its frame it is at most 76 long behind `Subject: ` (RFC 2047, section 2).
const MAX_ENCODED: usize = 39;

/// A field whose value is written as it is.
pub(super) fn header(name: &str, value: &str) -> String {
    format!("{name}: {value}")
}

/// A field with a text for people. What steers a line is a space in it.
pub(super) fn unstructured(name: &str, text: &str) -> String {
    let text = cleaned(text);
    let plain = format!("{name}: {text}");
    if may_stand_plain(&text) && plain.len() <= MAX_LINE {
        return plain;
    }
    folded(&plain).filter(|_| may_stand_plain(&text)).unwrap_or_else(|| {
        let words = encoded_words(&text);
        format!("{name}: {}", words.join("\r\n "))
    })
}

/// A field with one mailbox: the name, if there is one, and the address in angle brackets.
pub(super) fn mailbox(name: &str, display_name: &str, address: &EmailAddress) -> String {
    let display_name = cleaned(display_name);
    if display_name.is_empty() {
        return header(name, address.as_str());
    }
    let address = format!("<{}>", address.as_str());
    let quoted = format!("{name}: \"{}\"", display_name.replace('\\', "\\\\").replace('"', "\\\""));
    let field = if may_stand_plain(&display_name) && quoted.len() < MAX_LINE {
        quoted
    } else {
        format!("{name}: {}", encoded_words(&display_name).join("\r\n "))
    };
    let last_line = field.len() - field.rfind('\n').map_or(0, |place| place + 1);
    let gap = if last_line + 1 + address.len() <= MAX_LINE { " " } else { "\r\n " };
    format!("{field}{gap}{address}")
}

/// Control characters are spaces, and none stand at the ends.
fn cleaned(text: &str) -> String {
    let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    text.trim().to_owned()
}

/// Whether nobody could take a text for encoded words, or its bytes for others.
fn may_stand_plain(text: &str) -> bool {
    text.is_ascii() && !text.contains("=?")
}

/// A field with line breaks before single spaces, where that leaves no line too long.
fn folded(field: &str) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in field.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= MAX_LINE => {
                line.push(' ');
                line.push_str(word);
            }
            // An empty word stands between two spaces: a line of spaces alone would end the header for some.
            _ if word.is_empty() => return None,
            Some(_) => lines.push(format!(" {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    // The name of the field alone on its line is no field for some.
    let is_short = lines.iter().all(|line| line.len() <= MAX_LINE);
    let has_value = lines.first().is_some_and(|line| line.contains(' '));
    let is_visible = lines.iter().all(|line| !line.trim().is_empty() && !line.ends_with(' '));
    (is_short && has_value && is_visible).then(|| lines.join("\r\n"))
}

/// A text as encoded words (RFC 2047): between them nothing is read, so that it is one text again.
fn encoded_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(MAX_ENCODED));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words
}
