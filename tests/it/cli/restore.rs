//! A restore over a newer database: what that one knows of ends is carried over, and no number is given twice

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;
use crate::support::consistency::MISCOUNTED;
use crate::support::server::Server;

const ACME: &str = "--workspace Acme";

/// With the workspace Acme, seven clients, and three API keys.
fn operator() -> CliRunner {
    let operator = CliRunner::with_acme();
    for name in ["bob", "cat", "dan", "eve", "fay", "guy"] {
        operator.run(&format!("user add {ACME} --email {name}@x.test --name-f {name} --name-l X")).well();
    }
    for name in ["one", "two", "three"] {
        operator.run(&format!("key create {ACME} --name {name}")).well();
    }
    operator
}

/// What is done after the backup: each takes something away, but for a new address.
fn change_since(operator: &CliRunner) {
    for line in [
        "key revoke 2 --workspace Acme",
        "key create --workspace Acme --name four",
        "user set 2 --workspace Acme two_factor_enabled=true",
        "user set 3 --workspace Acme status=0",
        "user set 4 --workspace Acme staff=true",
        "user delete 5 --workspace Acme",
        "user set 6 --workspace Acme email=moved@x.test",
        "user add --workspace Acme --email late@x.test --name-f L --name-l X",
        "user add --workspace Acme --email gone@x.test --name-f G --name-l X --id 77",
        "user delete 77 --workspace Acme",
        "workspace create Late --url https://late.test",
        "workspace delete Late --yes",
    ] {
        operator.run(line).well();
    }
}

/// The same `Idempotency-Key` came again after a day, when the first request was known no longer: two rows had it.
#[test]
fn requests_that_were_sent_again_do_not_hinder_what_is_carried_over() {
    let operator = operator();
    let edit = |sql: &str| {
        let database = rusqlite::Connection::open(operator.path("doorkey.db")).unwrap();
        assert_eq!(database.execute(sql, []).unwrap(), 1, "{sql}");
    };
    let known = |user: i64| {
        edit(&format!(
            "INSERT INTO idempotency_keys VALUES (1, zeroblob(32), zeroblob(32), {user}, NULL, 0)"
        ));
    };
    known(1);
    operator.run("backup then.backup").well();
    edit("DELETE FROM idempotency_keys");
    operator.run("user add --workspace Acme --email late@x.test --name-f L --name-l X --id 77").well();
    known(77);
    operator.run("user delete 77 --workspace Acme").well();
    operator.run("key revoke 2 --workspace Acme").well();

    let printed = operator.json("restore then.backup");

    assert_eq!(printed["not_carried_over"], Value::Null);
    assert_eq!(key_states(&operator), [(1, true), (2, false), (3, true)]);
}

/// Where the backup came from, another installation may go on below the same parent domain.
#[test]
fn after_a_restore_the_session_cookies_have_another_name() {
    let operator = operator();
    let tag = || {
        let database = rusqlite::Connection::open(operator.path("doorkey.db")).unwrap();
        database.query_row("SELECT cookie_tag FROM workspaces", [], |row| row.get::<_, String>(0)).unwrap()
    };
    let before = tag();
    operator.run("backup then.backup").well();
    operator.run("restore then.backup").well();
    assert_ne!(tag(), before);
}

fn key_states(operator: &CliRunner) -> Vec<(i64, bool)> {
    let keys = operator.json(&format!("key list {ACME}"));
    let state = |key: &Value| (key["id"].as_i64().unwrap(), key["revoked_at"].is_null());
    keys.as_array().unwrap().iter().map(state).collect()
}

fn flags(operator: &CliRunner, user: i64) -> Value {
    let user = operator.json(&format!("user show {user} {ACME}"));
    json!([user["two_factor_enabled"], user["status"], user["staff"]])
}

#[test]
fn what_the_replaced_database_knows_of_ends_is_carried_over() {
    let operator = operator();
    operator.run("backup then.backup").well();
    change_since(&operator);

    let printed = operator.json("restore then.backup");

    assert_eq!(
        printed["carried_over"],
        json!({
            "api_keys": 1, "users": 3, "deleted_users": 1, "secret_keys": 0, "admins": 0, "client_secrets": 0
        })
    );
    assert_eq!(printed["not_carried_over"], Value::Null);
    assert_eq!(key_states(&operator), [(1, true), (2, false), (3, true)]);
    assert_eq!(flags(&operator, 2), json!([true, 1, false]));
    assert_eq!(flags(&operator, 3), json!([false, 0, false]));
    assert_eq!(flags(&operator, 4), json!([false, 1, true]));
    assert_eq!(flags(&operator, 1), json!([false, 1, false]));
    assert_eq!(operator.database.number(&format!("SELECT count(*) FROM ({MISCOUNTED}) m")), 0);
    operator.run("user show 5 --workspace Acme").refused(1);
    assert_eq!(
        printed["addresses"],
        json!([{ "workspace": "Acme", "id": 6, "now": "fay@x.test", "before": "moved@x.test" }])
    );
    assert_eq!(printed["users"], json!([]), "who is as before is not listed");
    let before: Vec<_> = printed["api_keys"].as_array().unwrap().iter().map(|key| &key["before"]).collect();
    assert_eq!(before, ["live", "live"]);
    let restored = operator.audit().into_iter().filter(|(_, _, data)| data.contains("\"restored\""));
    let restored: Vec<_> = restored.map(|(event, actor, _)| (event, actor)).collect();
    let entry = |event: &str| (event.to_owned(), "command_line".to_owned());
    let expected = ["api_key.revoked", "user.deleted", "user.changed", "user.changed", "user.changed"];
    assert_eq!(restored, expected.map(entry));
}

#[test]
fn no_number_is_given_twice_after_a_restore() {
    let operator = operator();
    operator.run("backup then.backup").well();
    change_since(&operator);
    for (restore, is_readable) in [("restore then.backup", true), ("restore then.backup --as-it-was", false)]
    {
        operator.run(restore).well();

        let add = format!("user add {ACME} --email new{is_readable}@x.test --name-f N --name-l X");
        let user = operator.json(&add)["id"].as_i64().unwrap();
        assert!(user > 1_000_000, "{user} may have been given by who knows which database");
        let key = operator.json(&format!("key create {ACME} --name new"))["id"].as_i64().unwrap();
        assert!(if is_readable { key == 5 } else { key > 4 }, "{key}");
        let make = format!("workspace create New{is_readable} --url https://new{is_readable}.test");
        let workspace = operator.json(&make)["id"].as_i64().unwrap();
        assert!(if is_readable { workspace == 3 } else { workspace > 3 }, "{workspace}");
        if is_readable {
            // Who came and went since the backup is still somebody.
            let taken = format!("user add {ACME} --email x@x.test --name-f X --name-l X --id 77");
            assert!(operator.run(&taken).refused(1).contains("id"));
        }
    }
}

#[test]
fn a_restore_as_it_was_carries_nothing_over_and_says_so() {
    let operator = operator();
    operator.run("backup then.backup").well();
    change_since(&operator);

    let said = operator.run("restore then.backup --as-it-was").well();

    assert!(said.contains("As it was: nothing"), "{said}");
    assert!(said.contains("two    revoked"), "{said}");
    assert_eq!(key_states(&operator), [(1, true), (2, true), (3, true)]);
    for user in 2..=5 {
        assert_eq!(flags(&operator, user), json!([false, 1, false]));
    }
    operator.run("restore --mark-only --as-it-was").refused(2);
}

/// What the restored database has and the replaced one lacks the freedom of is kept: only ends are carried over.
#[test]
fn nothing_that_gives_somebody_something_is_carried_over() {
    let operator = operator();
    for line in [
        "user set 2 --workspace Acme two_factor_enabled=true",
        "user set 3 --workspace Acme status=0",
        "key revoke 2 --workspace Acme",
        "backup then.backup",
        "user set 2 --workspace Acme two_factor_enabled=false",
        "user set 3 --workspace Acme status=1",
    ] {
        operator.run(line).well();
    }
    operator.database.run("UPDATE api_keys SET revoked_at = NULL WHERE id = 2");

    let printed = operator.json("restore then.backup");

    assert_eq!(printed["carried_over"]["users"], 0);
    assert_eq!(key_states(&operator), [(1, true), (2, false), (3, true)]);
    assert_eq!(flags(&operator, 2), json!([true, 1, false]));
    assert_eq!(flags(&operator, 3), json!([false, 0, false]));
    assert_eq!(printed["users"].as_array().unwrap().len(), 2, "what is otherwise is listed");
}

#[test]
fn a_restore_says_that_it_is_done_where_no_database_was() {
    let operator = CliRunner::with_acme();
    operator.run("backup a.backup").well();
    fs::remove_file(operator.path("doorkey.db")).unwrap();

    let said = operator.run("restore a.backup").well();

    assert!(said.starts_with("Restored. No database was there before.\nEvery link and session"), "{said}");
    assert!(!operator.run("restore --mark-only").well().contains("Restored"));
}

/// Makes the end of a database unreadable, where its rows are.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let length = bytes.len();
    bytes[4096 * 3..length].fill(0xa5);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_or_foreign_database_is_replaced_and_nothing_is_carried_over_from_it() {
    for (reason, is_damaged) in [("is damaged", true), ("another installation", false)] {
        let operator = operator();
        operator.run("user set 7 --workspace Acme two_factor_enabled=true").well();
        operator.run("backup then.backup").well();
        change_since(&operator);
        if is_damaged {
            operator.run("backup now.backup").well();
            let whole = operator.path("now.backup");
            for ending in ["-wal", "-shm"] {
                let _ = fs::remove_file(operator.path(&format!("doorkey.db{ending}")));
            }
            fs::rename(whole, operator.path("doorkey.db")).unwrap();
            damage(&operator.path("doorkey.db"));
        } else {
            let stranger = CliRunner::with_acme();
            stranger.run("backup theirs.backup").well();
            for ending in ["-wal", "-shm"] {
                let _ = fs::remove_file(operator.path(&format!("doorkey.db{ending}")));
            }
            fs::rename(stranger.path("theirs.backup"), operator.path("doorkey.db")).unwrap();
        }

        let printed = operator.json("restore then.backup");

        assert_eq!(printed["carried_over"], Value::Null, "{printed}");
        assert!(printed["not_carried_over"].as_str().unwrap().contains(reason), "{printed}");
        assert_eq!(key_states(&operator), [(1, true), (2, true), (3, true)]);
        assert_eq!(printed["api_keys"].as_array().unwrap().len(), 3);
        assert!(
            printed["api_keys"].as_array().unwrap().iter().all(|key| key["before"] != "live"),
            "{printed}"
        );
        let listed = printed["users"].as_array().unwrap().iter().any(|user| user["id"] == 7);
        assert!(listed, "who has two-factor is listed: {printed}");
        let add = format!("user add {ACME} --email new@x.test --name-f N --name-l X");
        assert!(operator.json(&add)["id"].as_i64().unwrap() > 1_000_000);
        assert!(operator.json(&format!("key create {ACME} --name new"))["id"].as_i64().unwrap() > 1_000_000);
        let make = "workspace create New --url https://new.test";
        assert!(operator.json(make)["id"].as_i64().unwrap() > 1_000_000);
    }
}

#[test]
fn a_workspace_that_was_deleted_since_the_backup_is_listed() {
    let operator = operator();
    operator.run("backup then.backup").well();
    operator.run("workspace delete Acme --yes").well();

    let printed = operator.json("restore then.backup");

    assert_eq!(printed["workspaces"], json!(["Acme"]));
    assert!(printed["api_keys"].as_array().unwrap().iter().all(|key| key["before"] == "not there"));
}

/// The key that was retired since stays so, and an API key that went over to the next one goes on working.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_key_that_was_retired_since_the_backup_stays_so_and_api_keys_go_on() {
    let mut server = Server::start();
    server.add_client("ada@x.test", "Ada", "X");
    let listed = || -> Value { serde_json::from_str(&server.run(&["secret", "list", "--json"])).unwrap() };
    let old = listed()[0]["id"].as_str().unwrap().to_owned();
    server.run(&["backup", "then.backup"]);
    let old_file = fs::read(server.path("doorkey.key")).unwrap();
    let added: Value = serde_json::from_str(&server.run(&["secret", "add", "--json"])).unwrap();
    let new = added["id"].as_str().unwrap().to_owned();
    let rests_on = "SELECT key_id FROM api_keys";
    let first = server.database.number(rests_on);
    server.run(&["secret", "use", &new]);
    // The server hears of it within a second, and then the key goes over at its next use.
    while server.database.number(rests_on) == first {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.ask_for_link(1).await;
    }
    server.run(&["secret", "retire", &old, "--force"]);
    server.stop();

    let printed: Value = serde_json::from_str(&server.run(&["restore", "then.backup", "--json"])).unwrap();
    server.serve_with(&[]);

    assert_eq!(printed["carried_over"]["secret_keys"], 1);
    server.ask_for_link(1).await;
    server.stop();
    // Whoever has lost the newer key file must say that it is to be as it was.
    fs::write(server.path("doorkey.key"), old_file).unwrap();
    let refused = server.refused(&["restore", "then.backup"], &[]);
    assert!(refused.contains("was retired since the backup") && refused.contains("--as-it-was"), "{refused}");
    server.run(&["restore", "then.backup", "--as-it-was"]);
    server.serve_with(&[]);
    server.ask_for_link(1).await;
}

/// From the first look on nobody changes what is going to be replaced.
#[test]
fn what_a_restore_refuses_leaves_everything_as_it_was() {
    let operator = operator();
    operator.run("backup then.backup").well();
    change_since(&operator);
    let stranger = CliRunner::with_acme();
    stranger.run("backup theirs.backup").well();
    fs::copy(stranger.path("theirs.backup"), operator.path("theirs.backup")).unwrap();
    let before = operator.audit();

    assert!(operator.run("restore theirs.backup").refused(1).contains("does not belong"));

    assert_eq!(operator.audit(), before);
    let left = fs::read_dir(operator.folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_str().unwrap().contains("restoring")));
}

/// What has no end would be copied until the disk is full.
#[test]
fn only_a_file_is_restored() {
    let operator = operator();
    assert!(operator.run("restore /dev/zero").refused(1).contains("/dev/zero"));
    assert!(operator.path("doorkey.db").exists());
}
