//! Processes that a test starts: signals, and their end with the test.

use std::process::{Child, Command, Stdio};

/// A process that ends with its owner.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal by name. Whether all of them were there still.
pub fn signal(name: &str, processes: &[u32]) -> bool {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).args(processes.iter().map(u32::to_string));
    kill.stderr(Stdio::null()).status().unwrap().success()
}

/// Runs a command to its end; it must succeed.
#[track_caller]
pub fn succeeds(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
