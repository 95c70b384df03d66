//! The fields of the form of an app: what each is called, how it is filled, and what is read from it.

use crate::domain::oidc::app::{OidcApp, SigningAlgorithm};
use crate::domain::oidc::app_change::{AppChange, NewApp, parse_type};
use crate::domain::oidc::client_id::parse_client_id;
use crate::domain::validation::ValidationErrors;
use crate::http::admin::form_field::Field;
use crate::http::request::params::Params;

/// How a field is filled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Lines,
    Choice(&'static [(&'static str, &'static str)]),
}

/// What is always so of a field.
#[derive(Clone, Copy)]
struct Setting {
    name: &'static str,
    kind: Kind,
    label: &'static str,
    hint: &'static str,
    heading: Option<&'static str>,
}

const fn setting(name: &'static str, kind: Kind, label: &'static str, hint: &'static str) -> Setting {
    Setting { name, kind, label, hint, heading: None }
}

const fn first(heading: &'static str, setting: Setting) -> Setting {
    Setting { heading: Some(heading), ..setting }
}

const LINES: &str = "One a line, to the letter as the application sends it.";
const TYPES: Kind = Kind::Choice(&[
    ("confidential", "confidential: it runs on a server and keeps a secret"),
    ("public", "public: it runs in a browser or on a phone, and keeps none"),
]);
const PKCE: Kind = Kind::Choice(&[("required", "required"), ("optional", "optional")]);
const ALGORITHMS: Kind = Kind::Choice(&[
    (SigningAlgorithm::Rs256.name(), SigningAlgorithm::Rs256.name()),
    (SigningAlgorithm::Es256.name(), SigningAlgorithm::Es256.name()),
]);
const SLIM: Kind =
    Kind::Choice(&[("false", "in the ID token and at userinfo"), ("true", "at userinfo alone")]);

/// The fields that never change once an app is there.
const FIXED: [Setting; 2] = [
    setting("type", TYPES, "Type", "It never changes."),
    setting(
        "client_id",
        Kind::Text,
        "Client id",
        "3 to 64 letters, digits and -. Empty: one is drawn. It never changes.",
    ),
];

/// All the others.
const CHANGEABLE: [Setting; 8] = [
    setting("name", Kind::Text, "Name", "What people call it. It stands on pages where they go on to it."),
    first(
        "Addresses",
        setting("redirect_uris", Kind::Lines, "Redirect URIs (callback or reply URLs)", LINES),
    ),
    setting(
        "start_url",
        Kind::Text,
        "Start URL",
        "Where links that lead into the app arrive; {target}, {login_hint} and {iss} in it are filled in. Empty: links cannot lead into it.",
    ),
    setting(
        "post_logout_redirect_uris",
        Kind::Lines,
        "Where people may be sent after signing out",
        "One a line, to the letter. Empty: they see that they are signed out.",
    ),
    setting(
        "backchannel_logout_uri",
        Kind::Text,
        "Where the app is told that a session has ended",
        "Its back-channel logout URI: public, and https. Empty: it is not told.",
    ),
    first(
        "How it signs people in",
        setting(
            "pkce",
            PKCE,
            "PKCE",
            "Optional for a library alone that cannot do better: a code that is stolen on its way is of use then.",
        ),
    ),
    setting("alg", ALGORITHMS, "ID tokens are signed with", "RS256 is understood by every application."),
    setting(
        "slim_id_token",
        SLIM,
        "Names and addresses stand",
        "At userinfo alone for applications that keep the ID token in a cookie.",
    ),
];

/// The fields of a new app.
pub(super) fn of_new() -> Vec<Field> {
    let [name, others @ ..] = &CHANGEABLE;
    let settings = [name].into_iter().chain(&FIXED).chain(others);
    settings.map(|setting| field(setting, None)).collect()
}

/// The fields of an app, filled with what is saved.
pub(super) fn of(app: &OidcApp) -> Vec<Field> {
    CHANGEABLE.iter().map(|setting| field(setting, Some(value_of(app, setting.name)))).collect()
}

fn field(setting: &Setting, saved: Option<String>) -> Field {
    let value = saved.clone().unwrap_or_default();
    let choices = match setting.kind {
        Kind::Choice(choices) => choices,
        Kind::Text | Kind::Lines => &[],
    };
    let choices = choices.iter().map(|(choice, words)| ((*choice).to_owned(), *words, *choice == value));
    Field {
        name: setting.name,
        label: setting.label,
        hint: setting.hint,
        heading: setting.heading,
        choices: choices.collect(),
        has_lines: setting.kind == Kind::Lines,
        value,
        saved,
        error: None,
        meanwhile: None,
    }
}

/// What an app is, as the form shows it.
fn value_of(app: &OidcApp, name: &str) -> String {
    match name {
        "name" => app.name.clone(),
        "redirect_uris" => app.redirect_uris.join("\n"),
        "start_url" => app.start_url.clone().unwrap_or_default(),
        "post_logout_redirect_uris" => app.post_logout_redirect_uris.join("\n"),
        "backchannel_logout_uri" => app.backchannel_logout_uri.clone().unwrap_or_default(),
        "pkce" => if app.is_pkce_optional { "optional" } else { "required" }.to_owned(),
        "alg" => app.algorithm.name().to_owned(),
        _ => app.is_id_token_slim.to_string(),
    }
}

/// The change that a form asks for, with what of it cannot be read. A field that it does not have stays.
pub(super) fn change(sent: &Params) -> (AppChange, ValidationErrors) {
    let (mut change, mut wrong) = (AppChange::default(), ValidationErrors::default());
    for setting in &CHANGEABLE {
        if let Some(value) = given(sent, setting.name, &mut wrong) {
            wrong.take(setting.name, change.set(setting.name, value));
        }
    }
    (change, wrong)
}

/// What a form says of a field, if it has the field. To have it twice is wrong.
fn given<'a>(sent: &'a Params, name: &str, wrong: &mut ValidationErrors) -> Option<&'a str> {
    if let Err(twice) = sent.single(name) {
        wrong.extend(twice);
    }
    sent.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim())
}

/// The app that a form asks for, with what of it cannot be read.
pub(super) fn new(sent: &Params) -> (NewApp, ValidationErrors) {
    let (fields, mut wrong) = change(sent);
    let kind = given(sent, "type", &mut wrong).unwrap_or_default();
    let is_public = wrong.take("type", parse_type(kind)).unwrap_or(false);
    let client_id = match given(sent, "client_id", &mut wrong) {
        None | Some("") => None,
        Some(chosen) => wrong.take("client_id", parse_client_id(chosen)),
    };
    (NewApp { client_id, is_public, fields }, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::oidc::app_change;

    #[test]
    fn every_field_of_an_app_that_may_change_is_in_the_form() {
        let mut known: Vec<_> = app_change::CHANGEABLE.split(", ").collect();
        let mut here: Vec<_> = CHANGEABLE.iter().map(|setting| setting.name).collect();
        known.sort_unstable();
        here.sort_unstable();

        assert_eq!(here, known);
    }

    #[test]
    fn what_the_form_says_is_what_is_saved() {
        let sent = [
            ("name", "Wiki"),
            ("redirect_uris", "https://a.test/1\r\nhttps://a.test/2\r\n"),
            ("start_url", "https://a.test/start?{target}"),
            ("post_logout_redirect_uris", ""),
            ("backchannel_logout_uri", "https://a.test/out"),
            ("pkce", "optional"),
            ("alg", "ES256"),
            ("slim_id_token", "true"),
        ];
        let sent = Params(sent.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let (change, wrong) = change(&sent);
        assert!(wrong.is_empty(), "{wrong:?}");
        let blank = OidcApp::sample();
        let app = change.clone().apply(&blank).0;
        assert_eq!(app.redirect_uris, ["https://a.test/1", "https://a.test/2"]);

        let shown = of(&app);
        let again = shown.iter().map(|field| (field.name.to_owned(), field.value.clone()));
        assert_eq!(super::change(&Params(again.collect())).0.apply(&blank).0, app);
        assert!(shown.iter().all(|field| field.choices.is_empty() || field.choices.iter().any(|one| one.2)));
    }
}
