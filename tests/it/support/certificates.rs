//! Certificates that `openssl` makes for a test, good and bad ones.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

use super::process::succeeds;

/// An authority of a test's own, and what it signed.
pub struct Authority {
    pub folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let line = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=root \
                    -keyout root.key -out root.pem";
        openssl(folder.path(), line);
        Self { folder }
    }

    /// The file of the root.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// A certificate for a host, valid for some days (fewer than none: expired), and its key.
    pub fn sign(&self, host: &str, days: i32) -> (PathBuf, PathBuf) {
        let folder = self.folder.path();
        let name = format!("{host}{days}");
        let extensions = format!("subjectAltName=DNS:{host}\nbasicConstraints=CA:FALSE\n");
        std::fs::write(folder.join("extensions"), extensions).unwrap();
        let request = format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={host} -keyout {name}.key -out {name}.csr"
        );
        openssl(folder, &request);
        let sign = format!(
            "x509 -req -in {name}.csr -days {days} -CA root.pem -CAkey root.key -CAcreateserial -extfile extensions \
             -out {name}.pem"
        );
        openssl(folder, &sign);
        (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")))
    }

    /// A server that shows such a certificate.
    pub fn server(&self, host: &str, days: i32) -> Arc<ServerConfig> {
        let (certificate, key) = self.sign(host, days);
        let certificate = CertificateDer::from_pem_file(certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_no_client_auth();
        Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
    }
}

fn openssl(folder: &Path, line: &str) {
    succeeds(Command::new("openssl").current_dir(folder).args(line.split_ascii_whitespace()));
}
