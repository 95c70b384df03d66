//! Apache with `mod_auth_openidc`, as Debian has them, in front of an application that shows what reaches it.

use std::fs::{read_to_string, write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::foreign_app::Registration;
use super::process::Process;
use super::upstream_app::UpstreamApp;
use super::wait::until;

/// Where Debian puts modules.
const MODULES: &str = "/usr/lib/apache2/modules";

/// A running server whose pages below `/secure` are for who is signed in.
pub struct Apache {
    // It ends before its folder goes.
    _process: Process,
    folder: TempDir,
    pub client_id: String,
    origin: String,
    _upstream: UpstreamApp,
}

impl Apache {
    /// The path of its redirect URI, at which it also takes third-party starts and back-channel calls.
    pub const CALLBACK: &str = "/secure/redirect_uri";

    pub fn start(registration: Registration) -> Self {
        Self::start_with(registration, "")
    }

    /// With further settings of the module.
    pub fn start_with(registration: Registration, more: &str) -> Self {
        for needed in ["/usr/sbin/apache2", &format!("{MODULES}/mod_auth_openidc.so")] {
            assert!(Path::new(needed).exists(), "{needed} is missing: ./test installs it");
        }
        let (folder, upstream) = (tempfile::tempdir().unwrap(), UpstreamApp::start());
        let file = folder.path().join("apache.conf");
        let settings = settings(folder.path(), &registration, upstream.port);
        write(&file, format!("{settings}{more}\n")).unwrap();
        // One process, which ends with the test.
        let mut apache = Command::new("/usr/sbin/apache2");
        apache.args(["-X", "-f"]).arg(file);
        apache.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process(apache.spawn().unwrap());
        let Registration { port, client_id, .. } = registration;
        let origin = format!("http://localhost:{port}");
        let server = Self { _process: process, folder, client_id, origin, _upstream: upstream };
        let is_there = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        until(Duration::from_secs(20), is_there, || format!("apache does not listen:\n{}", server.log()));
        server
    }

    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// What its log says.
    pub fn log(&self) -> String {
        read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// What `apache.conf` says, after the quickstart of the module.
fn settings(folder: &Path, registration: &Registration, upstream: u16) -> String {
    let modules =
        ["mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "auth_openidc"];
    let modules = modules.map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n")).concat();
    let Registration { port, issuer, client_id, secret, .. } = registration;
    let (folder, callback) = (folder.display(), Apache::CALLBACK);
    format!(
        "{modules}
ServerName localhost
ServerRoot {folder}
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog {folder}/log
LogLevel warn auth_openidc:info
User nobody
Group nogroup

OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {client_id}
OIDCClientSecret {secret}
OIDCRedirectURI http://localhost:{port}{callback}
OIDCCryptoPassphrase of-a-test
OIDCScope \"openid profile email phone groups\"
OIDCPKCEMethod S256
OIDCInfoHook id_token userinfo
OIDCDefaultURL http://localhost:{port}/secure/home

<Location /secure>
    AuthType openid-connect
    Require valid-user
</Location>
ProxyPass {callback} !
ProxyPass /secure http://127.0.0.1:{upstream}/secure
ProxyPass /signed-out http://127.0.0.1:{upstream}/signed-out
"
    )
}
