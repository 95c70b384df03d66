//! Several `doorkey serve` on one database, whose URL names several servers.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::replicated_cluster::Cluster;
use crate::support::server::{binary, free_port};

pub struct Nodes {
    pub key: String,
    folder: TempDir,
    database: String,
    running: Vec<(u16, Child)>,
}

impl Nodes {
    /// A workspace at localhost, its API key, and so many nodes that know both servers.
    pub fn start(count: usize, servers: [&Cluster; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        doorkey::keys::create(&folder.path().join("doorkey.key")).unwrap();
        let [first, second] = servers.map(|server| server.port);
        let hosts = format!("127.0.0.1:{first},127.0.0.1:{second}");
        let database = format!("postgres://doorkey@{hosts}/postgres?sslmode=disable");
        let mut nodes = Self { key: String::new(), folder, database, running: Vec::new() };
        nodes.run(&["workspace", "create", "Acme", "--url", "http://localhost:8080"]);
        let made = nodes.run(&["key", "create", "--workspace", "Acme", "--name", "tests", "--json"]);
        let made: Value = serde_json::from_str(&made).unwrap();
        made["key"].as_str().unwrap().clone_into(&mut nodes.key);
        for _ in 0..count {
            let database = nodes.database.clone();
            let node = nodes.spawn(&database);
            nodes.running.push(node);
        }
        nodes
    }

    /// One more, on a database of its own choosing, until it is dropped with the others.
    pub fn add_on(&mut self, database: &str) -> u16 {
        let node = self.spawn(database);
        self.running.push(node);
        self.running.last().unwrap().0
    }

    pub fn ports(&self) -> Vec<u16> {
        self.running.iter().map(|(port, _)| *port).collect()
    }

    /// Whether each is still the process that was started.
    pub fn are_the_same(&mut self) -> bool {
        self.running.iter_mut().all(|(_, node)| node.try_wait().unwrap().is_none())
    }

    pub fn log_of(&self, port: u16) -> String {
        std::fs::read_to_string(self.log(port)).unwrap()
    }

    fn log(&self, port: u16) -> PathBuf {
        self.folder.path().join(format!("{port}.log"))
    }

    fn run(&self, words: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(&self.database).args(words).output().unwrap();
        assert!(status.success(), "{words:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    fn command(&self, database: &str) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.folder.path()).env("DOORKEY_DATABASE", database).stdin(Stdio::null());
        // All of a test comes from one address.
        command.env("DOORKEY_LOGIN_MISSES_PER_MINUTE", "off").env("DOORKEY_AUTH_FAILURES_PER_MINUTE", "off");
        command
    }

    fn spawn(&self, database: &str) -> (u16, Child) {
        let (port, ops) = (free_port(), free_port());
        let mut command = self.command(database);
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}")]);
        command.args(["--ops-listen", &format!("127.0.0.1:{ops}")]);
        let log = std::fs::File::create(self.log(port)).unwrap();
        let mut node = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let begun = Instant::now();
        while !self.log_of(port).contains("listening") {
            let ended = node.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(30), "{}", self.log_of(port));
            std::thread::sleep(Duration::from_millis(20));
        }
        (port, node)
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for (_, node) in &mut self.running {
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}
