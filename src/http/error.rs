//! Every way a request can go wrong: its status, its code, its sentence, drawn as JSON or as a page.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::pages;
use super::pages::view::ProblemPage;
use crate::domain::invalid::Invalid;
use crate::domain::redirect::InvalidRedirect;
use crate::domain::user::Refusal;
use crate::domain::version::InvalidVersion;
use crate::flow::login_links::IssueError;
use crate::flow::sign_in::SignInError;
use crate::flow::users::UserError;
use crate::keys::NoRandomness;
use crate::store::StoreError;

/// Why a request is not answered as it wished.
#[derive(Clone, Debug)]
pub(super) enum Error {
    /// The query or the form cannot be read.
    Malformed,
    /// No `Host`, several, or one that is none.
    BadHost,
    /// `X-Api-Version` is no date.
    InvalidVersion,
    /// Some fields do not pass.
    Invalid(Invalid),
    /// The redirect does not pass.
    InvalidRedirect,
    /// The address and the form name different tokens.
    TwoTokens,
    /// No API key that holds.
    Unauthenticated,
    /// The API key may not do this.
    InsufficientScope(&'static str),
    /// The rule refuses.
    Refused(Refusal),
    /// The form was sent from another site.
    FromElsewhere,
    /// The form does not belong to this browser.
    ForeignForm,
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
    /// The body is of a kind that is not taken.
    UnsupportedMediaType,
    /// A handler panicked; the panic itself is in the log.
    Panicked,
    /// Something of ours broke; what, is in the log.
    Internal,
    /// The store cannot be used now.
    Unavailable,
}

impl Error {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed
            | Self::BadHost
            | Self::InvalidVersion
            | Self::Invalid(_)
            | Self::InvalidRedirect
            | Self::TwoTokens => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Refused(Refusal::UserNotFound) | Self::NotFound | Self::WorkspaceNotFound => {
                StatusCode::NOT_FOUND
            }
            Self::InsufficientScope(_) | Self::Refused(_) | Self::FromElsewhere | Self::ForeignForm => {
                StatusCode::FORBIDDEN
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Panicked | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Malformed | Self::BadHost | Self::TwoTokens => "malformed",
            Self::InvalidVersion => "invalid_version",
            Self::Invalid(_) => "invalid",
            Self::InvalidRedirect => "invalid_redirect",
            Self::Unauthenticated => "unauthenticated",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::Refused(refusal) => refusal.code(),
            Self::FromElsewhere | Self::ForeignForm => "forbidden",
            Self::NotFound => "not_found",
            Self::WorkspaceNotFound => "workspace_not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RequestTimeout => "request_timeout",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Panicked | Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    fn sentence(&self) -> String {
        let sentence = match self {
            Self::Malformed => {
                "The request cannot be read: its query or body is not encoded as it should be."
            }
            Self::BadHost => "The request must name one host.",
            Self::InvalidVersion => return format!("{InvalidVersion}."),
            Self::Invalid(_) => "The given data was invalid.",
            Self::InvalidRedirect => return format!("{InvalidRedirect}."),
            Self::TwoTokens => "The address and the form name different links.",
            Self::Unauthenticated => {
                "A valid API key of this workspace is needed: send `Authorization: Bearer KEY`."
            }
            Self::InsufficientScope(scope) => return format!("This API key lacks the scope {scope}."),
            Self::Refused(refusal) => refusal.sentence(),
            Self::FromElsewhere => "The button was pressed on another site, so nothing was done.",
            Self::ForeignForm => {
                "Your browser did not send back the cookie that came with the page, so nothing was done."
            }
            Self::NotFound => "There is nothing at this address.",
            Self::WorkspaceNotFound => "No workspace has this host.",
            Self::MethodNotAllowed => "This method is not allowed here.",
            Self::RequestTimeout => "The request did not arrive in time.",
            Self::PayloadTooLarge => "The request is too large.",
            Self::UnsupportedMediaType => "The request is of a kind that is not taken here.",
            Self::Panicked | Self::Internal => "Something went wrong on our side.",
            Self::Unavailable => "The service is not available at the moment; nothing was done.",
        };
        sentence.to_owned()
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::NotFound | Self::WorkspaceNotFound | Self::Refused(_) => "Nothing here",
            Self::FromElsewhere | Self::ForeignForm | Self::Unauthenticated | Self::InsufficientScope(_) => {
                "That did not work"
            }
            Self::Panicked | Self::Internal | Self::Unavailable => "Please try again",
            Self::Malformed
            | Self::BadHost
            | Self::InvalidVersion
            | Self::Invalid(_)
            | Self::InvalidRedirect
            | Self::TwoTokens
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType => "That request was not understood",
        }
    }

    /// What a person can do.
    const fn advice(&self) -> &'static str {
        match self {
            Self::FromElsewhere | Self::TwoTokens => {
                "Open your link again from the message it came in, and press the button there."
            }
            Self::ForeignForm => {
                "Allow cookies for this site, open your link again, and press the button in the same browser."
            }
            Self::Panicked | Self::Internal | Self::Unavailable => {
                "Wait a moment and try again. A link that you have not used is still good."
            }
            Self::Malformed
            | Self::BadHost
            | Self::InvalidVersion
            | Self::Invalid(_)
            | Self::InvalidRedirect
            | Self::Unauthenticated
            | Self::InsufficientScope(_)
            | Self::Refused(_)
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType => "",
            Self::NotFound | Self::WorkspaceNotFound => {
                "Check the address, or open the link that you were sent again."
            }
        }
    }

    /// An empty answer that carries the error, for the gate to draw.
    pub(super) fn marker(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }

    /// The error for a program.
    pub(super) fn as_json(&self) -> Response {
        let mut body = json!({ "message": self.sentence(), "code": self.code() });
        if let Self::Invalid(invalid) = self {
            body["errors"] = json!(invalid.0);
        }
        let mut response = (self.status(), Json(body)).into_response();
        if matches!(self, Self::Unauthenticated) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// The error for a person.
    pub(super) fn as_page(&self, workspace: &str) -> Response {
        let (title, advice) = (self.title(), self.advice());
        let sentence = self.sentence();
        pages::page(self.status(), &ProblemPage { workspace, title, sentence: &sentence, advice })
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.marker()
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
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

impl From<NoRandomness> for Error {
    fn from(error: NoRandomness) -> Self {
        tracing::error!(%error, "a request could not be served");
        Self::Internal
    }
}

impl From<IssueError> for Error {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Refused(refusal) => Self::Refused(refusal),
            IssueError::Store(error) => error.into(),
            IssueError::NoRandomness(error) => error.into(),
        }
    }
}

impl From<UserError> for Error {
    fn from(error: UserError) -> Self {
        match error {
            UserError::NotFound => Self::Refused(Refusal::UserNotFound),
            UserError::Invalid(invalid) => Self::Invalid(invalid),
            UserError::Store(error) => error.into(),
        }
    }
}

impl From<SignInError> for Error {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Store(error) => error.into(),
            SignInError::NoRandomness(error) => error.into(),
        }
    }
}
