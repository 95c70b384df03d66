//! A form of doorkey's own pages, verified before its handler runs.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::context::RequestContext;
use super::cookies::CookieJar;
use super::credentials::ParsedForm;
use super::params::Params;
use crate::app::App;
use crate::domain::session::CsrfCookie;
use crate::domain::workspace::Workspace;
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
    /// The redirect that the form carries, empty where its MAC is wrong; `None` where there is none.
    pub(in crate::http) fn redirect(&self, app: &App, workspace: &Workspace) -> Option<&str> {
        if !self.fields.has("redirect") {
            return None;
        }
        let redirect = self.fields.value("redirect");
        let claim = FormClaim::Redirect(&self.token, &self.browser, redirect);
        let is_valid = app.keys().verify_form_mac(workspace.id, claim, self.fields.value("redirect_proof"));
        Some(if is_valid { redirect } else { "" })
    }
}

impl FromRequestParts<App> for ProtectedForm {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let context = parts.extensions.get::<Arc<RequestContext>>().ok_or(Error::WorkspaceNotFound)?.clone();
        let ParsedForm(fields) = parts.extensions.remove::<ParsedForm>().ok_or(Error::Internal)?;
        let fields = fields?;
        let token = token_of(&fields, parts.uri.query())?;
        let jar = CookieJar::of(&context);
        let browser = jar.browser(&parts.headers).ok_or(Error::CsrfMismatch)?;
        let claim = FormClaim::Confirm(&token, &browser);
        if !app.keys().verify_form_mac(context.workspace.id, claim, fields.value("proof")) {
            return Err(Error::CsrfMismatch);
        }
        Ok(Self { token, browser, jar, fields })
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
