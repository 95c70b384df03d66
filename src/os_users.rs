//! The users of the operating system, by name.

use std::fs;

/// The name of a user on this machine. Whom a directory elsewhere knows is named by the number.
pub(crate) fn name_of(number: u32) -> String {
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
    use super::*;

    #[test]
    fn a_user_is_named_by_the_first_line_that_has_the_number() {
        let list =
            "root:x:0:0::/root:/bin/sh\n:x:7:7::/:\nalice:x:7:100:A, B:/home/a:/bin/sh\nx\nbob:x:7:1::/:\n";

        assert_eq!(name_in(list, 7).as_deref(), Some("alice"));
        assert_eq!(name_in(list, 0).as_deref(), Some("root"));
        assert_eq!(name_in(list, 70), None);
    }
}
