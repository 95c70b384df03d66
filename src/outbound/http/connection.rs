//! One connection to one of the addresses that were judged, encrypted where the URL says so.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::failure::Failure;
use crate::domain::outbound::OutboundUrl;
use crate::outbound::roots::system_roots;

/// How long a connection is waited for, over all addresses.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

const NO_ROOTS: &str = "this system has no root certificates to verify a server by: install them (on Debian the package \
                        ca-certificates), or name your own with the variable SSL_CERT_FILE, and start doorkey again";

/// How TLS is spoken; roots are read when the first URL needs them.
#[derive(Default)]
pub(super) struct Tls(OnceLock<Arc<ClientConfig>>);

impl Tls {
    /// With these roots instead of the system's.
    pub(super) fn trusting(roots: RootCertStore) -> Result<Self, String> {
        Ok(Self(OnceLock::from(configure(roots)?)))
    }

    /// Speaks TLS over a connection; the certificate must be for the URL's host.
    pub(super) async fn connect(
        &self,
        url: &OutboundUrl,
        stream: TcpStream,
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let name = match url.address() {
            Some(address) => ServerName::from(address.to_canonical()),
            None => ServerName::try_from(url.host().as_str().to_owned())
                .map_err(|_| Failure::Broken(format!("no certificate can be for {}", url.host())))?,
        };
        let config = self.config().await.map_err(Failure::Broken)?;
        let connecting = TlsConnector::from(config).connect(name, stream);
        match timeout_at(deadline, connecting).await {
            Ok(connected) => connected.map_err(|error| Failure::Broken(explain(url, &error))),
            Err(_) => {
                Err(Failure::Broken(format!("{} does not finish the TLS handshake in time", url.host())))
            }
        }
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.0.get() {
            return Ok(Arc::clone(config));
        }
        let roots = tokio::task::spawn_blocking(system_roots).await.ok().flatten().ok_or(NO_ROOTS)?;
        let config = configure(roots)?;
        Ok(Arc::clone(self.0.get_or_init(|| config)))
    }
}

fn configure(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Why a handshake failed.
fn explain(url: &OutboundUrl, error: &io::Error) -> String {
    let host = url.host();
    let cause = error.get_ref().and_then(|error| error.downcast_ref());
    let Some(rustls::Error::InvalidCertificate(refused)) = cause else {
        return format!("TLS with {host} fails: {error}");
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "a library's errors grow in number")]
    match refused {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of {host} has expired, or this machine's clock is wrong")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate of {host} is for other hosts")
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "the certificate of {host} rests on no root that this system trusts: name a file with your own in the variable \
             SSL_CERT_FILE"
        ),
        other => format!("the certificate of {host} is refused: {other}"),
    }
}

/// Connects to the first of these addresses that takes the connection, and to no other.
pub(super) async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Failure> {
    let addresses = &addresses[..addresses.len().min(MAX_ADDRESSES)];
    let deadline = deadline.min(Instant::now() + CONNECT_TIMEOUT);
    let mut trouble = String::new();
    for (index, address) in addresses.iter().enumerate() {
        // An address that does not answer leaves time for the others.
        let others = u32::try_from(addresses.len() - index).unwrap_or(1);
        let share = deadline.saturating_duration_since(Instant::now()) / others;
        trouble = match timeout(share, TcpStream::connect(*address)).await {
            Ok(Ok(stream)) => {
                // A request is small, and its answer is waited for.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => format!("{address} cannot be connected to: {error}"),
            Err(_) => format!("{address} does not answer"),
        };
    }
    Err(Failure::Broken(trouble))
}
