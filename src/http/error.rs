//! Every way a request can go wrong: its status, its code, its sentence. Each router renders them in its own way.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::api_version::InvalidVersion;
use crate::domain::node::NodeUnhealthy;
use crate::domain::scope::Scope;
use crate::domain::user::Refusal;
use crate::domain::validation::ValidationErrors;
use crate::flow::login_links::IssueError;
use crate::flow::mail::MailError;
use crate::flow::oidc::app_changes::AppError;
use crate::flow::oidc::landing::DestinationError;
use crate::flow::oidc::signing_keys::SigningError;
use crate::flow::operations::nodes::EndError;
use crate::flow::sign_in::SignInError;
use crate::flow::users::UserError;
use crate::keys::NoRandomness;
use crate::rate_limits::RateLimited;
use crate::store::{ListError, StoreError};

/// Why a request fails.
#[derive(Clone, Debug)]
pub(super) enum Error {
    /// The query or the body cannot be parsed; the sentence says which, and where.
    Malformed(String),
    /// No `Host`, several, or one that cannot be a host.
    BadHost,
    /// `X-Api-Version` is no date.
    InvalidVersion,
    /// Some fields are not valid.
    ValidationErrors(ValidationErrors),
    /// The redirect leads where the workspace, or the app beside it, does not allow; the sentence says what is taken.
    InvalidRedirect(String),
    /// There is no such app, or it has no start URL.
    InvalidApp,
    /// The URL and the form name different tokens.
    ConflictingTokens,
    /// No valid API key.
    Unauthenticated,
    /// The API key lacks this scope.
    InsufficientScope(&'static str),
    /// The rule for login links refuses.
    Refused(Refusal),
    /// The form was sent from another site.
    CrossOriginForm,
    /// The form that signs out was sent from another site.
    CrossOriginSignOut,
    /// The form was not made for this browser.
    CsrfMismatch,
    /// No such route.
    NotFound,
    /// No such session.
    SessionNotFound,
    /// No such mail.
    MailNotFound,
    /// No such app.
    AppNotFound,
    /// The app has no such secret.
    AppSecretNotFound,
    /// No link whose story is told.
    StoryNotFound,
    /// This server does not mail.
    MailNotConfigured,
    /// No workspace has the host.
    WorkspaceNotFound(String),
    /// The route has no such method.
    MethodNotAllowed,
    /// What is there already forbids it; the sentence says what.
    Conflict(String),
    /// The body did not arrive in time.
    RequestTimeout,
    /// The body is too large.
    PayloadTooLarge {
        /// The most that is taken, in bytes.
        largest: usize,
    },
    /// The content type of the body is not accepted.
    UnsupportedMediaType {
        /// The type that is.
        expected: &'static str,
        /// The type that was named; empty if none was.
        found: String,
    },
    /// The body comes with `Content-Encoding`.
    EncodedBody,
    /// A rate limit is exceeded.
    RateLimited(RateLimited),
    /// A handler panicked; the panic itself is in the log.
    Panicked,
    /// An internal failure; the log has the details.
    Internal,
    /// The store cannot be used at the moment.
    Unavailable,
    /// A list cannot be made at the moment: why, and what to do.
    NoList(&'static str),
}

/// What a response says about an error.
pub(super) struct Parts {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) sentence: Cow<'static, str>,
}

impl Parts {
    fn of(status: u16, code: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, sentence: sentence.into() }
    }
}

/// After how many seconds a client may try again, where nothing better is known.
const RETRY_AFTER: u64 = 5;

const UNAVAILABLE: &str = "The service is not available at the moment; nothing was done.";
const NO_KEY: &str = "A valid API key of this workspace is needed: send `Authorization: Bearer KEY`.";
const ENCODED: &str = "The body is compressed: send it as it is, without Content-Encoding.";
const NO_SESSION: &str = "No session has this id, or it is over: `GET /api/sessions` lists those there are.";
const NO_MAIL: &str =
    "No mail has this id, or it is older than 30 days: `GET /api/mails` lists those there are.";
const NO_METHOD: &str = "This method is not allowed here.";
const NO_APP: &str = "No app has this client id: `GET /api/apps` lists those there are.";
const NO_APP_SECRET: &str =
    "The app has no secret of this id, or it was removed: `GET /api/apps/{client_id}` lists those there are.";
const NO_STORY: &str = "No link of this workspace is meant by that, or its story is over: links are named by their id, or by the whole \
                        link or its token.";
const NO_START_URL: &str = "No app of this workspace that has a start_url has this client_id: `GET /api/apps` lists the apps, and `start_url` is \
                      set by `PUT /api/apps/{client_id}`.";
const NO_MAIL_SERVER: &str =
    "Mail is not set up, so nothing was mailed: the server is to be started with --smtp and --mail-from.";
const FOREIGN_BUTTON: &str = "The button was pressed on another site, so nothing was done.";
const FOREIGN_SIGN_OUT: &str = "The button to sign out was pressed on another site, so nothing was done: if you were signed in here, you \
                                are still signed in.";

/// How much of a host that nobody has is told again, in bytes.
const MAX_HOST: usize = 100;

impl Error {
    /// No workspace has a host, which is named as it was sent, but escaped and short.
    pub(super) fn workspace_not_found(host: &str) -> Self {
        let end = (0..=MAX_HOST).rev().find(|end| host.is_char_boundary(*end)).unwrap_or(0);
        Self::WorkspaceNotFound(format!("{:?}", host.get(..end).unwrap_or(host)))
    }

    /// What a response says about each error.
    pub(super) fn parts(&self) -> Parts {
        match self {
            Self::Malformed(sentence) => Parts::of(400, "malformed", sentence.clone()),
            Self::BadHost => {
                Parts::of(400, "malformed", "The request must name one host, in one `Host` header.")
            }
            Self::InvalidVersion => Parts::of(400, "invalid_version", format!("{InvalidVersion}.")),
            Self::ValidationErrors(_) => Parts::of(400, "invalid", "The given data was invalid."),
            Self::InvalidRedirect(sentence) => Parts::of(400, "invalid_redirect", format!("{sentence}.")),
            Self::InvalidApp => Parts::of(400, "invalid_app", NO_START_URL),
            Self::ConflictingTokens => {
                Parts::of(400, "malformed", "The address and the form name different links.")
            }
            Self::Unauthenticated => Parts::of(401, "unauthenticated", NO_KEY),
            Self::InsufficientScope(scope) => Parts::of(
                403,
                "insufficient_scope",
                format!("This API key lacks the scope {scope}: use a key that has it."),
            ),
            Self::Refused(refusal) => {
                let status = if *refusal == Refusal::UserNotFound { 404 } else { 403 };
                Parts::of(status, refusal.code(), refusal.sentence())
            }
            Self::CrossOriginForm => Parts::of(403, "forbidden", FOREIGN_BUTTON),
            Self::CrossOriginSignOut => Parts::of(403, "forbidden", FOREIGN_SIGN_OUT),
            Self::CsrfMismatch => Parts::of(
                403,
                "forbidden",
                "Your browser did not send back the cookie that came with the page, so nothing was done.",
            ),
            Self::NotFound => Parts::of(404, "not_found", "There is nothing at this address."),
            Self::SessionNotFound => Parts::of(404, "not_found", NO_SESSION),
            Self::MailNotFound => Parts::of(404, "not_found", NO_MAIL),
            Self::AppNotFound => Parts::of(404, "not_found", NO_APP),
            Self::AppSecretNotFound => Parts::of(404, "not_found", NO_APP_SECRET),
            Self::StoryNotFound => Parts::of(404, "not_found", NO_STORY),
            Self::MailNotConfigured => Parts::of(409, "mail_not_configured", NO_MAIL_SERVER),
            Self::WorkspaceNotFound(host) => {
                let sentence = format!("No workspace has the host {host}.");
                Parts::of(404, "workspace_not_found", sentence)
            }
            Self::MethodNotAllowed => Parts::of(405, "method_not_allowed", NO_METHOD),
            Self::RequestTimeout => {
                Parts::of(408, "request_timeout", "The request did not arrive within 10 s: send it again.")
            }
            Self::Conflict(why) => Parts::of(409, "conflict", format!("Nothing was done: {why}.")),
            Self::PayloadTooLarge { largest } => too_large(*largest),
            Self::UnsupportedMediaType { expected, found } => unsupported(expected, found),
            Self::EncodedBody => Parts::of(415, "unsupported_media_type", ENCODED),
            Self::RateLimited(RateLimited { seconds }) => {
                let sentence = format!("Too many requests: try again in {seconds} s.");
                Parts::of(429, "rate_limited", sentence)
            }
            Self::Panicked | Self::Internal => {
                Parts::of(500, "internal", "Something went wrong on our side.")
            }
            Self::Unavailable => Parts::of(503, "unavailable", UNAVAILABLE),
            Self::NoList(why) => Parts::of(503, "unavailable", *why),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.parts().status
    }

    /// An empty response that carries the error until the layer around the router renders it.
    pub(super) fn into_placeholder(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }

    /// How long to wait, if that would help: `Retry-After` (RFC 9110, section 10.2.3).
    pub(super) fn retry_after(&self) -> Option<(HeaderName, HeaderValue)> {
        let seconds = if let Self::RateLimited(RateLimited { seconds }) = self {
            Some(*seconds)
        } else {
            (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER)
        };
        Some((header::RETRY_AFTER, HeaderValue::from(seconds?)))
    }
}

fn too_large(largest: usize) -> Parts {
    let sentence = format!("The request is larger than the {} KiB that are taken here.", largest >> 10);
    Parts::of(413, "payload_too_large", sentence)
}

fn unsupported(expected: &str, found: &str) -> Parts {
    let found = if found.is_empty() { "has no Content-Type" } else { &format!("is {found}") };
    let sentence = format!("The body {found}: send it with `Content-Type: {expected}`.");
    Parts::of(415, "unsupported_media_type", sentence)
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

impl From<DestinationError> for Error {
    fn from(error: DestinationError) -> Self {
        match error {
            DestinationError::App => Self::InvalidApp,
            DestinationError::AppRedirect(error) => Self::InvalidRedirect(error.to_string()),
            DestinationError::Redirect(error) => Self::InvalidRedirect(error.to_string()),
            DestinationError::Store(error) => error.into(),
        }
    }
}

impl From<MailError> for Error {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Issue(error) => error.into(),
            error @ MailError::AnotherRequest => Self::Conflict(error.to_string()),
        }
    }
}

impl From<SigningError> for Error {
    fn from(error: SigningError) -> Self {
        if let SigningError::Store(error) = error {
            return error.into();
        }
        tracing::error!(%error, "a request could not be served");
        Self::Internal
    }
}

impl From<AppError> for Error {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound(_) => Self::AppNotFound,
            AppError::SecretNotFound(_) => Self::AppSecretNotFound,
            error @ AppError::ChangedMeanwhile => Self::Conflict(error.to_string()),
            AppError::Conflict(why) => Self::Conflict(why.to_owned()),
            AppError::ValidationErrors(invalid) => Self::ValidationErrors(invalid),
            AppError::Signing(error) => error.into(),
            AppError::NoRandomness(error) => error.into(),
            AppError::Store(error) => error.into(),
        }
    }
}

impl From<UserError> for Error {
    fn from(error: UserError) -> Self {
        match error {
            UserError::NotFound => Self::Refused(Refusal::UserNotFound),
            UserError::MayNotUnlock => Self::InsufficientScope(Scope::ClientsUnlock.name()),
            error @ UserError::AnotherRequest => Self::Conflict(error.to_string()),
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
