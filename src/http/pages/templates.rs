//! The page templates: the values that each one gets.
//!
//! Askama escapes every value; the handler masks addresses and formats times.
//! `workspace` is the workspace's name, empty where no workspace is known.

use askama::Template;

/// The page of a live link: names account and workspace, with one button that signs in.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(in crate::http) struct ConfirmPage<'a> {
    pub(in crate::http) workspace: &'a str,
    /// The masked e-mail address that the link signs in.
    pub(in crate::http) account: &'a str,
    /// The e-mail address of somebody else who is signed in in this browser, whole: that person is there.
    pub(in crate::http) signed_in_as: Option<&'a str>,
    pub(in crate::http) token: &'a str,
    /// The anti-forgery MAC over the token and this browser's cookie.
    pub(in crate::http) proof: &'a str,
    pub(in crate::http) redirect: Option<&'a str>,
    /// The MAC over `redirect`; not in the form where there is no redirect.
    pub(in crate::http) redirect_proof: &'a str,
}

/// The page for every link that is not valid: it has no field for a reason or an account, so it cannot reveal one.
#[derive(Template)]
#[template(path = "dead.html")]
pub(in crate::http) struct InvalidLinkPage<'a> {
    pub(in crate::http) workspace: &'a str,
}

/// The page without a link: how to get one.
#[derive(Template)]
#[template(path = "ask.html")]
pub(in crate::http) struct SignInHelpPage<'a> {
    pub(in crate::http) workspace: &'a str,
}

/// The page for who comes to the login page and is signed in: as whom, a way on, and the way out.
#[derive(Template)]
#[template(path = "signed_in.html")]
pub(in crate::http) struct SignedInPage<'a> {
    pub(in crate::http) workspace: &'a str,
    /// The whole e-mail address: only its owner sees this page.
    pub(in crate::http) email: &'a str,
    /// A path of this host, or an absolute `http` or `https` URL that has passed the redirect rule.
    pub(in crate::http) way_on: &'a str,
}

/// The page on the way out: the one button for who is signed in, and for anybody else that nobody is.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub(in crate::http) struct SignOutPage<'a> {
    pub(in crate::http) workspace: &'a str,
    /// The whole e-mail address of who is signed in, if anybody is.
    pub(in crate::http) email: Option<&'a str>,
}

/// The page of a signed-in user: as whom, since when, until when, and the button to sign out.
#[derive(Template)]
#[template(path = "home.html")]
pub(in crate::http) struct HomePage<'a> {
    pub(in crate::http) workspace: &'a str,
    pub(in crate::http) name: &'a str,
    /// The whole e-mail address: only its owner sees this page.
    pub(in crate::http) email: &'a str,
    /// For people, as `23 November 2026, 03:23 UTC`.
    pub(in crate::http) since: &'a str,
    /// The same moment in RFC 3339.
    pub(in crate::http) since_iso: &'a str,
    /// For people, as `23 November 2026, 03:23 UTC`.
    pub(in crate::http) until: &'a str,
    /// The same moment in RFC 3339.
    pub(in crate::http) until_iso: &'a str,
    /// Where the workspace has people land, if that is another page.
    pub(in crate::http) landing: Option<&'a str>,
}

/// The page on the way to another origin, sent with `Refresh: 0`; it has a link for browsers that do not follow that.
#[derive(Template)]
#[template(path = "go.html")]
pub(in crate::http) struct LeavingPage<'a> {
    pub(in crate::http) workspace: &'a str,
    /// An absolute `http` or `https` URL that the redirect policy allows: escaping would not make `javascript:` harmless.
    pub(in crate::http) target: &'a str,
    pub(in crate::http) host: &'a str,
}

/// The page of an error: what went wrong, and what the person can do.
#[derive(Template)]
#[template(path = "problem.html")]
pub(in crate::http) struct ProblemPage<'a> {
    pub(in crate::http) workspace: &'a str,
    pub(in crate::http) title: &'a str,
    pub(in crate::http) sentence: &'a str,
    /// What the person can do; may be empty.
    pub(in crate::http) advice: &'a str,
    /// Whether there is a link to the page that signs out.
    pub(in crate::http) leads_to_sign_out: bool,
}

/// The API console; its script reads `/api/openapi.json`.
#[derive(Template)]
#[template(path = "docs.html")]
pub(in crate::http) struct DocsPage<'a> {
    pub(in crate::http) workspace: &'a str,
    /// The origin of the API, as `https://portal.example.com`.
    pub(in crate::http) origin: &'a str,
    /// The release of doorkey, for the URLs of the scripts and styles.
    pub(in crate::http) release: &'a str,
}
