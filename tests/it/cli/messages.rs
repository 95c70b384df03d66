//! What goes wrong at the command line is told with what to do about it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Command, Stdio};

use doorkey::domain::moment::Moment;

use crate::support::cli_runner::CliRunner;

/// Nobody on this machine, who has a number all the same.
const STRANGER: u32 = 65_534;

#[test]
fn a_file_that_cannot_be_used_is_named_with_what_to_do() {
    let operator = CliRunner::with_acme();
    operator.write("serve.log", "2026-11-29T14:35:32Z INFO listening\n", 0o600);
    operator.write("empty.key", "", 0o600);
    operator.write("two.key", "# Nothing yet.\n", 0o600);
    fs::create_dir(operator.path("folder")).unwrap();

    for (line, named) in [
        (
            "backup nodir/b.db",
            "nodir/b.db cannot be read or written: No such file or directory (os error 2): there is no folder nodir: make it (`mkdir -p nodir`)",
        ),
        (
            "restore serve.log",
            "serve.log is not a doorkey database, and so no backup of one: nothing was changed; name a file that `doorkey backup` wrote",
        ),
        ("restore folder", "folder is not a doorkey database, and so no backup"),
        ("restore none.db", "name a file that `doorkey backup` wrote"),
        ("user list --workspace Acme --secret-key-file empty.key", "empty.key is empty: put back the one"),
        ("user list --workspace Acme --secret-key-file two.key", "one line begins with `active`"),
        ("user list --workspace Acme --secret-key-file folder", "it is a folder, where a file is wanted"),
        ("user list --workspace Acme --database sqlite://folder", "it is a folder, where a file is wanted"),
        ("secret create --secret-key-file nodir/a.key", "there is no folder nodir: make it"),
        (
            "workspace create B --url https://b.test --database sqlite://nodir/a.db --secret-key-file a.key",
            "there is no folder nodir: make it",
        ),
        ("check --config nodir/doorkey.toml", "there is no folder nodir: make it"),
        ("user import --workspace Acme nodir/a.csv", "there is no folder nodir"),
    ] {
        let sentence = operator.run(line).refused(1);
        assert!(sentence.contains(named), "{line}: {sentence}");
        assert!(!sentence.contains("the store cannot be used now"), "{line}: {sentence}");
    }
    assert!(!operator.path("nodir").exists());
}

/// Runs a command as a stranger, who may enter the folder, and gives the last line of what it said.
fn refused_to_stranger(operator: &CliRunner, line: &str) -> String {
    let id = STRANGER.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups", env!("CARGO_BIN_EXE_doorkey")]);
    let done =
        command.args(line.split(' ')).current_dir(operator.folder.path()).env_clear().output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{line}: {said}");
    said.lines().last().unwrap().to_owned()
}

#[test]
fn whoever_may_not_read_a_file_is_told_whose_it_is_and_the_command() {
    let operator = CliRunner::with_acme();
    operator.write("doorkey.toml", "log = \"text\"\n", 0o600);
    operator.run("backup a.backup").well();
    operator.write("a.csv", "email,name_f,name_l\n", 0o600);
    fs::set_permissions(operator.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let run_as_root =
        "belongs to root, and this command runs as nobody: run it as root (`sudo -u root doorkey …`)";

    for (line, at) in [
        ("user list --workspace Acme", "doorkey.key"),
        ("secret list", "doorkey.key"),
        ("check --config doorkey.toml", "doorkey.toml"),
        ("serve --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0", "doorkey.key"),
    ] {
        let sentence = refused_to_stranger(&operator, line);
        assert!(sentence.contains(&format!("{at} {run_as_root}")), "{line}: {sentence}");
    }
    let folder = operator.folder.path().canonicalize().unwrap();
    let beside = refused_to_stranger(&operator, "secret create --secret-key-file b.key");
    assert!(beside.contains(&format!("{} {run_as_root}", folder.display())), "{beside}");

    chown(operator.path("doorkey.key"), Some(STRANGER), Some(STRANGER)).unwrap();
    for mode in [0o600, 0o644] {
        fs::set_permissions(operator.path("doorkey.db"), fs::Permissions::from_mode(mode)).unwrap();
        for line in ["user list --workspace Acme", "backup b.backup", "check", "link 1 --workspace Acme"] {
            let sentence = refused_to_stranger(&operator, line);
            assert!(sentence.contains(&format!("doorkey.db {run_as_root}")), "{line}: {sentence}");
        }
    }
    fs::set_permissions(operator.path("doorkey.key"), fs::Permissions::from_mode(0o000)).unwrap();
    let own = refused_to_stranger(&operator, "secret list");
    assert!(
        own.contains("doorkey.key is yours, but its mode is 0000: run `chmod u+rw doorkey.key`"),
        "{own}"
    );
}

/// What stays wrong until somebody mends it. A clock comes right by itself, and a workspace may be made beside the server.
#[test]
fn a_server_does_not_start_with_what_a_check_calls_wrong() {
    let operator = CliRunner::with_acme();
    let serve = "serve --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0";

    fs::set_permissions(operator.path("doorkey.db"), fs::Permissions::from_mode(0o644)).unwrap();
    let database = rusqlite::Connection::open(operator.path("doorkey.db")).unwrap();
    database.execute("DELETE FROM hosts WHERE host = 'example.com'", []).unwrap();
    drop(database);
    for line in ["check", serve] {
        let sentence = operator.run(line).refused_last(1);
        for named in
            ["can be read by others: run `chmod 600 doorkey.db`", "run `doorkey workspace set \"Acme\" url="]
        {
            assert!(sentence.contains(named), "{line}: {sentence}");
        }
    }

    fs::set_permissions(operator.path("doorkey.db"), fs::Permissions::from_mode(0o600)).unwrap();
    operator.run("workspace set Acme url=https://example.com").well();
    operator.run("check").well();
    operator.serve("serve").stop("TERM");
    operator.run("workspace delete Acme --yes").well();
    operator.run("check").refused(1);
    operator.serve("serve").stop("TERM");
}

/// The options of a command come first, as they are declared, and those that every command has come after them.
#[test]
fn helps_have_their_options_in_order() {
    let operator = CliRunner::new();
    let common = ["--database", "--database-root-certificate", "--secret-key-file", "--config", "--json"];

    for (line, own) in [
        ("user add --help", ["--workspace", "--email", "--name-f", "--name-l", "--id"]),
        ("serve --help", ["--listen", "--ops-listen", "--trusted-proxy", "--log", "--no-docs"]),
        ("demo --help", ["--listen", "--ops-listen", "--trusted-proxy", "--log", "--no-docs"]),
    ] {
        let help = operator.run(line).well();
        let (before, after) = help.split_once("\nCommon options:\n").expect("a heading of their own");
        let names = |text: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
            lines.map(|line| format!("--{}", line.split(' ').next().unwrap_or_default())).collect()
        };
        assert_eq!(names(before)[..own.len()], own, "{line}");
        let mut found = names(after);
        found.sort();
        let mut expected = common.map(str::to_owned);
        expected.sort();
        assert_eq!(found, expected, "{line}");
    }
    let demo = operator.run("demo --help").well();
    let demo = demo.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        demo.contains("sqlite://doorkey-demo/doorkey.db") && demo.contains("doorkey-demo/doorkey.key"),
        "{demo}"
    );
    assert!(!demo.contains("sqlite://doorkey.db") && !demo.contains("DOORKEY_DATABASE]"), "{demo}");
}

/// Fields and settings are no flags, and no command takes an unknown flag behind `--` either.
#[test]
fn who_writes_a_field_as_a_flag_is_told_how_to_write_it() {
    let operator = CliRunner::with_acme();
    for (line, named, tip) in [
        ("user set 1 --workspace Acme --company X", "'--company'", "write it as company=VALUE"),
        ("user set 1 --workspace Acme --company=X", "'--company'", "write it as company=VALUE"),
        ("user set 1 --workspace Acme --name-f X", "'--name-f'", "write it as name_f=VALUE"),
        ("user set 1 --workspace Acme --two-factor", "'--two-factor'", "write it as two_factor_enabled=true"),
        ("user set 1 --workspace Acme --staff", "'--staff'", "write it as staff=true"),
        ("workspace set Acme --url https://a.test", "'--url'", "write it as url=VALUE"),
        ("workspace set Acme --link-lifetime 2h", "'--link-lifetime'", "write it as link_lifetime=VALUE"),
    ] {
        let sentence = operator.run(line).refused(2);
        let expected = format!(
            "doorkey: unexpected argument {named} found; {tip}; --help says what the command takes\n"
        );
        assert_eq!(sentence, expected, "{line}");
    }
    for line in ["link 1 --workspace Acme --colour red", "user set 1 --workspace Acme --colour red a=b"] {
        let sentence = operator.run(line).refused(2);
        assert_eq!(
            sentence, "doorkey: unexpected argument '--colour' found; --help says what the command takes\n",
            "{line}"
        );
    }
    let misspelt = operator.run("user set 1 --workspac Acme company=X").refused(2);
    assert!(misspelt.contains("'--workspace'") && !misspelt.contains("write it as"), "{misspelt}");
}

/// The command that a sentence names is whole.
#[test]
fn a_session_that_is_none_is_told_of_with_the_whole_command() {
    let operator = CliRunner::with_acme();

    let none = operator.run("session end 0190163d-8694-739b-aea5-966c26f8ad91 --workspace Acme").refused(1);
    let no_id = operator.run("session end 1 --workspace Acme").refused(2);

    assert!(none.contains("`doorkey session list --workspace Acme` shows those there are"), "{none}");
    assert!(no_id.contains("`doorkey session list --workspace W` shows it"), "{no_id}");
}

#[test]
fn a_check_refuses_the_addresses_with_which_no_server_starts() {
    let operator = CliRunner::with_acme();
    operator.write("list.toml", "listen = ['127.0.0.1:1', '127.0.0.1:2']\n", 0o600);

    for (variables, named) in [
        (
            &[("DOORKEY_LISTEN", "127.0.0.1:9"), ("DOORKEY_OPS_LISTEN", "127.0.0.1:9")][..],
            "--listen and --ops-listen are both 127.0.0.1:9",
        ),
        (
            &[("DOORKEY_ADMIN_LISTEN", "127.0.0.1:8080")],
            "--listen and --admin-listen are both 127.0.0.1:8080",
        ),
        (&[("DOORKEY_ADMIN_LISTEN", "127.0.0.1:9191")], "--ops-listen and --admin-listen are both"),
        (&[("DOORKEY_LISTEN", "http://127.0.0.1:9")], "DOORKEY_LISTEN: "),
        (&[("DOORKEY_LISTEN", "a b:1")], "DOORKEY_LISTEN: "),
        (&[("DOORKEY_CONFIG", "list.toml")], "listen must be a text"),
    ] {
        for line in ["check", "serve"] {
            let sentence = operator.run_with(line, variables).refused_last(1);
            assert!(sentence.contains(named), "{line}: {sentence}");
        }
    }
}

#[test]
fn a_full_standard_output_is_told_with_what_may_be_done_already() {
    let operator = CliRunner::with_acme();
    let run = |line: &str, stdout: Stdio| {
        let words: Vec<_> = line.split(' ').collect();
        let done = operator.command(&words).stdout(stdout).output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };

    for line in [
        "user list --workspace Acme",
        "user list --workspace Acme --json",
        "key create --workspace Acme --name n",
        "backup a.backup",
        "check",
        "--help",
        "--version",
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let (status, said) = run(line, full.into());
        assert_eq!(status, Some(1), "{line}: {said}");
        let sentence = said.lines().last().unwrap();
        for named in ["standard output cannot be written (No space left on device", "may be done already"] {
            assert!(sentence.contains(named), "{line}: {sentence}");
        }
    }
    // Nobody reads any more: that is no error.
    for line in ["user list --workspace Acme", "--help", "--version"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(run(line, writer.into()), (Some(0), String::new()), "{line}");
    }
}

#[test]
fn a_locked_database_is_told_of_with_what_to_do() {
    let operator = CliRunner::with_acme();
    let holder = rusqlite::Connection::open(operator.path("doorkey.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();

    let sentence = operator.run("workspace rename Acme Other").refused(1);

    assert!(
        sentence.contains("the store cannot be used now") && sentence.contains("run the command again"),
        "{sentence}"
    );
}

#[test]
fn a_value_that_names_nothing_is_refused_and_nothing_is_left_behind() {
    let operator = CliRunner::with_acme();
    let files = || fs::read_dir(operator.folder.path()).unwrap().count();
    let before = files();
    let make = ["workspace", "create", "B", "--url", "https://b.test", "--secret-key-file", "b.key"];

    for words in [&["backup", ""][..], &["restore", ""], &["user", "import", "", "--workspace", "Acme"]] {
        let sentence = operator.run_words(words).refused(2);
        assert!(sentence.contains("give the path of a file"), "{words:?}: {sentence}");
    }
    for (url, named) in [("sqlite://:memory:", "sqlite://:…"), ("sqlite://file:zz.db", "sqlite://file:…")]
    {
        let sentence = operator.run_words(&[&make[..], &["--database", url][..]].concat()).refused(1);
        assert!(sentence.contains(&format!("{named} is no file to SQLite")), "{sentence}");
    }
    let logo = operator.run_words(&["workspace", "set", "Acme", "logo=x\n.png"]).refused(1);
    assert!(logo.contains("logo: it has a control character"), "{logo}");
    let variables = [("DOORKEY_DATABASE", "x\u{1}")];
    let overridden =
        operator.run_with("workspace list --database sqlite://doorkey.db", &variables).refused(1);
    assert!(overridden.contains("DOORKEY_DATABASE: it has a control character"), "{overridden}");
    assert_eq!(files(), before);
}

/// Whoever gave it knows it; what to do stands behind it.
#[test]
fn a_long_value_is_not_told_whole() {
    let operator = CliRunner::with_acme();
    let long = "x".repeat(120_000);

    for (words, end) in [
        (&["workspace", "show", &long][..], "\n"),
        (&["user", "show", &long, "--workspace", "Acme"], "--help says what the command takes\n"),
        (&["check", &long], "--help says what the command takes\n"),
    ] {
        let done = operator.run_words(words);
        assert_ne!(done.status, 0);
        assert!(done.stderr.chars().count() < 5_000 && done.stderr.ends_with(end), "{}", done.stderr.len());
    }
}

/// Contract, section 6: durations take `7200` and `2h`.
#[test]
fn a_duration_without_a_unit_counts_seconds() {
    let operator = CliRunner::with_acme();

    let key = operator.json("key create --workspace Acme --name n --expires 7200");
    let millis = |field: &str| Moment::parse(key[field].as_str().unwrap()).unwrap().whole.millis();
    assert_eq!(millis("expires_at") - millis("created_at"), 7_200_000);
    operator.json("admin link --admin-listen 127.0.0.1:8081 --lifetime 600");
    operator.run("log --workspace Acme --since 3600").well();
    operator.serve("serve --audit-retention 86400").stop("TERM");
}
