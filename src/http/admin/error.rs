//! Every way a request to the admin pages can go wrong: its status, and what its page says.

use axum::body::Body;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::domain::admin::AdminRole;
use crate::flow::admin::doors::AdminSignInError;
use crate::flow::api_keys::ApiKeyError;
use crate::http::error::Error;

/// Why a request to the admin pages fails.
#[derive(Clone, Debug)]
pub(in crate::http) enum Problem {
    /// What can go wrong on every listener.
    Common(Error),
    /// The pages are at another host or port.
    OtherHost,
    /// Nobody is signed in.
    NotSignedIn,
    /// The proxy brings no name that is allowed.
    NotAllowed {
        /// The header that it should bring.
        header: HeaderName,
        /// What it brought, if it brought one name.
        name: Option<String>,
    },
    /// The admin link does not work, or not any more.
    DeadLink,
    /// A form came from another site.
    ForeignForm,
    /// A form was not made for this session or browser.
    Forged,
    /// The role does not see the page.
    MayNotSee(AdminRole),
    /// The role does not do that.
    MayNotDo(AdminRole),
    /// No workspace has the number, or it is not among those of the admin.
    NoWorkspace,
    /// Nothing in the workspace has the id.
    NothingThere,
}

/// A problem as its page says it.
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) sentence: String,
    /// A command that helps.
    pub(super) command: Option<String>,
    pub(super) advice: &'static str,
    /// Whether to name the request, for whoever looks into the log.
    pub(super) names_request: bool,
}

impl Problem {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Common(error) => error.status(),
            Self::NotSignedIn => StatusCode::SEE_OTHER,
            Self::DeadLink => StatusCode::GONE,
            Self::NotAllowed { .. }
            | Self::ForeignForm
            | Self::Forged
            | Self::MayNotSee(_)
            | Self::MayNotDo(_) => StatusCode::FORBIDDEN,
            Self::OtherHost | Self::NoWorkspace | Self::NothingThere => StatusCode::NOT_FOUND,
        }
    }

    /// What the page says.
    pub(super) fn told(&self) -> Told {
        let told = |title, sentence: &str, advice| Told {
            status: self.status(),
            title,
            sentence: sentence.to_owned(),
            command: None,
            advice,
            names_request: false,
        };
        match self {
            Self::Common(error) => common(error),
            Self::OtherHost => told("Nothing is here", "The admin pages are at another address.", OTHER_HOST),
            Self::NotSignedIn => told("Not signed in", "", ""),
            Self::NotAllowed { header, name } => not_allowed(self.status(), header, name.as_deref()),
            Self::DeadLink => told("This link does not work any more", DEAD, DEAD_ADVICE),
            Self::ForeignForm => {
                told(NOT_DONE, "The button was pressed on another site, so nothing was done.", OWN_PAGE)
            }
            Self::Forged => told(NOT_DONE, FORGED, OWN_PAGE),
            Self::MayNotSee(role) => Told {
                sentence: format!("You are signed in as {}. This page is for an operator.", in_words(*role)),
                ..told("This page is not for you", "", ANOTHER_ROLE)
            },
            Self::MayNotDo(role) => may_not_do(*role, told),
            Self::NoWorkspace => told("Nothing is here", "No workspace of yours has this number.", TO_ALL),
            Self::NothingThere => told("Nothing is here", GONE, TO_ALL),
        }
    }
}

const NOT_DONE: &str = "That was not done";
const OTHER_HOST: &str =
    "Look at the address. Whoever runs the server knows it: it is what --admin-url says.";
const DEAD: &str =
    "An admin link works once, and ends after a while. This one was used, has ended, or never was.";
const DEAD_ADVICE: &str = "Did you press the button twice? Then you are signed in: go to the first page. Otherwise have another link made.";
const OWN_PAGE: &str = "Go back, load the page again, and press the button there.";
const FORGED: &str =
    "The form was not made for you in this browser, or you have signed in again since. Nothing was done.";
const ANOTHER_ROLE: &str = "Whoever may use the server can make you a link for another role.";
const TO_ALL: &str = "It may have been there a while ago.";
const GONE: &str = "There is nothing of this id in the workspace.";

fn may_not_do(role: AdminRole, told: impl Fn(&'static str, &str, &'static str) -> Told) -> Told {
    let title =
        if role == AdminRole::Viewer { "You may look, not change" } else { "This is for an operator" };
    let sentence = match role {
        AdminRole::Viewer => {
            "Sending and showing links, revoking and signing out are for support, settings for an operator. Nothing was done."
        }
        AdminRole::Support | AdminRole::Operator => {
            "Keys, apps, webhooks and settings are for an operator. Nothing was done."
        }
    };
    let sentence = format!("You are signed in as {}. {sentence}", in_words(role));
    told(title, &sentence, ANOTHER_ROLE)
}

/// A role with its article.
fn in_words(role: AdminRole) -> &'static str {
    match role {
        AdminRole::Viewer => "a viewer",
        AdminRole::Support => "support",
        AdminRole::Operator => "an operator",
    }
}

fn not_allowed(status: StatusCode, header: &HeaderName, name: Option<&str>) -> Told {
    let sentence = match name {
        Some(name) => format!("The proxy says that you are {name}, and nobody is allowed in by that name."),
        None => format!("The proxy must say who you are, by one header {header} that is not empty."),
    };
    let name = name.map_or_else(|| "NAME".to_owned(), quoted);
    Told {
        status,
        title: "You are not let in",
        sentence,
        command: Some(format!("doorkey admin allow {name} --role viewer")),
        advice: "Whoever may use the server can allow it, for one workspace with --workspace, or as support or operator with --role.",
        names_request: false,
    }
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "@._+".contains(letter);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

fn common(error: &Error) -> Told {
    let parts = error.parts();
    let is_away = matches!(error, Error::Unavailable);
    let title = match parts.status.as_u16() {
        403 => NOT_DONE,
        404 => "Nothing is here",
        429 => "Wait a moment",
        503 if is_away => "Not available at the moment",
        500.. => "Something went wrong",
        _ => "That was not understood",
    };
    let sentence = if is_away {
        "What you asked for was not done, and nothing is half done.".to_owned()
    } else if let Error::ValidationErrors(errors) = error {
        format!("{}.", errors.in_one_sentence())
    } else {
        parts.sentence.into_owned()
    };
    let advice = if parts.status.is_server_error() {
        "If it stays so, `doorkey check` on the server says what is wrong."
    } else {
        "Go back, and try it another way."
    };
    let names_request = parts.status.is_server_error();
    Told { status: parts.status, title, sentence, command: None, advice, names_request }
}

/// An empty response that carries the problem until the layer around the router renders it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

impl<E: Into<Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Common(error.into())
    }
}

impl From<AdminSignInError> for Error {
    fn from(error: AdminSignInError) -> Self {
        match error {
            AdminSignInError::NodeUnhealthy(unfit) => unfit.into(),
            AdminSignInError::NoRandomness(error) => error.into(),
            AdminSignInError::Store(error) => error.into(),
        }
    }
}

impl From<ApiKeyError> for Problem {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::NotFound(_) => Self::NothingThere,
            ApiKeyError::InvalidSeal(error) => {
                tracing::error!(%error, "a request could not be served");
                Error::Internal.into()
            }
            ApiKeyError::NoRandomness(error) => error.into(),
            ApiKeyError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_command_is_one_word_of_a_shell() {
        for (name, word) in [
            ("grace@example.org", "grace@example.org"),
            ("Grace Hopper", "'Grace Hopper'"),
            ("$(reboot)", "'$(reboot)'"),
            ("O'Hara", "'O'\\''Hara'"),
        ] {
            assert_eq!(quoted(name), word);
        }
    }
}
