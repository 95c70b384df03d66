//! The page templates: the values that each one gets.
//!
//! Askama escapes every value; the handler masks addresses and formats times.

use askama::Template;

use super::frame::Frame;
use crate::domain::destination::Destination;
use crate::i18n::Html;

/// The page of a live link: names account and workspace, with one button that signs in.
#[derive(Template)]
#[template(path = "login/confirm.html")]
pub(in crate::http) struct ConfirmPage<'a> {
    pub(in crate::http) frame: Frame<'a>,
    /// The masked e-mail address that the link signs in.
    pub(in crate::http) account: &'a str,
    /// The e-mail address of somebody else who is signed in in this browser, whole: that person is there.
    pub(in crate::http) signed_in_as: Option<&'a str>,
    pub(in crate::http) token: &'a str,
    /// The anti-forgery MAC over the token and this browser's cookie.
    pub(in crate::http) proof: &'a str,
    /// The name of the app that it leads to.
    pub(in crate::http) app: Option<&'a str>,
    /// Whether the request of that app means somebody else.
    pub(in crate::http) app_means_somebody_else: bool,
    pub(in crate::http) destination: &'a Destination,
    /// The MAC over `destination`; not in the form where that is nothing.
    pub(in crate::http) destination_proof: &'a str,
}

/// The page for every link that is not valid: it has no field for a reason or an account, so it cannot reveal one.
#[derive(Template)]
#[template(path = "login/dead.html")]
pub(in crate::http) struct InvalidLinkPage<'a> {
    pub(in crate::http) frame: Frame<'a>,
    /// The button that asks for a fresh link by mail, where there are mails.
    pub(in crate::http) again: Option<AgainForm<'a>>,
}

/// The hidden fields of the form that asks for a fresh link: what the address of the page said, whatever it was.
pub(in crate::http) struct AgainForm<'a> {
    /// The anti-forgery MAC of this form.
    pub(in crate::http) proof: &'a str,
    pub(in crate::http) token: &'a str,
    pub(in crate::http) app: &'a str,
    pub(in crate::http) redirect: &'a str,
}

/// The page without a link where a link can be had by mail: one field for the address.
#[derive(Template)]
#[template(path = "login/ask_mail.html")]
pub(in crate::http) struct AskMailPage<'a> {
    pub(in crate::http) frame: Frame<'a>,
    /// The anti-forgery MAC of this form.
    pub(in crate::http) proof: &'a str,
    pub(in crate::http) reason: Reason<'a>,
}

/// Why somebody is asked to sign in.
#[derive(Clone, Copy, Default)]
pub(in crate::http) struct Reason<'a> {
    /// The app that asks for it.
    pub(in crate::http) app: Option<&'a str>,
    /// The whole e-mail address of who is signed in all the same.
    pub(in crate::http) signed_in_as: Option<&'a str>,
    /// Whether the app means somebody else than that.
    pub(in crate::http) means_somebody_else: bool,
    /// The address that the app has in mind.
    pub(in crate::http) email: Option<&'a str>,
}

/// The page after asking for a mail: the same whoever the address names, with a field for the code.
#[derive(Template)]
#[template(path = "login/code.html")]
pub(in crate::http) struct CodePage<'a> {
    pub(in crate::http) frame: Frame<'a>,
    /// The address as it was typed.
    pub(in crate::http) address: &'a str,
    /// The anti-forgery MAC of the form with the code.
    pub(in crate::http) proof: &'a str,
    /// The anti-forgery MAC of the form that sends the mail again.
    pub(in crate::http) again_proof: &'a str,
    /// Whether a code was just wrong.
    pub(in crate::http) is_wrong: bool,
}

/// The page of an ask that is over: a way back.
#[derive(Template)]
#[template(path = "login/code_ended.html")]
pub(in crate::http) struct CodeEndedPage<'a> {
    pub(in crate::http) frame: Frame<'a>,
}

/// The page after asking for a fresh link in place of one that is not valid: it says the same to all.
#[derive(Template)]
#[template(path = "login/sent.html")]
pub(in crate::http) struct SentPage<'a> {
    pub(in crate::http) frame: Frame<'a>,
}

/// The page without a link: how to get one.
#[derive(Template)]
#[template(path = "login/ask.html")]
pub(in crate::http) struct SignInHelpPage<'a> {
    pub(in crate::http) frame: Frame<'a>,
    pub(in crate::http) reason: Reason<'a>,
}

/// The page for who comes to the login page and is signed in: as whom, a way on, and the way out.
#[derive(Template)]
#[template(path = "login/signed_in.html")]
pub(in crate::http) struct SignedInPage<'a> {
    pub(in crate::http) frame: Frame<'a>,
    /// The whole e-mail address: only its owner sees this page.
    pub(in crate::http) email: &'a str,
    /// A path of this host, or an absolute `http` or `https` URL that has passed the redirect rule.
    pub(in crate::http) way_on: &'a str,
}

/// The page on the way out: the one button for who is signed in, and for anybody else that nobody is.
#[derive(Template)]
#[template(path = "login/sign_out.html")]
pub(in crate::http) struct SignOutPage<'a> {
    pub(in crate::http) frame: Frame<'a>,
    /// The whole e-mail address of who is signed in, if anybody is.
    pub(in crate::http) email: Option<&'a str>,
}

/// The page of a signed-in user: as whom, since when, until when, and the button to sign out.
#[derive(Template)]
#[template(path = "login/home.html")]
pub(in crate::http) struct HomePage<'a> {
    pub(in crate::http) frame: Frame<'a>,
    pub(in crate::http) name: &'a str,
    /// The whole e-mail address: only its owner sees this page.
    pub(in crate::http) email: &'a str,
    pub(in crate::http) since: Html,
    pub(in crate::http) until: Html,
    /// Where the workspace has people land, if that is another page.
    pub(in crate::http) landing: Option<&'a str>,
}

/// The page on the way to another origin, sent with `Refresh: 0`; it has a link for browsers that do not follow that.
#[derive(Template)]
#[template(path = "login/go.html")]
pub(in crate::http) struct LeavingPage<'a> {
    pub(in crate::http) frame: Frame<'a>,
    /// An absolute `http` or `https` URL that the redirect policy allows, or a path of this host: escaping would not make `javascript:`
    /// harmless.
    pub(in crate::http) target: &'a str,
    /// The host there, or the name of the app.
    pub(in crate::http) name: &'a str,
}

/// The page of an error: what went wrong, and what the person can do.
#[derive(Template)]
#[template(path = "login/problem.html")]
pub(in crate::http) struct ProblemPage<'a> {
    pub(in crate::http) frame: Frame<'a>,
    /// A sentence's id.
    pub(in crate::http) title: &'static str,
    pub(in crate::http) sentence: Html,
    /// The id of what the person can do, if there is anything.
    pub(in crate::http) advice: Option<&'static str>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;
    use crate::domain::workspace::Workspace;

    /// Each with what a stranger may have typed into it.
    #[test]
    fn pages_of_mails_say_everything_in_each_language_and_escape_what_was_typed() {
        let workspace = Workspace::sample("https://portal.example.com");
        let typed = "\"><svg onload=alert(1)>@example.org";
        for frame in Language::ALL.map(|language| Frame::of(&workspace, language)) {
            let again = AgainForm { proof: "P", token: typed, app: typed, redirect: typed };
            let reason = |means_somebody_else| Reason {
                app: Some(typed),
                signed_in_as: Some(typed),
                means_somebody_else,
                email: Some(typed),
            };
            let code = |is_wrong| CodePage { frame, address: typed, proof: "P", again_proof: "Q", is_wrong };
            let pages = [
                AskMailPage { frame, proof: "P", reason: reason(false) }.render(),
                AskMailPage { frame, proof: "P", reason: reason(true) }.render(),
                code(false).render(),
                code(true).render(),
                CodeEndedPage { frame }.render(),
                SentPage { frame }.render(),
                InvalidLinkPage { frame, again: Some(again) }.render(),
            ];
            for page in pages.map(Result::unwrap) {
                assert!(page.contains(&format!("<html lang=\"{}\">", frame.tag())), "{page}");
                assert!(
                    !page.contains("<svg") && !page.contains("></h1>") && !page.contains("<p></p>"),
                    "{page}"
                );
            }
        }
    }
}
