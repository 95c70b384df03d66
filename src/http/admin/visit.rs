//! Who a request to the admin pages is from: looked up before its handler runs.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};
use uuid::Uuid;

use super::cookies::AdminCookies;
use super::error::Problem;
use super::settings::AdminSettings;
use crate::app::App;
use crate::domain::admin::{AdminGrant, AdminName};
use crate::domain::admin_access::AdminSession;
use crate::domain::audit::{Actor, AuditContext};
use crate::domain::timestamp::Timestamp;
use crate::flow;
use crate::http::error::Error;
use crate::http::middleware::authority_of;
use crate::http::middleware::same_origin::is_same_origin;
use crate::http::request::context::Peer;

/// The address of a peer that is not known.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Who is there.
#[derive(Clone, Debug)]
pub(in crate::http) struct Admin {
    /// Name, role and workspaces.
    pub(in crate::http) grant: AdminGrant,
    /// The session, unless a proxy vouches for the admin.
    pub(super) session: Option<AdminSession>,
    /// The id of the session or the allowance, which forms are made for.
    pub(super) id: Uuid,
}

/// What is known of a request before its handler runs; an extension of the request, in an `Arc`.
#[derive(Debug)]
pub(in crate::http) struct Visit {
    /// Its id.
    pub(super) request: Uuid,
    /// When it came.
    pub(super) now: Timestamp,
    /// Names and reads cookies.
    pub(super) cookies: AdminCookies,
    /// Who is there, if that is known.
    pub(super) admin: Option<Admin>,
    /// Whether a proxy says who is there: then no session counts.
    pub(super) is_by_proxy: bool,
}

impl Visit {
    /// An act of this admin.
    pub(super) fn act(&self, admin: &Admin) -> AuditContext {
        AuditContext { actor: Actor::Admin(admin.grant.name.clone()), request: self.request }
    }
}

/// What a request is looked up for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Surface {
    /// Pages: who is there is looked up.
    Pages,
    /// What every page needs, the refusals too: it is for everybody.
    Assets,
}

/// Looks up who is there. A host of somebody else, a form of another site, and a name that is not allowed end here.
pub(super) async fn look_up(
    app: &App,
    settings: &AdminSettings,
    (id, surface): (Uuid, Surface),
    request: &Parts,
) -> Result<Visit, Problem> {
    let headers = &request.headers;
    let authority = authority_of(&request.uri, headers).ok_or(Error::BadHost)?;
    let origin = settings.origin_at(authority).ok_or(Problem::OtherHost)?;
    let cookies = AdminCookies::of(settings.url.is_https());
    let now = app.clock.now();
    let nobody = Visit { request: id, now, cookies, admin: None, is_by_proxy: false };
    if surface == Surface::Assets {
        return Ok(nobody);
    }
    if request.method == Method::POST && !is_same_origin(headers, &origin) {
        return Err(Problem::ForeignForm);
    }
    let peer = request.extensions.get::<Peer>().map_or(UNKNOWN, |peer| peer.0.ip().to_canonical());
    if let Some(header) = settings.header_from(peer) {
        let admin = named_by_proxy(app, header, headers).await?;
        return Ok(Visit { admin: Some(admin), is_by_proxy: true, ..nobody });
    }
    let Some(cookie) = nobody.cookies.session(headers) else { return Ok(nobody) };
    let session = flow::admin::doors::session(app, &cookie).await?;
    let admin =
        session.map(|session| Admin { grant: session.grant.clone(), id: session.id, session: Some(session) });
    Ok(Visit { admin, ..nobody })
}

/// The admin whom a trusted proxy names. The header counts once, not empty, and to the letter.
async fn named_by_proxy(app: &App, header: &HeaderName, headers: &HeaderMap) -> Result<Admin, Problem> {
    let mut values = headers.get_all(header).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => std::str::from_utf8(value.as_bytes()).ok(),
        _ => None,
    };
    let name = value.and_then(|value| AdminName::parse(value).ok());
    let refused = |name: Option<&AdminName>| {
        let name = name.map(|name| name.as_str().to_owned());
        Problem::NotAllowed { header: header.clone(), name }
    };
    let Some(name) = name else { return Err(refused(None)) };
    let found = flow::admin::doors::allowance(app, &name).await?;
    let allowance = found.ok_or_else(|| refused(Some(&name)))?;
    Ok(Admin { grant: allowance.grant, session: None, id: allowance.id })
}
