//! A reply of a mail server: a code and lines (RFC 5321, section 4.2).

use crate::outbound::text::for_people;

/// The longest line that is read. RFC 5321 allows 512; some servers say more.
const MAX_LINE: usize = 4 << 10;

/// The longest reply that is read.
pub(super) const MAX_REPLY: usize = 32 << 10;

/// A reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// What follows the code, line by line.
    pub(super) lines: Vec<String>,
}

/// What came is no reply, or too long for one.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct NoReply;

impl Reply {
    /// Takes a whole reply from the beginning of what came, with its length; `None` if its end has not come yet.
    pub(super) fn take(bytes: &[u8]) -> Result<Option<(Self, usize)>, NoReply> {
        let mut reply = Self { code: 0, lines: Vec::new() };
        let mut place = 0;
        while let Some(length) = bytes[place..].iter().position(|byte| *byte == b'\n') {
            let line = &bytes[place..place + length];
            place += length + 1;
            if length > MAX_LINE || place > MAX_REPLY {
                return Err(NoReply);
            }
            let (code, is_last, text) = split(line.strip_suffix(b"\r").unwrap_or(line)).ok_or(NoReply)?;
            if !reply.lines.is_empty() && reply.code != code {
                return Err(NoReply);
            }
            reply.code = code;
            reply.lines.push(String::from_utf8_lossy(text).into_owned());
            if is_last {
                return Ok(Some((reply, place)));
            }
        }
        let is_too_long = bytes.len() > MAX_REPLY || bytes.len() - place > MAX_LINE;
        if is_too_long { Err(NoReply) } else { Ok(None) }
    }

    /// Whether the server did what it was told.
    pub(super) fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether another try would come to the same.
    pub(super) fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }

    /// The reply in one line, of a length that can be kept.
    pub(super) fn text(&self) -> String {
        for_people(&format!("{} {}", self.code, self.lines.join(" ")))
    }
}

/// Code, whether the line is the last, and the text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    if !code.iter().all(u8::is_ascii_digit) || !(b'2'..=b'5').contains(&code[0]) {
        return None;
    }
    let code = std::str::from_utf8(code).ok()?.parse().ok()?;
    match rest {
        [] => Some((code, true, rest)),
        [b' ', text @ ..] => Some((code, true, text)),
        [b'-', text @ ..] => Some((code, false, text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_with_its_last_line_and_not_before() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let hello = Reply { code: 250, lines: lines(&["a.test", "STARTTLS", "8BITMIME"]) };
        assert_eq!(Reply::take(b"250-a.test\r\n250-STARTTLS\n250 8BITMIME\r\n220 x"), Ok(Some((hello, 39))));
        assert_eq!(Reply::take(b"250\r\n"), Ok(Some((Reply { code: 250, lines: lines(&[""]) }, 5))));
        for part in ["", "2", "250 ok", "250-ok\r\n", "250-ok\r\n25"] {
            assert_eq!(Reply::take(part.as_bytes()), Ok(None), "{part}");
        }
    }

    #[test]
    fn what_is_no_reply_or_too_long_is_refused() {
        let endless = "250-".to_owned() + &"x".repeat(MAX_LINE + 1);
        let many = "250-x\r\n".repeat(MAX_REPLY / 7 + 1);
        for text in
            ["HTTP/1.1 400\r\n", "25\r\n", "2500 x\r\n", "999 x\r\n", "250-x\r\n251 y\r\n", &endless, &many]
        {
            assert_eq!(Reply::take(text.as_bytes()), Err(NoReply), "{text}");
        }
    }
}
