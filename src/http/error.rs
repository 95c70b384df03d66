//! Every way a request can go wrong: its status, its code, its sentence, drawn as JSON or as a page.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::pages;
use super::pages::templates::ProblemPage;
use crate::domain::api_version::InvalidVersion;
use crate::domain::node::NodeUnhealthy;
use crate::domain::redirect::InvalidRedirect;
use crate::domain::scope::Scope;
use crate::domain::user::Refusal;
use crate::domain::validation::{Code, Problem, ValidationErrors};
use crate::flow::login_links::IssueError;
use crate::flow::operations::nodes::EndError;
use crate::flow::sign_in::SignInError;
use crate::flow::users::UserError;
use crate::keys::NoRandomness;
use crate::rate_limits::RateLimited;
use crate::store::{ListError, StoreError};

/// Why a request is not answered as it wished.
#[derive(Clone, Debug)]
pub(super) enum Error {
    /// The query or the body cannot be read; the sentence says which, and where it broke.
    Malformed(String),
    /// No `Host`, several, or one that is none.
    BadHost,
    /// `X-Api-Version` is no date.
    InvalidVersion,
    /// Some fields do not pass.
    ValidationErrors(ValidationErrors),
    /// The redirect does not pass.
    InvalidRedirect,
    /// The address and the form name different tokens.
    ConflictingTokens,
    /// No API key that holds.
    Unauthenticated,
    /// The API key may not do this.
    InsufficientScope(&'static str),
    /// The rule refuses.
    Refused(Refusal),
    /// The form was sent from another site.
    CrossOriginForm,
    /// The form does not belong to this browser.
    CsrfMismatch,
    /// No such route.
    NotFound,
    /// The host belongs to no workspace.
    WorkspaceNotFound,
    /// The route has no such method.
    MethodNotAllowed,
    /// The body did not come in time.
    RequestTimeout,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is of a kind that is not taken; this one is.
    UnsupportedMediaType(&'static str),
    /// A limit is reached.
    RateLimited(RateLimited),
    /// A handler panicked; the panic itself is in the log.
    Panicked,
    /// Something of ours broke; what, is in the log.
    Internal,
    /// The store cannot be used now.
    Unavailable,
    /// A list cannot be made now: why, and what to do.
    NoList(&'static str),
}

/// The body of every error of the API.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorBody<'a> {
    /// A sentence for people.
    message: &'a str,
    /// A stable word for programs.
    code: &'static str,
    /// Sentences by field, where fields did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    errors: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    /// The kinds of those problems as stable words, in the same order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, inline)]
    codes: Option<BTreeMap<&'a str, Vec<Code>>>,
}

/// What an answer says of an error.
struct Parts {
    status: StatusCode,
    code: &'static str,
    sentence: Cow<'static, str>,
    /// What a person can do.
    advice: &'static str,
}

impl Parts {
    fn of(status: u16, code: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, sentence: sentence.into(), advice: "" }
    }

    fn advising(self, advice: &'static str) -> Self {
        Self { advice, ..self }
    }
}

/// After how many seconds it is worth asking again, where nothing better is known.
const PAUSE: u64 = 5;

const NOT_NOW: &str = "The service is not available at the moment; nothing was done.";
const AGAIN: &str = "Wait a moment and try again. A link that you have not used is still good.";
const REOPEN: &str = "Open your link again from the message it came in, and press the button there.";
const LOOK: &str = "Check the address, or open the link that you were sent again.";
const ALLOW: &str =
    "Allow cookies for this site, open your link again, and press the button in the same browser.";
const CALM: &str = "Too many links that do not work were opened from where you are. One that is still good works all \
                    the same; otherwise ask for a new one.";

impl Error {
    /// Everything that an answer says of an error, one arm for each.
    fn parts(&self) -> Parts {
        match self {
            Self::Malformed(sentence) => Parts::of(400, "malformed", sentence.clone()),
            Self::BadHost => Parts::of(400, "malformed", "The request must name one host."),
            Self::InvalidVersion => Parts::of(400, "invalid_version", format!("{InvalidVersion}.")),
            Self::ValidationErrors(_) => Parts::of(400, "invalid", "The given data was invalid."),
            Self::InvalidRedirect => Parts::of(400, "invalid_redirect", format!("{InvalidRedirect}.")),
            Self::ConflictingTokens => {
                Parts::of(400, "malformed", "The address and the form name different links.").advising(REOPEN)
            }
            Self::Unauthenticated => Parts::of(
                401,
                "unauthenticated",
                "A valid API key of this workspace is needed: send `Authorization: Bearer KEY`.",
            ),
            Self::InsufficientScope(scope) => Parts::of(
                403,
                "insufficient_scope",
                format!("This API key lacks the scope {scope}: use a key that has it."),
            ),
            Self::Refused(refusal) => {
                let status = if *refusal == Refusal::UserNotFound { 404 } else { 403 };
                Parts::of(status, refusal.code(), refusal.sentence())
            }
            Self::CrossOriginForm => {
                Parts::of(403, "forbidden", "The button was pressed on another site, so nothing was done.")
                    .advising(REOPEN)
            }
            Self::CsrfMismatch => Parts::of(
                403,
                "forbidden",
                "Your browser did not send back the cookie that came with the page, so nothing was done.",
            )
            .advising(ALLOW),
            Self::NotFound => Parts::of(404, "not_found", "There is nothing at this address.").advising(LOOK),
            Self::WorkspaceNotFound => {
                Parts::of(404, "workspace_not_found", "No workspace has this host.").advising(LOOK)
            }
            Self::MethodNotAllowed => {
                Parts::of(405, "method_not_allowed", "This method is not allowed here.")
            }
            Self::RequestTimeout => Parts::of(408, "request_timeout", "The request did not arrive in time."),
            Self::PayloadTooLarge => Parts::of(413, "payload_too_large", "The request is larger than 1 MiB."),
            Self::UnsupportedMediaType(taken) => {
                Parts::of(415, "unsupported_media_type", format!("Send {taken}: nothing else is taken here."))
            }
            Self::RateLimited(RateLimited { seconds }) => {
                let sentence = format!("Too many requests: try again in {seconds} s.");
                Parts::of(429, "rate_limited", sentence).advising(CALM)
            }
            Self::Panicked | Self::Internal => {
                Parts::of(500, "internal", "Something went wrong on our side.").advising(AGAIN)
            }
            Self::Unavailable => Parts::of(503, "unavailable", NOT_NOW).advising(AGAIN),
            Self::NoList(why) => Parts::of(503, "unavailable", *why),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.parts().status
    }

    /// An empty answer that carries the error, for the gate to draw.
    pub(super) fn into_placeholder(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }

    /// The error for a program.
    pub(super) fn as_json(&self) -> Response {
        let Parts { status, code, sentence, .. } = self.parts();
        let invalid = if let Self::ValidationErrors(invalid) = self { Some(invalid) } else { None };
        let errors = invalid.map(|invalid| by_field(invalid, |problem| problem.sentence.as_str()));
        let codes = invalid.map(|invalid| by_field(invalid, |problem| problem.code));
        let body = ErrorBody { message: &sentence, code, errors, codes };
        let mut response = (status, Json(body)).into_response();
        if matches!(self, Self::Unauthenticated) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        self.with_wait(response)
    }

    /// The error for a person.
    pub(super) fn as_page(&self, workspace: &str) -> Response {
        let Parts { status, sentence, advice, .. } = self.parts();
        let title = match status.as_u16() {
            401 | 403 => "That did not work",
            404 => "Nothing here",
            429 => "Please wait a moment",
            500.. => "Please try again",
            _ => "That request was not understood",
        };
        let page = pages::page(status, &ProblemPage { workspace, title, sentence: &sentence, advice });
        self.with_wait(page)
    }

    /// Says how long to wait, if that would help (RFC 9110, section 10.2.3).
    fn with_wait(&self, mut response: Response) -> Response {
        let seconds = if let Self::RateLimited(RateLimited { seconds }) = self {
            Some(*seconds)
        } else {
            (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(PAUSE)
        };
        let seconds = seconds.map(HeaderValue::from);
        response.headers_mut().extend(seconds.map(|seconds| (header::RETRY_AFTER, seconds)));
        response
    }
}

/// Something of each problem, by field.
fn by_field<'a, T>(
    invalid: &'a ValidationErrors,
    of: impl Fn(&'a Problem) -> T,
) -> BTreeMap<&'a str, Vec<T>> {
    invalid.fields().map(|(name, problems)| (name, problems.iter().map(&of).collect())).collect()
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.into_placeholder()
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Contended(_) => {
                tracing::warn!(%error, "a request could not be served");
                Self::Unavailable
            }
            StoreError::Unexpected(_) | StoreError::Refused(_) => {
                tracing::error!(%error, "a request could not be served");
                Self::Internal
            }
        }
    }
}

impl From<ListError> for Error {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Store(error) => error.into(),
            ListError::Busy => {
                tracing::warn!(%error, "a request could not be served");
                Self::NoList(
                    "Too many lists are read at the same time: try again in 5 s, with fewer at once.",
                )
            }
            ListError::TooLong => {
                tracing::warn!(%error, "a request could not be served");
                Self::NoList("The list took longer than 5 s: ask for an earlier page, or filter it.")
            }
        }
    }
}

impl From<NoRandomness> for Error {
    fn from(error: NoRandomness) -> Self {
        tracing::error!(%error, "a request could not be served");
        Self::Internal
    }
}

impl From<NodeUnhealthy> for Error {
    fn from(unfit: NodeUnhealthy) -> Self {
        tracing::warn!(%unfit, "a request could not be served");
        Self::Unavailable
    }
}

impl From<EndError> for Error {
    fn from(error: EndError) -> Self {
        match error {
            EndError::NodeUnhealthy(unfit) => unfit.into(),
            EndError::Store(error) => error.into(),
        }
    }
}

impl From<RateLimited> for Error {
    fn from(too_many: RateLimited) -> Self {
        Self::RateLimited(too_many)
    }
}

impl From<IssueError> for Error {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Refused(refusal) => Self::Refused(refusal),
            IssueError::NodeUnhealthy(unfit) => unfit.into(),
            IssueError::Store(error) => error.into(),
            IssueError::NoRandomness(error) => error.into(),
        }
    }
}

impl From<UserError> for Error {
    fn from(error: UserError) -> Self {
        match error {
            UserError::NotFound => Self::Refused(Refusal::UserNotFound),
            UserError::MayNotUnlock => Self::InsufficientScope(Scope::ClientsUnlock.name()),
            UserError::ValidationErrors(invalid) => Self::ValidationErrors(invalid),
            UserError::NodeUnhealthy(unfit) => unfit.into(),
            UserError::Store(error) => error.into(),
        }
    }
}

impl From<SignInError> for Error {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::RateLimited(too_many) => too_many.into(),
            SignInError::NodeUnhealthy(unfit) => unfit.into(),
            SignInError::Store(error) => error.into(),
            SignInError::NoRandomness(error) => error.into(),
        }
    }
}
