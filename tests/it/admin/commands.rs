//! `doorkey admin`: who is let in is said at the command line.

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;

const AT: &str = "--admin-listen 127.0.0.1:8081";

#[test]
fn a_link_is_printed_with_where_it_is_opened() {
    let operator = CliRunner::with_acme();

    let made =
        operator.json(&format!("admin link {AT} --name Grace --role viewer --workspace Acme --lifetime 1m"));
    let url = made["url"].as_str().unwrap();
    let token = url.strip_prefix("http://127.0.0.1:8081/sign-in?token=").unwrap();
    assert!(token.len() == 43 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{url}");
    assert_eq!(made.as_object().unwrap().len(), 2);
    let listed = operator.json("admin list");
    let door = &listed[0];
    assert_eq!(
        json!([door["kind"], door["name"], door["role"], door["workspaces"], door["last_seen_at"]]),
        json!(["link", "Grace", "viewer", ["Acme"], null])
    );
    assert_eq!(door["expires_at"], made["expires_at"]);

    let elsewhere = "admin link --admin-url https://admin.example.com";
    let printed = operator.run(elsewhere).well();
    assert!(printed.starts_with("https://admin.example.com/sign-in?token="), "{printed}");
    assert_eq!(printed.lines().count(), 1, "the link alone is on standard output");
    let by_variable = operator.run_with("admin link", &[("DOORKEY_ADMIN_LISTEN", "localhost:9000")]);
    assert!(by_variable.stdout.starts_with("http://localhost:9000/sign-in"), "{by_variable:?}");
    let listed = operator.json("admin list");
    let root = &listed[1];
    assert_eq!(json!([root["role"], root["workspaces"]]), json!(["operator", null]));
    let made: Vec<_> =
        operator.audit().into_iter().filter(|(event, ..)| event == "admin.link_made").collect();
    assert_eq!(made.len(), 3);
    assert_eq!(made[0].1, "command_line");
}

#[test]
fn a_link_that_cannot_be_made_is_refused_with_what_to_do() {
    let operator = CliRunner::with_acme();

    for (line, status, said) in [
        ("admin link", 1, "--admin-url"),
        ("admin link --admin-listen 127.0.0.1:0", 1, "--admin-url"),
        ("admin link --admin-listen 0.0.0.0:8081", 1, "--admin-url"),
        ("admin link --admin-url http://admin.example.com", 1, "https"),
        ("admin link --admin-listen 127.0.0.1:8081 --workspace Nowhere", 1, "Nowhere"),
        ("admin link --admin-listen 127.0.0.1:8081 --role boss", 2, "viewer, support and operator"),
        ("admin link --admin-listen 127.0.0.1:8081 --lifetime 59s", 2, "1m to 24h"),
        ("admin link --admin-listen 127.0.0.1:8081 --lifetime 25h", 2, "1m to 24h"),
        ("admin allow grace", 2, "--role"),
        ("admin allow grace --role root", 2, "viewer, support and operator"),
        ("admin disallow grace", 1, "admin list"),
        ("admin end x", 2, "admin list"),
        ("admin end 00000000-0000-4000-8000-000000000000", 1, "admin list"),
    ] {
        let refused = operator.run(line).refused(status);
        assert!(refused.contains(said), "{line}: {refused}");
    }
    for name in ["", " grace", &"a".repeat(101)] {
        let words = ["admin", "link", "--admin-listen", "127.0.0.1:8081", "--name", name];
        let refused = operator.run_words(&words).refused(2);
        assert!(refused.contains("1 to 100 characters"), "{refused}");
    }
    assert_eq!(operator.json("admin list"), json!([]));
    assert_eq!(operator.run("admin list").well(), "Nobody is let in: `doorkey admin link` makes a link.\n");
}

#[test]
fn a_name_is_allowed_changed_and_disallowed() {
    let operator = CliRunner::with_acme();
    operator.run("workspace create Other --url https://other.example").well();
    let doors = || {
        let listed = operator.json("admin list");
        let door = |door: &Value| json!([door["kind"], door["name"], door["role"], door["workspaces"]]);
        listed.as_array().unwrap().iter().map(door).collect::<Vec<_>>()
    };

    let allowed = operator.json("admin allow grace@example.org --role viewer --workspace Acme");
    assert_eq!(json!([allowed["name"], allowed["role"]]), json!(["grace@example.org", "viewer"]));
    operator.run("admin allow ada --role support").well();
    operator.run("admin allow grace@example.org --role operator --workspace Other --workspace Acme").well();
    assert_eq!(
        doors(),
        [
            json!(["allowance", "ada", "support", null]),
            json!(["allowance", "grace@example.org", "operator", ["Acme", "Other"]])
        ]
    );
    let id = operator.json("admin list")[0]["id"].as_str().unwrap().to_owned();
    assert!(operator.run(&format!("admin end {id}")).refused(1).contains("admin disallow"));
    operator.run("admin disallow ada").well();
    operator.run("admin disallow Grace@example.org").refused(1);
    assert_eq!(doors().len(), 1);

    let of = |workspace: &str| {
        let log = operator.json(&format!("log --workspace {workspace}"));
        let entries = log.as_array().unwrap().iter().rev().map(|entry| entry["event"].clone());
        entries.filter(|event| event.as_str().unwrap().starts_with("admin.")).collect::<Vec<_>>()
    };
    assert_eq!(
        of("Acme"),
        ["admin.allowed", "admin.allowed", "admin.allowed", "admin.disallowed"],
        "each that reaches it"
    );
    assert_eq!(of("Other"), ["admin.allowed", "admin.allowed", "admin.disallowed"]);
}

#[test]
fn a_link_is_ended_by_its_id() {
    let operator = CliRunner::with_acme();
    operator.json(&format!("admin link {AT}"));
    let id = operator.json("admin list")[0]["id"].as_str().unwrap().to_owned();

    assert_eq!(operator.json(&format!("admin end {id}")), json!({ "ended": id }));

    assert_eq!(operator.json("admin list"), json!([]));
    operator.run(&format!("admin end {id}")).refused(1);
    assert_eq!(operator.audit().last().unwrap().0, "admin.ended");
}
