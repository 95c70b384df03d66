//! A mail in the form that travels (RFC 5322, RFC 2045 to 2047), written so that a link's bytes stay as they are.

mod body;
mod headers;

use self::body::{Part, contains};
use self::headers::{header, mailbox, unstructured};
use crate::domain::mail::Message;

/// A mail as its bytes.
#[derive(Debug)]
pub struct Rendered {
    /// Header and body, with `\r\n` at the end of each line.
    pub bytes: Vec<u8>,
    /// Whether there are bytes beyond ASCII in it: it is for servers that know 8BITMIME alone (RFC 6152).
    pub is_eight_bit: bool,
}

/// Writes a mail. Text beyond ASCII is sent as it is if `is_eight_bit_allowed`, else as base64; never as quoted-printable,
/// which would break the line of a link, and double each `=` in it.
pub fn render(message: &Message, is_eight_bit_allowed: bool) -> Rendered {
    let text = Part::text(&message.text, is_eight_bit_allowed);
    let html = Part::html(&message.html);
    let boundary = boundary(message, [&text, &html]);
    let mut out = head(message, &boundary).into_bytes();
    for part in [&text, &html] {
        out.extend(format!("--{boundary}\r\n").bytes());
        part.write(&mut out);
    }
    out.extend(format!("--{boundary}--\r\n").bytes());
    Rendered { is_eight_bit: !out.is_ascii(), bytes: out }
}

fn head(message: &Message, boundary: &str) -> String {
    let Message { id, from, reply_to, to, language, .. } = message;
    let mut lines = vec![
        mailbox("From", &message.from_name, from),
        header("To", to.as_str()),
        unstructured("Subject", &message.subject),
        header("Date", &message.date.in_mail()),
        header("Message-ID", &format!("<{id}@{}>", from.domain())),
        header("Auto-Submitted", "auto-generated"),
        header("MIME-Version", "1.0"),
        header("Content-Type", &format!("multipart/alternative;\r\n boundary=\"{boundary}\"")),
    ];
    if let Some(address) = reply_to {
        lines.insert(2, header("Reply-To", address.as_str()));
    }
    // What is no tag of a language would be a header of its own, or none.
    let is_tag =
        !language.is_empty() && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_tag && language.len() <= 35 {
        lines.push(header("Content-Language", language));
    }
    lines.push(String::new());
    lines.push(String::new());
    lines.join("\r\n")
}

/// A line that stands in neither part.
fn boundary(message: &Message, parts: [&Part; 2]) -> String {
    let id = message.id.simple();
    let mut boundary = format!("doorkey-{id}");
    let mut count = 0_u32;
    while parts.iter().any(|part| contains(part.bytes(), boundary.as_bytes())) {
        count = count.wrapping_add(1);
        boundary = format!("doorkey-{id}-{count}");
    }
    boundary
}

#[cfg(test)]
mod tests;
