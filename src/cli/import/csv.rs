//! The lines of a file that is imported, and whether they make a record of CSV.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// The longest row, in bytes: whatever stands in a file, not much more of it is ever held in memory.
pub(super) const MAX_LENGTH: usize = 1 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file, line by line.
pub(super) struct Lines {
    reader: BufReader<File>,
    place: Place,
}

/// How far a file was read.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// Lines.
    pub(super) number: u64,
    /// Bytes.
    pub(super) offset: u64,
}

impl Lines {
    pub(super) fn of(reader: BufReader<File>) -> Self {
        Self { reader, place: Place::default() }
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// Appends the next line with its end; `false` if there is none. Of a line that makes `text` longer than
    /// [`MAX_LENGTH`] it takes only as much as shows that.
    pub(super) fn read(&mut self, text: &mut Vec<u8>) -> io::Result<bool> {
        let before = self.place.offset;
        loop {
            let buffered = self.reader.fill_buf()?;
            let end = buffered.iter().position(|byte| *byte == b'\n');
            let part = end.map_or(buffered, |end| &buffered[..=end]);
            let room = (MAX_LENGTH + 1).saturating_sub(text.len());
            text.extend_from_slice(&part[..part.len().min(room)]);
            let length = part.len();
            self.reader.consume(length);
            self.place.offset += length as u64;
            if end.is_some() || length == 0 {
                break;
            }
        }
        if self.place.offset == before {
            return Ok(false);
        }
        if before == 0 && text.starts_with(BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len());
        }
        self.place.number += 1;
        Ok(true)
    }

    /// Goes back to where [`Lines::place`] once was.
    pub(super) fn go_back_to(&mut self, place: Place) -> io::Result<()> {
        let back = i64::try_from(self.place.offset - place.offset).map_err(io::Error::other)?;
        self.reader.seek_relative(-back)?;
        self.place = place;
        Ok(())
    }
}

/// A record of CSV, read line by line (RFC 4180, section 2).
///
/// It takes what the RFC allows and nothing else: where the `csv` crate finds fields in anything, a quote out of place
/// would make two rows one without a word.
#[derive(Default)]
pub(super) struct Record {
    place: InRecord,
    text: Vec<u8>,
    ends: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum InRecord {
    /// Before the first letter of a field.
    #[default]
    Start,
    /// In a field without quotes.
    Plain,
    /// In a field with quotes.
    Quoted,
    /// After a quote in such a field: its end, or the first of two.
    Closing,
}

impl Record {
    /// Takes a line with its end; whether the record ends with it.
    pub(super) fn take(&mut self, line: &[u8], delimiter: u8) -> Result<bool, &'static str> {
        let content = content(line);
        for byte in content {
            let (place, is_text) = match (self.place, byte) {
                (InRecord::Quoted, b'"') => (InRecord::Closing, false),
                (InRecord::Quoted, _) | (InRecord::Closing, b'"') => (InRecord::Quoted, true),
                (InRecord::Start, b'"') => (InRecord::Quoted, false),
                (_, letter) if *letter == delimiter => (InRecord::Start, false),
                (InRecord::Closing, _) => {
                    return Err("has something between a closing quote and the next field");
                }
                (_, b'"') => return Err("has a quote inside a field that is not in quotes"),
                (_, b'\r') => return Err("has a carriage return outside quotes"),
                _ => (InRecord::Plain, true),
            };
            if is_text {
                self.text.push(*byte);
            } else if place == InRecord::Start {
                self.ends.push(self.text.len());
            }
            self.place = place;
        }
        if self.place == InRecord::Quoted {
            self.text.extend_from_slice(&line[content.len()..]);
            return Ok(false);
        }
        self.ends.push(self.text.len());
        Ok(true)
    }

    /// How much was taken, in bytes.
    pub(super) const fn length(&self) -> usize {
        self.text.len()
    }

    /// The fields of a record that has ended; `None` if they are not UTF-8.
    pub(super) fn fields(&self) -> Option<Vec<&str>> {
        let text = std::str::from_utf8(&self.text).ok()?;
        let mut start = 0;
        let field = |end: &usize| text.get(std::mem::replace(&mut start, *end)..*end);
        self.ends.iter().map(field).collect()
    }
}

/// What parts the fields of a file: of the comma, the semicolon and the tab the one that stands in the header most often, outside
/// quotes.
pub(super) fn delimiter_of(header: &[u8]) -> u8 {
    let mut is_quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in header {
        is_quoted ^= *byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += i32::from(!is_quoted && byte == delimiter);
        }
    }
    // Of several the first: the comma, where there is none.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| delimiter)
}

/// What a line `sep=;` says, which some programs write above the header.
pub(super) fn announced_delimiter(line: &[u8]) -> Option<u8> {
    match content(line).trim_ascii() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter @ (b',' | b';')] => Some(*delimiter),
        // The tab itself was taken for a space.
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'='] if line.contains(&b'\t') => Some(b'\t'),
        _ => None,
    }
}

/// Whether a file begins as one of UTF-16 does: with its byte order mark, or with a letter of two bytes.
pub(super) fn is_utf16(start: &[u8]) -> bool {
    matches!(start, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..])
}

/// A line without its end.
fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<Vec<String>>, &'static str> {
        let (mut records, mut record) = (Vec::new(), Record::default());
        for line in text.split_inclusive('\n') {
            if record.take(line.as_bytes(), b',')? {
                let fields = record.fields().unwrap();
                records.push(fields.into_iter().map(str::to_owned).collect());
                record = Record::default();
            }
        }
        if record.place == InRecord::Start { Ok(records) } else { Err("not closed") }
    }

    proptest! {
        /// What another hand wrote by the RFC is read as it was meant.
        #[test]
        fn what_the_csv_crate_writes_is_read_back(
            records in prop::collection::vec(prop::collection::vec("[a\",\r\né ]{0,6}", 3), 0..5),
            ends_in_crlf: bool,
            quotes_all: bool,
        ) {
            let terminator = if ends_in_crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let style = if quotes_all { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut writer = csv::WriterBuilder::new().terminator(terminator).quote_style(style).from_writer(vec![]);
            for record in &records {
                writer.write_record(record).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();

            prop_assert_eq!(read(&text), Ok(records));
        }
    }

    #[test]
    fn the_delimiter_is_what_stands_in_the_header_most_often() {
        for (header, delimiter) in [
            ("email;name_f;\"a,b,c,d\"", b';'),
            ("email\tname_f", b'\t'),
            ("email", b','),
            ("email,name;f", b','),
        ] {
            assert_eq!(delimiter_of(header.as_bytes()), delimiter, "{header}");
        }
        assert_eq!(announced_delimiter(b"sep=;\r\n"), Some(b';'));
        assert_eq!(announced_delimiter(b"SEP=\t\n"), Some(b'\t'));
        assert_eq!(announced_delimiter(b"sep=|\n"), None);
        assert!(is_utf16(b"\xff\xfee\0") && is_utf16(b"e\0m\0") && !is_utf16(b"email"));
    }

    #[test]
    fn what_the_rfc_does_not_allow_is_no_record() {
        for text in ["5\" pipe,x", "\"a\"b,c", "\"a\" ,b", "a,\"b", "a\rb,c", "a,b\"\"", "\"a\"\r,b\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert_eq!(read(",\n\"\",\"\"\"\"").unwrap(), [["", ""], ["", "\""]]);
    }
}
