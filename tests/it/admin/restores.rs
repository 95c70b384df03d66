//! A backup that is put back lets no admin in again who was kept out since.

use std::fs;

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;

const LINK: &str = "admin link --admin-listen 127.0.0.1:8081";

/// Three names that are allowed and a link, all in the backup; then one is disallowed, one gets a lesser role, and a fourth comes.
fn with_backup() -> CliRunner {
    let operator = CliRunner::with_acme();
    for line in [
        "admin allow ada --role operator",
        "admin allow bob --role operator",
        "admin allow cat --role viewer",
    ] {
        operator.run(line).well();
    }
    operator.json(LINK);
    operator.run("backup then.backup").well();
    std::thread::sleep(std::time::Duration::from_millis(5));
    for line in ["admin disallow ada", "admin allow bob --role viewer", "admin allow dan --role operator"] {
        operator.run(line).well();
    }
    operator
}

fn doors(operator: &CliRunner) -> Vec<Value> {
    let listed = operator.json("admin list");
    let door = |door: &Value| json!([door["kind"], door["name"], door["role"]]);
    listed.as_array().unwrap().iter().map(door).collect()
}

#[test]
fn disallowed_admins_stay_out_and_every_older_link_is_dead() {
    let operator = with_backup();

    let printed = operator.json("restore then.backup");

    assert_eq!(printed["carried_over"]["admins"], 2, "{printed}");
    assert_eq!(printed["admins"], json!([{ "name": "cat", "role": "viewer", "before": "allowed" }]));
    assert_eq!(doors(&operator), [json!(["allowance", "cat", "viewer"])]);
    let ended: Vec<_> =
        operator.audit().into_iter().filter(|(event, ..)| event == "admin.disallowed").collect();
    assert_eq!(ended.len(), 2);
    assert!(ended.iter().all(|(_, _, data)| data.contains("restored")), "{ended:?}");
}

#[test]
fn where_nothing_is_carried_over_the_admins_that_came_back_are_listed() {
    let operator = with_backup();
    let printed = operator.json("restore --as-it-was then.backup");
    assert_eq!(
        printed["admins"],
        json!([
            { "name": "ada", "role": "operator", "before": "disallowed" },
            { "name": "bob", "role": "operator", "before": "disallowed" },
            { "name": "cat", "role": "viewer", "before": "allowed" },
        ])
    );
    assert_eq!(doors(&operator).len(), 3, "and no link");

    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(operator.path(&format!("doorkey.db{ending}")));
    }
    let printed = operator.json("restore then.backup");
    assert_eq!(printed["carried_over"], Value::Null);
    let before: Vec<_> = printed["admins"].as_array().unwrap().iter().map(|one| &one["before"]).collect();
    assert_eq!(before, [&Value::Null; 3], "{printed}");
    let said = operator.run("restore --as-it-was then.backup").well();
    assert!(said.contains("admin disallow NAME") && said.contains("ada"), "{said}");
}
