//! The client and staff object: a user in the responses of the API and in the output of the command line.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::domain::json::JsonText;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{User, UserId};

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

/// A user in a list.
#[derive(Debug)]
pub(in crate::http) struct ListedUser(User);

impl From<User> for ListedUser {
    fn from(user: User) -> Self {
        Self(user)
    }
}

impl Serialize for ListedUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        UserObject::from(&self.0).serialize(serializer)
    }
}

impl<'a> UserObject<'a> {
    /// The object with `staff`, for the command line, which lists clients and staff together.
    pub fn with_staff(user: &'a User) -> Self {
        Self { staff: Some(user.standing.is_staff), ..Self::from(user) }
    }
}

impl<'a> From<&'a User> for UserObject<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id,
            name: user.name(),
            name_f: &user.name_f,
            name_l: &user.name_l,
            email: user.email.as_str(),
            company: &user.company,
            phone: &user.phone,
            locale: &user.locale,
            note: &user.note,
            custom_fields: &user.custom_fields,
            status: u8::from(user.standing.is_active),
            two_factor_enabled: user.standing.has_two_factor,
            created_at: user.created_at,
            updated_at: user.updated_at,
            staff: None,
        }
    }
}
