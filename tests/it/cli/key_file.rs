//! The key file is changed: whatever happens on the way, no key that was in it is lost.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::cli_runner::CliRunner;

fn ids(operator: &CliRunner) -> Vec<String> {
    let listed = operator.json("secret list");
    listed.as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_key_is_added_used_and_retired_and_never_shown() {
    let operator = CliRunner::with_acme();
    let first = ids(&operator)[0].clone();

    let added = operator.json("secret add");
    let id = added["id"].as_str().unwrap();
    assert_eq!(added["path"], "doorkey.key");
    assert_eq!(ids(&operator), [&*first, id]);
    assert_eq!(operator.json(&format!("secret use {id}"))["id"], id);
    assert_eq!(ids(&operator), [id, &*first], "the active one stands first");
    operator.run(&format!("secret use {id}")).well();
    let retired = operator.json(&format!("secret retire {}", first.to_uppercase()));
    assert_eq!(
        retired["ended"],
        serde_json::json!({ "login_links": 0, "sessions": 0, "api_keys": 0, "admins": 0, "client_secrets": 0, "edited": 0 })
    );
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
        (&*format!("secret use {id} --database sqlite://none.db"), 1, "no database at none.db"),
    ] {
        let sentence = operator.run(line).refused(status);
        assert!(sentence.contains(named), "{line}: {sentence}");
    }
    assert_eq!(fs::read_to_string(operator.path("doorkey.key")).unwrap(), file);
}

/// A service does not start with keys that it may not read; and what the operator wrote stays.
#[test]
fn a_changed_file_is_whose_it_was_and_where_it_was() {
    let operator = CliRunner::new();
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
    let operator = CliRunner::new();
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
    let operator = CliRunner::new();
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

/// Runs a command as somebody else, who may enter the folder.
fn run_as_nobody(operator: &CliRunner, words: &[&str]) -> std::process::Output {
    fs::set_permissions(operator.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(env!("CARGO_BIN_EXE_doorkey"));
    command.args(words).current_dir(operator.folder.path()).env_clear().output().unwrap()
}

fn set_mode(operator: &CliRunner, mode: u32) {
    fs::set_permissions(operator.path("doorkey.key"), fs::Permissions::from_mode(mode)).unwrap();
}

/// What belongs to root may be read by a group: so Kubernetes hands out secrets.
#[test]
fn a_key_file_may_be_open_to_a_group_only_if_root_owns_it_and_never_further() {
    let operator = CliRunner::with_acme();
    let is_root = fs::metadata(operator.path("doorkey.key")).unwrap().uid() == 0;
    for (mode, is_fine) in [
        (0o400, true),
        (0o600, true),
        (0o440, is_root),
        (0o640, is_root),
        (0o660, false),
        (0o444, false),
        (0o604, false),
        (0o602, false),
        (0o610, false),
        (0o700, false),
        (0o500, false),
        (0o4600, false),
        (0o2600, false),
        (0o1600, false),
    ] {
        set_mode(&operator, mode);
        let done = operator.run("link 1 --workspace Acme");
        if is_fine {
            done.well();
        } else {
            let sentence = done.refused(1);
            assert!(
                sentence.contains(&format!("mode {mode:04o}")) && sentence.contains("chmod 600"),
                "{sentence}"
            );
            assert!(!sentence.contains("new key"), "{sentence}");
        }
    }
    assert!(is_root, "only root can show the rest");
    chown(operator.path("doorkey.key"), Some(65_534), Some(65_534)).unwrap();
    for (mode, status) in [(0o400, 0), (0o600, 0), (0o440, 1), (0o640, 1)] {
        set_mode(&operator, mode);
        assert_eq!(operator.run("link 1 --workspace Acme").status, status, "{mode:o} of somebody else");
    }
}

/// systemd's `LoadCredential=`: the file is root's, and an access control list lets the service read it.
#[test]
fn a_key_file_with_an_access_control_list_is_read_and_stays_so_when_it_is_changed() {
    let operator = CliRunner::with_acme();
    for name in ["doorkey.db", "doorkey.db-wal", "doorkey.db-shm"] {
        if operator.path(name).exists() {
            chown(operator.path(name), Some(65_534), Some(65_534)).unwrap();
        }
    }
    set_mode(&operator, 0o400);
    let link = ["link", "1", "--workspace", "Acme"];
    let refused = run_as_nobody(&operator, &link);
    assert!(!refused.status.success(), "nobody may read it yet");
    let set = std::process::Command::new("setfacl")
        .args(["-m", "u:65534:r"])
        .arg(operator.path("doorkey.key"))
        .status()
        .unwrap_or_else(|error| panic!("setfacl is missing: apt-get install acl: {error}"));
    assert!(set.success());
    assert_eq!(fs::metadata(operator.path("doorkey.key")).unwrap().permissions().mode() & 0o777, 0o440);

    for _ in 0..2 {
        let done = run_as_nobody(&operator, &link);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        operator.run("secret add").well();
    }
    assert_eq!(ids(&operator).len(), 3);
}

/// What is done to the keys, and to the database as a whole, stands in the log of each workspace.
#[test]
fn what_is_about_the_whole_installation_stands_in_each_workspaces_log() {
    let operator = CliRunner::with_acme();
    operator.run("workspace create Other --url https://other.test").well();
    let first = ids(&operator)[0].clone();
    let before = operator.audit().len();

    let added = operator.json("secret add");
    let id = added["id"].as_str().unwrap();
    operator.run(&format!("secret use {id}")).well();
    operator.run(&format!("secret retire {first}")).well();
    operator.run("backup a.backup").well();

    let printed = operator.audit().split_off(before);
    let events: Vec<_> = printed.iter().map(|(event, actor, _)| (event.as_str(), actor.as_str())).collect();
    let expected = ["secret_key.added", "secret_key.used", "secret_key.retired", "database.backed_up"];
    assert_eq!(events, expected.map(|event| [(event, "command_line"); 2]).concat());
    assert!(printed.iter().all(|(_, _, data)| data.contains("os_user")), "{printed:?}");
    assert!(
        printed[..4].iter().all(|(_, _, data)| data.contains(id)) && printed[4].2.contains(&first),
        "{printed:?}"
    );
    let each = operator.database.rows(
        "SELECT workspace_id, count(*) FROM audit_log WHERE event LIKE 'secret_key%' OR event LIKE 'database%'
         GROUP BY workspace_id ORDER BY 1",
    );
    assert_eq!(each, [["1", "4"], ["2", "4"]]);
    operator.run("restore a.backup").well();
    let restored =
        "SELECT count(*) FROM audit_log WHERE event = 'workspace.restored' AND data LIKE '%os_user%'";
    assert_eq!(operator.database.number(restored), 2);
}
