//! The client and staff object: a user as callers of the API and of the command line see one.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::{User, UserId};
use crate::domain::json::JsonText;
use crate::domain::timestamp::Timestamp;

/// The fields of a client or a member of staff, in the order in which they are shown.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserObject<'a> {
    /// The number.
    pub id: UserId,
    /// First and last name, as one would write them; read-only.
    pub name: String,
    /// First name.
    pub name_f: &'a str,
    /// Last name.
    pub name_l: &'a str,
    /// The address.
    #[schema(format = "email", max_length = 254)]
    pub email: &'a str,
    /// Company.
    pub company: &'a str,
    /// Telephone number.
    pub phone: &'a str,
    /// The language that the person reads, as a tag such as pt-BR; empty if it is not known.
    pub locale: &'a str,
    /// A note of the back office.
    pub note: &'a str,
    /// Fields of the operator's own.
    #[schema(value_type = Object)]
    pub custom_fields: &'a JsonText,
    /// 1 active, 0 disabled.
    #[schema(minimum = 0, maximum = 1)]
    pub status: u8,
    /// Whether two-factor is on.
    pub two_factor_enabled: bool,
    /// When the user was added; read-only.
    pub created_at: Timestamp,
    /// When the user was last changed; read-only.
    pub updated_at: Timestamp,
    /// Whether the user is staff; left away where the caller knows by having asked for one or the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub staff: Option<bool>,
}

/// A user in a list of the API.
#[derive(Debug)]
pub struct ListedUser(pub User);

impl Serialize for ListedUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.object().serialize(serializer)
    }
}

impl User {
    /// The object without `staff`, as the API shows it.
    pub fn object(&self) -> UserObject<'_> {
        UserObject {
            id: self.id,
            name: self.name(),
            name_f: &self.name_f,
            name_l: &self.name_l,
            email: self.email.as_str(),
            company: &self.company,
            phone: &self.phone,
            locale: &self.locale,
            note: &self.note,
            custom_fields: &self.custom_fields,
            status: u8::from(self.standing.is_active),
            two_factor_enabled: self.standing.has_two_factor,
            created_at: self.created_at,
            updated_at: self.updated_at,
            staff: None,
        }
    }

    /// The object with `staff`, as the command line shows it, where clients and staff stand in one list.
    pub fn object_with_staff(&self) -> UserObject<'_> {
        UserObject { staff: Some(self.standing.is_staff), ..self.object() }
    }
}
