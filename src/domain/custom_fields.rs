//! Custom fields: an object of the operator's own, kept as its text.

use std::fmt::Write;

use super::json::{JsonText, NotAnObject, Token, Tokens, read_members, unquoted};
use super::validation::{Code, Problem};

/// The longest text, in bytes, as it is kept: without spaces, and with no more escapes than JSON asks for.
pub const MAX_LENGTH: usize = 16_384;

/// The deepest nesting. With the frame of a list around it an answer stays below the 128 that careful readers take.
pub const DEEPEST: usize = 100;

/// Takes custom fields. The same fields in another layout give the same text, and numbers keep their digits. An empty
/// array counts as an empty object: PHP writes one where it means the other.
pub fn parse(text: &str) -> Result<JsonText, Problem> {
    if is_empty_array(text) {
        return Ok(JsonText::default());
    }
    read_members(text, |_, _| ()).map_err(|error| match error {
        NotAnObject::AnotherKind => "must be a JSON object".to_owned(),
        NotAnObject::Broken { .. } | NotAnObject::Twice(_) => format!("must be a JSON object, but {error}"),
    })?;
    compact(text)
}

/// Whether a text is an array without values.
fn is_empty_array(text: &str) -> bool {
    let inner = text.trim_ascii().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}

/// The text of an object that was looked through, without what makes no difference.
fn compact(text: &str) -> Result<JsonText, Problem> {
    let mut compact = String::new();
    let mut depth = 0_usize;
    for (_, token) in Tokens::of(text) {
        match token {
            Token::Open(bracket) => {
                depth += 1;
                compact.push(bracket);
            }
            Token::Close(bracket) => {
                depth = depth.saturating_sub(1);
                compact.push(bracket);
            }
            Token::Comma => compact.push(','),
            Token::Name(quoted, _) => {
                push_text(&mut compact, quoted);
                compact.push(':');
            }
            Token::Scalar(quoted) if quoted.starts_with('"') => push_text(&mut compact, quoted),
            Token::Scalar(plain) => compact.push_str(plain),
        }
        if depth > DEEPEST {
            return Err(format!("must nest {DEEPEST} deep at most").into());
        }
        if compact.len() > MAX_LENGTH {
            return Err(Code::TooLong.saying(format!("must be {MAX_LENGTH} bytes at most as JSON")));
        }
    }
    Ok(JsonText::trusted(compact))
}

fn push_text(compact: &mut String, quoted: &str) {
    match unquoted(quoted) {
        Some(text) if quoted.contains('\\') => {
            // Writing to a string cannot fail.
            let _ = write!(compact, "{}", serde_json::Value::from(text));
        }
        _ => compact.push_str(quoted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> String {
        parse(text).unwrap().as_str().to_owned()
    }

    fn code_of(text: &str) -> Code {
        parse(text).unwrap_err().code
    }

    #[test]
    fn numbers_keep_their_digits_and_layout_makes_no_difference() {
        for text in ["{\"a\":18446744073709551616}", "{\"a\":[1.10,-0,1E400,0.1e-7]}", "{\"b\":1,\"a\":{}}"] {
            assert_eq!(kept(text), text);
            assert_eq!(kept(&text.replace(':', " :\n\t").replace(',', " , ")), text);
        }
        assert_eq!(kept("{ \"\\u00e9\\/\" : \"\\u0041\\n\\u0000 ,\" }"), "{\"é/\":\"A\\n\\u0000 ,\"}");
    }

    #[test]
    fn an_empty_array_is_an_empty_object() {
        assert_eq!((kept("[]"), kept(" [ \n]")), ("{}".to_owned(), "{}".to_owned()));
        for text in ["[1]", "[{}]", "[[]]", "1", "null", "\"{}\"", "", "{\"a\":1,\"a\":2}", "[", "[]]"] {
            assert_eq!(code_of(text), Code::Invalid, "{text}");
        }
    }

    #[test]
    fn the_limits_hold_to_the_byte_and_to_the_level() {
        let long = |bytes: usize| format!("{{\"a\": \"{}\"}}", "x".repeat(bytes - 8));
        assert_eq!(kept(&long(MAX_LENGTH)).len(), MAX_LENGTH);
        assert_eq!(code_of(&long(MAX_LENGTH + 1)), Code::TooLong);

        let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert_eq!(kept(&deep(DEEPEST)), deep(DEEPEST));
        for levels in [DEEPEST + 1, 7_000, 300_000] {
            assert_eq!(code_of(&deep(levels)), Code::Invalid, "{levels}");
        }
    }
}
