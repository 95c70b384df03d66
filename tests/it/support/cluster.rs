//! A PostgreSQL of a test's own, which it may freeze, end and start as it likes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::server::free_port;

/// A server on loopback that lets its one role, doorkey, in without a password.
pub struct Cluster {
    folder: TempDir,
    pub port: u16,
}

impl Cluster {
    pub fn start() -> Self {
        let cluster = Self::prepare();
        let make = ["-N", "-U", "doorkey", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"];
        finish(program("initdb").args(make).arg("-D").arg(cluster.data()));
        cluster.start_again();
        cluster
    }

    /// A standby that follows this one.
    pub fn standby(&self) -> Self {
        let standby = Self::prepare();
        let port = self.port.to_string();
        let from = ["-h", "127.0.0.1", "-p", &port, "-U", "doorkey", "-R", "-N", "-c", "fast"];
        finish(program("pg_basebackup").args(from).arg("-D").arg(standby.data()));
        standby.start_again();
        standby
    }

    fn prepare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        belongs_to_postgres(folder.path());
        Self { folder, port: free_port() }
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
            belongs_to_postgres(&to);
        }
        super::database::psql(&self.url(), "ALTER SYSTEM SET ssl = on;\nSELECT pg_reload_conf();");
        // The first process hears of it a moment later.
        let (url, begun) = (self.url().replace("disable", "require"), std::time::Instant::now());
        let shown = fs::read_to_string(certificate).unwrap();
        while !sends(&url, &shown) {
            assert!(begun.elapsed().as_secs() < 15, "it does not offer TLS with this certificate");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Ends it as a crash would.
    pub fn stop(&self) {
        finish(self.control("stop").args(["-m", "immediate"]));
    }

    pub fn start_again(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off",
            self.port
        );
        finish(self.control("start").args(["-l", &format!("{}/log", self.path()), "-o", &options]));
    }

    /// Has a standby take writes from here on.
    pub fn promote(&self) {
        finish(&mut self.control("promote"));
    }

    /// Stops all of it where it stands. Connections are still taken, since the system does that.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let Ok(file) = fs::read_to_string(self.data().join("postmaster.pid")) else { return };
        let first = file.lines().next().unwrap().to_owned();
        let one = |id: &str| Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap();
        one(&first);
        // Nobody is born any more once the first stands still.
        let children = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let stat = fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?;
            (parent == first).then(|| stat.split(' ').next().map(str::to_owned))?
        });
        for child in children.collect::<Vec<_>>() {
            one(&child);
        }
    }

    fn control(&self, verb: &str) -> Command {
        let mut command = program("pg_ctl");
        command.args([verb, "-w", "-D"]).arg(self.data());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.thaw();
        let _ = quiet(self.control("stop").args(["-m", "immediate"])).status();
    }
}

/// A pgbouncer before a server.
pub struct Pooler {
    _folder: TempDir,
    process: Child,
    port: u16,
}

impl Pooler {
    pub fn start(cluster: &Cluster, mode: &str) -> Self {
        Self::start_with(cluster, mode, 20)
    }

    /// With so many connections to the server at most.
    pub fn start_with(cluster: &Cluster, mode: &str, most: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, file) = (free_port(), folder.path().join("pgbouncer.ini"));
        let text = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} user=doorkey\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {most}\n",
            cluster.port
        );
        fs::write(&file, text).unwrap();
        belongs_to_postgres(folder.path());
        let process = quiet(as_postgres("/usr/sbin/pgbouncer").arg(file)).spawn().unwrap();
        let pooler = Self { _folder: folder, process, port };
        let begun = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed().as_secs() < 15, "pgbouncer does not listen");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        pooler
    }

    pub fn url(&self) -> String {
        format!("postgres://doorkey@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = Command::new("sh").args(["-c", &format!("kill {}", self.process.id())]).status();
        let _ = self.process.wait();
    }
}

/// A program of the newest PostgreSQL that is installed; Debian keeps them apart from the path.
fn program(name: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path());
    let newest = versions.max_by_key(|path| path.file_name()?.to_str()?.parse::<u32>().ok()).unwrap();
    as_postgres(newest.join("bin").join(name).to_str().unwrap())
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &str) -> Command {
    let mut command = if is_root() { Command::new("runuser") } else { Command::new(program) };
    if is_root() {
        command.args(["-u", "postgres", "--", program]);
    }
    command.current_dir("/");
    command
}

fn belongs_to_postgres(folder: &Path) {
    if is_root() {
        assert!(Command::new("chown").args(["-R", "postgres"]).arg(folder).status().unwrap().success());
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Whether a server sends this certificate.
fn sends(url: &str, certificate: &str) -> bool {
    let address = url.split(['@', '/']).nth(3).unwrap();
    let client = Command::new("openssl")
        .args(["s_client", "-starttls", "postgres", "-connect", address])
        .stdin(Stdio::null())
        .output();
    let inner =
        |text: &str| text.split("-----").nth(2).map(|body| body.split_whitespace().collect::<String>());
    inner(&String::from_utf8_lossy(&client.unwrap().stdout)) == inner(certificate)
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

fn finish(command: &mut Command) {
    assert!(quiet(command).status().unwrap().success(), "{command:?}");
}
