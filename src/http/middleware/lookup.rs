//! Looks up, after routing, what a request names: its workspace by the host, and its credentials.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use uuid::Uuid;

use crate::app::App;
use crate::domain::api_version::{ApiVersion, InvalidVersion};
use crate::domain::host::HostName;
use crate::flow;
use crate::flow::login_links::RequestedUser;
use crate::flow::request_lookup::LookupResult;
use crate::http::error::Error;
use crate::http::request::context::{Peer, RequestContext};
use crate::http::request::credentials::Lookup;
use crate::http::settings::Settings;

/// The address of a peer that is not known.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What is known of a request before its handler runs.
pub(super) async fn look_up(
    app: &App,
    settings: Arc<Settings>,
    (request_id, version): (Uuid, Result<ApiVersion, InvalidVersion>),
    lookup: Lookup,
    request: &mut Request,
) -> Result<RequestContext, Error> {
    let authority =
        authority_of(request.uri(), request.headers()).ok_or_else(|| unnamed(request.headers()))?.to_owned();
    let host = HostName::from_header(&authority).map_err(|_| Error::workspace_not_found(&authority))?;
    let peer = request.extensions().get::<Peer>().map_or(UNKNOWN, |peer| peer.0.ip().to_canonical());
    let credentials = lookup.credentials(app, &host, request).await?;
    let found = flow::request_lookup::look_up(app, &host, &credentials).await?;
    let LookupResult { workspace, api_key, issue_state, signed_in, link, read_point } =
        found.ok_or_else(|| Error::workspace_not_found(&authority))?;
    Ok(RequestContext {
        request: request_id,
        version,
        workspace,
        host,
        authority,
        peer,
        is_from_trusted_proxy: settings.trusts(peer),
        settings,
        accepted_language: None,
        api_key,
        subject: credentials.into_user().map(|user| RequestedUser { user, seen: issue_state, read_point }),
        signed_in,
        link,
        read_point,
    })
}

/// The one host that a request names: two `Host` headers, or a target that names another host, are an error
/// (RFC 9112, section 3.2).
pub(in crate::http) fn authority_of<'a>(target: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let host = host.to_str().ok()?;
    let agrees =
        target.authority().map(Authority::as_str).is_none_or(|target| target.eq_ignore_ascii_case(host));
    agrees.then_some(host)
}

/// What is wrong with a request that names no host. One host that is not ASCII is nobody's.
fn unnamed(headers: &HeaderMap) -> Error {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.to_str().is_err() => {
            Error::workspace_not_found(&String::from_utf8_lossy(host.as_bytes()))
        }
        _ => Error::BadHost,
    }
}

/// The API version that a request asks for.
pub(super) fn version_of(headers: &HeaderMap) -> Result<ApiVersion, InvalidVersion> {
    let mut values = headers.get_all("x-api-version").iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(ApiVersion::DEFAULT),
        (Some(value), None) => ApiVersion::parse(value.to_str().map_err(|_| InvalidVersion)?.trim()),
        (Some(_), Some(_)) => Err(InvalidVersion),
    }
}
