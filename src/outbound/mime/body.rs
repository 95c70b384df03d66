//! The parts of a mail's body: a text whose lines are as they were, and HTML in ASCII.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest line of a body, without its end (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 998;

/// The longest line of base64 (RFC 2045, section 6.8).
const MAX_BASE64_LINE: usize = 76;

/// One part, encoded.
pub(super) struct Part {
    kind: &'static str,
    encoding: &'static str,
    bytes: Vec<u8>,
}

impl Part {
    /// Plain text. Base64 is for what no server could pass on: bytes beyond ASCII where they are not allowed, and endless lines.
    pub(super) fn text(text: &str, is_eight_bit_allowed: bool) -> Self {
        let text = with_line_ends(text);
        let has_long_line = text.lines().any(|line| line.len() > MAX_LINE);
        let kind = "text/plain; charset=utf-8";
        match (text.is_ascii(), is_eight_bit_allowed) {
            (true, _) if !has_long_line => Self { kind, encoding: "7bit", bytes: text.into_bytes() },
            (_, true) if !has_long_line => Self { kind, encoding: "8bit", bytes: text.into_bytes() },
            _ => Self { kind, encoding: "base64", bytes: base64_of(&text) },
        }
    }

    /// HTML: letters beyond ASCII are written as numbers, and long lines broken.
    pub(super) fn html(html: &str) -> Self {
        let html = with_line_ends(html);
        let mut ascii = String::with_capacity(html.len());
        for letter in html.chars() {
            if letter.is_ascii() {
                ascii.push(letter);
            } else {
                // Nothing can fail in a text.
                let _ = write!(ascii, "&#x{:x};", u32::from(letter));
            }
        }
        let kind = "text/html; charset=utf-8";
        let lines: Option<Vec<_>> = ascii.lines().map(broken).collect();
        match lines {
            Some(lines) => {
                let bytes = lines.iter().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect();
                Self { kind, encoding: "7bit", bytes }
            }
            None => Self { kind, encoding: "base64", bytes: base64_of(&ascii) },
        }
    }

    /// The encoded body.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes header and body, and the line break that belongs to the boundary behind it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Self { kind, encoding, bytes } = self;
        out.extend(
            format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n").into_bytes(),
        );
        out.extend(bytes);
        out.extend(b"\r\n");
    }
}

/// Whether a text is part of another.
pub(super) fn contains(bytes: &[u8], sought: &[u8]) -> bool {
    bytes.windows(sought.len()).any(|window| window == sought)
}

/// Each line ends as lines of mails do, and no character in it steers anything.
fn with_line_ends(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    for line in text.lines() {
        let is_kept = |letter: char| letter == '\t' || !letter.is_control();
        out.extend(line.chars().map(|letter| if is_kept(letter) { letter } else { ' ' }));
        out.push_str("\r\n");
    }
    out
}

/// A line of HTML, broken where nobody sees it so that no piece is too long; `None` where it cannot be.
fn broken(line: &str) -> Option<String> {
    let mut out = String::with_capacity(line.len());
    let mut start = 0;
    while line.len() - start > MAX_LINE {
        let (place, by, skipped) = break_in(line, start)?;
        out.push_str(&line[start..place]);
        out.push_str(by);
        start = place + skipped;
    }
    out.push_str(&line[start..]);
    Some(out)
}

/// The last place for a break, what is put there, and how much is left out for it: at a space, before the end of a tag, else
/// between two letters of a writing that has no spaces, where a line may break anyway.
fn break_in(line: &str, start: usize) -> Option<(usize, &'static str, usize)> {
    let window = &line[start..=start + MAX_LINE];
    let is_inside = |place: &usize| *place > 0;
    if let Some(place) = window.rfind(' ').filter(is_inside) {
        return Some((start + place, "\r\n", 1));
    }
    // `-->` and `/>` are whole.
    let ends_tag = |place: &usize| *place > 0 && !matches!(window.as_bytes()[place - 1], b'-' | b'/');
    if let Some((place, _)) = window.rmatch_indices('>').find(|(place, _)| ends_tag(place)) {
        return Some((start + place, "\r\n", 0));
    }
    let room = &window[..=MAX_LINE - "<wbr".len()];
    let (place, _) = room.rmatch_indices(';').find(|(place, _)| is_ideograph(&room[..*place]))?;
    let before = &line[..start + place];
    let is_in_tag = before.rfind('<') > before.rfind('>');
    if is_in_tag { None } else { Some((start + place + 1, "<wbr\r\n>", 0)) }
}

/// Whether a text ends in the number of a letter of a writing without spaces, its `;` left out.
fn is_ideograph(text: &str) -> bool {
    let number = text.rfind("&#x").and_then(|place| u32::from_str_radix(&text[place + 3..], 16).ok());
    number.is_some_and(|number| matches!(number, 0x3000..=0x9fff | 0xac00..=0xd7a3 | 0xff00..=0xffef))
}

fn base64_of(text: &str) -> Vec<u8> {
    let encoded = STANDARD.encode(text);
    encoded.as_bytes().chunks(MAX_BASE64_LINE).flat_map(|line| [line, b"\r\n"].concat()).collect()
}
