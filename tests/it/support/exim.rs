//! Exim, as Debian has it, on ports and in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use doorkey::config::{Security, SmtpConfig};
use tempfile::TempDir;

use super::certificates::Authority;
use super::mails::{smtp, with_login};
use super::process::{Process, succeeds};
use super::server::free_port;
use super::wait::until;

/// A running server with STARTTLS on one port and TLS at once on another, who takes mails from who signs in.
///
/// It refuses `nobody@…`, puts off `later@…`, and takes three seconds to answer for a mail to `slow@…`.
pub struct Exim {
    pub authority: Authority,
    pub folder: TempDir,
    pub starttls: u16,
    at_once: u16,
    _process: Process,
}

impl Exim {
    pub fn start() -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let at = folder.path();
        let (certificate, key) = authority.sign("localhost", 2);
        std::fs::copy(certificate, at.join("cert.pem")).unwrap();
        std::fs::copy(key, at.join("key.pem")).unwrap();
        std::fs::create_dir(at.join("mails")).unwrap();
        let (starttls, at_once) = (free_port(), free_port());
        let is_root = own_id("-u") == "0";
        let user = if is_root { "Debian-exim".to_owned() } else { own_id("-un") };
        std::fs::write(at.join("exim.conf"), configuration(at, [starttls, at_once], &user)).unwrap();
        if is_root {
            // It gives up being root, and reads and writes as its own user.
            let parents = parents_below_tmp(at);
            if !parents.is_empty() {
                succeeds(Command::new("chmod").arg("711").args(parents));
            }
            succeeds(Command::new("chown").arg("-R").arg("Debian-exim").arg(at));
            succeeds(Command::new("chown").arg("root").arg(at.join("exim.conf")));
        }
        let mut exim = Command::new("/usr/sbin/exim4");
        exim.arg("-C").arg(at.join("exim.conf")).arg("-bdf").stdin(Stdio::null()).stdout(Stdio::null());
        let process =
            Process(exim.stderr(Stdio::null()).spawn().expect("exim4 is there: ./test installs it"));
        let is_there = || std::net::TcpStream::connect(("127.0.0.1", at_once)).is_ok();
        until(Duration::from_secs(20), is_there, || "exim does not listen".to_owned());
        Self { authority, folder, starttls, at_once, _process: process }
    }

    pub fn config(&self, security: Security) -> SmtpConfig {
        let port = if security == Security::Tls { self.at_once } else { self.starttls };
        with_login(
            self.authority.folder.path(),
            smtp(security, "localhost", port, Some(self.authority.root())),
        )
    }

    /// What its log says.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log_main")).unwrap_or_default()
    }

    /// Whether it has the whole of a mail for which it has not answered yet.
    pub fn is_receiving(&self) -> bool {
        let Ok(files) = std::fs::read_dir(self.folder.path().join("spool/input")) else { return false };
        files.flatten().any(|file| file.file_name().to_string_lossy().ends_with("-D"))
    }

    /// The mails that it has delivered.
    pub fn mails(&self) -> Vec<PathBuf> {
        let Ok(mails) = std::fs::read_dir(self.folder.path().join("mails/new")) else { return Vec::new() };
        mails.map(|mail| mail.unwrap().path()).collect()
    }
}

fn configuration(at: &Path, [starttls, at_once]: [u16; 2], user: &str) -> String {
    let at = at.display();
    format!(
        "primary_hostname = localhost
exim_user = {user}
spool_directory = {at}/spool
log_file_path = {at}/log_%s
pid_file_path = {at}/pid
daemon_smtp_ports = {starttls} : {at_once}
tls_on_connect_ports = {at_once}
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = {at}/cert.pem
tls_privatekey = {at}/key.pem
acl_smtp_rcpt = rcpt
acl_smtp_data = data
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =

begin acl
rcpt:
  deny !authenticated = *
       message = sign in first
  deny local_parts = nobody
       message = no such user here
  defer local_parts = later
       message = come back later
  accept
data:
  accept condition = ${{if match{{$recipients}}{{slow}}}}
         delay = 3s
  accept

begin routers
all:
  driver = accept
  transport = keep

begin transports
keep:
  driver = appendfile
  directory = {at}/mails
  maildir_format
  user = {user}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and {{{{eq{{$auth2}}{{login@example.org}}}}{{eq{{$auth3}}{{s3cret}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
"
    )
}

fn own_id(flag: &str) -> String {
    let output = Command::new("id").arg(flag).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The folders on the way, which its user must be let through.
fn parents_below_tmp(at: &Path) -> Vec<&Path> {
    at.ancestors()
        .skip(1)
        .take_while(|parent| parent.starts_with(std::env::temp_dir()))
        .filter(|parent| *parent != Path::new("/tmp"))
        .collect()
}
