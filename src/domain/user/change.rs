//! A change of a user: only what is given changes.

use serde_json::{Map, json};

use super::User;
use crate::domain::custom_fields;
use crate::domain::email::{EmailAddress, InvalidEmail};
use crate::domain::json::{Json, JsonText};
use crate::domain::validation::{Code, Problem, ValidationErrors};

/// A change of a user, field by field; what is `None` stays. Also the fields of a user to be added.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UserChange {
    /// The address.
    pub email: Option<EmailAddress>,
    /// First name.
    pub name_f: Option<String>,
    /// Last name.
    pub name_l: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// A note.
    pub note: Option<String>,
    /// Fields of the operator's own.
    pub custom_fields: Option<JsonText>,
    /// Whether the user is active.
    pub is_active: Option<bool>,
    /// Whether two-factor is on.
    pub has_two_factor: Option<bool>,
    /// Whether the user is staff.
    pub is_staff: Option<bool>,
}

impl UserChange {
    /// Takes one field as text, by the name it has in the client object.
    ///
    /// # Errors
    /// `ValidationErrors` says what the field takes, or that there is no such field.
    pub fn set(&mut self, field: &str, value: &str) -> Result<(), ValidationErrors> {
        self.take_text(field, value).map_err(|problem| ValidationErrors::field(field, problem))
    }

    /// The same; the problem is told without the field.
    pub(in crate::domain) fn take_text(&mut self, field: &str, value: &str) -> Result<(), Problem> {
        match field {
            "email" => self.email = Some(EmailAddress::parse(value).map_err(InvalidEmail::problem)?),
            "name_f" => self.name_f = Some(short_text(value, MAX_NAME)?),
            "name_l" => self.name_l = Some(short_text(value, MAX_NAME)?),
            "company" => self.company = Some(short_text(value, MAX_NAME)?),
            "phone" => self.phone = Some(short_text(value, MAX_PHONE)?),
            "note" => self.note = Some(short_text(value, MAX_NOTE)?),
            "custom_fields" => self.custom_fields = Some(custom_fields::parse(value)?),
            "status" => {
                self.is_active = Some(match value {
                    "1" => true,
                    "0" => false,
                    _ => return Err("must be 1 (active) or 0 (disabled)".into()),
                });
            }
            "two_factor_enabled" => self.has_two_factor = Some(flag(value)?),
            "staff" => self.is_staff = Some(flag(value)?),
            _ => {
                return Err(Code::Unknown.saying(format!("is no field that can be set; there are {FIELDS}")));
            }
        }
        Ok(())
    }

    /// Takes one field out of a JSON object, by the name and of the kind that it has in the client object.
    pub(in crate::domain) fn take_json(&mut self, field: &str, value: Json<'_>) -> Result<(), Problem> {
        match (field, value) {
            ("custom_fields", Json::Object(text) | Json::Array(text)) => self.take_text(field, text),
            ("two_factor_enabled", Json::Flag(flag)) => {
                self.has_two_factor = Some(flag);
                Ok(())
            }
            ("status", Json::Number(number)) => self.take_text(field, number),
            ("email" | "name_f" | "name_l" | "company" | "phone" | "note", Json::Text(_)) => {
                let text = value.text().ok_or("must be a text")?;
                self.take_text(field, &text)
            }
            (known, _) => Err(kind_of(known)),
        }
    }

    /// A user as this change leaves it.
    pub fn applied_to(&self, user: &User) -> User {
        let mut changed = user.clone();
        let change = self.clone();
        changed.email = change.email.unwrap_or(changed.email);
        changed.name_f = change.name_f.unwrap_or(changed.name_f);
        changed.name_l = change.name_l.unwrap_or(changed.name_l);
        changed.company = change.company.unwrap_or(changed.company);
        changed.phone = change.phone.unwrap_or(changed.phone);
        changed.note = change.note.unwrap_or(changed.note);
        changed.custom_fields = change.custom_fields.unwrap_or(changed.custom_fields);
        changed.standing.is_active = change.is_active.unwrap_or(changed.standing.is_active);
        changed.standing.has_two_factor = change.has_two_factor.unwrap_or(changed.standing.has_two_factor);
        changed.standing.is_staff = change.is_staff.unwrap_or(changed.standing.is_staff);
        changed
    }

    /// The names of the fields in which two users differ.
    pub fn fields_between(old: &User, new: &User) -> Vec<&'static str> {
        let differs = [
            ("email", old.email != new.email),
            ("name_f", old.name_f != new.name_f),
            ("name_l", old.name_l != new.name_l),
            ("company", old.company != new.company),
            ("phone", old.phone != new.phone),
            ("note", old.note != new.note),
            ("custom_fields", old.custom_fields != new.custom_fields),
            ("status", old.standing.is_active != new.standing.is_active),
            ("two_factor_enabled", old.standing.has_two_factor != new.standing.has_two_factor),
            ("staff", old.standing.is_staff != new.standing.is_staff),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// What the audit log is told of a change: the names of the fields that differ, and of those that decide who may sign in
    /// also from what to what. Addresses are masked: the log outlives the users in it.
    pub fn audit_data(old: &User, new: &User) -> Map<String, serde_json::Value> {
        let mut told = Map::from_iter([("fields".to_owned(), json!(Self::fields_between(old, new)))]);
        let (before, after) = (&old.standing, &new.standing);
        let (old_email, new_email) = old.email.masked_beside(&new.email);
        let decisive = [
            ("email", old.email != new.email, json!({ "from": old_email, "to": new_email })),
            (
                "status",
                before.is_active != after.is_active,
                json!({ "from": u8::from(before.is_active), "to": u8::from(after.is_active) }),
            ),
            (
                "two_factor_enabled",
                before.has_two_factor != after.has_two_factor,
                json!({ "from": before.has_two_factor, "to": after.has_two_factor }),
            ),
            (
                "staff",
                before.is_staff != after.is_staff,
                json!({ "from": before.is_staff, "to": after.is_staff }),
            ),
        ];
        let changed = decisive.into_iter().filter(|(_, differs, _)| *differs);
        told.extend(changed.map(|(name, _, change)| (name.to_owned(), change)));
        told
    }
}

/// What a field of the JSON object takes.
fn kind_of(field: &str) -> Problem {
    let kind = match field {
        "custom_fields" => "must be a JSON object",
        "two_factor_enabled" => "must be true or false",
        "status" => "must be the number 1 (active) or 0 (disabled)",
        "email" | "name_f" | "name_l" | "company" | "phone" | "note" => "must be a text",
        _ => return Code::Unknown.saying("is no field of a client"),
    };
    kind.into()
}

/// The names of the fields that can be set, for a sentence.
pub const FIELDS: &str =
    "email, name_f, name_l, company, phone, note, custom_fields, status, two_factor_enabled, staff";

/// The longest first name, last name and company, in characters.
pub const MAX_NAME: usize = 200;

/// The longest telephone number, in characters.
pub const MAX_PHONE: usize = 50;

/// The longest note, in characters.
pub const MAX_NOTE: usize = 10_000;

/// Takes a free text of any characters but NUL, which databases do not keep.
fn short_text(value: &str, longest: usize) -> Result<String, Problem> {
    if value.chars().nth(longest).is_some() {
        return Err(Code::TooLong.saying(format!("must have {longest} characters at most")));
    }
    if value.contains('\0') {
        return Err("must be a text without NUL".into());
    }
    Ok(value.to_owned())
}

fn flag(value: &str) -> Result<bool, Problem> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}
