//! A change of a user: only what is given changes.

use serde_json::{Map, json};

use super::fields::{self, FIELDS, Kind};
use super::{User, UserChange};
use crate::domain::custom_fields;
use crate::domain::email::{EmailAddress, InvalidEmail};
use crate::domain::json::Json;
use crate::domain::validation::{Code, Problem, ValidationErrors};

impl UserChange {
    /// Takes one field as text, by the name it has in the client object.
    ///
    /// # Errors
    /// `ValidationErrors` says what the field takes, or that there is no such field.
    pub fn set(&mut self, field: &str, value: &str) -> Result<(), ValidationErrors> {
        self.take_text(field, value).map_err(|problem| ValidationErrors::field(field, problem))
    }

    /// The same; the problem does not name the field.
    pub(in crate::domain) fn take_text(&mut self, field: &str, value: &str) -> Result<(), Problem> {
        match fields::find(field).map(|field| &field.kind) {
            Some(Kind::Email(lens)) => {
                lens.set(self, EmailAddress::parse(value).map_err(InvalidEmail::problem)?);
            }
            Some(Kind::Text(longest, check, lens)) => lens.set(self, text(value, *longest, *check)?),
            Some(Kind::CustomFields(lens)) => lens.set(self, custom_fields::parse(value)?),
            Some(Kind::Status(lens)) => match value {
                "1" => lens.set(self, true),
                "0" => lens.set(self, false),
                _ => return Err("must be 1 (active) or 0 (disabled)".into()),
            },
            Some(Kind::Flag(lens) | Kind::Staff(lens)) => lens.set(self, flag(value)?),
            Some(Kind::ReadOnly) | None => {
                let sentence = format!("is no field that can be set; there are {}", fields::settable());
                return Err(Code::Unknown.saying(sentence));
            }
        }
        Ok(())
    }

    /// Takes one field out of a JSON object, by the name and of the kind that it has in the client object.
    pub(in crate::domain) fn take_json(&mut self, field: &str, value: Json<'_>) -> Result<(), Problem> {
        match fields::find(field).map(|field| &field.kind) {
            Some(Kind::ReadOnly | Kind::Staff(_)) | None => {
                Err(Code::Unknown.saying("is no field of a client"))
            }
            Some(Kind::Email(_) | Kind::Text(..)) => {
                self.take_text(field, &value.text().ok_or("must be a text")?)
            }
            Some(Kind::CustomFields(_)) => {
                let (Json::Object(text) | Json::Array(text)) = value else {
                    return Err("must be a JSON object".into());
                };
                self.take_text(field, text)
            }
            Some(Kind::Status(_)) => {
                let Json::Number(number) = value else {
                    return Err("must be the number 1 (active) or 0 (disabled)".into());
                };
                self.take_text(field, number)
            }
            Some(Kind::Flag(lens)) => {
                let Json::Flag(flag) = value else { return Err("must be true or false".into()) };
                lens.set(self, flag);
                Ok(())
            }
        }
    }

    /// A user as this change leaves it.
    pub fn applied_to(&self, user: &User) -> User {
        let (mut change, mut changed) = (self.clone(), user.clone());
        for field in &FIELDS {
            field.apply(&mut change, &mut changed);
        }
        changed
    }

    /// The names of the fields in which two users differ.
    pub fn fields_between(old: &User, new: &User) -> Vec<&'static str> {
        FIELDS.iter().filter(|field| field.differs(old, new)).map(|field| field.name).collect()
    }

    /// What the audit log has of a change: the names of the fields that differ, and of those that decide who may sign in
    /// also from what to what. Addresses are masked: the log outlives the users in it.
    pub fn audit_data(old: &User, new: &User) -> Map<String, serde_json::Value> {
        let mut data = Map::from_iter([("fields".to_owned(), json!(Self::fields_between(old, new)))]);
        for field in FIELDS.iter().filter(|field| field.differs(old, new)) {
            let (from, to) = match &field.kind {
                Kind::ReadOnly | Kind::Text(..) | Kind::CustomFields(_) => continue,
                Kind::Email(_) => {
                    let (from, to) = old.email.masked_beside(&new.email);
                    (json!(from), json!(to))
                }
                Kind::Status(lens) => (json!(u8::from(*lens.of(old))), json!(u8::from(*lens.of(new)))),
                Kind::Flag(lens) | Kind::Staff(lens) => (json!(lens.of(old)), json!(lens.of(new))),
            };
            data.insert(field.name.to_owned(), json!({ "from": from, "to": to }));
        }
        data
    }
}

fn text(value: &str, longest: usize, check: fn(&str) -> Result<(), Problem>) -> Result<String, Problem> {
    if value.chars().nth(longest).is_some() {
        return Err(Code::TooLong.saying(format!("must have {longest} characters at most")));
    }
    check(value).map(|()| value.to_owned())
}

fn flag(value: &str) -> Result<bool, Problem> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}
