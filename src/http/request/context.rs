//! What is known of a request before its handler runs.

use std::net::{IpAddr, SocketAddr};
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
use crate::domain::language::Language;
use crate::domain::session::SessionWithUser;
use crate::domain::workspace::Workspace;
use crate::flow::login_links::RequestedUser;
use crate::flow::sign_in::FoundLink;
use crate::http::settings::Settings;
use crate::store::ReadPoint;

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// What is known of a request before its handler runs; an extension of the request, in an `Arc`.
#[derive(Debug)]
pub(in crate::http) struct RequestContext {
    /// Its id.
    pub(in crate::http) request: Uuid,
    /// The API version that it asks for.
    pub(in crate::http) version: Result<ApiVersion, InvalidVersion>,
    /// The workspace that its host names.
    pub(in crate::http) workspace: Arc<Workspace>,
    /// The host.
    pub(in crate::http) host: HostName,
    /// Host and port as the request names them.
    pub(in crate::http) authority: String,
    /// The address at the other end of the connection.
    pub(in crate::http) peer: IpAddr,
    /// Whether that is a proxy whose `X-Forwarded-*` headers count.
    pub(in crate::http) is_from_trusted_proxy: bool,
    /// The settings of the listener.
    pub(in crate::http) settings: Arc<Settings>,
    /// The language that its browser asks for, if doorkey has it. Only pages look for it.
    pub(in crate::http) accepted_language: Option<Language>,
    /// Its API key, verified and valid.
    pub(in crate::http) api_key: Option<Arc<ApiKey>>,
    /// The user for whom it requests a link, if it does, and that user's state.
    pub(in crate::http) subject: Option<RequestedUser>,
    /// The session whose id a cookie of it names, as it was found. The cookie is not verified yet.
    pub(in crate::http) signed_in: Option<Arc<SessionWithUser>>,
    /// The link of its token, as it was found.
    pub(in crate::http) link: Option<Arc<FoundLink>>,
    /// The point in the database before any of this was read.
    pub(in crate::http) read_point: ReadPoint,
}

impl RequestContext {
    /// The origin that the request names: `https://portal.example.com`.
    pub(in crate::http) fn origin(&self) -> String {
        let own_port = if self.workspace.url.is_https() { ":443" } else { ":80" };
        let authority = self.authority.to_ascii_lowercase();
        format!(
            "{}://{}",
            self.workspace.url.scheme(),
            authority.strip_suffix(own_port).unwrap_or(&authority)
        )
    }

    /// The language of a page that must not tell who is who.
    pub(in crate::http) fn language(&self) -> Language {
        Language::choose(None, self.accepted_language, self.workspace.branding.locale)
    }

    /// The language of a page that names a person anyhow, by that person's own tag.
    pub(in crate::http) fn language_of(&self, locale: &str) -> Language {
        Language::choose(Some(locale), self.accepted_language, self.workspace.branding.locale)
    }

    /// The network of the client: of the peer, or where that is a trusted proxy, of the client that it names.
    ///
    /// Each proxy appends the address of its peer to `X-Forwarded-For`, so from the right, the first address that is no trusted
    /// proxy is the client; what stands left of it is not trusted.
    pub(in crate::http) fn client_network(&self, headers: &HeaderMap) -> ClientNetwork {
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let mut address = self.peer;
        for entry in entries {
            if !self.settings.trusts(address) {
                break;
            }
            // Not an address: the proxy that passed it on is the best that is known.
            let Some(named) = address_of(entry) else { break };
            address = named;
        }
        ClientNetwork::of(address)
    }

    /// The audit context of a browser whose user is not known yet.
    pub(in crate::http) fn anonymous_audit_context(&self) -> AuditContext {
        AuditContext { actor: Actor::Visitor, request: self.request }
    }
}

/// The address of an entry, with or without a port: some proxies append the port of the connection.
fn address_of(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim();
    let bare = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = entry.parse().ok().or_else(|| entry.parse().ok().map(|named: SocketAddr| named.ip()));
    address.or_else(bare).map(|address| address.to_canonical())
}

/// An empty response.
pub(in crate::http) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
