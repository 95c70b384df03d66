//! Settings of mail, as an operator gives them to the real binary.

use crate::support::cli_runner::CliRunner;

#[test]
fn wrong_settings_of_mail_start_no_server_and_are_not_shown() {
    let operator = CliRunner::with_acme();
    operator.write("open", "s3cret\n", 0o644);
    operator.write("group", "s3cret\n", 0o640);
    operator.write("empty", "\ns3cret\n", 0o600);
    operator.write("control", "s3cret\u{7}\n", 0o600);
    operator.write("ca.pem", "s3cret\n", 0o644);
    operator.write("broken.pem", "-----BEGIN CERTIFICATE-----\ns3cret\n-----END CERTIFICATE-----\n", 0o644);
    let from = "--mail-from login@example.org";
    for (line, name) in [
        (format!("--smtp smtp://u:s3cret@h {from}"), "--smtp: it has a password in it"),
        (format!("--smtp smtp+plain://mail.example.org {from}"), "--smtp-allow-plain"),
        (format!("--smtp ftp://h {from}"), "--smtp: give smtp://"),
        (format!("--smtp smtp:// {from}"), "--smtp: its HOST"),
        ("--smtp smtp://h".to_owned(), "--mail-from"),
        ("--smtp smtp://h --mail-from s3cret".to_owned(), "--mail-from: must be one plain"),
        (from.to_owned(), "--mail-from: it is about mail"),
        (format!("--smtp smtp://u@h {from}"), "--smtp-password-file"),
        (format!("--smtp smtp://u@h --smtp-password-file none {from}"), "--smtp-password-file none: "),
        (format!("--smtp smtp://u@h --smtp-password-file open {from}"), "chmod 600 open"),
        (format!("--smtp smtp://u@h --smtp-password-file group {from}"), "chmod 600 group"),
        (format!("--smtp smtp://u@h --smtp-password-file empty {from}"), "--smtp-password-file empty: "),
        (format!("--smtp smtp://u@h --smtp-password-file control {from}"), "--smtp-password-file control: "),
        (format!("--smtp smtp://h --smtp-ca none {from}"), "--smtp-ca none: "),
        (format!("--smtp smtp://h --smtp-ca ca.pem {from}"), "--smtp-ca ca.pem: it holds no certificate"),
        (format!("--smtp smtp://h --smtp-ca broken.pem {from}"), "--smtp-ca broken.pem: "),
        (format!("--smtp file:/proc/nowhere {from}"), "--smtp file:/proc/nowhere: "),
    ] {
        let serve = "serve --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0 --log json";
        for command in [serve, "mail test ada@example.net"] {
            let done = operator.run(&format!("{command} {line}"));
            assert!(!done.stdout.contains("s3cret") && !done.stderr.contains("s3cret"), "{done:?}");
            let sentence = done.refused_last(1);
            assert!(sentence.starts_with("doorkey: ") && sentence.contains(name), "{line}: {sentence}");
        }
    }
}

#[test]
fn a_server_starts_with_a_mail_server_that_is_not_there_and_says_where_mail_goes() {
    let operator = CliRunner::with_acme();
    operator.write("password", "s3cret\n", 0o600);

    let server = operator.serve(
        "serve --smtp smtp://login%40example.org@mail.invalid --mail-from login@example.org --smtp-password-file password",
    );
    let (status, log, _) = server.stop("TERM");

    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("stopped") && !log.contains("s3cret"), "{log}");
}

#[test]
fn settings_of_mail_may_stand_in_variables_and_in_the_file() {
    let operator = CliRunner::with_acme();
    operator.write(
        "doorkey.toml",
        "smtp = 'file:mails'\nmail-from = 'login@example.org'\nasks_per_source = 3\n",
        0o600,
    );

    operator.run("mail test ada@example.net --config doorkey.toml").well();
    let variables = [
        ("DOORKEY_SMTP", "file:others"),
        ("DOORKEY_MAIL_FROM", "a@x.test"),
        ("DOORKEY_SMTP_ALLOW_PLAIN", "true"),
    ];
    operator.run_with("mail test ada@example.net", &variables).well();
    for folder in ["mails", "others"] {
        assert_eq!(std::fs::read_dir(operator.path(folder)).unwrap().count(), 1, "{folder}");
    }

    let wrong = [("DOORKEY_SMTP", "smtp://u:s3cret@h"), ("DOORKEY_MAIL_FROM", "a@x.test")];
    let sentence = operator.run_with("mail test ada@example.net", &wrong).refused(1);
    assert!(sentence.contains("DOORKEY_SMTP: ") && !sentence.contains("s3cret"), "{sentence}");
    // Half of the settings in the file are no fault of a command that mails nothing.
    operator.write("half.toml", "mail_from = 'login@example.org'\n", 0o600);
    operator.run("workspace list --config half.toml").well();
}

#[test]
fn a_check_reads_the_settings_of_mail_and_needs_none() {
    let operator = CliRunner::with_acme();
    let found = |line: &str| {
        let checks = operator.json(line)["checks"].as_array().unwrap().clone();
        checks.iter().find(|check| check["name"] == "mail").unwrap()["message"].as_str().unwrap().to_owned()
    };
    assert!(found("check").contains("Mail is not set up"));
    let file = "smtp = 'smtps://login@mail.invalid'\nmail_from = 'login@example.org'\nsmtp_password_file = 'password'\n";
    operator.write("doorkey.toml", file, 0o600);
    operator.write("password", "s3cret\n", 0o600);
    assert!(found("check --config doorkey.toml").contains("Mail goes to smtps://mail.invalid:465"));
    operator.write("password", "s3cret\n", 0o644);
    let sentence = operator.run("check --config doorkey.toml").refused(1);
    assert!(sentence.contains("--smtp-password-file password: it is open to others"), "{sentence}");
}

#[test]
fn the_demo_catches_its_mail_in_a_folder_unless_a_flag_says_otherwise() {
    // A real server that a file names gets no mail of a demo.
    let file = "smtp = 'smtp://mail.example.org'\nmail_from = 'login@example.org'\n";
    for (flags, is_caught) in [("", true), (" --smtp smtps://mail.example.org", false)] {
        let operator = CliRunner::new();
        operator.write("doorkey.toml", file, 0o600);

        let (status, log, _) = operator.serve(&format!("demo --config doorkey.toml{flags}")).stop("TERM");

        assert_eq!(status, Some(0), "{log}");
        assert_eq!(operator.path("doorkey-demo/mail").is_dir(), is_caught, "{flags}");
    }
}
