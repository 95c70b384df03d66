//! The parts of a mail's body: a text whose lines are as they were, and HTML in ASCII.

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

    /// HTML: letters beyond ASCII are written as numbers, long lines broken where a space is.
    pub(super) fn html(html: &str) -> Self {
        let html = with_line_ends(html);
        let mut ascii = String::with_capacity(html.len());
        for letter in html.chars() {
            if letter.is_ascii() {
                ascii.push(letter);
            } else {
                ascii.push_str(&format!("&#x{:x};", u32::from(letter)));
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

/// A line of HTML, broken at spaces so that no piece is too long; `None` if there are none where they are needed.
fn broken(line: &str) -> Option<String> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while rest.len() > MAX_LINE {
        let place = rest[..=MAX_LINE].rfind(' ').filter(|place| *place > 0)?;
        out.push_str(&rest[..place]);
        out.push_str("\r\n");
        rest = &rest[place + 1..];
    }
    out.push_str(rest);
    Some(out)
}

fn base64_of(text: &str) -> Vec<u8> {
    let encoded = STANDARD.encode(text);
    encoded.as_bytes().chunks(MAX_BASE64_LINE).flat_map(|line| [line, b"\r\n"].concat()).collect()
}
