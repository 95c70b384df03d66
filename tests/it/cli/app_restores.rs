//! What a restore makes of apps: their secrets and what signs for them.

use doorkey::app::App;
use doorkey::flow::oidc::apps;
use doorkey::flow::workspaces;
use serde_json::{Value, json};

use crate::support::app;
use crate::support::cli_runner::CliRunner;

const WIKI: &str = "wiki --workspace Acme";

/// With the app `wiki` and a first secret of it.
fn operator() -> (CliRunner, String) {
    let operator = CliRunner::with_acme();
    let made = operator
        .json("app create Wiki --workspace Acme --client-id wiki --redirect-uri https://wiki.example.org/cb");
    let secret = made["client_secret"].as_str().unwrap().to_owned();
    (operator, secret)
}

fn add_secret(operator: &CliRunner) -> String {
    operator.json(&format!("app secret add {WIKI}"))["secret"].as_str().unwrap().to_owned()
}

/// The ids of the secrets of an app, oldest first.
fn secrets(operator: &CliRunner) -> Vec<String> {
    let shown = operator.json(&format!("app show {WIKI}"));
    shown["secrets"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

fn remove_secret(operator: &CliRunner, id: &str) {
    operator.run(&format!("app secret remove wiki {id} --workspace Acme")).well();
}

async fn open(operator: &CliRunner) -> App {
    app::open(&operator.database, &operator.path("doorkey.key")).await
}

async fn is_secret(operator: &CliRunner, secret: &str) -> bool {
    let app = open(operator).await;
    let (acme, _) = workspaces::show(&app, "Acme").await.unwrap();
    let found = apps::find(&app, acme.id, "wiki").await.unwrap().unwrap();
    let is_one = apps::check_secret(&app, acme.id, &found, secret).await.unwrap();
    drop(app);
    is_one
}

fn signing_keys(operator: &CliRunner) -> Value {
    operator.json("signing-key list --workspace Acme")
}

#[tokio::test]
async fn client_secrets_that_were_removed_since_the_backup_stay_removed() {
    let (operator, first) = operator();
    let second = add_secret(&operator);
    operator.run("backup then.backup").well();
    let ids = secrets(&operator);
    remove_secret(&operator, &ids[0]);

    let printed = operator.json("restore then.backup");

    assert_eq!(printed["carried_over"]["client_secrets"], 1, "{printed}");
    assert_eq!(secrets(&operator), [ids[1].clone()]);
    assert!(!is_secret(&operator, &first).await);
    assert!(is_secret(&operator, &second).await);
    let listed = printed["client_secrets"].as_array().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        json!([listed[0]["workspace"], listed[0]["client_id"], listed[0]["id"], listed[0]["before"]]),
        json!(["Acme", "wiki", ids[1], "live"])
    );
    let told: Vec<_> =
        operator.audit().into_iter().filter(|(event, ..)| event == "app.secret_removed").collect();
    assert_eq!(told.len(), 1, "the entry of before the restore went with it");
    assert!(told[0].2.contains(&ids[0]) && told[0].2.contains("\"restored\""), "{told:?}");
}

#[tokio::test]
async fn a_restore_as_it_was_brings_client_secrets_back_and_lists_them() {
    let (operator, first) = operator();
    let second = add_secret(&operator);
    operator.run("backup then.backup").well();
    remove_secret(&operator, &secrets(&operator)[0]);

    let printed = operator.json("restore then.backup --as-it-was");

    assert!(is_secret(&operator, &first).await && is_secret(&operator, &second).await);
    let before: Vec<_> =
        printed["client_secrets"].as_array().unwrap().iter().map(|one| &one["before"]).collect();
    assert_eq!(before, ["removed", "live"]);
    let said = operator.run("restore then.backup --as-it-was").well();
    assert!(said.contains("Client secrets that work now") && said.contains("Acme       wiki"), "{said}");
    let marked = operator.json("restore --mark-only");
    let before: Vec<_> =
        marked["client_secrets"].as_array().unwrap().iter().map(|one| &one["before"]).collect();
    assert_eq!(before, [&Value::Null, &Value::Null], "where nothing can be compared, all are listed");
}

#[tokio::test]
async fn an_app_that_was_deleted_since_the_backup_has_no_secret_any_more_and_is_listed() {
    let (operator, first) = operator();
    operator.run("backup then.backup").well();
    operator.run(&format!("app delete {WIKI}")).well();

    let printed = operator.json("restore then.backup");

    assert_eq!(printed["apps"], json!([{ "workspace": "Acme", "client_id": "wiki", "name": "Wiki" }]));
    assert_eq!(printed["carried_over"]["client_secrets"], 1);
    assert!(!is_secret(&operator, &first).await);
    assert!(is_secret(&operator, &add_secret(&operator)).await, "the operator may give it another");
}

#[test]
fn signing_keys_that_were_rotated_away_since_the_backup_sign_no_more() {
    let (operator, _) = operator();
    operator.run("backup then.backup").well();
    let before = signing_keys(&operator);
    operator.run("signing-key rotate --workspace Acme --force").well();
    let rotated = signing_keys(&operator);
    assert_ne!(before, rotated);

    operator.run("restore then.backup").well();
    assert_eq!(signing_keys(&operator), rotated);

    operator.run("restore then.backup --as-it-was").well();
    assert_eq!(signing_keys(&operator), before);
}

/// Whoever has the replaced database, and not the key file.
#[test]
fn signing_keys_of_an_edited_database_are_not_carried_over() {
    for edit in ["state = 'signing' WHERE state = 'next'", "public_key = replace(public_key, 'a', 'b')"] {
        let (operator, _) = operator();
        operator.run("backup then.backup").well();
        let before = signing_keys(&operator);
        operator.database.run("UPDATE signing_keys SET state = 'retired' WHERE state = 'signing'");
        operator.database.run(&format!("UPDATE signing_keys SET {edit}"));

        operator.run("restore then.backup").well();

        assert_eq!(signing_keys(&operator), before, "{edit}");
    }
}

/// All that is of apps went over to the next secret key since: the backup's rows are under one that is gone.
#[tokio::test]
async fn apps_go_on_after_a_restore_from_before_a_secret_key_was_retired() {
    let (operator, secret) = operator();
    operator.run("backup then.backup").well();
    let keys = signing_keys(&operator);
    let old = operator.json("secret list")[0]["id"].as_str().unwrap().to_owned();
    let new = operator.json("secret add")["id"].as_str().unwrap().to_owned();
    operator.run(&format!("secret use {new}")).well();
    assert!(is_secret(&operator, &secret).await, "it goes over when it is used");
    operator.run(&format!("secret retire {old}")).well();

    let printed = operator.json("restore then.backup");

    assert_eq!(printed["carried_over"]["secret_keys"], 1, "{printed}");
    assert_eq!(printed["carried_over"]["client_secrets"], 0);
    assert_eq!(signing_keys(&operator), keys);
    assert!(is_secret(&operator, &secret).await);
    assert_eq!(operator.json(&format!("app show {WIKI}"))["name"], "Wiki");
}
