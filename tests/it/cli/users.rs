//! Users and their links at the command line.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;

#[test]
fn a_user_is_added_shown_set_listed_and_deleted() {
    let operator = CliRunner::with_acme();

    let mut made = operator.json(
        "user add --workspace Acme --email Bob@example.org --name-f Bob --name-l Stone --id 70 --staff --two-factor \
         --company Acme --phone 123 --locale cs --note hi",
    );
    let moments = (made["created_at"].take(), made["updated_at"].take());
    assert_eq!(moments.0, moments.1);
    assert_eq!(
        made,
        json!({
            "id": 70, "name": "Bob Stone", "name_f": "Bob", "name_l": "Stone", "email": "Bob@example.org",
            "company": "Acme", "phone": "123", "locale": "cs", "note": "hi", "custom_fields": {}, "status": 1,
            "two_factor_enabled": true, "created_at": null, "updated_at": null, "staff": true
        })
    );

    let set = operator.json(
        "user set bob@EXAMPLE.org --workspace Acme staff=false two_factor_enabled=0 status=0 name_l= custom_fields={\"a\":1}",
    );
    assert_eq!(
        (&set["staff"], &set["two_factor_enabled"], &set["status"]),
        (&json!(false), &json!(false), &json!(0))
    );
    assert_eq!((&set["name"], &set["custom_fields"]), (&json!("Bob"), &json!({"a": 1})));
    assert_eq!(operator.json("user show 70 --workspace Acme"), set);
    assert!(
        operator
            .run("user show 70 --workspace Acme")
            .well()
            .contains("email               Bob@example.org\n")
    );

    let ada = operator.json("user show 1 --workspace Acme");
    assert_eq!(operator.json("user list --workspace Acme"), json!([ada, set]));
    let lines = operator.run("user list --workspace Acme --jsonl").well();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [ada, set]);
    assert!(operator.run("user list --workspace Acme").well().contains("ada@example.org  active"));

    operator.run("user delete bob@example.org --workspace Acme").well();
    operator.run("user show 70 --workspace Acme").refused(1);
    let again = "user add --workspace Acme --email bob@example.org --name-f B --name-l S";
    assert!(operator.run(&format!("{again} --id 70")).refused(1).contains("id: 70"));
    assert_eq!(operator.json(again)["id"], 2);
}

#[test]
fn what_is_wrong_with_a_user_is_said() {
    let operator = CliRunner::with_acme();
    let add = "user add --workspace Acme --name-f A --name-l B --email";

    for (line, status, named) in [
        (format!("{add} nobody"), 1, "--email"),
        (format!("{add} a@b.test,c@d.test"), 1, "--email"),
        (format!("{add} ADA@example.org"), 1, "email: belongs"),
        (format!("{add} b@example.org --id 1"), 1, "id: 1"),
        (format!("{add} b@example.org --id 0"), 2, "9007199254740991"),
        (format!("{add} b@example.org --id 9007199254740992"), 2, "9007199254740991"),
        (format!("{add} b@example.org --id x"), 2, "--id"),
        ("user add --workspace Acme --email b@example.org".to_owned(), 2, "--name-f"),
        ("user show 2 --workspace Acme".to_owned(), 1, "no such user"),
        ("user show 01 --workspace Acme".to_owned(), 2, "e-mail address"),
        ("user show 1 --workspace Nobody".to_owned(), 1, "\"Nobody\""),
        ("user set 1 --workspace Acme id=2".to_owned(), 1, "id"),
        ("user set 1 --workspace Acme status=2".to_owned(), 1, "status"),
        ("user set 1 --workspace Acme staff=perhaps".to_owned(), 1, "staff"),
        ("user set 1 --workspace Acme email=x".to_owned(), 1, "email"),
        ("user set 1 --workspace Acme custom_fields=[1]".to_owned(), 1, "custom_fields"),
        ("user set 1 --workspace Acme".to_owned(), 2, "FIELD=VALUE"),
        ("user set 2 --workspace Acme note=x".to_owned(), 1, "no such user"),
        ("user delete 2 --workspace Acme".to_owned(), 1, "no such user"),
    ] {
        let sentence = operator.run(&line).refused(status);
        assert!(sentence.contains(named), "{line}: {sentence}");
    }
    assert_eq!(operator.json("user list --workspace Acme").as_array().unwrap().len(), 1);
}

#[test]
fn a_list_of_many_users_is_whole_and_may_be_left_half_read() {
    let operator = CliRunner::with_acme();
    let many = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 4001)
        INSERT INTO users (workspace_id, id, email, email_folded, name_f, name_l, company, phone, note, custom_fields,
                           is_staff, is_active, two_factor, link_epoch, session_epoch, revision, created_at, updated_at)
        SELECT 1, i, 'u' || i || '@x.test', 'u' || i || '@x.test', 'U', 'X', '', '', '', '{}', 0, 1, 0, 0, 0, 1, 0, 0
        FROM n";
    operator.database.run(many);

    let all = operator.json("user list --workspace Acme");
    let lines = operator.run("user list --workspace Acme --jsonl").well();
    let mut half = operator
        .command(&["user", "list", "--workspace", "Acme"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(half.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let left = half.wait_with_output().unwrap();

    let ids: Vec<_> = all.as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=4001).collect::<Vec<_>>());
    assert_eq!(lines.lines().count(), 4001);
    assert_eq!((left.status.code(), left.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let operator = CliRunner::with_acme();

    operator.run_words(&["user", "set", "1", "--workspace", "Acme", "name_f=A\u{1b}[2Jx\ny"]).well();

    for line in ["user list --workspace Acme", "user show 1 --workspace Acme"] {
        let text = operator.run(line).well();
        assert!(!text.contains('\u{1b}') && !text.contains("x\ny"), "{text:?}");
    }
}

#[test]
fn a_link_is_asked_for_and_handed_out_again() {
    let operator = CliRunner::with_acme();

    let first = operator.run("link 1 --workspace Acme").well();
    let again =
        operator.json("link ADA@example.org --workspace Acme --min-ttl 60 --redirect /orders/12?tab=a");

    let link = first.trim_end();
    assert_eq!(first.len(), "https://example.com/login?token=".len() + 33, "the link alone: {first}");
    assert_eq!(again["link"], format!("{link}&redirect=%2Forders%2F12%3Ftab%3Da"));
    assert_eq!((&again["reused"], again["expires_at"].is_string()), (&json!(true), true));
    let issued = operator.database.number("SELECT times_issued FROM login_links");
    assert_eq!(issued, 2, "the reuse is counted though the process ended at once");
}

/// The command line refuses whom the API refuses.
#[test]
fn a_link_is_refused_as_the_api_refuses_it() {
    let operator = CliRunner::with_acme();
    let refusal = |change: &str| {
        operator.run(&format!("user set 1 --workspace Acme {change}")).well();
        operator.run("link 1 --workspace Acme").refused(1)
    };

    assert!(refusal("status=0").contains("disabled"));
    assert!(refusal("two_factor_enabled=true").contains("two-factor"));
    assert!(refusal("staff=true").contains("Staff"));
    for (line, status) in [
        ("link 2 --workspace Acme", 1),
        ("link nobody@example.org --workspace Acme", 1),
        ("link nobody --workspace Acme", 2),
        ("link 1 --workspace Nobody", 1),
        ("link 1", 2),
        ("link --workspace Acme", 2),
        ("link 1 --workspace Acme --min-ttl -1", 2),
        ("link 1 --workspace Acme --min-ttl 7201", 1),
        ("link 1 --workspace Acme --min-ttl soon", 2),
        ("link 1 --workspace Acme --redirect //evil.test", 1),
        ("link 1 --workspace Acme --redirect https://evil.test/", 1),
    ] {
        operator.run(line).refused(status);
    }
}

/// What was done at the command line stands in the audit log, without secrets or addresses.
#[test]
fn every_act_at_the_command_line_is_audited() {
    let operator = CliRunner::with_acme();
    operator.run("workspace set Acme single_use=false").well();
    operator.run("key create --workspace Acme --name crm").well();
    operator.run("key revoke 1 --workspace Acme").well();
    let link = operator.run("link 1 --workspace Acme").well();
    operator.run("user set 1 --workspace Acme two_factor_enabled=true").well();
    operator.run("link 1 --workspace Acme").refused(1);
    operator.run("user delete 1 --workspace Acme").well();

    let audit = operator.audit();

    let events: Vec<_> = audit.iter().map(|(event, _, _)| event.as_str()).collect();
    assert_eq!(
        events,
        [
            "workspace.added",
            "user.added",
            "workspace.changed",
            "api_key.added",
            "api_key.revoked",
            "login_link.issued",
            "user.changed",
            "login_link.killed",
            "login_link.refused",
            "user.deleted",
            "login_link.killed",
        ]
    );
    assert!(audit.iter().all(|(_, actor, _)| actor == "command_line"));
    let id = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    let os_user = format!("\"os_user\":{:?}", String::from_utf8(id).unwrap().trim_end());
    assert!(audit.iter().all(|(_, _, data)| data.contains(&os_user)), "{os_user}: {audit:?}");
    let token = link.trim_end().split_once("token=").unwrap().1;
    assert!(audit.iter().all(|(_, _, data)| !data.contains(token) && !data.contains("ada@")));
}
