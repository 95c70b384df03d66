//! The fields of the client object: one table for the API, its description, the command line, imports, lists and changes.

use super::{User, UserChange};
use crate::domain::email::EmailAddress;
use crate::domain::json::JsonText;
use crate::domain::language::is_tag;
use crate::domain::list_query::{self, FieldType};
use crate::domain::validation::Problem;

/// A field of the client object.
#[derive(Debug)]
pub struct UserField {
    /// Its name outside.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// How lists are sorted and filtered by it, if they are.
    pub listed: Option<FieldType>,
}

/// The longest language tag, in bytes (RFC 5646, section 4.4.1).
pub const MAX_LOCALE: usize = 35;

/// What a field holds, and where.
#[derive(Debug)]
pub enum Kind {
    /// Given once or computed: it is passed over where it is sent.
    ReadOnly,
    /// The address.
    Email(Lens<EmailAddress>),
    /// A text of so many characters at most, and what else must be true of it.
    Text(usize, fn(&str) -> Result<(), Problem>, Lens<String>),
    /// Fields of the operator's own.
    CustomFields(Lens<JsonText>),
    /// 1 active, 0 disabled.
    Status(Lens<bool>),
    /// A flag of the object.
    Flag(Lens<bool>),
    /// Whether the user is staff: no field of the API, where staff and clients are asked for apart.
    Staff(Lens<bool>),
}

/// Where the value of a field stands in a user and in a change.
#[derive(Debug)]
pub struct Lens<T: 'static> {
    of: fn(&User) -> &T,
    of_mut: fn(&mut User) -> &mut T,
    change: fn(&mut UserChange) -> &mut Option<T>,
}

macro_rules! lens {
    ($($field:ident).+, $change:ident) => {
        Lens { of: |user| &user.$($field).+, of_mut: |user| &mut user.$($field).+, change: |change| &mut change.$change }
    };
}

macro_rules! text {
    ($field:ident, $longest:expr, $listed:expr) => {
        text!($field, $longest, free_text, $listed)
    };
    ($field:ident, $longest:expr, $check:expr, $listed:expr) => {
        UserField {
            name: stringify!($field),
            kind: Kind::Text($longest, $check, lens!($field, $field)),
            listed: $listed,
        }
    };
}

const fn read_only(name: &'static str, listed: Option<FieldType>) -> UserField {
    UserField { name, kind: Kind::ReadOnly, listed }
}

/// Every field, in the order in which sentences name them.
pub static FIELDS: [UserField; 15] = [
    read_only("id", Some(FieldType::Number)),
    read_only("name", None),
    UserField { name: "email", kind: Kind::Email(lens!(email, email)), listed: Some(FieldType::Email) },
    text!(name_f, 200, Some(FieldType::Text)),
    text!(name_l, 200, Some(FieldType::Text)),
    text!(company, 200, Some(FieldType::Text)),
    text!(phone, 50, Some(FieldType::Text)),
    text!(locale, MAX_LOCALE, locale, Some(FieldType::Text)),
    text!(note, 10_000, None),
    UserField {
        name: "custom_fields",
        kind: Kind::CustomFields(lens!(custom_fields, custom_fields)),
        listed: None,
    },
    UserField {
        name: "status",
        kind: Kind::Status(lens!(standing.is_active, is_active)),
        listed: Some(FieldType::Number),
    },
    UserField {
        name: "two_factor_enabled",
        kind: Kind::Flag(lens!(standing.has_two_factor, has_two_factor)),
        listed: Some(FieldType::Flag),
    },
    UserField { name: "staff", kind: Kind::Staff(lens!(standing.is_staff, is_staff)), listed: None },
    read_only("created_at", Some(FieldType::Time)),
    read_only("updated_at", Some(FieldType::Time)),
];

/// Fields without which nobody is added.
pub const REQUIRED: [&str; 3] = ["email", "name_f", "name_l"];

/// A field, by its name.
pub fn find(name: &str) -> Option<&'static UserField> {
    FIELDS.iter().find(|field| field.name == name)
}

/// The names of the fields that can be set, for a sentence.
pub fn settable() -> String {
    let settable = FIELDS.iter().filter(|field| !field.is_read_only());
    settable.map(|field| field.name).collect::<Vec<_>>().join(", ")
}

/// The names of the fields that a client has and that can be set, for a sentence.
pub fn of_client() -> String {
    let is_of_client = |field: &&UserField| !field.is_read_only() && !matches!(field.kind, Kind::Staff(_));
    FIELDS.iter().filter(is_of_client).map(|field| field.name).collect::<Vec<_>>().join(", ")
}

/// What lists of users may be sorted and filtered by.
pub const LISTED: [list_query::Field; 11] = listed();

const fn listed<const N: usize>() -> [list_query::Field; N] {
    let mut listed = [list_query::Field { name: "", kind: FieldType::Text }; N];
    let (mut place, mut count) = (0, 0);
    while place < FIELDS.len() {
        if let Some(kind) = FIELDS[place].listed {
            listed[count] = list_query::Field { name: FIELDS[place].name, kind };
            count += 1;
        }
        place += 1;
    }
    assert!(count == N, "a field of lists was added or taken away");
    listed
}

/// Any characters but NUL, which databases do not keep.
fn free_text(value: &str) -> Result<(), Problem> {
    if value.contains('\0') { Err("must be a text without NUL".into()) } else { Ok(()) }
}

/// A language tag, whether doorkey has that language or not: 2 or 3 letters, then subtags of 1 to 8 letters or digits
/// (RFC 5646, section 2.1, as far as tags in use go). Empty says that the language is not known.
fn locale(value: &str) -> Result<(), Problem> {
    let with_hyphens = value.replace('_', "-");
    if value.is_empty() || is_tag(value) {
        Ok(())
    } else if is_tag(&with_hyphens) {
        Err(format!("must be a language tag with hyphens: {with_hyphens}").into())
    } else {
        Err("must be a language tag such as de or pt-BR, or empty".into())
    }
}

impl UserField {
    /// Whether nobody can set it.
    pub const fn is_read_only(&self) -> bool {
        matches!(self.kind, Kind::ReadOnly)
    }

    /// Whether the empty text is a value of it.
    pub const fn may_be_empty(&self) -> bool {
        matches!(self.kind, Kind::Text(..))
    }

    /// Sets the field of a user to what a change says of it, if it says something.
    pub(super) fn apply(&self, change: &mut UserChange, user: &mut User) {
        match &self.kind {
            Kind::ReadOnly => {}
            Kind::Email(lens) => lens.apply(change, user),
            Kind::Text(.., lens) => lens.apply(change, user),
            Kind::CustomFields(lens) => lens.apply(change, user),
            Kind::Status(lens) | Kind::Flag(lens) | Kind::Staff(lens) => lens.apply(change, user),
        }
    }

    /// Whether two users differ in it. What is read-only follows from the rest.
    pub(super) fn differs(&self, old: &User, new: &User) -> bool {
        match &self.kind {
            Kind::ReadOnly => false,
            Kind::Email(lens) => lens.of(old) != lens.of(new),
            Kind::Text(.., lens) => lens.of(old) != lens.of(new),
            Kind::CustomFields(lens) => lens.of(old) != lens.of(new),
            Kind::Status(lens) | Kind::Flag(lens) | Kind::Staff(lens) => lens.of(old) != lens.of(new),
        }
    }
}

impl<T> Lens<T> {
    /// The value that a user has.
    pub(super) fn of<'a>(&self, user: &'a User) -> &'a T {
        (self.of)(user)
    }

    /// Has a change set the field.
    pub(super) fn set(&self, change: &mut UserChange, value: T) {
        *(self.change)(change) = Some(value);
    }

    fn apply(&self, change: &mut UserChange, user: &mut User) {
        if let Some(value) = (self.change)(change).take() {
            *(self.of_mut)(user) = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_empty_or_a_language_tag() {
        for tag in ["", "de", "DE", "gsw", "pt-BR", "zh-Hant-TW", "en-x-y", "de-1996"] {
            assert!(locale(tag).is_ok(), "{tag}");
        }
        for wrong in [
            "d",
            "germ",
            "de-",
            "-de",
            "de--AT",
            "de AT",
            "d3",
            "de-abcdefghi",
            "de-ö",
            "*",
            "de\0",
            "pt_BR_",
            "_",
        ] {
            assert!(locale(wrong).is_err(), "{wrong}");
        }
        assert!(locale("pt_BR").unwrap_err().sentence.ends_with("pt-BR"));
    }

    #[test]
    fn what_is_listed_is_what_the_table_says() {
        let names = LISTED.map(|field| field.name).join(", ");

        assert_eq!(
            names,
            "id, email, name_f, name_l, company, phone, locale, status, two_factor_enabled, created_at, updated_at"
        );
    }
}
