//! What is wrong with a piece of input, field by field.

use std::collections::BTreeMap;

/// Sentences about fields that did not pass; empty while all is well.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Invalid(pub BTreeMap<String, Vec<String>>);

impl Invalid {
    /// One sentence about one field.
    pub fn field(name: &str, sentence: impl std::fmt::Display) -> Self {
        let mut invalid = Self::default();
        invalid.add(name, sentence);
        invalid
    }

    /// Adds a sentence about a field.
    pub fn add(&mut self, name: &str, sentence: impl std::fmt::Display) {
        self.0.entry(name.to_owned()).or_default().push(sentence.to_string());
    }

    /// Keeps the value of a field that passed, or its sentence.
    pub fn take<T, E: std::fmt::Display>(&mut self, name: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.add(name, error)).ok()
    }

    /// All the sentences in one, for a terminal.
    pub fn in_one_sentence(&self) -> String {
        let fields = self.0.iter().map(|(name, sentences)| format!("{name}: {}", sentences.join(", ")));
        fields.collect::<Vec<_>>().join("; ")
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
