//! Apps at the command line.

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;

const ACME: &str = "--workspace Acme";
const CB: &str = "https://wiki.example.org/cb";

fn create(operator: &CliRunner, rest: &str) -> Value {
    operator.json(&format!("app create Wiki {ACME} --redirect-uri {CB} {rest}"))
}

#[test]
fn an_app_is_made_shown_listed_changed_and_deleted() {
    let operator = CliRunner::with_acme();

    let made = create(&operator, "--client-id wiki");
    let secret = made["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(
        made,
        json!({
            "issuer": "https://example.com", "client_id": "wiki", "client_secret": secret,
            "discovery_url": "https://example.com/.well-known/openid-configuration"
        })
    );
    assert!(secret.len() == 43 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");

    let shown = operator.json(&format!("app show wiki {ACME}"));
    let names: Vec<_> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "client_id",
            "name",
            "type",
            "redirect_uris",
            "start_url",
            "post_logout_redirect_uris",
            "backchannel_logout_uri",
            "pkce",
            "alg",
            "slim_id_token",
            "secrets",
            "created_at",
            "updated_at"
        ]
    );
    let set = operator.json(&format!(
        "app set wiki {ACME} name=Handbook redirect_uris=https://a.test/cb start_url=https://a.test/?t={{target}} pkce=optional \
         post_logout_redirect_uris=https://a.test/bye alg=ES256 slim_id_token=true"
    ));
    let facts = ["name", "redirect_uris", "start_url", "post_logout_redirect_uris", "pkce", "alg"];
    assert_eq!(
        json!(facts.map(|name| &set[name])),
        json!([
            "Handbook",
            ["https://a.test/cb"],
            "https://a.test/?t={target}",
            ["https://a.test/bye"],
            "optional",
            "ES256"
        ])
    );
    assert_eq!(operator.json(&format!("app show wiki {ACME}")), set);
    let emptied = operator.json(&format!("app set wiki {ACME} start_url= post_logout_redirect_uris="));
    assert_eq!(json!([emptied["start_url"], emptied["post_logout_redirect_uris"]]), json!([null, []]));
    let listed = operator.json(&format!("app list {ACME}"));
    assert_eq!(listed[0]["name"], "Handbook");
    let said = operator.run(&format!("app list {ACME}")).well();
    assert!(said.contains("wiki       Handbook  confidential  optional  ES256  https://a.test/cb"), "{said}");

    assert!(operator.run(&format!("app delete wiki {ACME}")).well().contains("wiki"));
    assert_eq!(operator.json(&format!("app list {ACME}")), json!([]));
    assert!(operator.run(&format!("app show wiki {ACME}")).refused(1).contains("app list"));
}

#[test]
fn a_list_is_given_between_spaces_and_a_public_app_has_no_secret() {
    let operator = CliRunner::with_acme();

    let made = create(&operator, "--public --redirect-uri com.example.app:/cb");
    assert_eq!(made.get("client_secret"), None, "{made}");
    let id = made["client_id"].as_str().unwrap();
    assert!(id.len() == 23 && id.starts_with("app"), "{id}");

    let uris = format!("redirect_uris={CB} http://127.0.0.1/cb");
    let set = operator.run_words(&["app", "set", id, "--workspace", "Acme", &uris, "--json"]).json();
    assert_eq!(set["redirect_uris"], json!([CB, "http://127.0.0.1/cb"]));
    assert_eq!((&set["type"], &set["secrets"]), (&json!("public"), &json!([])));
    let refused = operator.run(&format!("app secret add {id} {ACME}")).refused(1);
    assert!(refused.contains("public"), "{refused}");
}

#[test]
fn an_app_has_one_or_two_secrets_at_the_command_line_too() {
    let operator = CliRunner::with_acme();
    create(&operator, "--client-id wiki");

    let second = operator.json(&format!("app secret add wiki {ACME}"));
    assert_eq!(second["secret"].as_str().unwrap().len(), 43);
    let refused = operator.run(&format!("app secret add wiki {ACME}")).refused(1);
    assert!(refused.contains("remove one first"), "{refused}");
    let id = second["id"].as_str().unwrap();
    operator.run(&format!("app secret remove wiki {id} {ACME}")).well();
    let left = operator.json(&format!("app show wiki {ACME}"))["secrets"][0]["id"].clone();
    assert_ne!(left, second["id"]);
    let refused =
        operator.run(&format!("app secret remove wiki {} {ACME}", left.as_str().unwrap())).refused(1);
    assert!(refused.contains("the last secret"), "{refused}");
    let again = operator.run(&format!("app secret remove wiki {id} {ACME}")).refused(1);
    assert!(again.contains(id), "{again}");
}

#[test]
fn what_an_app_cannot_be_is_said_by_the_name_of_the_field() {
    let operator = CliRunner::with_acme();
    create(&operator, "--client-id wiki");
    for (line, said) in [
        ("app create Wiki --redirect-uri http://wiki.example.org/cb", "redirect_uris"),
        ("app create Wiki --redirect-uri https://wiki.example.org/cb#x", "redirect_uris"),
        ("app create Wiki --redirect-uri https://a.test/cb --client-id a_b", "client_id"),
        ("app create Wiki --redirect-uri https://a.test/cb --client-id wiki", "client_id"),
        ("app create Wiki --redirect-uri https://a.test/cb --public --pkce optional", "pkce"),
        ("app create Wiki --redirect-uri https://a.test/cb --alg HS256", "alg"),
        ("app create Wiki --redirect-uri https://a.test/cb --start-url https://{iss}.test/", "start_url"),
        (
            "app create Wiki --redirect-uri https://a.test/cb --backchannel-logout-uri https://10.0.0.1/",
            "backchannel_logout_uri",
        ),
        ("app set wiki client_id=other", "client_id"),
        ("app set wiki slim_id_token=yes", "slim_id_token"),
        ("app set wiki redirect_uris=", "redirect_uris"),
        ("app set wiki name", "KEY=VALUE"),
        ("app show nobody", "nobody"),
        ("app refusals nobody", "nobody"),
        ("app delete nobody", "nobody"),
    ] {
        let refused = operator.run(&format!("{line} {ACME}")).refused(1);
        assert!(refused.contains(said), "{line}: {refused}");
    }
    assert_eq!(operator.json(&format!("app list {ACME}")).as_array().unwrap().len(), 1);
}

#[test]
fn a_check_notes_what_is_worth_a_look_in_apps_and_fails_nothing() {
    let operator = CliRunner::with_acme();
    let noted = || {
        let checks = operator.json("check")["checks"].clone();
        let found = checks.as_array().unwrap().iter().find(|check| check["name"] == "apps").unwrap().clone();
        assert_eq!(found["ok"], true);
        found["message"].as_str().unwrap().to_owned()
    };
    assert!(noted().starts_with("No app"), "{}", noted());

    create(&operator, "--client-id good --start-url https://wiki.example.org/");
    assert_eq!(noted(), "There is one app.");

    create(&operator, "--client-id lax --start-url https://wiki.example.org/ --pkce optional");
    create(&operator, "--client-id bare");
    create(&operator, "--client-id local --start-url https://a.test/ --redirect-uri http://localhost/cb");
    operator.run("workspace create Here --url http://localhost:8080").well();
    let said = noted();
    for part in [
        "There are 4 apps.",
        "Without PKCE, so that a stolen code can be used: lax of \"Acme\".",
        "Without a start URL, so that no login link leads there: bare of \"Acme\".",
        "With http URIs, which is for this machine alone: local of \"Acme\".",
        "The issuer is not https, which most apps refuse: http://localhost:8080 of \"Here\".",
    ] {
        assert!(said.contains(part), "{part} / {said}");
    }

    for number in 0..6 {
        create(&operator, &format!("--client-id bare{number}"));
    }
    operator.database.run("UPDATE apps SET name = 'Bank' WHERE client_id = 'good'");
    let said = noted();
    assert!(said.contains("bare3 of \"Acme\" and 2 more."), "{said}");
    assert!(said.contains("Edited without the key, so that they are none: good of \"Acme\"."), "{said}");
}

#[test]
fn an_edited_app_is_in_no_list() {
    let operator = CliRunner::with_acme();
    create(&operator, "--client-id wiki");
    create(&operator, "--client-id board");
    let edit = "UPDATE apps SET redirect_uris = 'https://evil.test/cb' WHERE client_id = 'board'";
    operator.database.run(edit);

    let listed = operator.json(&format!("app list {ACME}"));

    let names: Vec<_> = listed.as_array().unwrap().iter().map(|app| &app["client_id"]).collect();
    assert_eq!(names, ["wiki"]);
}
