//! JSON read as its text: numbers keep their digits, a name that stands twice is seen, and nesting costs no stack.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::validation::shown_name;

/// How deep names are looked at. Whatever nests deeper is refused by every field that may nest.
const DEEPEST: usize = 128;

/// A JSON value that is kept and handed on as its text. Only text that was looked through is ever made one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonText(Box<str>);

impl JsonText {
    /// Text that was looked through, as it stands in the store or was just written by this program.
    pub(crate) fn trusted(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An object without members.
impl Default for JsonText {
    fn default() -> Self {
        Self::trusted("{}")
    }
}

/// The text itself, letter by letter. It is gone over once more, without being taken apart: a row that somebody edited
/// by hand must not break the answer that it stands in.
impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Why a text is no JSON object.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAnObject {
    /// It is no JSON.
    #[error("it breaks at line {line}, column {column}")]
    Broken {
        /// The line, from 1.
        line: usize,
        /// The byte in that line, from 1.
        column: usize,
    },
    /// It is another kind of value.
    #[error("it must be a JSON object")]
    AnotherKind,
    /// Readers differ in which of the two they take (RFC 8259, section 4).
    #[error("it has the name {0:?} twice in one object")]
    Twice(String),
}

/// A value in a JSON text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Json<'a> {
    /// A text, with its quotes and escapes.
    Text(&'a str),
    /// A number, as it was written.
    Number(&'a str),
    /// `true` or `false`.
    Flag(bool),
    /// An object.
    Object(&'a str),
    /// An array.
    Array(&'a str),
    /// `null`.
    Null,
}

impl<'a> Json<'a> {
    fn of(text: &'a str) -> Self {
        match text.as_bytes().first() {
            Some(b'"') => Self::Text(text),
            Some(b'{') => Self::Object(text),
            Some(b'[') => Self::Array(text),
            Some(b't' | b'f') => Self::Flag(text == "true"),
            Some(b'n') => Self::Null,
            _ => Self::Number(text),
        }
    }

    /// The text without quotes and escapes; `None` for what is none.
    pub fn text(self) -> Option<Cow<'a, str>> {
        if let Self::Text(quoted) = self { unquoted(quoted) } else { None }
    }
}

/// The text that bytes are.
///
/// # Errors
/// `NotAnObject::Broken` where they are no UTF-8.
pub fn text_of(bytes: &[u8]) -> Result<&str, NotAnObject> {
    std::str::from_utf8(bytes)
        .map_err(|error| broken_after(bytes.get(..error.valid_up_to()).unwrap_or_default()))
}

/// Looks a text through and hands out the members of the object that it must be, in their order.
///
/// What was handed out counts only if this succeeds.
pub fn read_members<'a>(text: &'a str, mut each: impl FnMut(&str, Json<'a>)) -> Result<(), NotAnObject> {
    let checked: Result<&RawValue, _> = serde_json::from_str(text);
    checked.map_err(|error| NotAnObject::Broken { line: error.line(), column: error.column() })?;
    // The names of each open object, none for an array, and how much is open beyond what is looked at.
    let (mut open, mut deeper) = (Vec::<Option<HashSet<Cow<'a, str>>>>::new(), 0_usize);
    // The member whose value is being read, and where that value begins.
    let mut member: Option<(Cow<'a, str>, usize)> = None;
    for (place, token) in Tokens::of(text) {
        if open.is_empty() && token != Token::Open('{') {
            return Err(NotAnObject::AnotherKind);
        }
        if open.len() == 1
            && matches!(token, Token::Comma | Token::Close(_))
            && let Some((name, begins)) = member.take()
        {
            each(&name, Json::of(text.get(begins..place).unwrap_or_default().trim_ascii()));
        }
        match token {
            Token::Open(_) if open.len() == DEEPEST => deeper += 1,
            Token::Open(bracket) => open.push((bracket == '{').then(HashSet::new)),
            Token::Close(_) if deeper > 0 => deeper -= 1,
            Token::Close(_) => drop(open.pop()),
            Token::Name(quoted, value_begins) => {
                let name = unquoted(quoted).ok_or_else(|| broken_after(&text.as_bytes()[..place]))?;
                if open.len() == 1 {
                    member = Some((name.clone(), value_begins));
                }
                let names = open.last_mut().and_then(Option::as_mut).filter(|_| deeper == 0);
                if let Some(twice) = names.and_then(|names| names.replace(name)) {
                    return Err(NotAnObject::Twice(shown_name(&twice)));
                }
            }
            Token::Scalar(scalar) if !is_sound(scalar) => {
                return Err(broken_after(&text.as_bytes()[..place]));
            }
            Token::Scalar(_) | Token::Comma => {}
        }
    }
    Ok(())
}

/// That a text is broken behind what comes before.
fn broken_after(before: &[u8]) -> NotAnObject {
    let ends = before.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(place, _)| place);
    let (lines, last_end) = ends.fold((0, None), |(lines, _), end| (lines + 1, Some(end)));
    NotAnObject::Broken { line: lines + 1, column: before.len() - last_end.map_or(0, |end| end + 1) + 1 }
}

/// A quoted text without quotes and escapes; `None` if half a surrogate pair is escaped in it.
pub(super) fn unquoted(quoted: &str) -> Option<Cow<'_, str>> {
    if quoted.contains('\\') {
        return serde_json::from_str(quoted).ok().map(Cow::Owned);
    }
    quoted.get(1..quoted.len().saturating_sub(1)).map(Cow::Borrowed)
}

fn is_sound(scalar: &str) -> bool {
    !scalar.contains('\\') || unquoted(scalar).is_some()
}

/// A piece of a JSON text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'a> {
    /// `{` or `[`.
    Open(char),
    /// `}` or `]`.
    Close(char),
    /// `,`
    Comma,
    /// The name of a member, quoted, and where what follows its colon begins.
    Name(&'a str, usize),
    /// A text, quoted, or a number, `true`, `false` or `null`.
    Scalar(&'a str),
}

/// The pieces of a text that is known to be JSON, each with its place.
pub(super) struct Tokens<'a> {
    text: &'a str,
    place: usize,
}

impl<'a> Tokens<'a> {
    pub(super) const fn of(text: &'a str) -> Self {
        Self { text, place: 0 }
    }

    /// Where the text that begins here ends.
    fn end_of_text(&self, begins: usize) -> usize {
        let mut is_escaped = false;
        let inner = self.text.as_bytes().get(begins + 1..).unwrap_or_default();
        let closing = inner.iter().position(|byte| {
            let ends = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            ends
        });
        closing.map_or(self.text.len(), |closing| begins + closing + 2)
    }

    /// The place of the next byte from here on that is as asked.
    fn next_place(&self, from: usize, is_wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        rest.iter().position(|byte| is_wanted(*byte)).map_or(self.text.len(), |place| from + place)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let begins = self.next_place(self.place, |byte| !byte.is_ascii_whitespace());
        let first = *self.text.as_bytes().get(begins)?;
        let (token, ends) = match first {
            b'{' | b'[' => (Token::Open(char::from(first)), begins + 1),
            b'}' | b']' => (Token::Close(char::from(first)), begins + 1),
            b',' => (Token::Comma, begins + 1),
            b'"' => {
                let ends = self.end_of_text(begins);
                let quoted = self.text.get(begins..ends)?;
                let next = self.next_place(ends, |byte| !byte.is_ascii_whitespace());
                if self.text.as_bytes().get(next) == Some(&b':') {
                    (Token::Name(quoted, next + 1), next + 1)
                } else {
                    (Token::Scalar(quoted), ends)
                }
            }
            _ => {
                let ends = self.next_place(begins, |byte| b",]} \t\r\n".contains(&byte));
                (Token::Scalar(self.text.get(begins..ends)?), ends)
            }
        };
        self.place = ends;
        Some((begins, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Result<Vec<(String, Json<'_>)>, NotAnObject> {
        let mut members = Vec::new();
        read_members(text, |name, value| members.push((name.to_owned(), value)))?;
        Ok(members)
    }

    #[test]
    fn the_members_are_handed_out_as_they_were_written() {
        let text = " { \"a\" : 1.10 , \"b\\u0041\":\"x\\\"}\",\"c\":{\"d\":[1,{\"e\": 2}] },\"f\":[ ],\"g\":true,\"h\":null}\n";

        let expected = [
            ("a", Json::Number("1.10")),
            ("bA", Json::Text("\"x\\\"}\"")),
            ("c", Json::Object("{\"d\":[1,{\"e\": 2}] }")),
            ("f", Json::Array("[ ]")),
            ("g", Json::Flag(true)),
            ("h", Json::Null),
        ];
        assert_eq!(members(text).unwrap(), expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(members("{}").unwrap(), []);
        assert_eq!(Json::Text("\"x\\\"}\"").text().as_deref(), Some("x\"}"));
    }

    #[test]
    fn a_name_that_stands_twice_is_seen_wherever_it_stands() {
        let deep = format!("{{\"a\":{}{{\"x\":1,\"\\u0078\":2}}{}}}", "[".repeat(100), "]".repeat(100));
        for text in [
            "{\"x\":1,\"x\":1}",
            "{\"y\":1,\"x\":{\"z\":{}},\"\\u0078\":2}",
            "{\"a\":{\"x\":1,\"y\":{\"x\":3},\"x\":2}}",
            "{\"a\":[{\"b\":1},{\"x\":1,\"b\":[{\"b\":1}],\"x\":2}]}",
            &deep,
        ] {
            assert_eq!(members(text), Err(NotAnObject::Twice("x".to_owned())), "{text}");
        }
        assert!(members("{\"x\":{\"x\":[{\"x\":1},{\"x\":2}]},\"y\":\"x\",\"X\":1}").is_ok());
        let unlike = (0..100_000).map(|number| format!("\"{number}\":0")).collect::<Vec<_>>().join(",");
        assert_eq!(members(&format!("{{{unlike}}}")).unwrap().len(), 100_000);
        assert_eq!(members(&format!("{{{unlike},\"77\":1}}")), Err(NotAnObject::Twice("77".to_owned())));
    }

    #[test]
    fn what_is_no_object_is_told_with_its_place() {
        let broken = |line, column| Err(NotAnObject::Broken { line, column });
        assert_eq!(members("{\"a\":1,\n \"b\":x}"), broken(2, 6));
        assert_eq!(members("{\"a\":1} {}"), broken(1, 9));
        assert_eq!(members("{\"a\":\n\"\\ud800\"}"), broken(2, 1));
        assert_eq!(members("{\"\\ud800\":1}"), broken(1, 2));
        assert_eq!(text_of(b"{\"a\":\n \"\xff\"}"), Err(NotAnObject::Broken { line: 2, column: 3 }));
        for text in ["[]", "1", "\"{}\"", "null", "[{\"a\":1}]"] {
            assert_eq!(members(text), Err(NotAnObject::AnotherKind), "{text}");
        }
        for text in ["", "{", "{\"a\"}", "{\"a\":01}", "{\"a\":1,}", "{'a':1}", "{\"a\":NaN}", "\u{feff}{}"] {
            assert!(matches!(members(text), Err(NotAnObject::Broken { .. })), "{text}");
        }
    }

    #[test]
    fn nesting_costs_no_stack() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{{\"a\":{}0{}}}", open.repeat(150_000), close.repeat(150_000));
            assert_eq!(members(&text).unwrap().len(), 1);
        }
    }
}
