//! aiosmtpd, a mail server that is scripted to do badly at one step.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::process::Process;
use super::wait::until;

/// A running server. What comes to it, it notes in a file before it answers.
pub struct BadServer {
    // It ends before its folder goes.
    _process: Process,
    folder: TempDir,
    pub port: u16,
}

impl BadServer {
    /// A server with a certificate and its key for STARTTLS, or without STARTTLS. What it does at which step instead of the
    /// usual: `hang`, `drop`, or a reply; the steps are those of its script.
    pub fn start(tls: Option<(PathBuf, PathBuf)>, at: Option<(&str, &str)>) -> Self {
        let house = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed =
            std::env::var_os("AIOSMTPD").map_or_else(|| house.join("target/aiosmtpd"), PathBuf::from);
        let python = installed.join("bin/python");
        assert!(python.exists(), "aiosmtpd is missing: ./test installs it");
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(python);
        server.arg(house.join("tests/it/mail/bad_server.py"));
        if let Some((certificate, key)) = tls {
            server.arg("--tls").arg(certificate).arg(key);
        }
        if let Some((step, act)) = at {
            server.args(["--at", step, act]);
        }
        let notes = File::create(folder.path().join("notes")).unwrap();
        let complaints = File::create(folder.path().join("complaints")).unwrap();
        let process = server.stdin(Stdio::null()).stdout(notes).stderr(complaints).spawn().unwrap();
        let mut server = Self { _process: Process(process), folder, port: 0 };
        let listens = || !server.notes().is_empty();
        until(Duration::from_secs(20), listens, || server.read("complaints"));
        server.port = server.read("notes").lines().next().unwrap()["port ".len()..].parse().unwrap();
        server
    }

    /// What came to it: connections, and the steps with whether they were encrypted; a message with its `Message-ID`.
    pub fn notes(&self) -> Vec<String> {
        let notes = self.read("notes");
        notes
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| line.trim().to_owned())
            .collect()
    }

    /// Those of what came that begin with a step.
    pub fn notes_of(&self, step: &str) -> Vec<String> {
        self.notes().into_iter().filter(|note| note.split(' ').next() == Some(step)).collect()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}
