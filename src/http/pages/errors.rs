//! Errors as a person sees them: a page that says what to do.

use axum::response::Response;

use super::frame::Frame;
use super::response::page;
use super::templates::ProblemPage;
use crate::domain::language::Language;
use crate::domain::workspace::Workspace;
use crate::http::error::Error;
use crate::i18n::Value;
use crate::rate_limits::RateLimited;

/// Renders an error as a page of a workspace, if one is known.
pub(in crate::http) fn render(
    error: &Error,
    workspace: Option<&Workspace>,
    accepted: Option<Language>,
) -> Response {
    let own = workspace.map_or(Language::English, |workspace| workspace.branding.locale);
    let language = Language::choose(None, accepted, own);
    let frame = workspace.map_or(Frame::of_nobody(language), |workspace| Frame::of(workspace, language));
    let status = error.status();
    let title = match status.as_u16() {
        401 | 403 => "problem-not-done",
        404 => "problem-nothing-here",
        429 => "problem-wait",
        500.. => "problem-later",
        _ => "problem-not-understood",
    };
    let leads_to_sign_out = matches!(error, Error::CrossOriginSignOut);
    let (id, advice) = sentence(error);
    let sentence = if let Error::WorkspaceNotFound(host) = error {
        frame.plain(id, &[("host", host)])
    } else if let Error::RateLimited(RateLimited { seconds }) = error {
        let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
        frame.words.say_html(id, &[("seconds", Value::Number(seconds))])
    } else {
        frame.plain(id, &[])
    };
    let view = ProblemPage { frame, title, sentence, advice, leads_to_sign_out };
    let mut response = page(status, &frame, &view);
    response.headers_mut().extend(error.retry_after());
    response
}

/// The ids of what is said of an error, and of what the person can do.
fn sentence(error: &Error) -> (&'static str, Option<&'static str>) {
    match error {
        Error::CrossOriginForm => ("problem-foreign-button", Some("advice-own-window")),
        Error::CrossOriginSignOut => ("problem-foreign-sign-out", Some("advice-sign-out")),
        Error::CsrfMismatch => ("problem-no-cookie", Some("advice-cookies")),
        Error::NotFound
        | Error::SessionNotFound
        | Error::AppNotFound
        | Error::AppSecretNotFound
        | Error::MailNotFound
        | Error::StoryNotFound => ("problem-no-page", Some("advice-address")),
        Error::WorkspaceNotFound(_) => ("problem-no-workspace", Some("advice-address")),
        Error::BadHost => ("problem-no-host", None),
        Error::MethodNotAllowed => ("problem-method", None),
        Error::RequestTimeout => ("problem-slow", None),
        Error::PayloadTooLarge { .. } => ("problem-large", None),
        Error::ConflictingTokens => ("problem-two-links", Some("advice-open-again")),
        Error::RateLimited(_) => ("problem-too-many", Some("advice-new-link")),
        Error::Panicked | Error::Internal => ("problem-our-side", Some("advice-try-again")),
        Error::Unavailable | Error::NoList(_) => ("problem-unavailable", Some("advice-try-again")),
        // What is left is of the API, or a form that no page of doorkey sends.
        Error::Malformed(_)
        | Error::InvalidVersion
        | Error::ValidationErrors(_)
        | Error::InvalidRedirect(_)
        | Error::InvalidApp
        | Error::Unauthenticated
        | Error::InsufficientScope(_)
        | Error::Refused(_)
        | Error::Conflict(_)
        | Error::MailNotConfigured
        | Error::UnsupportedMediaType { .. }
        | Error::EncodedBody => ("problem-unreadable", None),
    }
}
