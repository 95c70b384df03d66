//! A change of a user: only what is given changes.

use serde_json::{Map, Value};

use super::email::EmailAddress;
use super::invalid::Invalid;
use super::user::User;

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
    pub custom_fields: Option<Map<String, Value>>,
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
    /// `Invalid` says what the field takes, or that there is no such field.
    pub fn set(&mut self, field: &str, value: &str) -> Result<(), Invalid> {
        let refuse = |sentence: &str| Invalid::field(field, sentence);
        let text = || text_of(field, value).map(Some);
        match field {
            "email" => {
                self.email = Some(EmailAddress::parse(value).map_err(|error| Invalid::field(field, error))?);
            }
            "name_f" => self.name_f = text()?,
            "name_l" => self.name_l = text()?,
            "company" => self.company = text()?,
            "phone" => self.phone = text()?,
            "note" => self.note = text()?,
            "custom_fields" => {
                let object = serde_json::from_str(value).map_err(|_| refuse("must be a JSON object"))?;
                self.custom_fields = Some(object);
            }
            "status" => {
                self.is_active = Some(match value {
                    "1" => true,
                    "0" => false,
                    _ => return Err(refuse("must be 1 (active) or 0 (disabled)")),
                });
            }
            "two_factor_enabled" => self.has_two_factor = Some(flag(field, value)?),
            "staff" => self.is_staff = Some(flag(field, value)?),
            _ => return Err(refuse(&format!("is no field that can be set; there are {FIELDS}"))),
        }
        Ok(())
    }

    /// Takes the fields of a JSON object, by the names and kinds that the client object has. What callers cannot
    /// set (`id`, `name`, `created_at`, `updated_at`) is passed over, so that an object may be sent back as it came.
    ///
    /// # Errors
    /// `Invalid` names every field that does not pass.
    pub fn from_json(object: &Map<String, Value>) -> Result<Self, Invalid> {
        let mut change = Self::default();
        let mut invalid = Invalid::default();
        for (field, value) in object {
            if READ_ONLY.contains(&field.as_str()) {
                continue;
            }
            let set = match (field.as_str(), value) {
                ("custom_fields", Value::Object(fields)) => {
                    change.custom_fields = Some(fields.clone());
                    Ok(())
                }
                ("two_factor_enabled", Value::Bool(flag)) => {
                    change.set(field, if *flag { "true" } else { "false" })
                }
                ("status", Value::Number(number)) => change.set(field, &number.to_string()),
                ("email" | "name_f" | "name_l" | "company" | "phone" | "note", Value::String(text)) => {
                    change.set(field, text)
                }
                (known, _) => Err(Invalid::field(known, kind_of(known))),
            };
            invalid.0.extend(set.err().into_iter().flat_map(|wrong| wrong.0));
        }
        if invalid.is_empty() { Ok(change) } else { Err(invalid) }
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

    /// The names of the fields in which two users differ, for the audit log: names alone, never values.
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
}

/// Fields of the client object that are computed or given once.
const READ_ONLY: [&str; 4] = ["id", "name", "created_at", "updated_at"];

/// What a field of the JSON object takes.
fn kind_of(field: &str) -> &'static str {
    match field {
        "custom_fields" => "must be a JSON object",
        "two_factor_enabled" => "must be true or false",
        "status" => "must be the number 1 (active) or 0 (disabled)",
        "email" | "name_f" | "name_l" | "company" | "phone" | "note" => "must be a text",
        _ => "is no field of a client",
    }
}

/// The names of the fields that can be set, for a sentence.
pub const FIELDS: &str =
    "email, name_f, name_l, company, phone, note, custom_fields, status, two_factor_enabled, staff";

/// The longest free text of a user, in bytes.
const LONGEST_TEXT: usize = 10_000;

/// Takes a free text: up to 10,000 bytes, any character but NUL, which databases do not keep.
///
/// # Errors
/// `Invalid` names the field.
pub fn text_of(field: &str, value: &str) -> Result<String, Invalid> {
    if value.len() <= LONGEST_TEXT && !value.contains('\0') {
        return Ok(value.to_owned());
    }
    Err(Invalid::field(field, "must be a text of at most 10,000 bytes, without NUL"))
}

fn flag(field: &str, value: &str) -> Result<bool, Invalid> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Invalid::field(field, "must be true or false")),
    }
}
