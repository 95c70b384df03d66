//! What an app asks for at `/oidc/authorize` (OpenID Connect Core 1.0, section 3.1.2.1), and the rules that need no database.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::app::OidcApp;
use super::app_uri::{Doubled, is_registered};
use super::scope::{OidcScope, OidcScopes};
use crate::domain::named::named;
use crate::domain::timestamp::Timestamp;

/// The parameters that are errors when they cannot be decoded, or are there twice. All others are passed over.
pub const PARAMETERS: [&str; 21] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "id_token_hint",
    "login_hint",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
    "registration",
    "display",
    "ui_locales",
    "claims_locales",
    "acr_values",
    "claims",
];

/// The longest state and nonce, in bytes.
const MAX_VALUE: usize = 2_000;

/// The longest login hint that can name somebody, in bytes.
const MAX_LOGIN_HINT: usize = 254;

/// Decoded parameters, in their order.
pub type Pairs = [(String, String)];

named! {
    /// How an app is answered (OAuth 2.0 Multiple Response Type Encoding Practices; Form Post Response Mode).
    #[derive(Serialize, Deserialize)]
    pub enum ResponseMode(
        /// The word in a request.
        name
    ) {
        /// In the query of the redirect URI.
        Query = "query",
        /// By a form that is posted there.
        FormPost = "form_post",
    }
}

/// A request that is understood. What it says of itself is bounded: it travels in cookies and addresses until the person is signed in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuthorizeRequest {
    /// The app.
    pub client_id: String,
    /// Where it is answered: one of the app's.
    pub redirect_uri: String,
    /// How it is answered.
    pub response_mode: ResponseMode,
    /// What it gets back as it is.
    #[serde(with = "any_text")]
    pub state: Option<String>,
    /// What stands in its ID token.
    #[serde(with = "any_text")]
    pub nonce: Option<String>,
    /// What it asks to know, as bits.
    pub scopes: i64,
    /// The hash of its code verifier (RFC 7636, section 4.2).
    pub code_challenge: Option<String>,
    /// Whether nothing may be shown.
    pub is_silent: bool,
    /// Whether a new sign-in is demanded.
    pub demands_sign_in: bool,
    /// Whether the person is to say with which account to go on.
    pub asks_for_account: bool,
    /// The age in seconds that a sign-in may have.
    pub max_age: Option<u64>,
    /// Who is meant, as the app thinks: an address or a subject.
    pub login_hint: Option<String>,
    /// The subject of its ID token hint.
    pub hinted_subject: Option<String>,
}

/// Text that may be anything, in base64: JSON makes six bytes of a control character, and a request that waits has little room.
mod any_text {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(super) fn serialize<S: Serializer>(text: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
        text.as_ref().map(|text| URL_SAFE_NO_PAD.encode(text)).serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<String>, D::Error> {
        let Some(encoded) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(D::Error::custom)?;
        String::from_utf8(bytes).map(Some).map_err(D::Error::custom)
    }
}

/// How long a request waits for a sign-in, in seconds.
const WAITING_LIFETIME: i64 = 3_600;

/// A request that may have to wait until somebody is signed in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaitingRequest {
    /// The request.
    pub request: AuthorizeRequest,
    /// When it was first seen, in milliseconds: a sign-in since then is what it demanded.
    pub first_seen_at: i64,
    /// The session whose person said to go on with that account.
    pub confirmed_by: Option<Uuid>,
}

impl WaitingRequest {
    /// Whether it is too late to go on with it, or too early by this clock.
    pub fn is_over(&self, now: Timestamp) -> bool {
        let first_seen_at = Timestamp::from_millis(self.first_seen_at);
        first_seen_at.is_ahead_of(now) || first_seen_at.plus_seconds(WAITING_LIFETIME) <= now
    }
}

/// What an app is told is wrong, at its redirect URI.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorizeError {
    /// The error's word (RFC 6749, section 4.1.2.1; OpenID Connect Core 1.0, section 3.1.2.6).
    pub code: &'static str,
    /// For the app's developer: printable ASCII without `"` and `\`.
    pub description: &'static str,
}

impl AuthorizeError {
    /// An error with its sentence.
    pub const fn of(code: &'static str, description: &'static str) -> Self {
        Self { code, description }
    }

    /// Nobody is signed in, and nothing may be shown.
    pub const fn login_required(description: &'static str) -> Self {
        Self::of("login_required", description)
    }
}

/// Where an app is answered, right or wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyTo {
    /// The redirect URI.
    pub redirect_uri: String,
    /// How.
    pub response_mode: ResponseMode,
    /// What it sent to have it back; left out where it is too long or doubled.
    pub state: Option<String>,
}

impl From<&AuthorizeRequest> for ReplyTo {
    fn from(request: &AuthorizeRequest) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            response_mode: request.response_mode,
            state: request.state.clone(),
        }
    }
}

/// The one value of a parameter. An empty one is as none (RFC 6749, section 3.1).
///
/// # Errors
/// It is there twice.
pub fn single<'a>(pairs: &'a Pairs, name: &str) -> Result<Option<&'a str>, Doubled> {
    let mut values = pairs.iter().filter(|pair| pair.0 == name && !pair.1.is_empty());
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(|pair| pair.1.as_str())),
        _ => Err(Doubled),
    }
}

/// Where a request is answered that names its app and one of the app's redirect URIs; `None` if it may not be answered there.
pub fn reply_to(pairs: &Pairs, app: &OidcApp) -> Option<ReplyTo> {
    let redirect_uri = single(pairs, "redirect_uri").ok().flatten()?;
    if !is_registered(&app.redirect_uris, redirect_uri, app.is_public) {
        return None;
    }
    let mode = single(pairs, "response_mode").ok().flatten();
    let mode = mode.and_then(|word| ResponseMode::ALL.into_iter().find(|mode| mode.name() == word));
    let state = single(pairs, "state").ok().flatten().filter(|state| state.len() <= MAX_VALUE);
    Some(ReplyTo {
        redirect_uri: redirect_uri.to_owned(),
        response_mode: mode.unwrap_or(ResponseMode::Query),
        state: state.map(str::to_owned),
    })
}

/// Reads a request of an app, but for its ID token hint, which has yet to be verified.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(pairs: &Pairs, app: &OidcApp, reply_to: &ReplyTo) -> Result<AuthorizeRequest, AuthorizeError> {
    let invalid = |description| AuthorizeError::of("invalid_request", description);
    if PARAMETERS.iter().any(|name| single(pairs, name).is_err()) {
        return Err(invalid("a parameter is there twice"));
    }
    let value = |name: &str| single(pairs, name).ok().flatten();
    match value("response_type") {
        None => return Err(invalid("response_type is missing: it must be code")),
        Some("code") => {}
        Some(_) => {
            return Err(AuthorizeError::of("unsupported_response_type", "response_type must be code"));
        }
    }
    if value("request").is_some() {
        let description = "request objects are not taken: send the parameters in the query";
        return Err(AuthorizeError::of("request_not_supported", description));
    }
    if value("request_uri").is_some() {
        let description = "request objects are not fetched: send the parameters in the query";
        return Err(AuthorizeError::of("request_uri_not_supported", description));
    }
    let scopes = OidcScopes::parse(value("scope").unwrap_or_default());
    if !scopes.has(OidcScope::OpenId) {
        return Err(AuthorizeError::of("invalid_scope", "scope must have openid in it"));
    }
    let is_mode = |word: &str| ResponseMode::ALL.into_iter().any(|mode| mode.name() == word);
    if value("response_mode").is_some_and(|word| !is_mode(word)) {
        return Err(invalid("response_mode must be query or form_post"));
    }
    let prompts: Vec<_> = value("prompt").unwrap_or_default().split(' ').collect();
    let has = |prompt: &str| prompts.contains(&prompt);
    if has("none") && prompts.iter().any(|prompt| !["none", ""].contains(prompt)) {
        return Err(invalid("prompt=none goes with no other prompt"));
    }
    let max_age = value("max_age").map(seconds).transpose()?;
    for (name, description) in
        [("state", "state is longer than 2000 bytes"), ("nonce", "nonce is longer than 2000 bytes")]
    {
        if value(name).is_some_and(|value| value.len() > MAX_VALUE) {
            return Err(invalid(description));
        }
    }
    let code_challenge = challenge(&value, app)?;
    // A longer hint is nobody's, and must not be taken for none.
    let login_hint = value("login_hint").map(|hint| if hint.len() > MAX_LOGIN_HINT { "-" } else { hint });
    Ok(AuthorizeRequest {
        client_id: app.client_id.clone(),
        redirect_uri: reply_to.redirect_uri.clone(),
        response_mode: reply_to.response_mode,
        state: reply_to.state.clone(),
        nonce: value("nonce").map(str::to_owned),
        scopes: scopes.bits(),
        code_challenge,
        is_silent: has("none"),
        demands_sign_in: has("login"),
        asks_for_account: has("consent") || has("select_account"),
        max_age,
        login_hint: login_hint.map(str::to_owned),
        hinted_subject: None,
    })
}

/// A number of seconds of any size: what is larger than any age is as good as none.
fn seconds(text: &str) -> Result<u64, AuthorizeError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AuthorizeError::of(
            "invalid_request",
            "max_age must be a whole number of seconds from 0",
        ));
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

/// The hash of the code verifier; none where the app may do without.
fn challenge<'a>(
    value: &impl Fn(&str) -> Option<&'a str>,
    app: &OidcApp,
) -> Result<Option<String>, AuthorizeError> {
    let invalid = |description| Err(AuthorizeError::of("invalid_request", description));
    let Some(challenge) = value("code_challenge") else {
        // A method of nothing is nothing.
        return if app.is_pkce_optional {
            Ok(None)
        } else {
            invalid("code_challenge is missing: this app must use PKCE with S256")
        };
    };
    if value("code_challenge_method") != Some("S256") {
        return invalid("code_challenge_method must be S256");
    }
    let is_hash = challenge.len() == 43
        && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_hash {
        Ok(Some(challenge.to_owned()))
    } else {
        invalid("code_challenge must be 43 letters of base64url")
    }
}
