//! Workspaces and API keys at the command line.

use serde_json::{Value, json};

use crate::support::operator::Operator;

#[test]
fn a_workspace_is_made_shown_listed_set_and_deleted() {
    let operator = Operator::arrive();

    let mut made =
        operator.json("workspace create Acme --url https://EXAMPLE.com/ --host example.spp.co --host A.test");
    let created_at = made["created_at"].take();
    assert!(created_at.as_str().unwrap().ends_with('Z'));
    assert_eq!(
        made,
        json!({
            "id": 1, "name": "Acme", "url": "https://example.com",
            "hosts": ["a.test", "example.com", "example.spp.co"],
            "link_lifetime": 7200, "single_use": true, "landing_url": null, "allowed_redirect_origins": [],
            "session_lifetime": 604_800, "session_idle": 43200, "cookie_domain": null, "created_at": null
        })
    );

    let set = operator.json(
        "workspace set Acme url=https://app.example.com host=example.com,app.example.com link_lifetime=600 \
         single_use=false landing_url=/start allowed_redirect_origins=https://shop.example.com \
         session_lifetime=3600 session_idle=60 cookie_domain=example.com",
    );
    assert_eq!(set["hosts"], json!(["app.example.com", "example.com"]));
    assert_eq!(set["allowed_redirect_origins"], json!(["https://shop.example.com"]));
    assert_eq!((&set["single_use"], &set["cookie_domain"]), (&json!(false), &json!("example.com")));
    assert_eq!(operator.json("workspace show Acme"), set);
    assert_eq!(operator.json("workspace list"), json!([set]));
    assert!(operator.run("workspace show Acme").well().contains("link_lifetime             600\n"));
    assert!(operator.run("workspace list").well().contains("Acme  https://app.example.com  app.example.com"));

    assert!(operator.run("workspace delete Acme").well().contains("\"Acme\""));
    assert_eq!(operator.json("workspace list"), json!([]));
    assert!(operator.run("workspace delete Acme").refused(1).contains("workspace list"));
}

#[test]
fn what_is_wrong_with_a_workspace_is_said_by_name() {
    let operator = Operator::with_acme();

    for (line, named) in [
        ("workspace create B --url http://example.org", "--url"),
        ("workspace create B --url example.org", "--url"),
        ("workspace create B --url https://example.org/app", "--url"),
        ("workspace create B --url https://u:p@example.org", "--url"),
        ("workspace create B --url https://b.test --host *.b.test", "--host"),
        ("workspace create B --url https://b.test --host https://b.test", "--host"),
        ("workspace create B --url https://b.test --host example.spp.co", "example.spp.co belongs"),
        ("workspace create B --url https://example.com", "example.com belongs"),
        ("workspace create Acme --url https://b.test", "\"Acme\" is taken"),
        ("workspace set Acme url=http://example.com", "url"),
        ("workspace set Acme link_lifetime=0", "link_lifetime"),
        ("workspace set Acme single_use=perhaps", "single_use"),
        ("workspace set Acme cookie_domain=com", "cookie_domain"),
        ("workspace set Acme host=a/b", "host"),
        ("workspace set Acme colour=red", "colour"),
        ("workspace set Acme colour", "name=value"),
        ("workspace set Nobody single_use=true", "\"Nobody\""),
        ("workspace show Nobody", "\"Nobody\""),
    ] {
        let sentence = operator.run(line).refused(1);
        assert!(sentence.contains(named), "{line}: {sentence}");
    }
    operator.run_words(&["workspace", "create", "a\nb", "--url", "https://b.test"]).refused(1);
    operator.run_words(&["workspace", "create", "", "--url", "https://b.test"]).refused(1);
    assert_eq!(operator.json("workspace list").as_array().unwrap().len(), 1);
}

/// O144: the secret is printed once and never again, and stands in no file, log or audit entry.
#[test]
fn an_api_key_is_printed_once_and_never_again() {
    let operator = Operator::with_acme();

    let made = operator.json("key create --workspace Acme --name crm --scope clients:read --expires 90d");
    let secret = made["key"].as_str().unwrap();
    let plain = operator.run("key create --workspace Acme --name all").well();

    assert!(secret.starts_with("doorkey_") && secret.len() == 57);
    assert_eq!(
        (&made["id"], &made["name"], &made["scopes"]),
        (&json!(1), &json!("crm"), &json!(["clients:read"]))
    );
    assert!(made["expires_at"].is_string() && made["created_at"].is_string());
    assert!(
        plain.starts_with("doorkey_") && plain.trim_end().len() == 57,
        "the key alone, to be piped: {plain}"
    );

    let listed = operator.run("key list --workspace Acme --json").well();
    let table = operator.run("key list --workspace Acme").well();
    let bytes = operator.database.stolen();
    for secret in [secret, plain.trim_end()] {
        let random = &secret[8..];
        assert!(!listed.contains(random) && !table.contains(random));
        assert!(!bytes.windows(random.len()).any(|window| window == random.as_bytes()));
    }
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[1]["scopes"].as_array().unwrap().len(), 8);
    assert!(table.contains("crm   live"), "{table}");
}

#[test]
fn a_key_is_revoked_and_stays_in_the_list() {
    let operator = Operator::with_acme();
    operator.run("key create --workspace Acme --name crm").well();

    operator.run("key revoke 1 --workspace Acme").well();

    assert!(operator.json("key list --workspace Acme")[0]["revoked_at"].is_string());
    assert!(operator.run("key list --workspace Acme").well().contains("revoked"));
    assert!(operator.run("key revoke 2 --workspace Acme").refused(1).contains("no API key 2"));
    operator.run("key revoke x --workspace Acme").refused(2);
    operator.run("key revoke -1 --workspace Acme").refused(2);
}

#[test]
fn what_is_wrong_with_a_key_is_said() {
    let operator = Operator::with_acme();

    for (line, status) in [
        ("key create --workspace Acme --name x --scope clients:rea", 1),
        ("key create --workspace Acme --name x --scope ,", 1),
        ("key create --workspace Nobody --name x", 1),
        ("key create --workspace Acme --name x --expires 90", 2),
        ("key create --workspace Acme --name x --expires 0d", 2),
        ("key create --workspace Acme --name x --expires -1d", 2),
        ("key create --workspace Acme --name x --expires 99999999999999999999d", 2),
        ("key create --workspace Acme", 2),
        ("key create --name x", 2),
        ("key list", 2),
    ] {
        operator.run(line).refused(status);
    }
    operator.run_words(&["key", "create", "--workspace", "Acme", "--name", ""]).refused(1);
    assert_eq!(operator.json("key list --workspace Acme"), json!([]));
}
