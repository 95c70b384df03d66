//! Certificates of PostgreSQL as its manual has them made, and what they prove.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use doorkey::clock::Clock;
use doorkey::flow;
use doorkey::store::DatabaseUrl;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};
use tempfile::TempDir;

use crate::support::cluster::Cluster;

/// A certificate and its key.
struct Pair(PathBuf, PathBuf);

fn openssl(folder: &Path, line: &str) {
    let done = Command::new("openssl").current_dir(folder).args(line.split(' ')).output().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}

impl Pair {
    fn of(folder: &Path, name: &str) -> Self {
        Self(folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")))
    }

    /// Signed by its own key, without extensions: of version 1.
    fn old(folder: &Path, name: &str, common_name: &str, key: &str) -> Self {
        openssl(
            folder,
            &format!(
                "req -new -nodes -newkey {key} -subj /CN={common_name} -keyout {name}.key -out {name}.csr"
            ),
        );
        openssl(folder, &format!("x509 -req -in {name}.csr -days 365 -signkey {name}.key -out {name}.crt"));
        let shown = ["x509", "-in", &format!("{name}.crt"), "-noout", "-text"];
        let shown = Command::new("openssl").current_dir(folder).args(shown).output().unwrap().stdout;
        assert!(String::from_utf8_lossy(&shown).contains("Version: 1 "), "this openssl makes no old ones");
        Self::of(folder, name)
    }

    /// Signed by another.
    fn signed(folder: &Path, name: &str, extensions: &str, by: &str) -> Self {
        openssl(
            folder,
            &format!(
                "req -new -nodes -newkey rsa:2048 -subj /CN=localhost -keyout {name}.key -out {name}.csr"
            ),
        );
        let mut line = format!(
            "x509 -req -in {name}.csr -days 365 -CA {by}.crt -CAkey {by}.key -CAcreateserial -out {name}.crt"
        );
        if !extensions.is_empty() {
            std::fs::write(folder.join(format!("{name}.ext")), extensions).unwrap();
            line = format!("{line} -extfile {name}.ext");
        }
        openssl(folder, &line);
        Self::of(folder, name)
    }

    /// That of an authority, signed by its own key: what `openssl req -x509` makes.
    fn authority(folder: &Path, name: &str) -> Self {
        openssl(
            folder,
            &format!(
                "req -new -x509 -days 365 -nodes -newkey rsa:2048 -subj /CN=localhost -keyout {name}.key -out {name}.crt"
            ),
        );
        Self::of(folder, name)
    }
}

/// `sslmode` as it stands in a URL, the root file, the host, and the sentence of a refusal or nothing.
type Case<'a> = (&'a str, Option<&'a Pair>, &'a str, &'a str);

/// A server that shows one certificate after another.
struct ServerFixture {
    cluster: Cluster,
    folder: TempDir,
}

impl ServerFixture {
    fn set() -> Self {
        let scene = Self { cluster: Cluster::start(), folder: tempfile::tempdir().unwrap() };
        doorkey::keys::create(&scene.key()).unwrap();
        scene
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("doorkey.key")
    }

    async fn expect(&self, shown: &Pair, cases: &[Case<'_>]) {
        self.cluster.encrypt(&shown.0, &shown.1);
        for (mode, root, host, expected) in cases {
            let url = format!("postgres://doorkey@{host}:{}/postgres?{mode}", self.cluster.port);
            let root = root.map(|root| root.0.clone());
            let url = DatabaseUrl::parse(&url).unwrap().with_root_certificate(root.clone());
            let opened = flow::operations::startup::open(&url, &self.key(), true, Clock::System).await;
            let printed = opened.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(
                printed.contains(expected) && printed.is_empty() == expected.is_empty(),
                "{} with {mode} {root:?} {host}: {printed}",
                shown.0.display()
            );
        }
    }
}

#[tokio::test]
async fn an_old_certificate_connects_and_proves_itself_where_it_stands_in_the_root_file() {
    let scene = ServerFixture::set();
    let folder = scene.folder.path();
    let old = Pair::old(folder, "old", "localhost", "rsa:2048");
    let elliptic = Pair::old(folder, "elliptic", "localhost", "ec -pkeyopt ec_paramgen_curve:prime256v1");
    let ed448 = Pair::old(folder, "ed448", "localhost", "ed448");
    let other = Pair::old(folder, "other", "localhost", "rsa:2048");
    let authority = Pair::authority(folder, "authority");
    let leaf = Pair::signed(folder, "leaf", "", "authority");
    let (is_old, is_for) = ("is of version 1 of X.509", "is for \"localhost\", not for \"127.0.0.1\"");

    for pair in [&old, &elliptic] {
        let cases = [
            ("", None, "127.0.0.1", ""),
            ("sslmode=require", None, "127.0.0.1", ""),
            ("sslmode=require", Some(pair), "127.0.0.1", ""),
            ("sslmode=verify-ca", Some(pair), "127.0.0.1", ""),
            ("sslmode=verify-full", Some(pair), "localhost", ""),
            ("", Some(pair), "localhost", ""),
            ("sslmode=verify-full", Some(pair), "127.0.0.1", is_for),
            ("sslmode=verify-ca", Some(&other), "localhost", is_old),
            ("sslmode=verify-full", Some(&authority), "localhost", is_old),
        ];
        scene.expect(pair, &cases).await;
    }
    scene.expect(&ed448, &[("", None, "localhost", ""), ("sslmode=require", None, "localhost", "")]).await;
    let cases = [
        ("sslmode=require", None, "localhost", ""),
        ("sslmode=verify-ca", Some(&leaf), "localhost", ""),
        ("sslmode=verify-ca", Some(&authority), "localhost", is_old),
    ];
    scene.expect(&leaf, &cases).await;
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused_by_what_it_lacks() {
    let scene = ServerFixture::set();
    let folder = scene.folder.path();
    let old = Pair::old(folder, "old", "localhost", "rsa:2048");
    let authority = Pair::authority(folder, "authority");
    let nameless = Pair::signed(folder, "nameless", "basicConstraints=CA:FALSE\n", "authority");
    let stranger = Pair::signed(folder, "stranger", "subjectAltName=DNS:elsewhere.test\n", "authority");

    let cases = [
        ("sslmode=verify-full", Some(&authority), "localhost", ""),
        ("sslmode=verify-full", Some(&authority), "127.0.0.1", "is for \"localhost\""),
        ("sslmode=verify-ca", Some(&old), "localhost", "is one of an authority"),
    ];
    scene.expect(&authority, &cases).await;
    let cases = [
        ("sslmode=verify-ca", Some(&authority), "localhost", ""),
        ("sslmode=verify-full", Some(&authority), "localhost", "names no host"),
        ("sslmode=verify-full", Some(&nameless), "localhost", ""),
    ];
    scene.expect(&nameless, &cases).await;
    let cases = [
        ("sslmode=verify-ca", Some(&stranger), "localhost", ""),
        ("sslmode=verify-full", Some(&stranger), "localhost", "elsewhere.test"),
        ("sslmode=verify-full", Some(&old), "localhost", "rests on no certificate"),
    ];
    scene.expect(&stranger, &cases).await;
}

/// Takes one connection to a PostgreSQL that has this certificate, and the key of another, and ends it after the handshake.
fn impostor(certificate: &Path, key: &Path) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let private = PrivateKeyDer::from_pem_file(key).unwrap();
    let private = provider.key_provider.load_private_key(private).unwrap();
    let shown = vec![CertificateDer::from_pem_file(certificate).unwrap()];
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let shown = Arc::new(SingleCertAndKey::from(CertifiedKey::new(shown, private)));
    let config = Arc::new(config.with_no_client_auth().with_cert_resolver(shown));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.read_exact(&mut [0; 8]).unwrap();
        socket.write_all(b"S").unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        let _ = connection.complete_io(&mut socket);
    });
    port
}

/// A certificate is no secret: whoever has it, and not its key, is nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_root_file_without_its_key_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, key) = (folder.path(), folder.path().join("doorkey.key"));
    doorkey::keys::create(&key).unwrap();
    for kind in ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:prime256v1"] {
        let genuine = Pair::old(folder, "genuine", "localhost", kind);
        let other = Pair::old(folder, "other", "localhost", kind);
        for (private, is_refused) in [(&genuine.1, false), (&other.1, true)] {
            let url =
                format!("postgres://me@localhost:{}/x?sslmode=verify-full", impostor(&genuine.0, private));
            let url = DatabaseUrl::parse(&url).unwrap().with_root_certificate(Some(genuine.0.clone()));
            let refused = flow::operations::startup::open(&url, &key, true, Clock::System)
                .await
                .unwrap_err()
                .to_string();
            assert_eq!(refused.contains("the server's certificate"), is_refused, "{refused}");
        }
    }
}
