//! What the settings of mail mean, and which are refused.

use std::ffi::OsString;

use super::*;
use crate::config::{CommonFlags, Config, MailFlags, ServeFlags};

fn flags(words: &[(&str, &str)]) -> MailFlags {
    let given =
        |name: &str| words.iter().find(|(flag, _)| *flag == name).map(|(_, value)| (*value).to_owned());
    MailFlags {
        smtp: given("smtp"),
        smtp_allow_plain: given("smtp-allow-plain").is_some(),
        smtp_password_file: given("smtp-password-file"),
        smtp_ca: given("smtp-ca"),
        mail_from: given("mail-from"),
        asks_per_source: given("asks-per-source"),
    }
}

fn load(words: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Option<MailConfig>, String> {
    let serve = ServeFlags { mail: flags(words), ..ServeFlags::default() };
    let found =
        |name: &str| variables.iter().find(|(one, _)| *one == name).map(|(_, value)| OsString::from(value));
    let config = Config::load(&CommonFlags::default(), &serve, found);
    config.map(|config| config.mail).map_err(|error| error.to_string())
}

fn server(url: &str, more: &[(&str, &str)]) -> SmtpConfig {
    let words = [&[("smtp", url), ("mail-from", "login@example.org")], more].concat();
    match load(&words, &[]).unwrap().unwrap().route {
        MailRoute::Smtp(server) => server,
        MailRoute::Folder(folder) => panic!("{url} is {}", folder.display()),
    }
}

#[test]
fn the_scheme_decides_how_a_connection_is_encrypted_and_the_port_does_not() {
    let here = Security::Plain { is_anywhere_allowed: false };
    for (url, security, host, port) in [
        ("smtp://mail.example.org", Security::StartTls, "mail.example.org", 587),
        ("SMTP://Mail.Example.ORG./", Security::StartTls, "mail.example.org", 587),
        ("smtps://mail.example.org", Security::Tls, "mail.example.org", 465),
        ("smtps://mail.example.org:587", Security::Tls, "mail.example.org", 587),
        ("smtp://[2001:db8::1]:465", Security::StartTls, "2001:db8::1", 465),
        ("smtp://bücher.example", Security::StartTls, "xn--bcher-kva.example", 587),
        ("smtp+plain://localhost", here, "localhost", 25),
        ("smtp+plain://127.0.0.2:2525", here, "127.0.0.2", 2525),
        ("smtp+plain://[::1]", here, "::1", 25),
    ] {
        let found = server(url, &[]);
        assert_eq!((found.security, &*found.host, found.port), (security, host, port), "{url}");
    }
    let away = server("smtp+plain://192.0.2.1", &[("smtp-allow-plain", "")]).security;
    assert_eq!(away, Security::Plain { is_anywhere_allowed: true });
    let more = [("smtp-allow-plain", ""), ("smtp-password-file", "password")];
    assert_eq!(server("smtp+plain://login@192.0.2.1", &more).login.unwrap().0, "login");
}

#[test]
fn a_user_is_percent_encoded_and_has_a_password_file() {
    let more = [("smtp-password-file", "password"), ("smtp-ca", "ca.pem")];
    let found = server("smtp://login%40example.org%3Ax@mail.example.org", &more);

    assert_eq!(found.login, Some(("login@example.org:x".to_owned(), PathBuf::from("password"))));
    assert_eq!(found.ca_file, Some(PathBuf::from("ca.pem")));
    assert_eq!(server("smtp://a@b@mail.example.org", &more).login.unwrap().0, "a@b");
}

#[test]
fn mail_may_go_into_a_folder() {
    for (url, folder) in [("file:mails", "mails"), ("file:/var/mails", "/var/mails"), ("file:///m", "/m")] {
        let config = load(&[("smtp", url), ("mail-from", "a@x.test")], &[]).unwrap().unwrap();
        assert_eq!(config.route, MailRoute::Folder(PathBuf::from(folder)), "{url}");
    }
}

#[test]
fn without_smtp_mail_is_not_set_up_and_a_flag_of_mail_is_refused() {
    assert_eq!(load(&[], &[]), Ok(None));
    // Another command may be given the rest by flags.
    assert_eq!(load(&[], &[("DOORKEY_MAIL_FROM", "a@x.test"), ("DOORKEY_SMTP_CA", "ca.pem")]), Ok(None));
    for name in ["smtp-allow-plain", "smtp-password-file", "smtp-ca", "mail-from", "asks-per-source"] {
        let value = if name == "mail-from" { "a@x.test" } else { "1" };
        let error = load(&[(name, value)], &[]).expect_err(name);
        assert!(error.starts_with(&format!("--{name}: ")) && error.contains("--smtp too"), "{error}");
    }
}

#[test]
fn what_is_wrong_is_named_by_its_flag_and_not_shown() {
    let secret = "s3cret";
    for (url, more, name) in [
        ("smtp://u:s3cret@h", None, "--smtp: it has a password in it"),
        ("smtp://u:s3cret@h@h", None, "--smtp: it has a password in it"),
        ("smtp+plain://mail.example.org", None, "--smtp-allow-plain"),
        ("ftp://s3cret@h", None, "--smtp: give smtp://"),
        ("s3cret", None, "--smtp: give smtp://"),
        ("smtp:s3cret", None, "--smtp: give smtp://"),
        ("smtp://", None, "--smtp: its HOST"),
        ("smtp://:587", None, "--smtp: its HOST"),
        ("smtp://s3cret host", None, "--smtp: its HOST"),
        ("smtp://1.2.3", None, "--smtp: its HOST"),
        ("smtp://h:", None, "--smtp: its port"),
        ("smtp://h:0", None, "--smtp: its port"),
        ("smtp://h:65536", None, "--smtp: its port"),
        ("smtp://h/s3cret", None, "--smtp: it is a host and a port alone"),
        ("smtp://h?s3cret", None, "--smtp: it is a host and a port alone"),
        ("smtp://@h", None, "--smtp: its USER"),
        ("smtp://s3cret%4@h", None, "--smtp: its USER"),
        ("smtp://s3cret%0a@h", None, "--smtp: its USER"),
        ("smtp://s3cret%ff@h", None, "--smtp: its USER"),
        ("smtp://s3cret\r\n@h", None, "--smtp: it has a control character"),
        ("smtp://u@h", None, "give that with --smtp-password-file"),
        ("smtp://h", Some(("smtp-password-file", "f")), "--smtp-password-file: whose password"),
        ("smtp://h", Some(("asks-per-source", "0")), "--asks-per-source: "),
        ("file:", None, "--smtp: give the folder"),
        ("file://s3cret/x", None, "--smtp: give the folder"),
    ] {
        let words = [&[("smtp", url), ("mail-from", "a@x.test")][..], more.as_slice()].concat();
        let error = load(&words, &[]).expect_err(url);
        assert!(error.contains(name) && !error.contains(secret) && !error.contains('\n'), "{url}: {error}");
    }
    let variables = [("DOORKEY_SMTP", "smtp://u:s3cret@h"), ("DOORKEY_MAIL_FROM", "a@x.test")];
    let error = load(&[], &variables).unwrap_err();
    assert!(error.starts_with("DOORKEY_SMTP: ") && !error.contains(secret), "{error}");
}

#[test]
fn mail_has_a_sender_of_one_plain_address() {
    let error = load(&[("smtp", "smtp://h")], &[]).unwrap_err();
    assert!(error.starts_with("--smtp: ") && error.contains("--mail-from"), "{error}");
    for sender in ["a", "A <a@x.test>", "a@x.test,b@x.test", "a@x.test\r\nBcc: b@x.test", "ä@x.test"] {
        let error = load(&[("smtp", "smtp://h"), ("mail-from", sender)], &[]).expect_err(sender);
        assert!(error.starts_with("--mail-from: "), "{error}");
    }
}

#[test]
fn asks_are_limited_to_ten_unless_said_otherwise() {
    let limit = |more: &[(&str, &str)]| {
        let words = [&[("smtp", "smtp://h"), ("mail-from", "a@x.test")], more].concat();
        load(&words, &[]).unwrap().unwrap().asks_per_source.map_or(0, NonZeroU32::get)
    };

    assert_eq!(limit(&[]), 10);
    assert_eq!(limit(&[("asks-per-source", "3")]), 3);
    assert_eq!(limit(&[("asks-per-source", "off")]), 0);
}
