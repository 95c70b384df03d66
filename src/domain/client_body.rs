//! What a request says of a client: the body that adds one, or changes one.

use super::email::EmailAddress;
use super::json::{Json, NotAnObject, read_members, text_of};
use super::user::UserChange;
use super::user::UserId;
use super::user::fields::{self, REQUIRED, UserField};
use super::validation::{Code, Problem, ValidationErrors};

/// Unknown fields that are kept, so as to be named.
const MAX_UNKNOWN: usize = 20;

/// The fields of a body, read.
#[derive(Debug, Default)]
pub struct ClientBody {
    change: UserChange,
    id: Option<Result<UserId, Problem>>,
    given: [bool; REQUIRED.len()],
    wrong: ValidationErrors,
    unknown: Vec<String>,
}

/// A client to be added.
#[derive(Debug)]
pub struct NewClient {
    /// The number, if one was given.
    pub id: Option<UserId>,
    /// The address.
    pub email: EmailAddress,
    /// All the fields.
    pub fields: UserChange,
}

impl ClientBody {
    /// Reads a body. However much it holds, no more is kept of it than the fields that a client has.
    ///
    /// # Errors
    /// `NotAnObject` says why it is no JSON object, or has a name twice in one.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAnObject> {
        let mut body = Self::default();
        read_members(text_of(bytes)?, |name, value| body.take(name, value))?;
        Ok(body)
    }

    /// What is to be changed. Read-only fields are passed over, so that an object may be sent back as it came.
    pub fn into_change(mut self) -> Result<UserChange, ValidationErrors> {
        self.name_unknown(&fields::of_client());
        if self.wrong.is_empty() { Ok(self.change) } else { Err(self.wrong) }
    }

    /// Who is to be added.
    ///
    /// # Errors
    /// `ValidationErrors` names the fields that do not pass, and those that are needed and not there.
    pub fn into_new(mut self) -> Result<NewClient, ValidationErrors> {
        for (name, _) in REQUIRED.iter().zip(self.given).filter(|(_, is_given)| !is_given) {
            self.wrong.replace(name, Code::Required.saying("is needed"));
        }
        let id = self.wrong.take("id", self.id.take().transpose()).flatten();
        // Only who is added may be given one.
        self.name_unknown(&format!("id, {}", fields::of_client()));
        match self.change.email.clone() {
            Some(email) if self.wrong.is_empty() => Ok(NewClient { id, email, fields: self.change }),
            _ => Err(self.wrong),
        }
    }

    fn take(&mut self, name: &str, value: Json<'_>) {
        if let Some(place) = REQUIRED.iter().position(|required| *required == name) {
            // Somebody may have one name alone, but nobody an empty address.
            self.given[place] = value != Json::Null && !(name == "email" && value == Json::Text("\"\""));
        }
        if name == "id" {
            self.id = Some(id_of(value));
        }
        if fields::find(name).is_some_and(UserField::is_read_only) {
            return;
        }
        match self.change.take_json(name, value) {
            Err(Problem { code: Code::Unknown, .. }) => {
                if self.unknown.len() < MAX_UNKNOWN {
                    self.unknown.push(name.to_owned());
                }
            }
            passed => drop(self.wrong.take(name, passed)),
        }
    }

    /// After what is wrong with fields that there are: those are named first, where only so many are.
    fn name_unknown(&mut self, there_are: &str) {
        for name in std::mem::take(&mut self.unknown) {
            let sentence = format!("is no field of a client; there are {there_are}");
            self.wrong.add(&name, Code::Unknown.saying(sentence));
        }
    }
}

fn id_of(value: Json<'_>) -> Result<UserId, Problem> {
    let id = if let Json::Number(number) = value { UserId::parse(number) } else { None };
    id.ok_or_else(|| "must be a whole number from 1 to 2^53-1".into())
}
