//! Exim, as Debian has it: STARTTLS, TLS at once, AUTH, and what it says of who may not be mailed to.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use doorkey::config::{Security, SmtpConfig};
use doorkey::domain::mail::Message;
use doorkey::outbound::mail_server::SendError;
use tempfile::TempDir;

use crate::support::certificates::Authority;
use crate::support::mails::{PATIENT, address, mail_server, message, smtp, with_login};
use crate::support::process::{Process, succeeds};
use crate::support::server::free_port;
use crate::support::wait::until;

/// Exim on two ports of its own.
struct Exim {
    authority: Authority,
    folder: TempDir,
    starttls: u16,
    at_once: u16,
    _process: Process,
}

impl Exim {
    fn start() -> Self {
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

    fn config(&self, security: Security) -> SmtpConfig {
        let port = if security == Security::Tls { self.at_once } else { self.starttls };
        with_login(
            self.authority.folder.path(),
            smtp(security, "localhost", port, Some(self.authority.root())),
        )
    }

    fn mails(&self) -> Vec<PathBuf> {
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

#[tokio::test]
async fn a_real_mail_server_takes_mails_over_starttls_and_tls_and_keeps_them_as_they_were() {
    let exim = Exim::start();
    let message =
        Message { text: "Grüße\n\n.\nhttps://portal.example.org/login?token=3D\n".to_owned(), ..message() };

    for security in [Security::StartTls, Security::Tls] {
        let server = mail_server(exim.config(security), PATIENT);
        for _ in 0..3 {
            let sent = server.send(&message).await.unwrap();
            assert!(sent.reply.starts_with("250 OK id="), "{}", sent.reply);
        }
    }

    let count = || format!("{} mails are delivered", exim.mails().len());
    until(Duration::from_secs(20), || exim.mails().len() == 6, count);
    for mail in exim.mails() {
        let text = String::from_utf8(std::fs::read(mail).unwrap()).unwrap();
        assert!(text.contains("\nMIME-Version: 1.0\nContent-Type: multipart/alternative;\n"), "{text}");
        assert!(text.contains("8bit\n\nGrüße\n\n.\nhttps://portal.example.org/login?token=3D\n"), "{text}");
    }
    let log = std::fs::read_to_string(exim.folder.path().join("log_main")).unwrap();
    assert!(!log.contains("portal.example.org"), "{log}");
    assert_eq!(log.matches("P=esmtpsa").count(), 6, "{log}");
}

#[tokio::test]
async fn what_a_real_mail_server_refuses_is_told() {
    let exim = Exim::start();
    let right = mail_server(exim.config(Security::StartTls), PATIENT);
    let send = async |to: &str| right.send(&Message { to: address(to), ..message() }).await.unwrap_err();

    assert_eq!(
        send("nobody@example.net").await,
        SendError::Failed { reply: "550 no such user here".to_owned() }
    );
    assert_eq!(send("later@example.net").await, SendError::Later { reply: "451 come back later".to_owned() });
    right.send(&message()).await.unwrap();

    let stranger = SmtpConfig { login: None, ..exim.config(Security::StartTls) };
    let trial = mail_server(stranger, PATIENT).test(&message()).await;
    assert!(trial.outcome.unwrap_err().contains("refuses the recipient (550 sign in first)"));
    let (_, password) = exim.config(Security::Tls).login.unwrap();
    let login = Some(("somebody@example.org".to_owned(), password));
    let somebody = SmtpConfig { login, ..exim.config(Security::Tls) };
    let advice = mail_server(somebody, PATIENT).test(&message()).await.outcome.unwrap_err();
    assert!(advice.contains("refuses USER or password (535 Incorrect authentication data)"), "{advice}");
}
