//! PostgreSQL servers of a test's own, which it may kill, freeze and promote.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::database::psql;
use super::ports::free_port;
use super::process::{signal, succeeds};
use super::wait::until;

/// How long a server may take to start, to follow or to take over.
const TIMEOUT: Duration = Duration::from_mins(1);

/// One server: a folder, a port, and a process if it runs.
pub struct Cluster {
    pub port: u16,
    folder: TempDir,
    process: Option<Child>,
}

impl Cluster {
    /// An empty folder and a port.
    pub fn plan() -> Self {
        let folder = tempfile::tempdir().unwrap();
        give_to_postgres(folder.path());
        Self { port: free_port(), folder, process: None }
    }

    pub fn start() -> Self {
        let mut cluster = Self::plan();
        let initdb = ["-U", "doorkey", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"];
        succeeds(program("initdb").arg("-D").arg(cluster.data()).args(initdb));
        cluster.start_again();
        cluster
    }

    /// Makes this one, whatever it was before, a synchronous standby of another.
    pub fn follow(&mut self, primary: &Self) {
        self.kill();
        let _ = fs::remove_dir_all(self.data());
        self.copy_from(primary);
        // Who is promoted has nobody to wait for; what stands last counts.
        let settings = fs::OpenOptions::new().append(true).open(self.data().join("postgresql.auto.conf"));
        settings.unwrap().write_all(b"synchronous_standby_names = ''\n").unwrap();
        self.start_again();
        primary.run("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
        primary.run("SELECT pg_reload_conf()");
        primary.wait_for_standby();
    }

    /// A standby that follows this one, which does not wait for it.
    pub fn standby(&self) -> Self {
        let mut standby = Self::plan();
        standby.copy_from(self);
        standby.start_again();
        standby
    }

    /// Makes a standby the primary, and waits until it takes writes.
    pub fn promote(&self) {
        self.run("SELECT pg_promote(false)");
        self.wait_for("SELECT pg_is_in_recovery()", "f");
    }

    /// Ends all of it where it stands, as a machine that is switched off would.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // All are stopped first, so that none sees another one go and tells anybody.
        signal("STOP", &family(process.id()));
        signal("KILL", &family(process.id()));
        process.wait().unwrap();
    }

    /// Ends it as an administrator does who is in a hurry: whoever waits for the standby is sent away.
    pub fn stop_fast(&mut self) {
        let mut process = self.process.take().unwrap();
        signal("INT", &[process.id()]);
        process.wait().unwrap();
    }

    /// Waits until its commits are acknowledged by the standby again.
    pub fn wait_for_standby(&self) {
        self.wait_for("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "1");
    }

    /// Stops all of it where it stands. Its ports stay open.
    pub fn freeze(&self) {
        let first = self.process.as_ref().unwrap().id();
        signal("STOP", &[first]);
        signal("STOP", &family(first));
    }

    pub fn thaw(&self) {
        signal("CONT", &family(self.process.as_ref().unwrap().id()));
    }

    pub fn run(&self, sql: &str) -> String {
        psql(&self.url(), sql)
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.run(sql).trim().parse().unwrap()
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("postgres://doorkey@{}/postgres?sslmode=disable", self.address())
    }

    /// Has it offer TLS with this certificate and its key from here on.
    pub fn encrypt(&self, certificate: &Path, key: &Path) {
        for (from, to) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = self.data().join(to);
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            give_to_postgres(&to);
        }
        self.run("ALTER SYSTEM SET ssl = on;\nSELECT pg_reload_conf();");
        // The first process hears of it a moment later.
        let shown = fs::read_to_string(certificate).unwrap();
        let offers_it = || sends(&self.address(), &shown);
        until(TIMEOUT, offers_it, || "it does not offer TLS with this certificate".to_owned());
    }

    /// Starts what is new, was stopped or killed.
    pub fn start_again(&mut self) {
        let mut server = program("postgres");
        server.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        // No test here cuts the power: what is committed outlives any kill without being synced.
        for setting in
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=200"]
        {
            server.args(["-c", setting]);
        }
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(server.spawn().unwrap());
        let url = self.url();
        let is_there =
            || program("psql").args(["-X", "-c", "SELECT 1", "-d", &url]).output().unwrap().status.success();
        let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        until(TIMEOUT, is_there, || format!("it does not start:\n{}", log()));
    }

    fn copy_from(&self, primary: &Self) {
        let from = format!("host=127.0.0.1 port={} user=doorkey application_name=standby", primary.port);
        let copy = ["-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", &from];
        succeeds(program("pg_basebackup").arg("-D").arg(self.data()).args(copy));
    }

    fn wait_for(&self, sql: &str, wanted: &str) {
        let is_so = || self.run(sql).trim() == wanted;
        until(TIMEOUT, is_so, || format!("{sql} does not come to {wanted}"));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process and those that it started.
fn family(first: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
    children.split_whitespace().map(|id| id.parse().unwrap()).chain([first]).collect()
}

/// A program of the newest PostgreSQL here, as a user that it runs for.
fn program(name: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path());
    let newest =
        versions.max_by_key(|path| path.file_name().unwrap().to_str().unwrap().parse::<u32>().unwrap_or(0));
    as_postgres(&newest.expect("there is no PostgreSQL: apt-get install postgresql").join("bin").join(name))
}

/// PostgreSQL refuses to run as root.
pub fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    // It becomes the program, so that its number is the program's.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command.current_dir("/");
    command
}

pub fn give_to_postgres(path: &Path) {
    if is_root() {
        succeeds(Command::new("chown").args(["-R", "postgres"]).arg(path));
    }
}

/// Whether a server sends this certificate.
fn sends(address: &str, certificate: &str) -> bool {
    let ask = ["s_client", "-starttls", "postgres", "-connect", address];
    let client = Command::new("openssl").args(ask).stdin(Stdio::null()).output().unwrap();
    let inner =
        |text: &str| text.split("-----").nth(2).map(|body| body.split_whitespace().collect::<String>());
    inner(&String::from_utf8_lossy(&client.stdout)) == inner(certificate)
}

fn is_root() -> bool {
    fs::metadata(Path::new("/proc/self")).unwrap().uid() == 0
}

fn is_succeeds(command: &mut Command) -> bool {
    command.output().unwrap().status.success()
}
