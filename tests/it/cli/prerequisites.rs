//! What a command needs before it does anything: words, configuration, key file, database.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;

#[test]
fn the_first_workspace_makes_database_and_key_file_for_their_owner_alone() {
    let operator = CliRunner::new();

    operator.run("workspace create Acme --url https://example.com").well();

    for name in ["doorkey.db", "doorkey.db-wal", "doorkey.key"] {
        let Ok(found) = fs::metadata(operator.path(name)) else { continue };
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert!(operator.path("doorkey.db").exists() && operator.path("doorkey.key").exists());
}

/// Contract, section 6: a command that writes makes the database, even where it can then only say what is missing.
#[test]
fn a_command_that_writes_makes_database_and_key_file() {
    for line in [
        "workspace set Acme single_use=false",
        "workspace delete Acme --yes",
        "key create --workspace Acme --name n",
        "key revoke 1 --workspace Acme",
        "user add --workspace Acme --email a@x.test --name-f A --name-l B",
        "user set 1 --workspace Acme note=x",
        "user delete 1 --workspace Acme",
        "link 1 --workspace Acme",
    ] {
        let operator = CliRunner::new();
        let sentence = operator.run(line).refused(1);
        assert!(sentence.contains("there is no workspace \"Acme\""), "{line}: {sentence}");
        assert!(operator.path("doorkey.db").exists() && operator.path("doorkey.key").exists(), "{line}");
    }
}

#[test]
fn a_command_that_only_reads_makes_nothing() {
    let operator = CliRunner::new();

    for line in [
        "workspace list",
        "workspace show Acme",
        "key list --workspace Acme",
        "user list --workspace Acme",
        "user show 1 --workspace Acme",
    ] {
        let sentence = operator.run(line).refused(1);
        assert!(sentence.contains("there is no database at doorkey.db"), "{sentence}");
    }
    operator.run("secret list").refused(1);
    operator.run("check").refused(1);

    assert_eq!(fs::read_dir(operator.folder.path()).unwrap().count(), 0);
}

#[test]
fn a_secret_key_is_made_once_and_never_shown() {
    let operator = CliRunner::new();

    let made = operator.json("secret create");
    let listed = operator.json("secret list");
    let table = operator.run("secret list").well();

    assert_eq!(made["path"], "doorkey.key");
    assert_eq!(listed, json!([{ "id": made["id"], "role": "active" }]));
    let file = fs::read_to_string(operator.path("doorkey.key")).unwrap();
    let material = file.trim_end().rsplit(' ').next().unwrap();
    assert!(material.len() == 64 && !table.contains(material) && !made.to_string().contains(material));
    assert!(operator.run("secret create").refused(1).contains("already"));
    assert!(operator.run("secret create --secret-key-file none/x.key").refused(1).contains("none/x.key"));
    assert_eq!(fs::read_to_string(operator.path("doorkey.key")).unwrap(), file);
    operator.run("workspace create Acme --url https://example.com").well();
    let used = fs::read_to_string(operator.path("doorkey.key")).unwrap();
    assert!(used.contains(material), "it is used, not replaced");
    let unused = file.lines().filter(|line| line.contains("No database was made with it yet"));
    assert_eq!(unused.count(), 1);
    assert!(!used.contains("No database was made"), "{used}");
}

/// Nothing starts, reads or writes with a key file that is not this database's own.
#[test]
fn a_wrong_key_file_is_refused_by_every_command() {
    let operator = CliRunner::with_acme();
    let own = fs::read_to_string(operator.path("doorkey.key")).unwrap();
    let stranger = CliRunner::with_acme();
    let other = fs::read_to_string(stranger.path("doorkey.key")).unwrap();
    let zeroes = format!("active 00000000 {}\n", "0".repeat(64));
    let serve = "serve --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0";

    for (text, mode, named) in [
        (None, 0, "no key file"),
        (Some("12345678"), 0o600, "line 1"),
        (Some(""), 0o600, "is empty: put back"),
        (Some(&own[..own.len() - 9]), 0o600, "cut off"),
        (Some(&*zeroes), 0o600, "no secret"),
        (Some(&*own), 0o644, "chmod 600"),
        (Some(&*own), 0o604, "chmod 600"),
        (Some(&*own), 0o660, "chmod 600"),
        (Some(&*own), 0o700, "chmod 600"),
        (Some(&*other), 0o600, "does not belong"),
    ] {
        match text {
            Some(text) => operator.write("doorkey.key", text, mode),
            None => fs::remove_file(operator.path("doorkey.key")).unwrap(),
        }
        for line in [serve, "workspace list", "link 1 --workspace Acme", "check"] {
            let done = operator.run(line);
            let sentence = done.stderr.lines().last().unwrap_or_default().to_owned();
            assert_eq!(done.status, 1, "{line} with {named}: {sentence}");
            assert!(sentence.contains(named), "{line} with {named}: {sentence}");
        }
        let is_made = operator.path("doorkey.key").exists();
        assert_eq!(is_made, text.is_some(), "no key is made for a database that is there");
    }
    operator.write("doorkey.key", &own, 0o600);
    operator.run("link 1 --workspace Acme").well();
}

#[test]
fn a_file_that_is_no_database_of_ours_is_left_as_it_is() {
    let operator = CliRunner::new();
    operator.run("secret create").well();
    operator.write(
        "notes.db",
        "These are my notes, and no database at all, whatever the name says.\n",
        0o600,
    );
    let foreign = rusqlite::Connection::open(operator.path("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE mine (x)").unwrap();
    drop(foreign);

    for (url, named) in [
        ("sqlite://notes.db", "notes.db is not a doorkey database"),
        ("sqlite://foreign.db", "foreign.db is not a doorkey database"),
        ("sqlite://none/x.db", "none/x.db"),
        ("mysql://x", "--database"),
        ("doorkey.db", "--database"),
        ("postgres://me:hunter2@127.0.0.1:1/x", "postgres://me@127.0.0.1:1/x cannot be reached"),
        ("postgres://me:hunter2@db/x?sslmode=maybe", "--database"),
    ] {
        let line = format!("workspace create Acme --url https://example.com --database {url}");
        let sentence = operator.run(&line).refused(1);
        assert!(sentence.contains(named) && !sentence.contains("hunter2"), "{sentence}");
    }
    assert!(fs::read_to_string(operator.path("notes.db")).unwrap().starts_with("These are my notes"));
}

/// The kernel's own folder takes no files from anybody, root included.
#[test]
fn a_place_that_cannot_be_written_is_refused_by_its_name() {
    let operator = CliRunner::with_acme();
    let serve = "serve --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0";

    for (line, named) in [
        (format!("{serve} --database sqlite:///sys/doorkey.db"), "/sys/doorkey.db"),
        (format!("{serve} --database sqlite://new.db --secret-key-file /sys/new.key"), "/sys/new.key"),
        (
            "workspace create B --url https://b.test --database sqlite:///sys/doorkey.db".to_owned(),
            "/sys/doorkey.db",
        ),
        ("secret create --secret-key-file /sys/new.key".to_owned(), "/sys/new.key"),
        ("backup /sys/a.backup".to_owned(), "/sys/a.backup"),
    ] {
        let done = operator.run(&line);
        let sentence = done.stderr.lines().last().unwrap_or_default();
        assert_eq!(done.status, 1, "{line}: {sentence}");
        assert!(sentence.contains(named), "{line}: {sentence}");
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let operator = CliRunner::with_acme();
    let database = rusqlite::Connection::open(operator.path("doorkey.db")).unwrap();
    database.execute("INSERT INTO migrations (number) VALUES (999)", []).unwrap();

    assert!(operator.run("workspace list").refused(1).contains("newer"));
    assert!(operator.run("check").refused(1).contains("newer"));
}

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
    let operator = CliRunner::new();
    operator.write("doorkey.toml", "database = 'sqlite://file.db'\nsecret-key-file = 'file.key'\n", 0o644);
    let make = "workspace create Acme --url https://example.com --config doorkey.toml";

    operator.run(make).well();
    assert!(operator.path("file.db").exists() && operator.path("file.key").exists());
    let variables =
        [("DOORKEY_DATABASE", "sqlite://variable.db"), ("DOORKEY_SECRET_KEY_FILE", "variable.key")];
    operator.run_with(make, &variables).well();
    assert!(operator.path("variable.db").exists() && operator.path("variable.key").exists());
    let flag = format!("{make} --database sqlite://flag.db --secret-key-file flag.key");
    operator.run_with(&flag, &variables).well();
    assert!(operator.path("flag.db").exists());
    let by_variable = [("DOORKEY_CONFIG", "doorkey.toml"), ("DOORKEY_DATABASE", "")];
    let listed = operator.run_with("workspace list --json", &by_variable).json();
    assert_eq!(listed[0]["name"], "Acme", "an empty variable is not set");
    assert!(!operator.path("doorkey.db").exists() && !operator.path("doorkey.key").exists());
}

#[test]
fn a_wrong_configuration_is_refused_by_the_name_of_what_is_wrong() {
    let operator = CliRunner::with_acme();
    for (name, text) in [
        ("unknown.toml", "datebase = 'sqlite://x.db'"),
        ("broken.toml", "listen = \n"),
        ("number.toml", "listen = 8080"),
        ("listen.toml", "listen = '8080'"),
        ("twice.toml", "ops-listen = '127.0.0.1:1'\nops_listen = '127.0.0.1:2'"),
        ("docs.toml", "no_docs = 'perhaps'"),
        ("table.toml", "[serve]\nlisten = '127.0.0.1:1'"),
    ] {
        operator.write(name, text, 0o644);
    }

    for (line, named) in [
        ("workspace list --config none.toml", "none.toml"),
        ("workspace list --config unknown.toml", "\"datebase\""),
        ("workspace list --config broken.toml", "broken.toml is wrong: line 1"),
        ("workspace list --config number.toml", "listen in number.toml"),
        ("workspace list --config listen.toml", "listen in listen.toml"),
        ("workspace list --config twice.toml", "twice"),
        ("workspace list --config table.toml", "\"serve\""),
        ("workspace list --config .", "cannot be read"),
        ("check --config unknown.toml", "\"datebase\""),
        (
            "workspace list --database postgres://127.0.0.1:1/x?sslmode=verify-full",
            "--database-root-certificate",
        ),
        (
            "workspace list --database postgres://127.0.0.1:1/x --database-root-certificate none.pem",
            "none.pem cannot be used",
        ),
        ("serve --listen 8080", "--listen"),
        ("serve --listen 127.0.0.1:99999", "--listen"),
        ("serve --listen 203.0.113.1:0", "--listen 203.0.113.1:0"),
        ("serve --ops-listen x", "--ops-listen"),
        ("serve --trusted-proxy 10.0.0.0/33", "--trusted-proxy"),
        ("serve --trusted-proxy proxy.example.com", "--trusted-proxy"),
        ("serve --outbound-allow 10.0.0.0/33", "--outbound-allow"),
        ("serve --outbound-allow a.test --outbound-allow b.test:80", "\"b.test:80\""),
        ("serve --log xml", "--log"),
        ("serve --audit-retention 1y", "--audit-retention"),
        ("serve --config docs.toml", "no_docs in docs.toml"),
    ] {
        let sentence = operator.run(line).refused(1);
        assert!(sentence.contains(named), "{line}: {sentence}");
    }
    let allowed = [("DOORKEY_OUTBOUND_ALLOW", "10.0.0.0/8,https:")];
    let sentence = operator.run_with("workspace list", &allowed).refused(1);
    assert!(sentence.contains("DOORKEY_OUTBOUND_ALLOW") && sentence.contains("\"https:\""), "{sentence}");
    let proxies = [("DOORKEY_TRUSTED_PROXY", "10.0.0.0/8,x")];
    let sentence = operator.run_with("workspace list", &proxies).refused(1);
    assert!(sentence.contains("DOORKEY_TRUSTED_PROXY") && sentence.contains("\"x\""), "{sentence}");
}

/// Something else would be made than what was meant.
#[test]
fn what_is_no_text_or_has_control_characters_is_refused_by_its_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let operator = CliRunner::with_acme();
    operator.write("config.toml", "database = \"sqlite://doorkey.db\\r\"\n", 0o644);
    operator.write("key.toml", "secret_key_file = \"doorkey.key\\u0007\"\n", 0o644);
    let files = || fs::read_dir(operator.folder.path()).unwrap().count();
    let before = files();

    for name in ["DATABASE", "SECRET_KEY_FILE", "CONFIG", "LISTEN", "DATABASE_ROOT_CERTIFICATE", "LOG"] {
        let name = format!("DOORKEY_{name}");
        for (value, why) in
            [(&b"sqlite://\xff.db"[..], "no UTF-8"), (b"sqlite://doorkey.db\r", "\\r"), (b"a\nb", "\\n")]
        {
            let mut command = operator.command(&["workspace", "create", "B", "--url", "https://b.test"]);
            let output = command.env(&name, OsStr::from_bytes(value)).output().unwrap();
            let sentence = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), sentence.lines().count()), (Some(1), 1), "{sentence}");
            assert!(sentence.contains(&name) && sentence.contains(why), "{name}: {sentence}");
        }
    }
    for (words, status, named) in [
        (&["check", "--database", "sqlite://doorkey.db\r"][..], 1, "--database"),
        (&["check", "--secret-key-file=doorkey.key\t"], 1, "--secret-key-file"),
        (&["check", "--config", "config.toml\r"], 1, "--config"),
        (&["check", "--config", "config.toml"], 1, "database in config.toml"),
        (&["check", "--config", "key.toml"], 1, "secret_key_file in key.toml"),
        (&["backup", "a.backup\r"], 2, "<FILE>"),
        (&["restore", "a.backup\r"], 2, "[FILE]"),
        (&["user", "import", "--workspace", "Acme", "a\u{7f}.csv"], 2, "<FILE>"),
        (&["migrate", "--from", "sqlite://doorkey.db\r"], 2, "--from"),
        (&["migrate", "--from", "sqlite://doorkey.db", "--to", "postgres://x/y\n"], 2, "--to"),
    ] {
        let done = operator.run_words(words);
        let sentence = done.refused_last(status);
        assert!(sentence.contains(named) && sentence.contains("control character"), "{words:?}: {sentence}");
        assert!(!sentence.contains('\r') && !sentence.contains('\u{7f}'), "{sentence:?}");
    }
    for flag in ["--database", "--secret-key-file", "--config"] {
        let output = operator.command(&["check", flag]).arg(OsStr::from_bytes(b"\xff")).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("{flag} is no UTF-8")));
    }
    let output = operator.command(&["backup"]).arg(OsStr::from_bytes(b"a\xff.backup")).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("a\u{fffd}.backup\" is no UTF-8"));
    assert_eq!(files(), before, "nothing was made");
}

#[test]
fn a_variable_that_no_setting_has_is_warned_of_and_is_no_error() {
    let operator = CliRunner::with_acme();
    let variables = [
        ("DOORKEY_LISTN", "1"),
        ("DOORKEY_", "x"),
        ("DOORKEY_EMPTY", ""),
        ("DOORKEYS", "1"),
        ("DOORKEY_LOG", "json"),
    ];

    for line in ["workspace list", "check", "link 1 --workspace Acme --json"] {
        let done = operator.run_with(line, &variables);
        assert_eq!(
            (done.status, &*done.stderr),
            (0, "doorkey: warning: no setting is called DOORKEY_, DOORKEY_LISTN\n"),
            "{line}"
        );
    }
    let mut command = operator.command(&["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]);
    let mut serving = command.envs(variables).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut log = std::io::BufRead::lines(std::io::BufReader::new(serving.stderr.take().unwrap()));
    let first: Value = serde_json::from_str(&log.next().unwrap().unwrap()).unwrap();
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert_eq!(first["fields"]["variables"], "DOORKEY_, DOORKEY_LISTN");
}

#[test]
fn wrong_usage_is_one_sentence_too() {
    let operator = CliRunner::new();

    for line in [
        "frob",
        "--frob",
        "workspace create",
        "workspace list extra",
        "link 1 --workspace Acme --databse x",
        "user add",
        "serve --listen",
        "key revoke --workspace Acme",
    ] {
        operator.run(line).refused(2);
    }
    let nothing = operator.run("");
    assert_eq!(nothing.status, 2);
    assert!(nothing.stderr.contains("Usage: doorkey"));
    assert!(operator.run("--help").well().contains("Usage: doorkey"));
    assert!(operator.run("--version").well().starts_with("doorkey "));
    assert_eq!(fs::read_dir(operator.folder.path()).unwrap().count(), 0);
}

#[test]
fn a_check_says_what_is_well_and_what_is_wrong() {
    let operator = CliRunner::with_acme();

    let well = operator.json("check");
    let names: Vec<_> =
        well["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(well["ok"], true);
    let known = "configuration key_file database permissions keys clock nodes hosts apps mail admin";
    assert_eq!(names, known.split(' ').collect::<Vec<_>>());
    assert!(operator.run("check").well().contains("hosts          ok"));

    fs::set_permissions(operator.path("doorkey.db"), fs::Permissions::from_mode(0o644)).unwrap();
    let database = rusqlite::Connection::open(operator.path("doorkey.db")).unwrap();
    database.execute("DELETE FROM hosts WHERE host = 'example.com'", []).unwrap();
    let later = "UPDATE audit_log SET time = 9000000000000";
    database.execute(later, []).unwrap();
    let done = operator.run("check --json");
    let found: Value = serde_json::from_str(&done.stdout).unwrap();
    let sentence = done.refused(1);

    let wrong = found["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false);
    let wrong: Vec<_> = wrong.map(|check| check["name"].clone()).collect();
    assert_eq!(
        (&found["ok"], wrong),
        (&json!(false), vec![json!("permissions"), json!("clock"), json!("hosts")])
    );
    for named in ["chmod 600", "set the clock", "workspace set"] {
        assert!(sentence.contains(named), "{sentence}");
    }
}
