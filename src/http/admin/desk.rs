//! What the handlers of the admin pages are given: who is signed in, and the workspace that the path names, once the role was checked.

use std::marker::PhantomData;
use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use uuid::Uuid;

use super::error::Problem;
use super::frame::{Frame, Place};
use super::html::html;
use super::pager;
use super::times;
use super::times::TimeText;
use super::visit::{Admin, Visit};
use crate::app::App;
use crate::domain::admin::{AdminAct, AdminPage, AdminReach};
use crate::domain::audit::{AuditContext, INSTALLATION};
use crate::domain::list_query::ListQuery;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::{Workspace, WorkspaceId};
use crate::flow;
use crate::http::error::Error;
use crate::http::request::body::read_form;
use crate::http::request::params::Params;
use crate::keys::FormClaim;

/// What a handler needs of a role.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) enum Needed {
    /// To see a kind of page.
    Page(AdminPage),
    /// To do something.
    Act(AdminAct),
}

/// That, as a type.
pub(in crate::http) trait Need {
    /// What is needed.
    const NEED: Needed;
}

/// A type for each need that a handler has.
macro_rules! needs {
    ($($name:ident = $need:expr;)*) => {
        $(
            pub(in crate::http) struct $name;

            impl Need for $name {
                const NEED: Needed = $need;
            }
        )*
    };
}

needs! {
    SeeOverview = Needed::Page(AdminPage::Overview);
    SeeStories = Needed::Page(AdminPage::Stories);
    SeeFind = Needed::Page(AdminPage::Find);
    SeeClients = Needed::Page(AdminPage::Clients);
    SeeLogs = Needed::Page(AdminPage::Logs);
    SeeMails = Needed::Page(AdminPage::Mails);
    SeeSessions = Needed::Page(AdminPage::Sessions);
    SeeApps = Needed::Page(AdminPage::Apps);
    SeeKeys = Needed::Page(AdminPage::Keys);
    SeeSettings = Needed::Page(AdminPage::Settings);
    DoMakeLink = Needed::Act(AdminAct::MakeLink);
    DoMailLink = Needed::Act(AdminAct::MailLink);
    DoKillLinks = Needed::Act(AdminAct::KillLinks);
    DoSignOut = Needed::Act(AdminAct::SignOut);
    DoChangeApps = Needed::Act(AdminAct::ChangeApps);
    DoChangeKeys = Needed::Act(AdminAct::ChangeKeys);
    DoChangeSettings = Needed::Act(AdminAct::ChangeSettings);
}

/// Who is signed in, for pages of no workspace.
pub(in crate::http) struct SignedIn {
    pub(in crate::http) app: App,
    pub(in crate::http) visit: Arc<Visit>,
    pub(in crate::http) admin: Admin,
    pub(in crate::http) query: Params,
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let visit = parts.extensions.get::<Arc<Visit>>().ok_or(Error::Internal)?.clone();
        let admin = visit.admin.clone().ok_or(Problem::NotSignedIn)?;
        let query = Params::parse(parts.uri.query().unwrap_or_default()).map_err(Error::from)?;
        Ok(Self { app: app.clone(), visit, admin, query })
    }
}

impl SignedIn {
    /// The value that forms of this admin carry.
    pub(in crate::http) fn proof(&self) -> String {
        self.app.keys().form_mac(INSTALLATION, FormClaim::Admin(self.admin.id))
    }

    /// Whether a form was made for this admin.
    fn verify(&self, fields: &Params) -> Result<(), Problem> {
        let claim = FormClaim::Admin(self.admin.id);
        let is_valid = self.app.keys().verify_form_mac(INSTALLATION, claim, fields.value("proof"));
        if is_valid { Ok(()) } else { Err(Problem::Forged) }
    }

    /// The frame of a page, in a workspace or in none.
    pub(in crate::http) fn frame(&self, place: Option<Place<'_>>) -> Frame {
        Frame::of(&self.admin, self.proof(), self.visit.now, place)
    }
}

/// A handler's place in a workspace `W` of the path `/w/{w}/…`. Whoever is not signed in, does not reach the workspace, or has another
/// role is refused before the handler runs, in that order.
pub(in crate::http) struct Desk<N> {
    pub(in crate::http) app: App,
    pub(in crate::http) workspace: Workspace,
    /// Who acts in this request, for the audit log.
    pub(in crate::http) act: AuditContext,
    pub(in crate::http) query: Params,
    signed_in: SignedIn,
    path: Vec<(String, String)>,
    need: PhantomData<fn() -> N>,
}

impl<N: Need> FromRequestParts<App> for Desk<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        let path = RawPathParams::from_request_parts(parts, app).await;
        let path = path.map_err(|_| Problem::NothingThere)?;
        let path: Vec<_> = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let number = path.iter().find(|(name, _)| name == "w").and_then(|(_, number)| number_of(number));
        let id = number.map(WorkspaceId).ok_or(Problem::NoWorkspace)?;
        let found = flow::admin::workspace(app, &signed_in.admin.grant.reach, id).await?;
        let workspace = found.ok_or(Problem::NoWorkspace)?;
        let role = signed_in.admin.grant.role;
        match N::NEED {
            Needed::Page(page) if !role.may_see(page) => return Err(Problem::MayNotSee(role)),
            Needed::Act(act) if !role.may_do(act) => return Err(Problem::MayNotDo(role)),
            Needed::Page(_) | Needed::Act(_) => {}
        }
        let act = signed_in.visit.act(&signed_in.admin);
        let query = signed_in.query.clone();
        Ok(Self { app: app.clone(), workspace, act, query, signed_in, path, need: PhantomData })
    }
}

/// A number as pages write it, so that each page has one address.
fn number_of(text: &str) -> Option<i64> {
    let number = text.parse::<i64>().ok()?;
    (number.to_string() == text).then_some(number)
}

impl<N> Desk<N> {
    /// Whether the role does something: if not, the page has no button for it.
    pub(in crate::http) fn may(&self, act: AdminAct) -> bool {
        self.signed_in.admin.grant.role.may_do(act)
    }

    /// Whether the role sees a kind of page: if not, nothing of it stands elsewhere either.
    pub(in crate::http) fn sees(&self, page: AdminPage) -> bool {
        self.signed_in.admin.grant.role.may_see(page)
    }

    /// The workspaces that the admin reaches.
    pub(in crate::http) fn reach(&self) -> &AdminReach {
        &self.signed_in.admin.grant.reach
    }

    /// The id in the path, a number.
    pub(in crate::http) fn number(&self) -> Result<i64, Problem> {
        self.named("id").and_then(number_of).ok_or(Problem::NothingThere)
    }

    /// The id in the path, a UUID.
    pub(in crate::http) fn uuid(&self) -> Result<Uuid, Problem> {
        self.named("id").and_then(|text| Uuid::try_parse(text).ok()).ok_or(Problem::NothingThere)
    }

    /// A part of the path, by its name in the route.
    pub(in crate::http) fn named(&self, part: &str) -> Option<&str> {
        self.path.iter().find(|(name, _)| name == part).map(|(_, value)| value.as_str())
    }

    /// The address of a page of this workspace: `/keys` is `/w/W/keys`.
    pub(in crate::http) fn address(&self, path: &str) -> String {
        format!("/w/{}{path}", self.workspace.id.0)
    }

    /// The part of a list that is asked for.
    pub(in crate::http) fn part(&self) -> Result<ListQuery, Problem> {
        Ok(pager::part(&self.query)?)
    }

    /// When the request came.
    pub(in crate::http) fn now(&self) -> Timestamp {
        self.signed_in.visit.now
    }

    /// A moment as people read it.
    pub(in crate::http) fn told(&self, moment: Timestamp) -> TimeText {
        times::told(moment, self.now())
    }

    /// The frame of one of the workspace's pages.
    pub(in crate::http) fn frame(&self, page: AdminPage) -> Frame {
        self.signed_in.frame(Some(Place { workspace: &self.workspace, page }))
    }

    /// A page.
    #[expect(clippy::unused_self, reason = "a page is of a desk: whoever has none was refused")]
    pub(in crate::http) fn page(&self, status: StatusCode, page: &impl Template) -> Response {
        html(status, page)
    }
}

/// A form that was sent to a desk: made for this admin, and of a role that may do what it does.
pub(in crate::http) struct DeskForm<N> {
    pub(in crate::http) desk: Desk<N>,
    pub(in crate::http) fields: Params,
}

impl<N: Need> FromRequest<App> for DeskForm<N> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let desk = Desk::<N>::from_request_parts(&mut parts, app).await?;
        let fields = fields_of(&parts, body).await?;
        desk.signed_in.verify(&fields)?;
        Ok(Self { desk, fields })
    }
}

/// A form of a page of no workspace.
pub(in crate::http) struct SignedInForm(pub(in crate::http) SignedIn);

impl FromRequest<App> for SignedInForm {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let signed_in = SignedIn::from_request_parts(&mut parts, app).await?;
        signed_in.verify(&fields_of(&parts, body).await?)?;
        Ok(Self(signed_in))
    }
}

/// The fields of a form. What is no form at all was not made here.
pub(super) async fn fields_of(parts: &Parts, body: axum::body::Body) -> Result<Params, Problem> {
    match read_form(&parts.headers, body).await {
        Err(Error::UnsupportedMediaType { .. }) => Err(Problem::Forged),
        read => Ok(read?),
    }
}
