//! System calls of a running server that fail, or kill it: by strace, which says what it did.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::server::Server;
use super::server_fixture::TIMEOUT;
use super::wait::until_so;

/// A tracer that is attached to a server; gone when it is dropped, and the fault with it.
pub struct Strace {
    process: Child,
    folder: TempDir,
}

impl Strace {
    /// Has the calls go wrong as these say, such as `fsync:error=EIO:when=2`.
    pub fn attach(server: &Server, faults: &[String]) -> Self {
        Self::attach_with(server, faults, &[])
    }

    /// The same of calls that are about one file alone.
    pub fn attach_at(server: &Server, file: &Path, faults: &[String]) -> Self {
        Self::attach_with(server, faults, &["-P".as_ref(), file.as_os_str()])
    }

    fn attach_with(server: &Server, faults: &[String], flags: &[&OsStr]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let printed = fs::File::create(folder.path().join("printed")).unwrap();
        let calls = faults.iter().map(|fault| fault.split(':').next().unwrap()).collect::<Vec<_>>().join(",");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-p", &server.id().to_string(), "-e", &format!("trace={calls}")]);
        strace.arg("-o").arg(folder.path().join("calls")).args(flags);
        for fault in faults {
            strace.args(["-e", &format!("inject={fault}")]);
        }
        let strace = strace.stdin(Stdio::null()).stderr(printed).spawn();
        let process = strace.expect("strace is missing: apt-get install strace");
        let mut tracer = Self { process, folder };
        let begun = Instant::now();
        while !tracer.read("printed").contains("attached") {
            let ended = tracer.process.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < TIMEOUT, "{}", tracer.read("printed"));
            std::thread::sleep(Duration::from_millis(10));
        }
        tracer
    }

    /// How many calls have gone wrong so far.
    pub fn injected(&self) -> usize {
        self.read("calls").matches("(INJECTED)").count()
    }

    /// Waits until one has.
    pub async fn has_injected(&self) {
        let has_injected = async || self.injected() > 0;
        until_so(TIMEOUT, has_injected, || format!("no call has gone wrong:\n{}", self.read("calls"))).await;
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // Told to end, it lets go first.
        super::process::signal("TERM", &[self.process.id()]);
        let told_at = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && told_at.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(5));
        }
        // It may wait for ever for a thread of a server that was killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
