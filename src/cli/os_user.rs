//! Who is at the command line: the user of the operating system, for the audit log.

use std::sync::OnceLock;

use crate::domain::audit::AuditContext;
use crate::os_users;

/// An act of whoever runs this command; each is a request of its own.
pub(super) fn act() -> AuditContext {
    AuditContext::of_os_user(name())
}

/// The name of whoever runs this command.
pub(super) fn name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    // The real user: not the one that a file's mode lends.
    NAME.get_or_init(|| os_users::name_of(rustix::process::getuid().as_raw()))
}
