//! The key file is changed: whatever happens on the way, no key that was in it is lost.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::operator::Operator;

fn ids(operator: &Operator) -> Vec<String> {
    let listed = operator.json("secret list");
    listed.as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_key_is_added_used_and_retired_and_never_shown() {
    let operator = Operator::with_acme();
    let first = ids(&operator)[0].clone();

    let added = operator.json("secret add");
    let id = added["id"].as_str().unwrap();
    assert_eq!(added["path"], "doorkey.key");
    assert_eq!(ids(&operator), [&*first, id]);
    assert_eq!(operator.json(&format!("secret use {id}"))["id"], id);
    assert_eq!(ids(&operator), [id, &*first], "the active one stands first");
    operator.run(&format!("secret use {id}")).well();
    let retired = operator.json(&format!("secret retire {}", first.to_uppercase()));
    assert_eq!(retired["ended"], serde_json::json!({ "login_links": 0, "sessions": 0, "api_keys": 0 }));
    assert_eq!(ids(&operator), [id]);

    let file = fs::read_to_string(operator.path("doorkey.key")).unwrap();
    let material = file.trim_end().rsplit(' ').next().unwrap();
    for printed in [&added, &retired, &operator.json("secret list")] {
        assert!(!printed.to_string().contains(material));
    }
    operator.run("link 1 --workspace Acme").well();
    for (line, status, named) in [
        ("secret use 0000000", 2, "eight hexadecimal digits"),
        ("secret use 00000007", 1, "has no key 00000007"),
        ("secret retire 00000007 --force", 1, "has no key 00000007"),
        (&*format!("secret retire {id}"), 1, "is the active one"),
        ("secret add --secret-key-file none.key", 1, "no key file at none.key"),
        (&*format!("secret use {id} --database sqlite://none.db"), 1, "there is no database"),
    ] {
        let sentence = operator.run(line).refused(status);
        assert!(sentence.contains(named), "{line}: {sentence}");
    }
    assert_eq!(fs::read_to_string(operator.path("doorkey.key")).unwrap(), file);
}

/// A service does not start with keys that it may not read; and what the operator wrote stays.
#[test]
fn a_changed_file_is_whose_it_was_and_where_it_was() {
    let operator = Operator::arrive();
    operator.run("secret create").well();
    fs::rename(operator.path("doorkey.key"), operator.path("real.key")).unwrap();
    let text = format!("# Ours.\n{}", fs::read_to_string(operator.path("real.key")).unwrap());
    operator.write("real.key", text.trim_end(), 0o600);
    // Only root may give a file away.
    let _ = chown(operator.path("real.key"), Some(65_534), Some(65_534));
    let before = fs::metadata(operator.path("real.key")).unwrap();
    symlink("real.key", operator.path("doorkey.key")).unwrap();

    operator.run("secret add").well();

    let after = fs::metadata(operator.path("real.key")).unwrap();
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_eq!(after.permissions().mode() & 0o777, 0o600);
    assert!(fs::symlink_metadata(operator.path("doorkey.key")).unwrap().is_symlink());
    let changed = fs::read_to_string(operator.path("real.key")).unwrap();
    assert!(changed.starts_with(&text), "{changed}");
    assert_eq!(ids(&operator).len(), 2);
    let mut left: Vec<_> =
        fs::read_dir(operator.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["doorkey.key", "real.key"]);
}

#[test]
fn of_keys_that_are_added_at_once_none_is_lost() {
    let operator = Operator::arrive();
    operator.run("secret create").well();

    let adding: Vec<_> = (0..12)
        .map(|_| operator.command(&["secret", "add", "--json"]).stdout(Stdio::piped()).spawn().unwrap())
        .collect();
    for adding in adding {
        let output = adding.wait_with_output().unwrap();
        let added: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(ids(&operator).contains(&added["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(ids(&operator).len(), 13);
}

/// Killed at any point, it leaves the old file or the new one; and the next one works.
#[test]
fn whoever_is_killed_while_the_file_is_changed_costs_no_key() {
    let operator = Operator::arrive();
    operator.run("secret create").well();
    let mut known = ids(&operator);
    let (mut before, mut after) = (0, 0);

    for number in 0..120_u64 {
        let mut adding = operator.command(&["secret", "add"]);
        let mut adding = adding.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(number % 60 * 250));
        adding.kill().unwrap();
        adding.wait().unwrap();

        let now = ids(&operator);
        assert!(now.starts_with(&known) && now.len() <= known.len() + 1, "{known:?} {now:?}");
        if now.len() > known.len() {
            after += 1;
        } else {
            before += 1;
        }
        known = now;
    }

    assert!(before > 0 && after > 0, "{before} were killed before the change, {after} after it");
    operator.run("secret add").well();
    assert_eq!(ids(&operator).len(), known.len() + 1);
}
