//! A field of a long form: what it says, and what is said of it.

use crate::domain::validation::ValidationErrors;

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
    pub(super) error: Option<String>,
    /// What somebody else has made it meanwhile.
    pub(super) meanwhile: Option<String>,
}

impl Field {
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
