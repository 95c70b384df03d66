//! Calls over HTTP to URLs that others chose: to public addresses, and to what the operator allows.

mod connection;
mod exchange;
mod failure;
mod own_listeners;
mod resolver;
mod shares;
mod visitor;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use rustls::RootCertStore;
use tokio::time::{Instant, timeout, timeout_at};

use self::connection::Tls;
use self::own_listeners::OwnListeners;
use self::resolver::Resolver;
use self::shares::Shares;
use crate::domain::outbound::{OutboundAllow, OutboundUrl};

pub use self::exchange::Response;
pub use self::failure::{Failure, Refused};
pub use self::shares::{MAX_CALLS, MAX_OF_HOST};
pub use self::visitor::{InvalidServer, ServerAddress, Visited, Visitor};

/// The one way out over HTTP.
///
/// A URL is parsed by [`OutboundUrl::parse`]. Where it is saved, [`check`](Self::check) says whether it may be called; where it is
/// called, [`post`](Self::post) judges it again, since a name may lead elsewhere by then.
pub struct OutboundClient {
    allow: OutboundAllow,
    own: OwnListeners,
    resolver: Resolver,
    shares: Shares,
    tls: Tls,
}

impl fmt::Debug for OutboundClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { allow, own, resolver, shares, tls: _ } = self;
        let mut shown = f.debug_struct("OutboundClient");
        shown.field("allow", allow).field("own", own).field("resolver", resolver).field("shares", shares);
        shown.finish_non_exhaustive()
    }
}

impl OutboundClient {
    /// With what the operator allows, and the addresses where this server listens, which nobody has it call.
    pub fn new(allow: OutboundAllow, own_listeners: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self {
            allow,
            own: OwnListeners::new(own_listeners),
            resolver: Resolver::system(),
            shares: Shares::new(),
            tls: Tls::default(),
        }
    }

    /// The same, which looks names up in another way than the system does.
    pub fn resolving_by(
        self,
        lookup: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self { resolver: Resolver::asking(Box::new(lookup)), ..self }
    }

    /// The same, which trusts these roots and not the system's.
    ///
    /// # Errors
    /// A sentence, if TLS cannot be set up.
    pub fn trusting(self, roots: RootCertStore) -> Result<Self, String> {
        Ok(Self { tls: Tls::trusting(roots)?, ..self })
    }

    /// Whether a URL may be called as things are now: for where it is saved. Its name is looked up; nothing is connected to.
    pub async fn check(&self, url: &OutboundUrl) -> Result<(), Refused> {
        self.resolve(url).await.map(drop)
    }

    /// Calls a URL: one `POST`, one connection, no redirects. Any status is a [`Response`], whose
    /// [`complaint`](Response::complaint) says what is wrong with it.
    ///
    /// `Host`, `User-Agent` and `Content-Length` are added to the headers; `Content-Type` is the caller's. It waits up to `time_limit`
    /// for its turn ([`Failure::Busy`] after that), and up to `time_limit` for the answer. The lookup belongs to the attempt: the name is
    /// asked for once, all its addresses are judged, and one of them is connected to.
    pub async fn post(
        &self,
        url: &OutboundUrl,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
        time_limit: Duration,
    ) -> Result<Response, Failure> {
        let request = exchange::post(url, headers, body.into())?;
        let receiver = format!("{}:{}", url.host(), url.port());
        let turn = timeout(time_limit, self.shares.take(&receiver)).await;
        let Ok(Some(_share)) = turn else {
            return Err(Failure::Busy { host: url.host().to_string() });
        };
        let deadline = Instant::now() + time_limit;
        let resolved = timeout_at(deadline, self.resolve(url)).await;
        let addresses = resolved.map_err(|_| Refused::Unresolved {
            host: url.host().to_string(),
            why: "the resolver does not answer in time".to_owned(),
        })??;
        let stream = connection::connect(&addresses, deadline).await?;
        if url.is_https() {
            let stream = self.tls.connect(url, stream, deadline).await?;
            exchange::exchange(stream, request, deadline).await
        } else {
            exchange::exchange(stream, request, deadline).await
        }
    }

    /// All addresses of a URL's host, judged: what may be connected to.
    async fn resolve(&self, url: &OutboundUrl) -> Result<Vec<SocketAddr>, Refused> {
        url.judge_text(&self.allow)?;
        let host = || url.host().to_string();
        let addresses = if let Some(address) = url.address() {
            vec![address]
        } else {
            let found = self.resolver.resolve(url.name()).await;
            found.map_err(|why| Refused::Unresolved { host: host(), why })?
        };
        url.judge(&addresses, &self.allow)?;
        let targets: Vec<_> =
            addresses.iter().map(|address| SocketAddr::new(address.to_canonical(), url.port())).collect();
        // What is allowed is others' servers: not even then does it call itself, where operators and admins come in.
        match targets.iter().find(|target| self.own.take(**target)) {
            Some(target) => Err(Refused::OwnListener { host: host(), address: *target }),
            None => Ok(targets),
        }
    }
}
