//! What is said of an app by who adds or changes it: by the API as a JSON object, by commands as names and values.

use super::app::{OidcApp, SigningAlgorithm};
use super::app_uri_rules::{check_redirect_uri, check_start_url};
use super::client_id::parse_client_id;
use crate::domain::json::{Json, NotAnObject, read_members, text_of};
use crate::domain::outbound::OutboundUrl;
use crate::domain::validation::{Code, Problem, ValidationErrors};

/// Addresses in one list at most.
pub const MAX_URIS: usize = 20;

/// The longest name of an app, in characters.
pub const MAX_NAME: usize = 100;

/// The fields that may be changed.
pub const CHANGEABLE: &str = "name, redirect_uris, start_url, post_logout_redirect_uris, backchannel_logout_uri, pkce, \
                              alg, slim_id_token";

/// Fields of an app that stay as they are: whoever sends an object back as it came changes nothing by them.
const READ_ONLY: [&str; 5] = ["secrets", "created_at", "updated_at", "issuer", "client_secret"];

/// Unknown fields that are kept, so as to be named.
const MAX_UNKNOWN: usize = 20;

/// The fields that were given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AppChange {
    /// What people call it.
    pub name: Option<String>,
    /// Where codes may be sent.
    pub redirect_uris: Option<Vec<String>>,
    /// Where a person arrives who comes by a link.
    pub start_url: Option<Option<String>>,
    /// Where a person may be sent after signing out.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Where it hears that a session has ended.
    pub backchannel_logout_uri: Option<Option<String>>,
    /// Whether it may do without a code challenge.
    pub is_pkce_optional: Option<bool>,
    /// What its ID tokens are signed with.
    pub algorithm: Option<SigningAlgorithm>,
    /// Whether claims of scopes are left to userinfo.
    pub is_id_token_slim: Option<bool>,
}

impl AppChange {
    /// Takes a field as text, as commands give it: lists by spaces.
    ///
    /// # Errors
    /// What is wrong with it, or that there is no such field.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let list = || value.split_ascii_whitespace().map(str::to_owned).collect();
        match name {
            "name" => self.name = Some(value.to_owned()),
            "redirect_uris" => self.redirect_uris = Some(list()),
            "start_url" => self.start_url = Some(given(value)),
            "post_logout_redirect_uris" => self.post_logout_redirect_uris = Some(list()),
            "backchannel_logout_uri" => self.backchannel_logout_uri = Some(given(value)),
            "pkce" => self.is_pkce_optional = Some(pkce(value)?),
            "alg" => self.algorithm = Some(algorithm(value)?),
            "slim_id_token" => {
                self.is_id_token_slim = Some(value.parse().map_err(|_| "must be true or false")?);
            }
            _ => return Err(Code::Unknown.saying(format!("is no field of an app; there are {CHANGEABLE}"))),
        }
        Ok(())
    }

    fn take_json(&mut self, name: &str, value: Json<'_>) -> Result<(), Problem> {
        match (name, value) {
            ("redirect_uris", Json::Array(text)) => self.redirect_uris = Some(texts(text)?),
            ("post_logout_redirect_uris", Json::Array(text)) => {
                self.post_logout_redirect_uris = Some(texts(text)?);
            }
            ("redirect_uris" | "post_logout_redirect_uris", _) => {
                return Err("must be an array of texts".into());
            }
            ("start_url", Json::Null) => self.start_url = Some(None),
            ("backchannel_logout_uri", Json::Null) => self.backchannel_logout_uri = Some(None),
            ("slim_id_token", Json::Flag(flag)) => self.is_id_token_slim = Some(flag),
            ("slim_id_token", _) => return Err("must be true or false".into()),
            _ if CHANGEABLE.split(", ").any(|known| known == name) => {
                self.set(name, &value.text().ok_or("must be a text")?)?;
            }
            _ => return self.set(name, ""),
        }
        Ok(())
    }

    /// The app as it is with this change, and the names of the fields that are others then.
    pub fn apply(self, app: &OidcApp) -> (OidcApp, Vec<&'static str>) {
        let kept = app.clone();
        let changed = OidcApp {
            name: self.name.unwrap_or(kept.name),
            redirect_uris: self.redirect_uris.unwrap_or(kept.redirect_uris),
            start_url: self.start_url.unwrap_or(kept.start_url),
            post_logout_redirect_uris: self
                .post_logout_redirect_uris
                .unwrap_or(kept.post_logout_redirect_uris),
            backchannel_logout_uri: self.backchannel_logout_uri.unwrap_or(kept.backchannel_logout_uri),
            is_pkce_optional: self.is_pkce_optional.unwrap_or(kept.is_pkce_optional),
            algorithm: self.algorithm.unwrap_or(kept.algorithm),
            is_id_token_slim: self.is_id_token_slim.unwrap_or(kept.is_id_token_slim),
            ..kept
        };
        let others = [
            ("name", changed.name != app.name),
            ("redirect_uris", changed.redirect_uris != app.redirect_uris),
            ("start_url", changed.start_url != app.start_url),
            ("post_logout_redirect_uris", changed.post_logout_redirect_uris != app.post_logout_redirect_uris),
            ("backchannel_logout_uri", changed.backchannel_logout_uri != app.backchannel_logout_uri),
            ("pkce", changed.is_pkce_optional != app.is_pkce_optional),
            ("alg", changed.algorithm != app.algorithm),
            ("slim_id_token", changed.is_id_token_slim != app.is_id_token_slim),
        ];
        let names = others.into_iter().filter(|(_, is_other)| *is_other).map(|(name, _)| name).collect();
        (changed, names)
    }
}

fn given(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

fn pkce(value: &str) -> Result<bool, Problem> {
    match value {
        "required" => Ok(false),
        "optional" => Ok(true),
        _ => Err("must be required or optional".into()),
    }
}

fn algorithm(value: &str) -> Result<SigningAlgorithm, Problem> {
    let found = SigningAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == value);
    found.ok_or_else(|| "must be RS256 or ES256".into())
}

fn texts(array: &str) -> Result<Vec<String>, Problem> {
    serde_json::from_str(array).map_err(|_| "must be an array of texts".into())
}

/// Judges an app as a whole.
///
/// # Errors
/// `ValidationErrors` names each field that does not pass; what is wrong in a list stands under the name of the list.
pub fn validate(app: &OidcApp) -> Result<(), ValidationErrors> {
    let mut wrong = ValidationErrors::default();
    let length = app.name.chars().count();
    if length > MAX_NAME {
        wrong.add("name", Code::TooLong.saying(format!("must have {MAX_NAME} characters at most")));
    } else if length == 0 || app.name.chars().any(char::is_control) || app.name.trim() != app.name {
        wrong.add(
            "name",
            format!("must have 1 to {MAX_NAME} characters, without line breaks or spaces around"),
        );
    }
    if app.redirect_uris.is_empty() {
        wrong.add("redirect_uris", "must name one address at least");
    }
    let lists = [
        ("redirect_uris", &app.redirect_uris),
        ("post_logout_redirect_uris", &app.post_logout_redirect_uris),
    ];
    for (name, uris) in lists {
        if uris.len() > MAX_URIS {
            wrong.add(name, format!("must be {MAX_URIS} addresses at most"));
            continue;
        }
        for uri in uris {
            let judged = check_redirect_uri(uri, app.is_public);
            wrong.take(name, judged.map_err(|sentence| format!("{} {sentence}", shown(uri))));
        }
    }
    if let Some(url) = &app.start_url {
        wrong.take("start_url", check_start_url(url));
    }
    if let Some(url) = &app.backchannel_logout_uri {
        wrong.take("backchannel_logout_uri", OutboundUrl::parse(url).map_err(|error| error.to_string()));
    }
    if app.is_public && app.is_pkce_optional {
        wrong.add("pkce", "must be required: an app of the type public has nothing else to show");
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// An address as a sentence may repeat it.
fn shown(uri: &str) -> String {
    const MAX: usize = 100;
    let end = (0..=MAX).rev().find(|end| uri.is_char_boundary(*end)).unwrap_or(0);
    format!("{:?}", uri.get(..end).unwrap_or(uri))
}

/// Whether a type, by its name, is that of an app without secrets.
pub fn parse_type(text: &str) -> Result<bool, Problem> {
    match text {
        "confidential" => Ok(false),
        "public" => Ok(true),
        _ => Err("must be confidential or public".into()),
    }
}

/// An app to be added.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewApp {
    /// What it is called in requests; drawn if none was chosen.
    pub client_id: Option<String>,
    /// Whether it can keep no secret.
    pub is_public: bool,
    /// All the other fields.
    pub fields: AppChange,
}

/// The fields of a JSON body, read.
#[derive(Debug, Default)]
pub struct AppBody {
    new: NewApp,
    /// What is wrong with fields that a change passes over.
    wrong_in_new: ValidationErrors,
    wrong: ValidationErrors,
    given: [bool; 2],
    unknown: Vec<String>,
}

impl AppBody {
    const REQUIRED: [&'static str; 2] = ["name", "redirect_uris"];

    /// Reads a body.
    ///
    /// # Errors
    /// `NotAnObject` says why it is no JSON object, or has a name twice in one.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAnObject> {
        let mut body = Self::default();
        read_members(text_of(bytes)?, |name, value| body.take(name, value))?;
        Ok(body)
    }

    /// What is to be changed. Read-only fields, and those that never change, are passed over.
    ///
    /// # Errors
    /// `ValidationErrors` names the fields that cannot be read.
    pub fn into_change(mut self) -> Result<AppChange, ValidationErrors> {
        self.name_unknown();
        if self.wrong.is_empty() { Ok(self.new.fields) } else { Err(self.wrong) }
    }

    /// What is to be added.
    ///
    /// # Errors
    /// `ValidationErrors` names the fields that cannot be read, and those that are needed and not there.
    pub fn into_new(mut self) -> Result<NewApp, ValidationErrors> {
        for (name, _) in Self::REQUIRED.iter().zip(self.given).filter(|(_, is_given)| !is_given) {
            self.wrong.add(name, Code::Required.saying("is needed"));
        }
        self.wrong.extend(std::mem::take(&mut self.wrong_in_new));
        self.name_unknown();
        if self.wrong.is_empty() { Ok(self.new) } else { Err(self.wrong) }
    }

    fn take(&mut self, name: &str, value: Json<'_>) {
        if let Some(place) = Self::REQUIRED.iter().position(|required| *required == name) {
            self.given[place] = true;
        }
        let text = || value.text().ok_or_else(|| Problem::from("must be a text"));
        match name {
            "client_id" => {
                let parsed = text().and_then(|text| parse_client_id(&text));
                self.new.client_id = self.wrong_in_new.take(name, parsed);
            }
            "type" => {
                let parsed = text().and_then(|text| parse_type(&text));
                self.new.is_public = self.wrong_in_new.take(name, parsed).unwrap_or(false);
            }
            _ if READ_ONLY.contains(&name) => {}
            _ => match self.new.fields.take_json(name, value) {
                Err(Problem { code: Code::Unknown, .. }) => {
                    if self.unknown.len() < MAX_UNKNOWN {
                        self.unknown.push(name.to_owned());
                    }
                }
                passed => drop(self.wrong.take(name, passed)),
            },
        }
    }

    /// After what is wrong with fields that there are: those are named first, where only so many are.
    fn name_unknown(&mut self) {
        for name in std::mem::take(&mut self.unknown) {
            let sentence = format!("is no field of an app; there are client_id, type, {CHANGEABLE}");
            self.wrong.add(&name, Code::Unknown.saying(sentence));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(errors: &ValidationErrors) -> Vec<&str> {
        errors.fields().map(|(name, _)| name).collect()
    }

    #[test]
    fn each_field_takes_its_kind_of_value_and_nothing_else() {
        for (body, field) in [
            (r#"{"name": 1}"#, "name"),
            (r#"{"redirect_uris": "https://a.test"}"#, "redirect_uris"),
            (r#"{"redirect_uris": ["https://a.test", 1]}"#, "redirect_uris"),
            (r#"{"redirect_uris": null}"#, "redirect_uris"),
            (r#"{"post_logout_redirect_uris": {}}"#, "post_logout_redirect_uris"),
            (r#"{"start_url": 1}"#, "start_url"),
            (r#"{"pkce": true}"#, "pkce"),
            (r#"{"pkce": "never"}"#, "pkce"),
            (r#"{"alg": "HS256"}"#, "alg"),
            (r#"{"slim_id_token": "true"}"#, "slim_id_token"),
            (r#"{"colour": "red"}"#, "colour"),
        ] {
            let refused = AppBody::parse(body.as_bytes()).unwrap().into_change().unwrap_err();
            assert_eq!(named(&refused), [field], "{body}");
        }
        let refused = AppBody::parse(b"{}").unwrap().into_new().unwrap_err();
        assert_eq!(named(&refused), ["name", "redirect_uris"]);
    }

    #[test]
    fn what_never_changes_is_passed_over_in_a_change_and_judged_in_a_new_app() {
        let body = br#"{"client_id": "x y", "type": "secret", "secrets": [], "created_at": 1, "name": "Wiki", "start_url": null}"#;

        let change = AppBody::parse(body).unwrap().into_change().unwrap();
        let refused = AppBody::parse(body).unwrap().into_new().unwrap_err();

        assert_eq!(
            change,
            AppChange { name: Some("Wiki".to_owned()), start_url: Some(None), ..AppChange::default() }
        );
        assert_eq!(named(&refused), ["client_id", "redirect_uris", "type"]);
    }
}
