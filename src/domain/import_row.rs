//! A row of an import: what one line of CSV or JSON says about one user.

use super::email::EmailAddress;
use super::json::{Json, read_members};
use super::user::UserChange;
use super::user::UserId;
use super::user::fields::{self, UserField};
use super::validation::{Code, Problem, ValidationErrors};

/// The longest part of an unknown name that an error repeats.
const MAX_NAME: usize = 40;

/// What a row says about a user; what it does not say stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImportRow {
    /// The number, if the row has one: it decides alone whom the row is about.
    pub id: Option<UserId>,
    /// The fields that the row has. Without a number, the address in it decides whom the row is about.
    pub fields: UserChange,
}

/// Why a line is no row.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RowError {
    /// It is no CSV, no JSON object, or has another number of fields than the header.
    #[error("{0}")]
    Malformed(String),
    /// A field does not pass.
    #[error("{}", .0.in_one_sentence())]
    ValidationErrors(ValidationErrors),
}

impl ImportRow {
    /// Takes a JSON object with the fields of the client object and `staff`.
    pub fn parse_json(text: &str) -> Result<Self, RowError> {
        let mut row = Self::default();
        let mut invalid = ValidationErrors::default();
        let read = read_members(text, |field, value| {
            invalid.take(&shortened(field), row.take_json(field, value));
        });
        read.map_err(|error| RowError::Malformed(format!("is not one JSON object: {error}")))?;
        row.checked(invalid)
    }

    /// How much text it holds, in bytes.
    pub fn length(&self) -> usize {
        let fields = &self.fields;
        let texts =
            [&fields.name_f, &fields.name_l, &fields.company, &fields.phone, &fields.locale, &fields.note];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let email = fields.email.as_ref().map_or(0, |email| email.as_str().len());
        texts + email + fields.custom_fields.as_ref().map_or(0, |text| text.as_str().len())
    }

    /// The address of a new user, if the row says all that a new user needs.
    ///
    /// # Errors
    /// `ValidationErrors` names what is missing.
    pub fn of_a_new_user(&self) -> Result<&EmailAddress, ValidationErrors> {
        let mut invalid = ValidationErrors::default();
        let names = [("name_f", &self.fields.name_f), ("name_l", &self.fields.name_l)];
        for (field, _) in names.iter().filter(|(_, text)| text.is_none()) {
            invalid.add(field, needed());
        }
        let email = invalid.take("email", self.fields.email.as_ref().ok_or_else(needed));
        email.filter(|_| invalid.is_empty()).ok_or(invalid)
    }

    fn take_json(&mut self, field: &str, value: Json<'_>) -> Result<(), Problem> {
        match (field, value) {
            (field, _) if is_passed_over(field) => Ok(()),
            ("id" | "two_factor_enabled" | "staff", Json::Number(number)) => self.take_text(field, number),
            ("staff", Json::Flag(flag)) => {
                self.fields.is_staff = Some(flag);
                Ok(())
            }
            ("id", _) => Err(NO_ID.into()),
            ("staff", _) => Err("must be true or false".into()),
            (field, _) if fields::find(field).is_none() => self.take_text(field, ""),
            (field, value) => self.fields.take_json(field, value),
        }
    }

    pub(super) fn take_text(&mut self, field: &str, text: &str) -> Result<(), Problem> {
        if field == "id" {
            self.id = Some(UserId::parse(text).ok_or(NO_ID)?);
            return Ok(());
        }
        self.fields.take_text(field, text)
    }

    pub(super) fn checked(self, mut invalid: ValidationErrors) -> Result<Self, RowError> {
        if self.id.is_none() && self.fields.email.is_none() && invalid.is_empty() {
            invalid.add("email", "is needed where there is no id, to say whom the row is about");
        }
        if invalid.is_empty() { Ok(self) } else { Err(RowError::ValidationErrors(invalid)) }
    }
}

fn needed() -> Problem {
    Code::Required.saying("is needed for a new user")
}

const NO_ID: &str = "must be a number from 1 to 9007199254740991";

/// Whether nobody can set a field: it is passed over, so that a list can be imported as it is.
pub(super) fn is_passed_over(name: &str) -> bool {
    name != "id" && fields::find(name).is_some_and(UserField::is_read_only)
}

/// A name of somebody else's making, short enough for a sentence.
pub(super) fn shortened(name: &str) -> String {
    let mut short: String = name.chars().take(MAX_NAME).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}
