//! What may be set of an app, and what is wrong with an app as it would be.

use super::app::{OidcApp, SigningAlgorithm};
use super::app_uri::{check_start_url, check_uri};
use crate::domain::outbound::OutboundUrl;
use crate::domain::validation::{Code, Problem, ValidationErrors};

/// Redirect URIs that an app has at most, and as many to be sent to after signing out.
pub const MAX_URIS: usize = 20;

/// The longest name, in characters.
const MAX_NAME: usize = 100;

/// A change of an app, field by field; what is `None` stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AppChange {
    /// What people call it.
    pub name: Option<String>,
    /// Where codes may be sent.
    pub redirect_uris: Option<Vec<String>>,
    /// Where a person arrives who comes by a link; nowhere.
    pub start_url: Option<Option<String>>,
    /// Where a person may be sent after signing out.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Where it hears that a session has ended; nowhere.
    pub backchannel_logout_uri: Option<Option<String>>,
    /// Whether it may do without a code challenge.
    pub is_pkce_optional: Option<bool>,
    /// What its ID tokens are signed with.
    pub algorithm: Option<SigningAlgorithm>,
    /// Whether claims of scopes are left to userinfo.
    pub is_id_token_slim: Option<bool>,
}

impl AppChange {
    /// The fields that there are, by their names outside.
    pub const FIELDS: [&'static str; 8] = [
        "name",
        "redirect_uris",
        "start_url",
        "post_logout_redirect_uris",
        "backchannel_logout_uri",
        "pkce",
        "alg",
        "slim_id_token",
    ];

    /// Sets a field by its name and a text: lists stand between spaces, an empty text is none.
    ///
    /// # Errors
    /// What is wrong with the text; `None` if there is no such field.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), Option<Problem>> {
        let list = || text.split(' ').filter(|uri| !uri.is_empty()).map(str::to_owned).collect();
        let maybe = || Some(text.to_owned()).filter(|text| !text.is_empty());
        match name {
            "name" => self.name = Some(text.to_owned()),
            "redirect_uris" => self.redirect_uris = Some(list()),
            "start_url" => self.start_url = Some(maybe()),
            "post_logout_redirect_uris" => self.post_logout_redirect_uris = Some(list()),
            "backchannel_logout_uri" => self.backchannel_logout_uri = Some(maybe()),
            "pkce" => self.is_pkce_optional = Some(parse_pkce(text).map_err(Some)?),
            "alg" => self.algorithm = Some(parse_algorithm(text).map_err(Some)?),
            "slim_id_token" => {
                let flag = text.parse().map_err(|_| Some("must be true or false".into()))?;
                self.is_id_token_slim = Some(flag);
            }
            _ => return Err(None),
        }
        Ok(())
    }

    /// The names of the fields that it sets to something else than an app has.
    pub fn changed_of(&self, before: &OidcApp) -> Vec<&'static str> {
        let after = self.clone().applied_to(before);
        let is_other = [
            before.name != after.name,
            before.redirect_uris != after.redirect_uris,
            before.start_url != after.start_url,
            before.post_logout_redirect_uris != after.post_logout_redirect_uris,
            before.backchannel_logout_uri != after.backchannel_logout_uri,
            before.is_pkce_optional != after.is_pkce_optional,
            before.algorithm != after.algorithm,
            before.is_id_token_slim != after.is_id_token_slim,
        ];
        let names = Self::FIELDS.into_iter().zip(is_other);
        names.filter(|(_, is_other)| *is_other).map(|(name, _)| name).collect()
    }

    /// The app as the change leaves it, but for what the store counts and seals.
    pub fn applied_to(self, app: &OidcApp) -> OidcApp {
        let app = app.clone();
        OidcApp {
            name: self.name.unwrap_or(app.name),
            redirect_uris: self.redirect_uris.unwrap_or(app.redirect_uris),
            start_url: self.start_url.unwrap_or(app.start_url),
            post_logout_redirect_uris: self
                .post_logout_redirect_uris
                .unwrap_or(app.post_logout_redirect_uris),
            backchannel_logout_uri: self.backchannel_logout_uri.unwrap_or(app.backchannel_logout_uri),
            is_pkce_optional: self.is_pkce_optional.unwrap_or(app.is_pkce_optional),
            algorithm: self.algorithm.unwrap_or(app.algorithm),
            is_id_token_slim: self.is_id_token_slim.unwrap_or(app.is_id_token_slim),
            ..app
        }
    }
}

/// Whether an app may do without a code challenge, as a word.
pub fn parse_pkce(text: &str) -> Result<bool, Problem> {
    match text {
        "required" => Ok(false),
        "optional" => Ok(true),
        _ => Err("must be required or optional".into()),
    }
}

/// A signing algorithm by its name.
pub fn parse_algorithm(text: &str) -> Result<SigningAlgorithm, Problem> {
    let found = SigningAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == text);
    found.ok_or_else(|| "must be RS256 or ES256".into())
}

/// A client id that somebody chose.
pub fn check_client_id(text: &str) -> Result<(), Problem> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_plain && (3..=64).contains(&text.len()) {
        Ok(())
    } else {
        Err("must have 3 to 64 letters, digits and hyphens".into())
    }
}

impl OidcApp {
    /// What is wrong with the app as it stands, by the names of the fields; nothing, if it may be kept.
    pub fn problems(&self) -> ValidationErrors {
        let mut wrong = ValidationErrors::default();
        wrong.take("name", check_name(&self.name));
        if self.redirect_uris.is_empty() {
            wrong.add("redirect_uris", Code::Required.saying("must have one URI at least"));
        }
        for (name, uris) in [
            ("redirect_uris", &self.redirect_uris),
            ("post_logout_redirect_uris", &self.post_logout_redirect_uris),
        ] {
            if uris.len() > MAX_URIS {
                wrong.add(name, Code::TooLong.saying(format!("may have {MAX_URIS} URIs at most")));
            }
            for uri in uris.iter().take(MAX_URIS) {
                wrong.take(name, check_uri(uri, self.is_public));
            }
        }
        if let Some(url) = &self.start_url {
            wrong.take("start_url", check_start_url(url));
        }
        if let Some(uri) = &self.backchannel_logout_uri
            && let Err(error) = OutboundUrl::parse(uri)
        {
            wrong.add("backchannel_logout_uri", error);
        }
        if self.is_pkce_optional && self.is_public {
            wrong.add("pkce", "must be required for a public app: it has no secret that a thief would need");
        }
        wrong
    }
}

fn check_name(name: &str) -> Result<(), Problem> {
    if name.trim().is_empty() {
        return Err(Code::Required.saying("must have 1 to 100 characters"));
    }
    if name.chars().count() > MAX_NAME {
        return Err(Code::TooLong.saying("may have 100 characters at most"));
    }
    if name.chars().any(char::is_control) {
        return Err("may have no control characters".into());
    }
    Ok(())
}
