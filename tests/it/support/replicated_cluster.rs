//! PostgreSQL servers of a test's own, which it may kill, freeze and promote.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::database::psql;
use super::server::free_port;

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
        if is_root() {
            done(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        Self { port: free_port(), folder, process: None }
    }

    pub fn start_primary() -> Self {
        let mut cluster = Self::plan();
        let initdb = ["-U", "doorkey", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"];
        done(program("initdb").arg("-D").arg(cluster.data()).args(initdb));
        cluster.start();
        cluster
    }

    /// Makes this one, whatever it was before, a synchronous standby of another.
    pub fn follow(&mut self, primary: &Self) {
        self.kill();
        let _ = fs::remove_dir_all(self.data());
        let from = format!("host=127.0.0.1 port={} user=doorkey application_name=standby", primary.port);
        let copy = ["-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", &from];
        done(program("pg_basebackup").arg("-D").arg(self.data()).args(copy));
        // Who is promoted has nobody to wait for; what stands last counts.
        let settings = fs::OpenOptions::new().append(true).open(self.data().join("postgresql.auto.conf"));
        settings.unwrap().write_all(b"synchronous_standby_names = ''\n").unwrap();
        self.start();
        primary.run("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
        primary.run("SELECT pg_reload_conf()");
        primary.wait_for_standby();
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

    /// Starts what was stopped or killed.
    pub fn start_again(&mut self) {
        self.start();
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

    pub fn url(&self) -> String {
        format!("postgres://doorkey@127.0.0.1:{}/postgres", self.port)
    }

    fn start(&mut self) {
        let mut server = program("postgres");
        server.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        // No test here cuts the power: what is committed outlives any kill without being synced.
        for setting in
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=200"]
        {
            server.args(["-c", setting]);
        }
        let log = fs::File::create(std::env::temp_dir().join(format!("postgres-{}.log", self.port))).unwrap();
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(server.spawn().unwrap());
        let begun = Instant::now();
        while !is_done(program("psql").args(["-X", "-c", "SELECT 1", "-d", &self.url()])) {
            assert!(begun.elapsed() < TIMEOUT, "it does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn wait_for(&self, sql: &str, wanted: &str) {
        let begun = Instant::now();
        while self.run(sql).trim() != wanted {
            assert!(begun.elapsed() < TIMEOUT, "{sql} does not come to {wanted}");
            std::thread::sleep(Duration::from_millis(50));
        }
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

fn signal(name: &str, processes: &[u32]) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).args(processes.iter().map(u32::to_string));
    // One of them may have come to its end meanwhile.
    let _ = kill.stderr(Stdio::null()).status().unwrap();
}

/// A program of the newest PostgreSQL here, as a user that it runs for.
fn program(name: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path());
    let newest =
        versions.max_by_key(|path| path.file_name().unwrap().to_str().unwrap().parse::<u32>().unwrap_or(0));
    let path = newest.expect("there is no PostgreSQL: apt-get install postgresql").join("bin").join(name);
    if !is_root() {
        return Command::new(path);
    }
    // It becomes the program, so that its number is the program's.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(path).current_dir("/");
    command
}

fn is_root() -> bool {
    fs::metadata(Path::new("/proc/self")).unwrap().uid() == 0
}

fn is_done(command: &mut Command) -> bool {
    command.output().unwrap().status.success()
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
