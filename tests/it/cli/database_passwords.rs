//! The password of a database: in no message, wherever the address was given and however it was misspelt; nor any other secret.

use crate::support::cli_runner::CliRunner;

/// What nobody may read, in parts that are cut at what means something in a URL.
const PARTS: [&str; 2] = ["s3cret", "h0rse"];

const ADDRESSES: [&str; 9] = [
    "postgres//me:s3cret@db/x",
    "postgres://me:s3cret?h0rse@db/x",
    "postgres://me:s3cret/h0rse@db/x",
    "postgres://me:12/s3cret@db/x",
    "postgres://me:s3cret@db/x?sslmode=maybe",
    "mysql://me:s3cret@db/x",
    "me:s3cret@db/x",
    "user=me password=s3cret host=db",
    "user=me password='s3cret h0rse'",
];

fn tells_nothing(what: &str, told: &str) {
    assert!(!told.is_empty(), "{what}: nothing is said");
    assert!(!PARTS.iter().any(|part| told.contains(part)), "{what}: {told}");
}

#[test]
fn what_is_not_understood_as_the_address_of_a_database_is_not_told() {
    let operator = CliRunner::new();
    for address in ADDRESSES {
        for words in [
            &["workspace", "list", "--database", address][..],
            &["check", "--database", address],
            &["check", "--database", address, "--json"],
            &["check", "--config", address],
            &["check", "--secret-key-file", address, "--json"],
            &["workspace", "list", "--secret-key-file", address],
            &["workspace", "list", "--database-root-certificate", address],
            &["migrate", "--from", address, "--to", "postgres://me@db/x"],
            &["migrate", "--from", "sqlite://x.db", "--to", address],
        ] {
            let done = operator.run_words(words);
            assert_ne!(done.status, 0, "{words:?}");
            tells_nothing(&format!("{words:?}"), &format!("{}{}", done.stdout, done.stderr));
        }
        let done = operator.run_with("check", &[("DOORKEY_DATABASE", address)]);
        assert_ne!(done.status, 0);
        tells_nothing(address, &format!("{}{}", done.stdout, done.stderr));
    }
}

#[test]
fn the_address_of_a_database_in_the_wrong_place_is_not_told() {
    let operator = CliRunner::new();
    let address = "postgres://me:s3cret@db/x";
    for words in [
        &["check", address][..],
        &[address],
        &["migrate", address],
        &["check", "--databse", address],
        &["check", "--", address],
        &["key", "revoke", address, "--workspace", "Acme"],
        &["key", "create", "--workspace", "Acme", "--name", "x", "--expires", address],
        &["serve", "--listen", address],
        &["serve", "--trusted-proxy", address],
        &["serve", "--outbound-allow", address],
        &["serve", "--log", address],
        &["link", address, "--workspace", "Acme"],
        &["backup", address],
        &["restore", address],
        &["user", "import", address, "--workspace", "Acme"],
    ] {
        let done = operator.run_words(words);
        assert_ne!(done.status, 0, "{words:?}");
        tells_nothing(&format!("{words:?}"), &done.stderr);
    }
    for line in [
        "database = postgres://me:s3cret@db/x",
        "database = 'postgres://me:s3cret@db/x",
        "database 'postgres://me:s3cret@db/x'",
        "postgres://me:s3cret@db/x",
        "database = { url = 'postgres://me:s3cret@db/x' }",
        "database = ['postgres//me:s3cret@db/x']",
        "'postgres://me:s3cret@db/x' = 1",
        "listen = 'postgres://me:s3cret@db/x'",
        "audit_retention = 'postgres://me:s3cret@db/x'",
    ] {
        operator.write("doorkey.toml", line, 0o600);
        let done = operator.run("serve --config doorkey.toml");
        assert_ne!(done.status, 0, "{line}");
        tells_nothing(line, &done.stderr);
    }
}

/// Tokens, API keys and secrets are pasted where an id or a name is wanted.
#[test]
fn a_secret_in_the_wrong_place_is_not_told() {
    let operator = CliRunner::with_acme();
    let key = operator.json("key create --workspace Acme --name crm")["key"].as_str().unwrap().to_owned();
    let link = operator.run("link 1 --workspace Acme").well();
    let token = link.trim_end().rsplit(['/', '=']).next().unwrap();
    let made = operator.run("admin link --admin-url https://admin.example.com").stdout;
    let (_, admin) = made.trim_end().split_once("token=").unwrap();
    assert_eq!((token.len(), admin.len()), (32, 43));

    for secret in [token, admin, &key, &key[..30]] {
        for words in [
            &[secret][..],
            &["story", "--workspace", "Acme", secret],
            &["key", "revoke", secret, "--workspace", "Acme"],
            &["user", "show", secret, "--workspace", "Acme"],
            &["workspace", "show", secret],
            &["check", "--config", secret],
            &["link", "1", "--workspace", secret],
        ] {
            let done = operator.run_words(words);
            assert_ne!(done.status, 0, "{words:?}");
            assert!(done.stderr.contains('…') && !done.stderr.contains(secret), "{words:?}: {}", done.stderr);
        }
    }
    let address = "postgres://me:s3cret@db/x";
    tells_nothing(address, &operator.run_words(&["workspace", "show", address]).stderr);
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    let told = operator.run_words(&["workspace", "show", id]).refused(1);
    assert!(told.contains(id), "{told}");
}
