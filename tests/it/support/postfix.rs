//! Postfix, as Debian has it, on ports and in folders of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use doorkey::config::{Security, SmtpConfig};
use tempfile::TempDir;

use super::certificates::Authority;
use super::mails::{smtp, with_login};
use super::ports::free_port;
use super::process::{Process, succeeds};
use super::wait::until;

/// What its programs find open before they give up being root.
const QUEUES: [&str; 12] = [
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "public",
    "saved", "trace",
];

/// A running server with STARTTLS on one port and TLS at once on another, who takes mails from who signs in.
///
/// It refuses `nobody@…`, puts off `later@…`, and takes three seconds to answer for a mail to `slow@…`.
pub struct Postfix {
    // It ends before its folder goes.
    _process: Process,
    pub authority: Authority,
    folder: TempDir,
    pub starttls: u16,
    at_once: u16,
}

impl Postfix {
    pub fn start() -> Self {
        assert!(
            is_root(),
            "Postfix serves only if root starts it: run these tests as root, or ./test, which leaves them out and says so"
        );
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let at = folder.path();
        let (starttls, at_once) = (free_port(), free_port());
        make_folders(at);
        let (certificate, key) = authority.sign("localhost", 2);
        std::fs::copy(certificate, at.join("cert.pem")).unwrap();
        std::fs::copy(key, at.join("key.pem")).unwrap();
        std::fs::write(at.join("config/main.cf"), main_cf(at)).unwrap();
        std::fs::write(at.join("config/master.cf"), master_cf([starttls, at_once])).unwrap();
        add_login(at);
        let mut master = Command::new("/usr/lib/postfix/sbin/master");
        master.arg("-c").arg(at.join("config")).arg("-d");
        master.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process(master.spawn().expect("postfix is there: ./test installs it"));
        let server = Self { _process: process, authority, folder, starttls, at_once };
        let is_there = || std::net::TcpStream::connect(("127.0.0.1", at_once)).is_ok();
        until(Duration::from_secs(20), is_there, || format!("postfix does not listen:\n{}", server.log()));
        server
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
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Whether it has the whole of a mail for which it has not answered yet.
    pub fn is_receiving(&self) -> bool {
        let log = self.log();
        // The one it says as soon as the mail has ended, the other as it writes the mail down.
        log.matches(": info: END-OF-MESSAGE").count() > log.matches(": message-id=").count()
    }

    /// The mails that it has delivered.
    pub fn mails(&self) -> Vec<PathBuf> {
        let Ok(mails) = std::fs::read_dir(self.folder.path().join("mails/new")) else { return Vec::new() };
        mails.map(|mail| mail.unwrap().path()).collect()
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

/// Its programs give up being root, and read and write as `postfix`; mails are written as `nobody`.
fn make_folders(at: &Path) {
    for folder in ["config/sasl", "data", "mails", "queue/pid"] {
        std::fs::create_dir_all(at.join(folder)).unwrap();
    }
    let queues = QUEUES.map(|queue| at.join("queue").join(queue));
    for queue in &queues {
        std::fs::create_dir(queue).unwrap();
    }
    let parents = at.ancestors().take_while(|parent| parent.starts_with(std::env::temp_dir()));
    let parents: Vec<_> = parents.filter(|parent| *parent != Path::new("/tmp")).collect();
    succeeds(Command::new("chmod").arg("711").args(parents));
    succeeds(Command::new("chown").arg("postfix").arg(at.join("data")).args(queues));
    succeeds(Command::new("chown").arg("nobody").arg(at.join("mails")));
}

/// Who may mail over it, in a database of its own.
fn add_login(at: &Path) {
    let database = at.join("config/sasl/users");
    let settings = format!(
        "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {}\nmech_list: PLAIN LOGIN\n",
        database.display()
    );
    std::fs::write(at.join("config/sasl/smtpd.conf"), settings).unwrap();
    let mut add = Command::new("/usr/sbin/saslpasswd2");
    add.args(["-c", "-p", "-u", "example.org", "-f"]).arg(&database).arg("login");
    let mut add = add.stdin(Stdio::piped()).spawn().expect("sasl2-bin is there: ./test installs it");
    add.stdin.take().unwrap().write_all(b"s3cret").unwrap();
    assert!(add.wait().unwrap().success(), "saslpasswd2 fails");
    succeeds(Command::new("chown").arg("postfix").arg(database));
}

fn main_cf(at: &Path) -> String {
    let at = at.display();
    format!(
        "compatibility_level = 3.6
myhostname = localhost
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = {at}/queue
data_directory = {at}/data
maillog_file = {at}/log
maillog_file_prefixes = {at}
notify_classes =

smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {at}/cert.pem
smtpd_tls_key_file = {at}/key.pem
smtpd_tls_received_header = yes
smtpd_sasl_auth_enable = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{
    {{ nobody@ = 550 5.1.1 no such user here }}
    {{ later@ = 451 4.7.1 come back later }} }}
smtpd_end_of_data_restrictions =
    check_recipient_access static:{{INFO here is all of it}}
    check_recipient_access inline:{{ {{ slow@ = sleep 3 }} }}

mydestination =
local_recipient_maps =
alias_maps =
fast_flush_domains =
virtual_mailbox_domains = static:all
virtual_mailbox_base = {at}
virtual_mailbox_maps = static:mails/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
"
    )
}

/// The services that it is made of, none in a root folder of its own.
fn master_cf([starttls, at_once]: [u16; 2]) -> String {
    format!(
        "127.0.0.1:{starttls} inet n - n - - smtpd
127.0.0.1:{at_once} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
anvil unix - - n - 1 anvil
bounce unix - - n - 0 bounce
cleanup unix n - n - 0 cleanup
defer unix - - n - 0 bounce
error unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
qmgr unix n - n 300 1 qmgr
retry unix - - n - - error
rewrite unix - - n - - trivial-rewrite
tlsmgr unix - - n 1000? 1 tlsmgr
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
"
    )
}
