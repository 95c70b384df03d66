//! The certificates of authorities that this system trusts.

use rustls::RootCertStore;

/// The roots of the system, or of the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name; `None` if there are none.
pub(super) fn system_roots() -> Option<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system has odd ones too, which nobody misses.
    let _ = roots.add_parsable_certificates(found.certs);
    if roots.is_empty() { None } else { Some(roots) }
}
