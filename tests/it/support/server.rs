//! The real binary on a real port: what an operator starts, and what is asked of it from outside.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;

use super::database::Database;
use super::ports::free_port;

/// How long a start, a stop or an answer may take before the test fails.
const TIMEOUT: Duration = Duration::from_secs(15);

const KEY_FILE: &str = "doorkey.key";
const LOG: &str = "server.log";

/// An installation in a folder of its own, with one workspace at `http://localhost:PORT`.
pub struct Server {
    pub port: u16,
    pub ops_port: u16,
    pub key: String,
    workspace: String,
    pub database: Arc<Database>,
    folder: Arc<TempDir>,
    process: Option<Child>,
}

impl Server {
    pub fn start() -> Self {
        Self::start_named("Acme")
    }

    /// With a workspace of this name.
    pub fn start_named(workspace: &str) -> Self {
        let mut server = Self::prepare(workspace);
        server.serve_with(&[]);
        server
    }

    /// A workspace and its key, but nobody serves yet.
    pub fn prepare(workspace: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::fresh(folder.path());
        Self::prepare_in(folder, database, workspace)
    }

    /// The same on a server that the test has to itself.
    pub fn prepare_at(url: String) -> Self {
        Self::prepare_on(Database::Cluster(url))
    }

    /// The same on a database that is empty.
    pub fn prepare_on(database: Database) -> Self {
        Self::prepare_in(tempfile::tempdir().unwrap(), database, "Acme")
    }

    /// Another node, on the same database and with the same key file, on ports of its own. It does not serve yet.
    pub fn beside(&self) -> Self {
        let (database, folder) = (Arc::clone(&self.database), Arc::clone(&self.folder));
        let (key, workspace) = (self.key.clone(), self.workspace.clone());
        Self { port: free_port(), ops_port: free_port(), key, workspace, database, folder, process: None }
    }

    /// The same on another database.
    pub fn beside_at(&self, url: String) -> Self {
        let mut node = self.beside();
        node.database = Arc::new(Database::Cluster(url));
        node
    }

    /// A folder with a key and the address of a database that nobody has opened yet.
    pub fn untouched() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::fresh(folder.path());
        Self::untouched_in(folder, database, "Acme")
    }

    fn untouched_in(folder: TempDir, database: Database, workspace: &str) -> Self {
        database.prepare_key(&folder.path().join(KEY_FILE));
        let (port, ops_port, workspace) = (free_port(), free_port(), workspace.to_owned());
        let (database, folder) = (Arc::new(database), Arc::new(folder));
        Self { port, ops_port, key: String::new(), workspace, database, folder, process: None }
    }

    fn prepare_in(folder: TempDir, database: Database, workspace: &str) -> Self {
        let mut server = Self::untouched_in(folder, database, workspace);
        server.add_workspace();
        server
    }

    /// Its workspace, and an API key of that.
    pub fn add_workspace(&mut self) {
        self.run(&["workspace", "create", &self.workspace, "--url", &self.url("")]);
        let made = self.run(&["key", "create", "--workspace", &self.workspace, "--name", "tests", "--json"]);
        let made: Value = serde_json::from_str(&made).unwrap();
        made["key"].as_str().unwrap().clone_into(&mut self.key);
    }

    /// Runs another command beside the server; it must succeed. Gives what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).stdin(Stdio::null()).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "doorkey {} failed: {complaint}", arguments.join(" "));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command with these environment variables; it must fail. Gives what it complained of.
    pub fn refused(&self, arguments: &[&str], surroundings: &[(&str, &str)]) -> String {
        let mut command = self.command();
        let command = command.args(arguments).envs(surroundings.iter().copied());
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "doorkey {} went well", arguments.join(" "));
        String::from_utf8(output.stderr).unwrap()
    }

    pub fn add_client(&self, email: &str, name_f: &str, name_l: &str) -> i64 {
        let names = ["--name-f", name_f, "--name-l", name_l, "--json"];
        let add = ["user", "add", "--workspace", &self.workspace, "--email", email];
        let made = self.run(&[&add[..], &names].concat());
        serde_json::from_str::<Value>(&made).unwrap()["id"].as_i64().unwrap()
    }

    /// Changes a setting of the workspace, `key=value`.
    pub fn workspace_set(&self, setting: &str) {
        self.run(&["workspace", "set", &self.workspace, setting]);
    }

    pub async fn ask_for_link(&self, user: i64) -> String {
        self.ask_for_link_to(user, "").await
    }

    /// A link that leads to `redirect` in the end.
    pub async fn ask_for_link_to(&self, user: i64, redirect: &str) -> String {
        let wish =
            if redirect.is_empty() { String::new() } else { format!("?redirect={}", encode(redirect)) };
        let response = self.call("GET", &format!("/api/login_links/{user}{wish}")).await;
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        let body: Value = response.json().await.unwrap();
        body["link"].as_str().unwrap().to_owned()
    }

    /// A call of the back office with its key.
    pub async fn call(&self, method: &str, path: &str) -> Response {
        let request = visitor().request(method.parse().unwrap(), self.url(path));
        request.bearer_auth(&self.key).send().await.unwrap()
    }

    /// Waits until this line stands among the metrics.
    pub async fn counts(&self, line: &str) {
        let start = Instant::now();
        loop {
            let response = visitor().get(self.ops_url("/metrics")).send().await.unwrap();
            let metrics = response.text().await.unwrap();
            if metrics.lines().any(|counted| counted == line) {
                return;
            }
            assert!(start.elapsed() < TIMEOUT, "{line} is not among\n{metrics}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    pub fn ops_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ops_port)
    }

    /// Sends bytes as they are and gives what came back until the server closed or fell silent.
    pub fn send_raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
        // A server that has heard enough may close before it has read all: what it said still counts.
        let _ = stream.write_all(bytes);
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        String::from_utf8_lossy(&response).into_owned()
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap()
    }

    /// Starts it, or starts it anew on the same database, with these environment variables.
    pub fn serve_with(&mut self, surroundings: &[(&str, &str)]) {
        self.serve_under(&[], surroundings);
    }

    /// The same, started by a command that becomes it.
    pub fn serve_under(&mut self, starter: &[&str], surroundings: &[(&str, &str)]) {
        self.spawn_under(starter, surroundings);
        self.wait_until("/readyz");
    }

    /// The same for one that lives, but is not expected to be ready.
    pub fn serve_unready_with(&mut self, surroundings: &[(&str, &str)]) {
        self.spawn_under(&[], surroundings);
        self.wait_until("/healthz");
    }

    fn spawn_under(&mut self, starter: &[&str], surroundings: &[(&str, &str)]) {
        assert!(self.process.is_none(), "it runs already");
        let log = OpenOptions::new().create(true).append(true).open(self.path(LOG)).unwrap();
        let mut command = match starter {
            [] => self.command(),
            [program, words @ ..] => {
                let mut command = self.prepared(Command::new(program));
                command.args(words).arg(binary());
                command
            }
        };
        command.args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)]);
        command.args(["--ops-listen", &format!("127.0.0.1:{}", self.ops_port)]);
        command.envs(surroundings.iter().copied()).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.spawn().unwrap());
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait_for_the_end()
    }

    /// Ends it where it stands, as a power cut would.
    pub fn kill(&mut self) {
        self.signal("KILL");
        self.wait_for_the_end();
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// Whether the process that was started last still runs.
    pub fn runs(&mut self) -> bool {
        self.process.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        assert!(super::process::signal(name, &[self.id()]));
    }

    pub fn wait_for_the_end(&mut self) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        let start = Instant::now();
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                return status;
            }
            if start.elapsed() > TIMEOUT {
                process.kill().unwrap();
                process.wait().unwrap();
                panic!("it did not end within {TIMEOUT:?}:\n{}", self.log());
            }
            sleep(Duration::from_millis(10));
        }
    }

    /// Everything that it has written so far.
    pub fn log(&self) -> String {
        let mut text = Vec::new();
        File::open(self.path(LOG)).unwrap().read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// A command in its folder, on its database.
    pub fn command(&self) -> Command {
        self.prepared(Command::new(binary()))
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(self.folder.path());
        // What tests are told by is no setting.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DOORKEY_"))
        {
            command.env_remove(name);
        }
        command.env("DOORKEY_DATABASE", self.database.url());
        command.env("DOORKEY_SECRET_KEY_FILE", self.path(KEY_FILE));
        // All of a test comes from one address.
        command.env("DOORKEY_LOGIN_MISSES_PER_MINUTE", "off").env("DOORKEY_AUTH_FAILURES_PER_MINUTE", "off");
        command
    }

    /// A file of its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn wait_until(&mut self, path: &str) {
        let start = Instant::now();
        while !self.says_yes(path) {
            if let Some(status) = self.process.as_mut().unwrap().try_wait().unwrap() {
                panic!("it ended at once, {status}:\n{}", self.log());
            }
            assert!(start.elapsed() < TIMEOUT, "it does not answer:\n{}", self.log());
            sleep(Duration::from_millis(20));
        }
    }

    fn says_yes(&self, path: &str) -> bool {
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.ops_port)) else { return false };
        let mut response = String::new();
        stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        let question = format!("GET {path} HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n");
        let asked = stream.write_all(question.as_bytes());
        asked.is_ok() && stream.read_to_string(&mut response).is_ok() && response.starts_with("HTTP/1.1 200")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// What has a process think that it is so many seconds later.
pub fn later(seconds: u32) -> [(&'static str, String); 3] {
    let [library, monotonic] = false_clock();
    [library, monotonic, ("FAKETIME", format!("+{seconds}s"))]
}

/// What has a process read the hands of its clock from elsewhere.
pub fn false_clock() -> [(&'static str, String); 2] {
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let library = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    let library = library.unwrap_or_else(|| panic!("libfaketime is missing: apt-get install faketime"));
    [("LD_PRELOAD", library.to_str().unwrap().to_owned()), ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned())]
}

/// A client without a memory that keeps its connections.
pub fn regular() -> Client {
    Client::builder().redirect(Policy::none()).no_proxy().timeout(TIMEOUT).build().unwrap()
}

/// A client without a memory that stays where it is sent.
pub fn visitor() -> Client {
    let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(TIMEOUT);
    // A connection that was kept would die with the server that a test kills.
    client.pool_max_idle_per_host(0).build().unwrap()
}

/// Percent-encodes all but letters and digits.
pub fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The release binary where `./test` names it, else the one of this build.
pub fn binary() -> PathBuf {
    std::env::var_os("DOORKEY_BIN")
        .map_or_else(|| Path::new(env!("CARGO_BIN_EXE_doorkey")).to_owned(), PathBuf::from)
}
