//! What a request says of a mail: the body of `POST /api/login_links/{user}/mail`.

use super::destination::Destination;
use super::json::{Json, NotAnObject, read_members, text_of};
use super::login_link::parse_min_ttl;
use super::user::UserChange;
use super::validation::{Code, Problem, ValidationErrors};
use super::workspace::Workspace;

/// The fields that there are.
pub const FIELDS: &str = "redirect, app, min_ttl, locale";

/// Unknown fields that are kept, so as to be named.
const MAX_UNKNOWN: usize = 20;

/// The fields of a body, read.
#[derive(Debug, Default)]
pub struct MailBody {
    destination: Destination,
    min_ttl: Option<String>,
    locale: Option<String>,
    wrong: ValidationErrors,
    unknown: Vec<String>,
}

/// What a caller wishes of a mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailWish {
    /// Where the person is to land; not judged yet.
    pub destination: Destination,
    /// Seconds that the link must have left at least.
    pub min_ttl: i64,
    /// The language that the mail is to be in; empty where none is named.
    pub locale: String,
}

impl MailBody {
    /// Reads a body; no body at all is one without fields.
    ///
    /// # Errors
    /// `NotAnObject` says why it is no JSON object, or has a name twice in one.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAnObject> {
        let mut body = Self::default();
        if !bytes.is_empty() {
            read_members(text_of(bytes)?, |name, value| body.take(name, value))?;
        }
        Ok(body)
    }

    /// What is wished.
    ///
    /// # Errors
    /// `ValidationErrors` names the fields that do not pass.
    pub fn into_wish(mut self, workspace: &Workspace) -> Result<MailWish, ValidationErrors> {
        let min_ttl = self.min_ttl.take().map(|text| parse_min_ttl(&text, workspace)).transpose();
        let min_ttl = self.wrong.take("min_ttl", min_ttl).flatten().unwrap_or(0);
        for name in std::mem::take(&mut self.unknown) {
            let sentence = format!("is no field of this call; there are {FIELDS}");
            self.wrong.add(&name, Code::Unknown.saying(sentence));
        }
        if !self.wrong.is_empty() {
            return Err(self.wrong);
        }
        Ok(MailWish { destination: self.destination, min_ttl, locale: self.locale.unwrap_or_default() })
    }

    fn take(&mut self, name: &str, value: Json<'_>) {
        match name {
            "redirect" => self.destination.redirect = self.wrong.take(name, text(value)),
            "locale" => {
                // It takes what the field of a client takes.
                let mut client = UserChange::default();
                self.wrong.take(name, client.take_json(name, value));
                self.locale = client.locale;
            }
            "min_ttl" => {
                if let Json::Number(number) = value {
                    self.min_ttl = Some(number.to_owned());
                } else {
                    self.wrong.add(name, "must be a number of seconds");
                }
            }
            "app" => self.destination.app = self.wrong.take(name, text(value)),
            _ if self.unknown.len() < MAX_UNKNOWN => self.unknown.push(name.to_owned()),
            _ => {}
        }
    }
}

fn text(value: Json<'_>) -> Result<String, Problem> {
    value.text().map(std::borrow::Cow::into_owned).ok_or_else(|| "must be a text".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(body: &str) -> Result<MailWish, ValidationErrors> {
        let workspace = Workspace::sample("https://example.com");
        MailBody::parse(body.as_bytes()).unwrap().into_wish(&workspace)
    }

    #[test]
    fn no_body_and_an_empty_object_wish_nothing() {
        let nothing = MailWish { destination: Destination::default(), min_ttl: 0, locale: String::new() };

        assert_eq!(wish(""), Ok(nothing.clone()));
        assert_eq!(wish("{}"), Ok(nothing));
        assert_eq!(wish(r#"{"min_ttl": 60, "locale": "de-AT", "redirect": "/a"}"#).unwrap().min_ttl, 60);
        assert!(wish(r#"{"locale": "de-abcdefgh-abcdefgh-abcdefgh-abcde"}"#).is_ok());
    }

    #[test]
    fn each_field_that_a_sentence_names_is_taken() {
        for name in FIELDS.split(", ") {
            let refused = wish(&format!(r#"{{"{name}": []}}"#)).unwrap_err();
            let is_unknown = |problem: &Problem| problem.code == Code::Unknown;
            assert!(!refused.fields().any(|(_, problems)| problems.iter().any(is_unknown)), "{name}");
        }
    }

    #[test]
    fn what_does_not_pass_is_named() {
        for (body, field) in [
            (r#"{"min_ttl": -1}"#, "min_ttl"),
            (r#"{"min_ttl": 1.5}"#, "min_ttl"),
            (r#"{"min_ttl": "60"}"#, "min_ttl"),
            (r#"{"min_ttl": 7201}"#, "min_ttl"),
            (r#"{"locale": "pt_BR"}"#, "locale"),
            (r#"{"locale": 1}"#, "locale"),
            (r#"{"locale": "de-abcdefgh-abcdefgh-abcdefgh-abcdef"}"#, "locale"),
            (r#"{"redirect": null}"#, "redirect"),
            (r#"{"app": 1}"#, "app"),
            (r#"{"to": "eve@evil.test"}"#, "to"),
        ] {
            let refused = wish(body).unwrap_err();
            assert_eq!(refused.fields().map(|(name, _)| name).collect::<Vec<_>>(), [field], "{body}");
        }
        assert!(MailBody::parse(b"[]").is_err());
    }
}
