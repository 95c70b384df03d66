//! TLS to PostgreSQL: what a server's certificate must prove.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::certificate::Certificate;
use crate::store::OpenError;
use crate::store::database_url::{PostgresUrl, TlsVerification};

pub(super) fn connector(url: &PostgresUrl, shown: &str) -> Result<MakeRustlsConnect, OpenError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let broken = |error: Error| OpenError::RootCertificate(format!("TLS cannot be set up: {error}"));
    let known = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(broken)?;
    let roots = match url.proof {
        TlsVerification::AsTheRootSays | TlsVerification::Nothing => None,
        TlsVerification::Chain | TlsVerification::ChainAndName => {
            let (roots, listed) = roots(url, shown)?;
            let whole = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
            let whole = whole.map_err(|error| OpenError::RootCertificate(error.to_string()))?;
            Some(TrustedRoots { whole, listed, has_name: url.proof == TlsVerification::ChainAndName })
        }
    };
    let verifier = Arc::new(Verifier { roots, known });
    let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// The certificates of a file: as what others rest on, and as they are.
type Roots = (RootCertStore, Vec<CertificateDer<'static>>);

fn roots(url: &PostgresUrl, shown: &str) -> Result<Roots, OpenError> {
    let Some(path) = &url.root_certificate else {
        return Err(OpenError::RootCertificate(format!("{shown} is to prove who it is, but not by what")));
    };
    read_roots(path)
        .map_err(|why| OpenError::RootCertificate(format!("{} cannot be used ({why})", path.display())))
}

fn read_roots(path: &Path) -> Result<Roots, String> {
    let (mut roots, mut listed) = (RootCertStore::empty(), Vec::new());
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        listed.push(certificate);
    }
    if roots.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok((roots, listed)) }
}

/// Verifies a server's certificate and its signature, as far as the URL asks for that.
#[derive(Debug)]
struct Verifier {
    /// `None` takes whatever certificate comes: what is sent is hidden from who only listens, but not from who stands
    /// between. Nor is the signature verified then: whoever stands between has a certificate and a key too.
    roots: Option<TrustedRoots>,
    known: WebPkiSupportedAlgorithms,
}

/// Takes a certificate that was issued under a root, or stands in its file itself, and is for the host, if that counts.
#[derive(Debug)]
struct TrustedRoots {
    whole: Arc<WebPkiServerVerifier>,
    listed: Vec<CertificateDer<'static>>,
    has_name: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(TrustedRoots { whole, listed, has_name }) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        let error = match whole.verify_server_cert(certificate, between, name, ocsp, now) {
            Ok(verified) => return Ok(verified),
            // The name is verified last: all else holds when it alone is wrong.
            Err(error) if is_about_name(&error) && !has_name => {
                return Ok(ServerCertVerified::assertion());
            }
            Err(error) => error,
        };
        let read = Certificate::read(certificate).ok_or(error.clone())?;
        if !listed.iter().any(|listed| listed == certificate) {
            return Err(lacking(&error, &read));
        }
        if !read.is_in_time(now) {
            return Err(Error::InvalidCertificate(CertificateError::Expired));
        }
        if *has_name {
            must_be_for(name, certificate, &read)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(WebPkiServerVerifier::verify_tls12_signature, message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(WebPkiServerVerifier::verify_tls13_signature, message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.known.supported_schemes();
        if self.roots.is_none() {
            // A server signs with what its key can do, if we say that we know it.
            schemes.extend([
                SignatureScheme::ED448,
                SignatureScheme::RSA_PKCS1_SHA1,
                SignatureScheme::ECDSA_SHA1_Legacy,
            ]);
        }
        schemes
    }
}

/// How the library verifies the signature of a version of TLS.
type VerifySignature = fn(
    &WebPkiServerVerifier,
    &[u8],
    &CertificateDer<'_>,
    &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error>;

impl Verifier {
    fn verify_signature(
        &self,
        by_library: VerifySignature,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Some(roots) = &self.roots else { return Ok(HandshakeSignatureValid::assertion()) };
        by_library(&roots.whole, message, certificate, signed).or_else(|error| {
            // The library cannot read a certificate of an old version, and so cannot take its key.
            let old = Certificate::read(certificate).filter(|read| read.version < 3);
            let is_signed = old.is_some_and(|read| read.has_signed(message, signed, &self.known));
            if is_signed { Ok(HandshakeSignatureValid::assertion()) } else { Err(error) }
        })
    }
}

fn is_about_name(error: &Error) -> bool {
    use CertificateError::{NotValidForName, NotValidForNameContext};
    matches!(error, Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
}

/// Whether a certificate is for a host. One that names no host in the place for it is for its common name, as PostgreSQL's
/// own clients have it.
fn must_be_for(
    name: &ServerName<'_>,
    certificate: &CertificateDer<'_>,
    read: &Certificate<'_>,
) -> Result<(), Error> {
    let judged =
        ParsedCertificate::try_from(certificate).and_then(|parsed| verify_server_name(&parsed, name));
    let names_others = |error: &Error| {
        let Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) = error
        else {
            return false;
        };
        !presented.is_empty()
    };
    match judged {
        Ok(()) => Ok(()),
        Err(error) if names_others(&error) => Err(error),
        Err(_) if read.common_name.is_some_and(|own| own.eq_ignore_ascii_case(&name.to_str())) => Ok(()),
        Err(_) => Err(lacks(format!(
            "is the one in the root file, but is for {:?}, not for {:?}: give the host by that name, or sslmode=verify-ca, \
             with which the certificate is enough",
            read.common_name.unwrap_or_default(),
            name.to_str()
        ))),
    }
}

/// An error in plain words, where the library's are none.
fn lacking(error: &Error, read: &Certificate<'_>) -> Error {
    const REMEDY: &str = "put a copy of it into the root file, or make one of version 3";
    if read.version < 3 {
        return lacks(format!(
            "is of version {} of X.509 (it has no extensions), and such a one cannot be traced to a root: {REMEDY} with \
             subjectAltName",
            read.version
        ));
    }
    let Error::InvalidCertificate(refused) = error else { return error.clone() };
    // The error of a library below: its name is all that can be seen of it here.
    if format!("{refused:?}").contains("CaUsedAsEndEntity") {
        return lacks(format!("is one of an authority (CA:TRUE), not of a server: {REMEDY} with CA:FALSE"));
    }
    // A signature that does not hold is one by a root of the same name, but another key.
    if matches!(refused, CertificateError::UnknownIssuer | CertificateError::BadSignature) {
        return lacks("rests on no certificate of the root file".to_owned());
    }
    if let CertificateError::NotValidForNameContext { expected, presented } = refused
        && presented.is_empty()
    {
        let wanted = expected.to_str();
        return lacks(format!("names no host (it has no subjectAltName), and should name {wanted:?}"));
    }
    error.clone()
}

fn lacks(what: String) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Lacks(what)))))
}

/// What a certificate lacks, as the end of a sentence that begins with the certificate.
#[derive(Debug)]
struct Lacks(String);

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server's certificate {}", self.0)
    }
}

impl std::error::Error for Lacks {}

/// What is wrong with a server's certificate, if that is why no connection could be made.
pub(super) fn explain_certificate(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let broken = error.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref::<Error>()?;
    let Error::InvalidCertificate(refused) = broken else { return None };
    if let CertificateError::Other(OtherError(lacks)) = refused
        && lacks.is::<Lacks>()
    {
        return Some(lacks.to_string());
    }
    if matches!(refused, CertificateError::Expired | CertificateError::ExpiredContext { .. }) {
        return Some("the server's certificate has expired, or is not valid yet".to_owned());
    }
    Some(format!("the server's certificate is refused: {broken}"))
}
