//! What is wrong with a piece of input, field by field.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use serde::Serialize;

/// Fields that are named at most: whoever sends a hundred thousand wrong ones gets no answer of that length.
const MAX_FIELDS: usize = 20;

/// The longest part of a field's name that an error repeats, in bytes: names may be of the caller's making.
const MAX_NAME: usize = 100;

/// Problems of fields that did not pass; empty while all is well. At most 20 fields are kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ValidationErrors(BTreeMap<String, Vec<Problem>>);

/// One thing that is wrong with a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The word for programs.
    pub code: Code,
    /// The sentence for people.
    pub sentence: String,
}

/// The kind of a problem, as a stable word for programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The field is needed and not there.
    Required,
    /// The value belongs to somebody else.
    Taken,
    /// The value is too long.
    TooLong,
    /// There is no such field.
    Unknown,
    /// Anything else.
    Invalid,
}

impl Code {
    /// A problem of this kind.
    pub fn saying(self, sentence: impl fmt::Display) -> Problem {
        Problem { code: self, sentence: sentence.to_string() }
    }
}

/// A sentence alone says that a value is of no use.
impl<T: fmt::Display> From<T> for Problem {
    fn from(sentence: T) -> Self {
        Code::Invalid.saying(sentence)
    }
}

impl ValidationErrors {
    /// One problem of one field.
    pub fn field(name: &str, problem: impl Into<Problem>) -> Self {
        let mut invalid = Self::default();
        invalid.add(name, problem);
        invalid
    }

    /// Adds a problem of a field.
    pub fn add(&mut self, name: &str, problem: impl Into<Problem>) {
        let name = shown_name(name);
        if self.0.len() < MAX_FIELDS || self.0.contains_key(&name) {
            self.0.entry(name).or_default().push(problem.into());
        }
    }

    /// A problem of a field, in the place of those that it has.
    pub fn replace(&mut self, name: &str, problem: impl Into<Problem>) {
        self.0.remove(&shown_name(name));
        self.add(name, problem);
    }

    /// Adds all the problems that another has.
    pub fn extend(&mut self, other: Self) {
        for (name, problems) in other.0 {
            for problem in problems {
                self.add(&name, problem);
            }
        }
    }

    /// Keeps the value of a field that passed, or its problem.
    pub fn take<T, E: Into<Problem>>(&mut self, name: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|problem| self.add(name, problem)).ok()
    }

    /// The problems of each field.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[Problem])> {
        self.0.iter().map(|(name, problems)| (name.as_str(), problems.as_slice()))
    }

    /// All the sentences in one, for a terminal.
    pub fn in_one_sentence(&self) -> String {
        let fields = self.fields().map(|(name, problems)| {
            let sentences: Vec<_> = problems.iter().map(|problem| problem.sentence.as_str()).collect();
            format!("{name}: {}", sentences.join(", "))
        });
        fields.collect::<Vec<_>>().join("; ")
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A name of somebody else's making as an error may repeat it: cut, and with what would steer a terminal escaped.
pub(crate) fn shown_name(name: &str) -> String {
    let mut shown = String::new();
    for letter in name.chars() {
        let before = shown.len();
        if letter.is_control() {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", letter.escape_unicode());
        } else {
            shown.push(letter);
        }
        if shown.len() > MAX_NAME {
            shown.truncate(before);
            shown.push('…');
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_fields_are_named_and_each_with_all_that_is_wrong() {
        let mut invalid = ValidationErrors::default();
        for number in 100..10_000 {
            invalid.add(&format!("x{number}"), Code::Unknown.saying("is no field"));
        }
        invalid.add("x100", "is ugly");
        invalid.add("another", "is late");

        let names: Vec<_> = invalid.fields().map(|(name, problems)| (name, problems.len())).collect();
        assert_eq!((names.len(), names[0], names[19]), (20, ("x100", 2), ("x119", 1)));
    }

    #[test]
    fn a_name_is_cut_and_cannot_steer_a_terminal() {
        assert_eq!(shown_name("a\u{1b}[2J\n"), "a\\u{1b}[2J\\u{a}");
        assert_eq!(shown_name(&"x".repeat(100)), "x".repeat(100));
        assert_eq!(shown_name(&"é".repeat(51)), format!("{}…", "é".repeat(50)));
    }
}
