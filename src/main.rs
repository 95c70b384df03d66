//! The binary: parses the command line, lets it run, prints the one error.

use std::process::ExitCode;

use doorkey::cli::{self, Cli};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// In place of the system's; what was measured of it: docs/decisions/0017.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_keys_out_of_core_dumps();
    // One provider of cryptography for TLS, before anybody asks for one; nobody can have been earlier.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Cli::of_this_process() {
        Ok(cli) => cli::run(cli).map_or_else(|error| cli::explain(&error), |()| ExitCode::SUCCESS),
        Err(error) => cli::explain_usage(&error),
    }
}

/// Before any key is read: nothing of this process is written down if it dies, neither into a file nor by a program that
/// takes dumps, and nobody but root attaches to it.
fn keep_keys_out_of_core_dumps() {
    // No process is refused this for itself.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
