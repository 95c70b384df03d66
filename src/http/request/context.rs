//! What is known of a request before any handler sees it.

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use uuid::Uuid;

use crate::domain::api_key::ApiKey;
use crate::domain::api_version::{ApiVersion, InvalidVersion};
use crate::domain::audit::{Actor, AuditContext};
use crate::domain::client_network::ClientNetwork;
use crate::domain::host::HostName;
use crate::domain::session::SessionWithUser;
use crate::domain::workspace::Workspace;
use crate::flow::login_links::RequestedUser;
use crate::flow::sign_in::FoundLink;
use crate::http::Settings;
use crate::store::ReadPoint;

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// What is known of a request before any handler sees it: one for the request, cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::http) struct RequestContext(pub(in crate::http) Arc<RequestInfo>);

impl Deref for RequestContext {
    type Target = RequestInfo;

    fn deref(&self) -> &RequestInfo {
        &self.0
    }
}

/// What a [`RequestContext`] holds.
#[derive(Debug)]
pub(in crate::http) struct RequestInfo {
    /// Its number.
    pub(in crate::http) request: Uuid,
    /// The version of the API that it asks for.
    pub(in crate::http) version: Result<ApiVersion, InvalidVersion>,
    /// The workspace that its host names.
    pub(in crate::http) workspace: Arc<Workspace>,
    /// The host.
    pub(in crate::http) host: HostName,
    /// Host and port as they were asked.
    pub(in crate::http) authority: String,
    /// The other end of its connection.
    pub(in crate::http) peer: IpAddr,
    /// Whether that is a proxy whose `X-Forwarded-*` headers count.
    pub(in crate::http) is_from_trusted_proxy: bool,
    /// What else the operator has set.
    pub(in crate::http) settings: Arc<Settings>,
    /// The API key that it shows, proven and live.
    pub(in crate::http) api_key: Option<Arc<ApiKey>>,
    /// The user for whom it asks for a link, if it does, and what is seen of that user.
    pub(in crate::http) subject: Option<RequestedUser>,
    /// The session whose number a cookie of it has, as it was found.
    pub(in crate::http) signed_in: Option<Arc<SessionWithUser>>,
    /// The link of the token with which it comes, as it was found.
    pub(in crate::http) link: Option<Arc<FoundLink>>,
    /// Before any of this was read.
    pub(in crate::http) read_point: ReadPoint,
}

impl RequestContext {
    /// The origin that was asked: `https://portal.example.com`.
    pub(in crate::http) fn origin(&self) -> String {
        let own_port = if self.workspace.url.is_https() { ":443" } else { ":80" };
        let authority = self.authority.to_ascii_lowercase();
        format!(
            "{}://{}",
            self.workspace.url.scheme(),
            authority.strip_suffix(own_port).unwrap_or(&authority)
        )
    }

    /// Where it comes from: the other end of the connection, or whom the proxies there say that they speak for.
    ///
    /// Each proxy adds whom it was asked by on the right (of `X-Forwarded-For`), so what stands left of the first one
    /// who is no trusted proxy is only what that one says.
    pub(in crate::http) fn source(&self, headers: &HeaderMap) -> ClientNetwork {
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let mut address = self.peer;
        for entry in entries {
            if !self.settings.trusts(address) {
                break;
            }
            // What is no address tells nothing: the proxy that passed it on is all that is known.
            let Some(told) = address_of(entry) else { break };
            address = told;
        }
        ClientNetwork::of(address)
    }

    /// An act of somebody in a browser who is not known yet.
    pub(in crate::http) fn anonymous_audit_context(&self) -> AuditContext {
        AuditContext { actor: Actor::Visitor, request: self.request }
    }
}

/// The address of an entry, with or without a port: some proxies add that of the connection.
fn address_of(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim();
    let bare = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = entry.parse().ok().or_else(|| entry.parse().ok().map(|told: SocketAddr| told.ip()));
    address.or_else(bare).map(|address| address.to_canonical())
}

/// An empty answer.
pub(in crate::http) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
