//! Who is at the command line: the user of the operating system, for the audit log.

use std::fs;
use std::sync::OnceLock;

use crate::domain::audit::AuditContext;

/// An act of whoever runs this command; each is a request of its own.
pub(super) fn act() -> AuditContext {
    static NAME: OnceLock<String> = OnceLock::new();
    // The real user: not the one that a file's mode lends.
    AuditContext::of_os_user(NAME.get_or_init(|| name_of(rustix::process::getuid().as_raw())))
}

/// The name of a user on this machine. Whom a directory elsewhere knows is named by the number.
fn name_of(number: u32) -> String {
    let known = fs::read("/etc/passwd").unwrap_or_default();
    let found = name_in(&String::from_utf8_lossy(&known), number);
    found.unwrap_or_else(|| number.to_string())
}

/// The name in a list like `/etc/passwd`.
fn name_in(list: &str, number: u32) -> Option<String> {
    let name = |line: &str| {
        let mut parts = line.split(':');
        let (name, _, id) = (parts.next()?, parts.next()?, parts.next()?);
        let is_one = id.parse() == Ok(number) && !name.is_empty();
        (is_one && !name.chars().any(char::is_control)).then(|| name.to_owned())
    };
    list.lines().find_map(name)
}

#[cfg(test)]
mod tests {
    use crate::cli::os_user::name_in;

    #[test]
    fn a_user_is_named_by_the_first_line_that_has_the_number() {
        let list =
            "root:x:0:0::/root:/bin/sh\n:x:7:7::/:\nalice:x:7:100:A, B:/home/a:/bin/sh\nx\nbob:x:7:1::/:\n";

        assert_eq!(name_in(list, 7).as_deref(), Some("alice"));
        assert_eq!(name_in(list, 0).as_deref(), Some("root"));
        assert_eq!(name_in(list, 70), None);
    }
}
