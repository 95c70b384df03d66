//! The MACs that doorkey's pages carry and bring back: they show that a form or an address was made here.

use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{Keyring, mac};
use crate::domain::destination::Destination;
use crate::domain::mac_input::MacInput;
use crate::domain::session::CsrfCookie;
use crate::domain::token::Token;
use crate::domain::workspace::WorkspaceId;

/// What a MAC in a page vouches for, in one workspace.
#[derive(Clone, Copy, Debug)]
pub enum FormClaim<'a> {
    /// The form that confirms a link was made for this browser (against cross-site request forgery).
    Confirm(&'a str, &'a CsrfCookie),
    /// That form leads there.
    Destination(&'a str, &'a CsrfCookie, &'a Destination),
    /// The form that asks for a mail was made for this browser.
    Ask(&'a CsrfCookie),
    /// The form that asks for the same mail once more was.
    AskOnceMore(&'a CsrfCookie),
    /// The form that takes a code was.
    Code(&'a CsrfCookie),
    /// The form that asks for a fresh link by a dead one was.
    Again(&'a str, &'a CsrfCookie),
    /// The form that signs an admin in was made for this browser.
    AdminSignIn(&'a str, &'a CsrfCookie),
    /// A form of the admin pages was made for this session or allowance.
    Admin(Uuid),
    /// The form that goes on to an app with the account that is signed in here was made for this browser, request and session.
    ContinueToApp(&'a str, &'a CsrfCookie, Uuid),
    /// The form that signs out of all apps was made for this browser.
    SignOut(&'a CsrfCookie),
    /// `/login/go` leads to this URL (against open redirects).
    Leave(&'a str),
}

impl FormClaim<'_> {
    /// The names of the claims are part of the format: with another one, open forms are refused.
    fn message(&self, workspace: WorkspaceId) -> MacInput {
        let begin = |claim: &str| MacInput::of(claim).number(workspace.0);
        match self {
            Self::Confirm(token, browser) => {
                begin("confirm").bytes(token.as_bytes()).bytes(browser.reveal().as_bytes())
            }
            Self::Destination(token, browser, Destination { app, redirect }) => {
                let message = begin("destination").bytes(token.as_bytes()).bytes(browser.reveal().as_bytes());
                let message = message.number(i64::from(app.is_some())).number(i64::from(redirect.is_some()));
                let message = message.bytes(app.as_deref().unwrap_or_default().as_bytes());
                message.bytes(redirect.as_deref().unwrap_or_default().as_bytes())
            }
            Self::Ask(browser) => begin("ask").bytes(browser.reveal().as_bytes()),
            Self::AskOnceMore(browser) => begin("ask once more").bytes(browser.reveal().as_bytes()),
            Self::Code(browser) => begin("code").bytes(browser.reveal().as_bytes()),
            Self::Again(token, browser) => {
                begin("again").bytes(token.as_bytes()).bytes(browser.reveal().as_bytes())
            }
            Self::AdminSignIn(token, browser) => {
                begin("admin sign-in").bytes(token.as_bytes()).bytes(browser.reveal().as_bytes())
            }
            Self::Admin(id) => begin("admin").bytes(id.as_bytes()),
            Self::ContinueToApp(request, browser, session) => {
                let message = begin("continue to app").bytes(request.as_bytes());
                message.bytes(browser.reveal().as_bytes()).bytes(session.as_bytes())
            }
            Self::SignOut(browser) => begin("sign out").bytes(browser.reveal().as_bytes()),
            Self::Leave(target) => begin("go").bytes(target.as_bytes()),
        }
    }
}

impl Keyring {
    /// The MAC of a claim, as 32 letters and digits.
    pub fn form_mac(&self, workspace: WorkspaceId, claim: FormClaim<'_>) -> String {
        Token::from_mac(&mac(&self.active().form, &claim.message(workspace))).reveal().to_owned()
    }

    /// Whether a MAC is one of a claim, by any key.
    pub fn verify_form_mac(&self, workspace: WorkspaceId, claim: FormClaim<'_>, form_mac: &str) -> bool {
        let message = claim.message(workspace);
        self.keys.iter().any(|key| {
            let expected = Token::from_mac(&mac(&key.form, &message));
            expected.reveal().as_bytes().ct_eq(form_mac.as_bytes()).into()
        })
    }
}
