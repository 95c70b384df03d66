//! The templates of OpenID Connect: the values that each one gets.

use askama::Template;

use crate::http::pages::frame::Frame;

/// The page that posts an answer to an app, by a script or by its button.
#[derive(Template)]
#[template(path = "oidc/form_post.html")]
pub(super) struct FormPostPage<'a> {
    pub(super) frame: Frame<'a>,
    /// A redirect URI of the app.
    pub(super) target: &'a str,
    pub(super) host: &'a str,
    pub(super) parameters: &'a [(&'static str, &'a str)],
}

/// The page that asks whether to go on to an app with the account that is signed in here.
#[derive(Template)]
#[template(path = "oidc/continue.html")]
pub(super) struct ContinuePage<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) app: &'a str,
    /// The account's address, masked.
    pub(super) account: &'a str,
    /// The request, sealed.
    pub(super) waiting: &'a str,
    /// The anti-forgery MAC over the request, this browser's cookie and the session.
    pub(super) proof: &'a str,
}

/// The page that asks whether to sign out.
#[derive(Template)]
#[template(path = "oidc/sign_out.html")]
pub(super) struct AskSignOutPage<'a> {
    pub(super) frame: Frame<'a>,
    /// The whole e-mail address of who is signed in.
    pub(super) email: &'a str,
    /// The anti-forgery MAC over this browser's cookie.
    pub(super) proof: &'a str,
}

/// The page after that.
#[derive(Template)]
#[template(path = "oidc/signed_out.html")]
pub(super) struct SignedOutPage<'a> {
    pub(super) frame: Frame<'a>,
}

/// The page of a request that no app can be told of.
#[derive(Template)]
#[template(path = "oidc/not_answerable.html")]
pub(super) struct NotAnswerablePage<'a> {
    pub(super) frame: Frame<'a>,
    /// The number under which the request stands in the log.
    pub(super) request_id: &'a str,
}
