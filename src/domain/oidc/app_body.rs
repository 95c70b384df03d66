//! What a request says of an app: the body that adds one, or changes one.

use super::app::OidcApp;
use super::app_change::{AppChange, check_client_id};
use crate::domain::json::{Json, NotAnObject, read_members, text_of};
use crate::domain::validation::{Code, Problem, ValidationErrors};

/// Unknown fields that are kept, so as to be named.
const MAX_UNKNOWN: usize = 20;

/// Fields of an app that a request may bring and that no change sets.
const READ_ONLY: [&str; 5] = ["secrets", "issuer", "client_secret", "created_at", "updated_at"];

/// The fields of a body, read.
#[derive(Debug, Default)]
pub struct AppBody {
    change: AppChange,
    client_id: Option<String>,
    is_public: Option<bool>,
    wrong: ValidationErrors,
    /// What is wrong with the fields that only who adds an app may set.
    wrong_if_new: ValidationErrors,
    unknown: Vec<String>,
}

/// An app to be added.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewApp {
    /// What it is called in requests, if that was chosen.
    pub client_id: Option<String>,
    /// Whether it can keep no secret.
    pub is_public: bool,
    /// All the other fields.
    pub fields: AppChange,
}

impl AppBody {
    /// Reads a body.
    ///
    /// # Errors
    /// `NotAnObject` says why it is no JSON object, or has a name twice in one.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAnObject> {
        let mut body = Self::default();
        read_members(text_of(bytes)?, |name, value| body.take(name, value))?;
        Ok(body)
    }

    /// What is to be changed. Client id, type and read-only fields are passed over, so that an object may be sent back as it came.
    pub fn into_change(mut self) -> Result<AppChange, ValidationErrors> {
        self.name_unknown();
        if self.wrong.is_empty() { Ok(self.change) } else { Err(self.wrong) }
    }

    /// What is to be added.
    ///
    /// # Errors
    /// `ValidationErrors` names the fields that cannot be read, and those that are needed and not there.
    pub fn into_new(mut self) -> Result<NewApp, ValidationErrors> {
        self.name_unknown();
        let Self { change: fields, client_id, is_public, mut wrong, wrong_if_new, .. } = self;
        wrong.extend(wrong_if_new);
        for (name, is_given) in
            [("name", fields.name.is_some()), ("redirect_uris", fields.redirect_uris.is_some())]
        {
            if !is_given && !wrong.fields().any(|(known, _)| known == name) {
                wrong.add(name, Code::Required.saying("is needed"));
            }
        }
        let new = NewApp { client_id, is_public: is_public.unwrap_or(false), fields };
        if wrong.is_empty() { Ok(new) } else { Err(wrong) }
    }

    fn take(&mut self, name: &str, value: Json<'_>) {
        let (change, wrong) = (&mut self.change, &mut self.wrong);
        match name {
            "redirect_uris" => change.redirect_uris = wrong.take(name, list(value)),
            "post_logout_redirect_uris" => change.post_logout_redirect_uris = wrong.take(name, list(value)),
            "slim_id_token" => {
                let flag = if let Json::Flag(flag) = value { Ok(flag) } else { Err("must be true or false") };
                change.is_id_token_slim = wrong.take(name, flag);
            }
            "start_url" | "backchannel_logout_uri" if value == Json::Null => {
                // Neither field refuses an empty text.
                let _ = change.set(name, "");
            }
            "name" | "start_url" | "backchannel_logout_uri" | "pkce" | "alg" => {
                let set = text(value).and_then(|text| {
                    change.set(name, &text).map_err(|problem| problem.unwrap_or_else(|| "is no field".into()))
                });
                wrong.take(name, set);
            }
            "client_id" => {
                let id = text(value).and_then(|id| check_client_id(&id).map(|()| id));
                self.client_id = self.wrong_if_new.take(name, id);
            }
            "type" => {
                let is_public = text(value).and_then(|word| parse_type(&word));
                self.is_public = self.wrong_if_new.take(name, is_public);
            }
            _ if READ_ONLY.contains(&name) => {}
            _ if self.unknown.len() < MAX_UNKNOWN => self.unknown.push(name.to_owned()),
            _ => {}
        }
    }

    fn name_unknown(&mut self) {
        let fields = AppChange::FIELDS.join(", ");
        for name in std::mem::take(&mut self.unknown) {
            let sentence = format!("is no field of an app; there are client_id, type, {fields}");
            self.wrong.add(&name, Code::Unknown.saying(sentence));
        }
    }
}

/// Whether an app is public, by the word for its type.
pub fn parse_type(word: &str) -> Result<bool, Problem> {
    match word {
        "confidential" => Ok(false),
        "public" => Ok(true),
        _ => Err("must be confidential or public".into()),
    }
}

/// The word for an app's type.
pub const fn type_of(app: &OidcApp) -> &'static str {
    if app.is_public { "public" } else { "confidential" }
}

fn text(value: Json<'_>) -> Result<String, Problem> {
    value.text().map(std::borrow::Cow::into_owned).ok_or_else(|| "must be a text".into())
}

fn list(value: Json<'_>) -> Result<Vec<String>, Problem> {
    let Json::Array(text) = value else { return Err("must be a list of texts".into()) };
    serde_json::from_str(text).map_err(|_| "must be a list of texts".into())
}
