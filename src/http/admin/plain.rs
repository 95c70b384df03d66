//! Pages beside the frame, for who is not signed in or was refused.

use askama::Template;
use axum::response::Response;
use uuid::Uuid;

use super::error::{Problem, Told};
use super::html::html;
use super::times;
use crate::domain::timestamp::Timestamp;

/// The page of a problem.
#[derive(Template)]
#[template(path = "admin/problem.html")]
struct ProblemPage<'a> {
    told: &'a Told,
    /// The request, and when it came.
    request: Option<(Uuid, String)>,
}

/// How to get in.
#[derive(Template)]
#[template(path = "admin/ask.html")]
pub(super) struct AskPage {
    /// Who is signed in already.
    pub(super) signed_in_as: Option<String>,
}

/// The page of an admin link, with one button.
#[derive(Template)]
#[template(path = "admin/sign_in.html")]
pub(super) struct SignInPage<'a> {
    /// The workspaces that the link is for; none, if it is for all.
    pub(super) workspaces: Option<Vec<String>>,
    pub(super) name: &'a str,
    pub(super) role: &'a str,
    pub(super) token: &'a str,
    pub(super) proof: &'a str,
}

/// Renders a problem.
pub(super) fn problem_page(problem: &Problem, request: Uuid, now: Timestamp) -> Response {
    let told = problem.told();
    let request = told.names_request.then(|| (request, times::to_the_second(now)));
    html(told.status, &ProblemPage { told: &told, request })
}
