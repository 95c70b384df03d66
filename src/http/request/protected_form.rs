//! A form of doorkey's own pages, verified before its handler runs.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;

use super::body::read_lenient_form;
use super::context::RequestContext;
use super::cookies::CookieJar;
use super::credentials::ParsedForm;
use super::params::Params;
use crate::app::App;
use crate::domain::destination::Destination;
use crate::domain::session::CsrfCookie;
use crate::domain::story::PressRefusal;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::http::error::Error;
use crate::keys::FormClaim;

/// A form that this server made for this browser: its MAC is over the token and the browser's cookie, so another site cannot
/// have a browser send one (double-submit cookie, signed).
pub(in crate::http) struct ProtectedForm {
    /// The token of the link, as the form has it.
    pub(in crate::http) token: String,
    /// The cookie of this browser.
    pub(in crate::http) browser: CsrfCookie,
    pub(in crate::http) jar: CookieJar,
    fields: Params,
}

impl ProtectedForm {
    /// Where the form leads; nowhere, if its MAC is wrong.
    pub(in crate::http) fn destination(&self, app: &App, workspace: &Workspace) -> Destination {
        let destination = destination_of(&self.fields);
        if destination.is_nothing() {
            return destination;
        }
        let claim = FormClaim::Destination(&self.token, &self.browser, &destination);
        let is_valid =
            app.keys().verify_form_mac(workspace.id, claim, self.fields.value("destination_proof"));
        if is_valid { destination } else { Destination::not_allowed() }
    }
}

/// Where a query or a form says that its link leads.
pub(in crate::http) fn destination_of(fields: &Params) -> Destination {
    let one = |name: &str| fields.has(name).then(|| fields.value(name).to_owned());
    Destination { app: one("app"), redirect: one("redirect") }
}

/// The form that confirms a link.
pub(in crate::http) enum ConfirmForm {
    /// It was made for this browser.
    Protected(ProtectedForm),
    /// It comes from here and brings a well-formed cookie that is not the one it was made for: another tab has got a cookie
    /// since. It proves nothing, so the page is shown again.
    Mismatched {
        /// The token of the link, as the form has it.
        token: String,
        /// Where the form leads, unverified.
        destination: Destination,
    },
}

impl FromRequestParts<App> for ConfirmForm {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let context = parts.extensions.get::<Arc<RequestContext>>().ok_or(Error::Internal)?.clone();
        let ParsedForm(fields) = parts.extensions.remove::<ParsedForm>().ok_or(Error::Internal)?;
        let fields = fields?;
        let token = token_of(&fields, parts.uri.query())?;
        let jar = CookieJar::of(&context);
        let Some(browser) = jar.browser(&parts.headers) else {
            if let Some(found) = &context.link {
                flow::stories::note_refused_press(app, &found.link, PressRefusal::AntiForgery);
            }
            return Err(Error::CsrfMismatch);
        };
        let claim = FormClaim::Confirm(&token, &browser);
        if app.keys().verify_form_mac(context.workspace.id, claim, fields.value("proof")) {
            return Ok(Self::Protected(ProtectedForm { token, browser, jar, fields }));
        }
        Ok(Self::Mismatched { token, destination: destination_of(&fields) })
    }
}

/// A form of the pages around mail, from here and with this browser's cookie. Its handler [verifies](Self::verify) what it was made
/// for.
pub(in crate::http) struct MailForm {
    pub(in crate::http) fields: Params,
    /// The cookie of this browser.
    pub(in crate::http) browser: CsrfCookie,
    pub(in crate::http) jar: CookieJar,
}

impl MailForm {
    /// Whether the form was made for this browser, and for this.
    pub(in crate::http) fn verify(
        &self,
        app: &App,
        workspace: &Workspace,
        claim: FormClaim<'_>,
    ) -> Result<(), Error> {
        let proof = self.fields.single("proof").ok().flatten().unwrap_or_default();
        let is_valid = app.keys().verify_form_mac(workspace.id, claim, proof);
        if is_valid { Ok(()) } else { Err(Error::CsrfMismatch) }
    }
}

impl FromRequest<App> for MailForm {
    type Rejection = Error;

    async fn from_request(request: Request, _: &App) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let context = parts.extensions.get::<Arc<RequestContext>>().ok_or(Error::Internal)?.clone();
        let fields = read_lenient_form(&parts.headers, body).await?;
        let jar = CookieJar::of(&context);
        let browser = jar.browser(&parts.headers).ok_or(Error::CsrfMismatch)?;
        Ok(Self { fields, browser, jar })
    }
}

/// The token of the form; a URL that names a token must name the same one.
fn token_of(fields: &Params, query: Option<&str>) -> Result<String, Error> {
    let query = Params::parse(query.unwrap_or_default())?;
    let token = fields.single("token").map_err(|_| Error::ConflictingTokens)?.unwrap_or_default();
    if query.means("token") && query.single("token") != Ok(Some(token)) {
        return Err(Error::ConflictingTokens);
    }
    Ok(token.to_owned())
}
