//! TLS to mail servers: the certificate must be valid and for the host, and nothing switches that off.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::outbound::roots::system_roots;

const NO_ROOTS: &str = "--smtp: this system has no root certificates to verify a mail server by: install them (on Debian the \
                        package ca-certificates), or give the server's with --smtp-ca FILE";

/// How TLS is spoken.
pub(super) struct Tls {
    verifier: Arc<WebPkiServerVerifier>,
    config: Arc<ClientConfig>,
}

/// Keeps the certificate that a server showed, refused or not.
#[derive(Clone, Default)]
pub(super) struct SeenCertificate(Arc<Mutex<Option<CertificateDer<'static>>>>);

impl Tls {
    /// With the roots of a PEM file, or those of the system.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let roots = match ca_file {
            Some(path) => read_roots(path).map_err(|why| format!("--smtp-ca {}: {why}", path.display()))?,
            None => system_roots().ok_or(NO_ROOTS)?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = builder.build().map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let config = config(Arc::<WebPkiServerVerifier>::clone(&verifier))?;
        Ok(Self { verifier, config })
    }

    /// For one connection of many.
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// For one connection whose certificate is to be looked at, also if it is refused.
    pub(super) fn config_that_keeps(&self, seen: &SeenCertificate) -> Result<Arc<ClientConfig>, String> {
        config(Arc::new(KeepingVerifier { verifier: Arc::clone(&self.verifier), seen: seen.clone() }))
    }
}

impl SeenCertificate {
    /// The certificate, if one was shown.
    pub(super) fn get(&self) -> Option<CertificateDer<'static>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why a handshake failed, if it did so over TLS and not over the connection.
pub(super) fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn config(verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    // The verifier is the library's own; at most it is watched.
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    Ok(Arc::new(builder.with_no_client_auth()))
}

fn read_roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(path).map_err(|error| format!("it cannot be read: {error}"))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| format!("it is no PEM file: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate in it cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        return Err(
            "it holds no certificate: give a PEM file with what the mail server's certificate rests on"
                .to_owned(),
        );
    }
    Ok(roots)
}

/// The library's verifier, watched.
#[derive(Debug)]
struct KeepingVerifier {
    verifier: Arc<WebPkiServerVerifier>,
    seen: SeenCertificate,
}

impl std::fmt::Debug for SeenCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeenCertificate")
    }
}

impl ServerCertVerifier for KeepingVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let kept = certificate.clone().into_owned();
        *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        self.verifier.verify_server_cert(certificate, between, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
