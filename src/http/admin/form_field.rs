//! A field of a long form: what it says, and what is said of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::domain::validation::ValidationErrors;
use crate::http::request::params::Params;

/// A field as the form shows it.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) heading: Option<&'static str>,
    /// The value; lines are lines.
    pub(super) value: String,
    /// What may be chosen, for a field that is not typed into: the value, its words, and whether it is chosen.
    pub(super) choices: Vec<(String, &'static str, bool)>,
    pub(super) has_lines: bool,
    /// What is saved; of something new, nothing is.
    pub(super) saved: Option<String>,
    pub(super) error: Option<String>,
    /// What is saved now, where somebody has changed it in a form that was drawn from something older.
    pub(super) meanwhile: Option<String>,
}

impl Field {
    /// A short form of what is saved. The form brings it back: so it is known which fields somebody has changed in it.
    pub(super) fn drawn_from(&self) -> Option<String> {
        self.saved.as_deref().map(short)
    }

    fn fill(&mut self, value: &str) {
        for (choice, _, is_chosen) in &mut self.choices {
            *is_chosen = choice == value;
        }
        value.clone_into(&mut self.value);
    }

    /// The names of what describes it.
    pub(super) fn described_by(&self) -> String {
        let mut names = format!("{}-hint", self.name);
        if self.error.is_some() {
            names = format!("{names} {}-error", self.name);
        }
        if self.meanwhile.is_some() {
            names = format!("{names} {}-now", self.name);
        }
        names
    }
}

/// Fills fields with what was sent. One that was not sent, or sent twice, stays.
pub(super) fn fill(fields: &mut [Field], sent: &Params) {
    for field in fields {
        if let Some(value) = sent_value(field.name, sent) {
            field.fill(value);
        }
    }
}

/// Fills fields that say what is saved now with what somebody has changed in a form that was drawn from something older. What was
/// sent as it was drawn says what is saved now.
pub(super) fn fill_changed(fields: &mut [Field], sent: &Params) {
    for field in fields {
        let Some(value) = sent_value(field.name, sent) else { continue };
        let value = lines(value);
        let is_changed = sent.value(&format!("was_{}", field.name)) != short(&value);
        if is_changed && field.saved.as_ref() != Some(&value) {
            field.meanwhile = field.saved.clone();
            field.fill(&value);
        }
    }
}

/// What a form says of a field, if it says it once.
pub(super) fn sent_value<'a>(name: &str, sent: &'a Params) -> Option<&'a str> {
    sent.single(name).ok().flatten().map(str::trim)
}

/// The fields that a form has twice.
pub(super) fn given_twice(fields: &[Field], sent: &Params) -> ValidationErrors {
    let mut twice = ValidationErrors::default();
    for error in fields.iter().filter_map(|field| sent.single(field.name).err()) {
        twice.extend(error);
    }
    twice
}

/// Browsers end lines in their own way.
fn lines(text: &str) -> String {
    text.trim().replace("\r\n", "\n")
}

/// A text as few letters, which are others for another text.
fn short(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(lines(text))[..12])
}

/// Says beside each field what is wrong with it.
pub(super) fn tell(fields: &mut [Field], errors: &ValidationErrors) {
    for (name, problems) in errors.fields() {
        let sentences: Vec<_> = problems.iter().map(|problem| problem.sentence.as_str()).collect();
        if let Some(field) = fields.iter_mut().find(|field| field.name == name) {
            // What begins with a quotation is about one thing of a list, and names it.
            let it = if sentences.iter().any(|sentence| sentence.starts_with('"')) { "" } else { "It " };
            field.error = Some(format!("{it}{}.", sentences.join(", and ")));
        }
    }
}

/// The fields that are wrong: name, label and what is wrong, for the top of the page.
pub(super) fn wrong(fields: &[Field]) -> Vec<(&'static str, &'static str, String)> {
    fields.iter().filter_map(|field| Some((field.name, field.label, field.error.clone()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &'static str, saved: &str) -> Field {
        Field {
            name,
            label: "",
            hint: "",
            heading: None,
            value: saved.to_owned(),
            choices: vec![("a".to_owned(), "", saved == "a"), ("b".to_owned(), "", saved == "b")],
            has_lines: false,
            saved: Some(saved.to_owned()),
            error: None,
            meanwhile: None,
        }
    }

    /// What a field says, and what it says is saved, of a form that was drawn from one value and sent with another, if a third is
    /// saved by now.
    fn filled(drawn: Option<&str>, sent: &str, now: &str) -> (String, Option<String>) {
        let mut pairs = vec![("x".to_owned(), sent.to_owned())];
        if let Some(drawn) = drawn {
            pairs.push(("was_x".to_owned(), field("x", drawn).drawn_from().unwrap()));
        }
        let mut fields = [field("x", now)];
        fill_changed(&mut fields, &Params(pairs));
        let [Field { value, choices, meanwhile, .. }] = fields;
        assert!(choices.iter().all(|(choice, _, is_chosen)| *is_chosen == (*choice == value)));
        (value, meanwhile)
    }

    #[test]
    fn what_was_left_as_it_was_drawn_says_what_is_saved_now() {
        let says = |value: &str, saved: Option<&str>| (value.to_owned(), saved.map(str::to_owned));

        assert_eq!(filled(Some("a"), "a", "b"), says("b", None));
        assert_eq!(filled(Some("a"), "b", "c"), says("b", Some("c")));
        assert_eq!(filled(Some("a"), "b", "a"), says("b", Some("a")));
        assert_eq!(filled(Some("a"), "b", "b"), says("b", None));
        assert_eq!(filled(Some("a"), "", "b"), says("", Some("b")));
        assert_eq!(filled(Some(""), "", "b"), says("b", None));
        assert_eq!(filled(Some("a\nb"), "a\r\nb\r\n", "c"), says("c", None));
        assert_eq!(filled(None, "a", "b"), says("a", Some("b")));
    }
}
