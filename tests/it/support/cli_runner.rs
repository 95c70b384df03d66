//! An operator at a terminal: the real binary in a folder of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;

use super::database::{Database, Engine};
use super::process::{Process, signal};

/// An operator at a terminal, in an empty folder.
pub struct CliRunner {
    pub folder: TempDir,
    pub database: Database,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Done {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl CliRunner {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::fresh(folder.path());
        database.prepare_key(&folder.path().join("doorkey.key"));
        Self { folder, database }
    }

    /// With the workspace Acme at <https://example.com> and its client 1, `ada@example.org`.
    pub fn with_acme() -> Self {
        let operator = Self::new();
        operator.run("workspace create Acme --url https://example.com --host example.spp.co").well();
        operator
            .run("user add --workspace Acme --email ada@example.org --name-f Ada --name-l Lovelace")
            .well();
        operator
    }

    pub fn command(&self, words: &[&str]) -> Command {
        // Not the release binary: this one checks that the arguments of a command are declared without contradiction.
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorkey"));
        command.env_clear().current_dir(self.folder.path()).args(words);
        // An embedded database is where it is if nothing is said.
        if crate::ENGINE == Engine::Postgres {
            command.env("DOORKEY_DATABASE", self.database.url());
        }
        command
    }

    /// Runs a command whose words have no spaces.
    pub fn run(&self, line: &str) -> Done {
        self.run_words(&line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>())
    }

    pub fn run_words(&self, words: &[&str]) -> Done {
        finish(&mut self.command(words))
    }

    pub fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Done {
        let words: Vec<_> = line.split(' ').collect();
        finish(self.command(&words).envs(variables.iter().copied()))
    }

    pub fn json(&self, line: &str) -> Value {
        self.run(&format!("{line} --json")).json()
    }

    pub fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The audit log, oldest first: event, actor, data.
    pub fn audit(&self) -> Vec<(String, String, String)> {
        let entries = self.database.rows("SELECT event, actor, data FROM audit_log ORDER BY id");
        entries.into_iter().map(|entry| <[String; 3]>::try_from(entry).unwrap().into()).collect()
    }

    /// Starts a server on ports of its own choosing, and waits until it listens.
    pub fn serve(&self, line: &str) -> Server {
        let words: Vec<_> = line.split(' ').collect();
        let mut command = self.command(&words);
        command.args(["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--log", "json"]);
        let mut child = Process(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let mut log = BufReader::new(child.0.stderr.take().unwrap());
        let mut server = Server { child, log: None, public: String::new(), ops: String::new() };
        while server.public.is_empty() {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended before it listened");
            let entry: Value = serde_json::from_str(&line).unwrap();
            if entry["fields"]["message"] == "listening" {
                let address = |name: &str| entry["fields"][name].as_str().unwrap().to_owned();
                (server.public, server.ops) = (address("public"), address("ops"));
            }
        }
        // Read all along: a server that cannot get rid of its log lines would stand still.
        server.log = Some(std::thread::spawn(move || {
            let mut text = String::new();
            log.read_to_string(&mut text).map(|_| text).unwrap()
        }));
        server
    }
}

fn finish(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let done = Done {
        status: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert!(!done.stderr.contains("panic") && !done.stderr.contains("RUST_BACKTRACE"), "{done:?}");
    done
}

impl Done {
    #[track_caller]
    pub fn well(self) -> String {
        // A key is shown beside a sentence for people.
        let is_silent = self.stderr.is_empty() || self.stderr.contains("is shown this once");
        assert!(self.status == 0 && is_silent, "{self:?}");
        self.stdout
    }

    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.well();
        assert_eq!(text.matches('\n').count(), 1, "one document on one line: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The last line of a refusal: a server may have logged something before.
    #[track_caller]
    pub fn refused_last(self, status: i32) -> String {
        assert_eq!(self.status, status, "{self:?}");
        self.stderr.lines().last().unwrap_or_default().to_owned()
    }

    /// The one sentence of a refusal.
    #[track_caller]
    pub fn refused(self, status: i32) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.stderr.starts_with("doorkey: ") && self.stderr.ends_with('\n'), "{self:?}");
        assert_eq!(self.stderr.matches('\n').count(), 1, "one sentence: {self:?}");
        self.stderr
    }
}

pub struct Server {
    child: Process,
    log: Option<JoinHandle<String>>,
    pub public: String,
    pub ops: String,
}

impl Server {
    /// Asks it to stop; gives exit status, log and standard output.
    pub fn stop(mut self, name: &str) -> (Option<i32>, String, String) {
        assert!(signal(name, &[self.child.0.id()]));
        let log = self.log.take().unwrap().join().unwrap();
        let mut printed = String::new();
        self.child.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        (self.child.0.wait().unwrap().code(), log, printed)
    }
}
