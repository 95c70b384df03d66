//! Imports of more rows than are written together: what one lot of them does to the next.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;
use crate::support::consistency::MISCOUNTED;

const IMPORT: &str = "user import --workspace Acme rows.csv --json";

/// Imports rows under a header: added, changed, unchanged, and the bad rows by line.
fn imported(operator: &CliRunner, header: &str, rows: &[String]) -> ([u64; 3], Vec<(u64, String)>) {
    fs::write(operator.path("rows.csv"), format!("{header}\n{}\n", rows.join("\n"))).unwrap();
    let printed: Value = serde_json::from_str(&operator.run(IMPORT).stdout).unwrap();
    let mut bad: Vec<_> = printed["bad_rows"].as_array().unwrap().clone();
    bad.sort_by_key(|row| row["line"].as_u64());
    let bad =
        bad.iter().map(|row| (row["line"].as_u64().unwrap(), row["reason"].as_str().unwrap().to_owned()));
    (["added", "changed", "unchanged"].map(|count| printed[count].as_u64().unwrap()), bad.collect())
}

/// All users, whom the totals of lists must agree with.
fn users(operator: &CliRunner) -> Vec<(i64, String)> {
    assert_eq!(operator.database.number(&format!("SELECT count(*) FROM ({MISCOUNTED}) m")), 0);
    let users = operator.database.rows("SELECT id, email FROM users WHERE email IS NOT NULL ORDER BY id");
    users.into_iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect()
}

const WITH_ID: &str = "id,email,name_f,name_l";

fn with_id(id: i64) -> String {
    format!("{id},u{id}@x.test,U,{id}")
}

/// Of rows that are far behind others, bad ones are named by their own lines, and all others go in.
#[test]
fn a_bad_row_costs_nothing_but_itself_wherever_it_stands() {
    let operator = CliRunner::with_acme();
    operator.run("user add --workspace Acme --id 2200 --email gone@x.test --name-f G --name-l G").well();
    operator.run("user delete 2200 --workspace Acme").well();
    // Line 2 is about user 10.
    let line = |id: i64| u64::try_from(id - 8).unwrap();
    let rows: Vec<_> = (10..2_510)
        .map(|id| match id {
            500 => "500,ADA@example.org,A,A".to_owned(),
            1_700 => "1700,U30@x.test,A,A".to_owned(),
            1_701 => "1701,nobody,A,A".to_owned(),
            2_400 => "30,other@x.test,A,A".to_owned(),
            _ => with_id(id),
        })
        .collect();

    let (counts, bad) = imported(&operator, WITH_ID, &rows);
    let again = imported(&operator, WITH_ID, &rows);

    assert_eq!((counts, again.0), ([2_495, 0, 0], [0, 0, 2_495]));
    let lines: Vec<_> = bad.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [500, 1_700, 1_701, 2_200, 2_400].map(line));
    let words = [
        "email: belongs",
        "is about the same user as line 22",
        "email: must be",
        "id: 2200 belongs",
        "is about the same user as line 22",
    ];
    for ((_, reason), words) in bad.iter().zip(words) {
        assert!(reason.starts_with(words), "{reason}");
    }
    assert_eq!(again.1, bad);
    assert_eq!(users(&operator).len(), 2_496);
}

/// However far apart two rows about the same address are, the second sees what the first did.
#[test]
fn addresses_are_passed_on_over_any_number_of_rows() {
    let operator = CliRunner::with_acme();
    let rows: Vec<_> = (10..2_510).map(with_id).collect();
    imported(&operator, WITH_ID, &rows);
    // One is given up far before somebody takes it, one right before, and one only after; and all rows change something, so
    // that many are being written while the next are read about.
    let passed_on: Vec<_> = (10..2_510)
        .map(|id| match id {
            20 => "20,new20@x.test,U,20".to_owned(),
            998 => "998,new998@x.test,U,998".to_owned(),
            1_010 => "1010,u998@x.test,U,1010".to_owned(),
            1_100 => "1100,u2000@x.test,U,1100".to_owned(),
            2_000 => "2000,new2000@x.test,U,2000".to_owned(),
            2_300 => "2300,u20@x.test,U,2300".to_owned(),
            _ => format!("{id},u{id}@x.test,V,{id}"),
        })
        .collect();

    let (counts, bad) = imported(&operator, WITH_ID, &passed_on);

    assert_eq!(counts, [0, 2_499, 0]);
    assert_eq!(
        bad.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
        [1_092],
        "taken until line 1992: {bad:?}"
    );
    let users: BTreeSet<_> = users(&operator).into_iter().collect();
    for (id, email) in [(1_010, "u998@x.test"), (1_100, "u1100@x.test"), (2_300, "u20@x.test")] {
        assert!(users.contains(&(id, email.to_owned())), "{id}");
    }
}

/// In the order of the rows, and past those that callers gave.
#[test]
fn numbers_that_are_drawn_fill_the_gaps_between_those_that_were_given() {
    let operator = CliRunner::with_acme();
    let given: Vec<_> = [2, 3, 5, 1_200, 1_201, 2_400].map(with_id).into();
    imported(&operator, WITH_ID, &given);
    let rows: Vec<_> = (0..2_500).map(|n| format!("n{n:04}@x.test,N,{n}")).collect();

    let (counts, bad) = imported(&operator, "email,name_f,name_l", &rows);

    assert_eq!((counts, bad), ([2_500, 0, 0], Vec::new()));
    let taken = [1, 2, 3, 5, 1_200, 1_201, 2_400];
    let free = (1..).filter(|id| !taken.contains(id));
    let wanted: Vec<_> = free.zip(0..2_500).map(|(id, n)| (id, format!("n{n:04}@x.test"))).collect();
    let drawn: Vec<_> = users(&operator).into_iter().filter(|(id, _)| !taken.contains(id)).collect();
    assert_eq!(drawn, wanted);
    let entries = operator.database.rows(
        "SELECT user_id FROM audit_log WHERE event = 'user.added' AND user_id NOT IN (1, 2, 3, 5, 1200, 1201, 2400)
         ORDER BY id",
    );
    assert_eq!(entries.len(), 2_500);
    assert!(entries.iter().zip(&wanted).all(|(entry, (id, _))| entry[0] == id.to_string()));
    operator.run("user add --workspace Acme --email next@x.test --name-f N --name-l N").well();
    assert_eq!(operator.json("user show next@x.test --workspace Acme")["id"], 2_508);
}

#[test]
fn every_user_of_thousands_who_is_disabled_loses_links_and_sessions() {
    let operator = CliRunner::with_acme();
    let rows: Vec<_> = (10..2_210).map(with_id).collect();
    imported(&operator, WITH_ID, &rows);
    let links =
        [10, 1_009, 1_010, 2_209].map(|id| operator.run(&format!("link {id} --workspace Acme")).well());
    let disabled: Vec<_> = (10..2_210).map(|id| format!("{id},0")).collect();

    let (counts, bad) = imported(&operator, "id,status", &disabled);

    assert_eq!((counts, bad), ([0, 2_200, 0], Vec::new()));
    let count = |sql: &str| operator.database.number(sql);
    let ended = "SELECT count(*) FROM users WHERE is_active = 0 AND link_epoch = 1 AND session_epoch = 1 AND revision = 2";
    assert_eq!(count(ended), 2_200);
    let printed = operator.audit();
    let changed = printed.iter().filter(|(event, _, data)| {
        event == "user.changed"
            && data.contains(r#""fields":["status"]"#)
            && data.contains(r#""status":{"from":1,"to":0}"#)
    });
    assert_eq!(changed.count(), 2_200);
    let killed = printed
        .iter()
        .filter(|(event, _, data)| event == "login_link.killed" && data.contains(r#""reason":"disabled""#));
    assert_eq!(killed.count(), 2_200);
    assert_eq!(
        count("SELECT count(DISTINCT user_id) FROM audit_log WHERE event = 'login_link.killed'"),
        2_200
    );
    imported(&operator, "id,status", &(10..2_210).map(|id| format!("{id},1")).collect::<Vec<_>>());
    for (id, link) in [10, 1_009, 1_010, 2_209].into_iter().zip(links) {
        assert_ne!(operator.run(&format!("link {id} --workspace Acme")).well(), link, "{id}");
    }
}

/// A kill leaves whole lots behind, each with its numbers, its entries and the counter.
#[test]
fn an_import_without_numbers_that_is_killed_and_run_again_draws_none_twice_and_loses_none() {
    let operator = CliRunner::with_acme();
    let rows: Vec<_> = (0..20_000).map(|n| format!("n{n}@x.test,N,{n}")).collect();
    fs::write(operator.path("rows.csv"), format!("email,name_f,name_l\n{}\n", rows.join("\n"))).unwrap();
    let words: Vec<_> = IMPORT.split(' ').collect();
    let count = |sql: &str| operator.database.number(sql);

    let mut seen = Vec::new();
    for wanted in [500, 4_000, 8_000] {
        let mut running =
            operator.command(&words).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        while count("SELECT count(*) FROM users") < wanted {
            assert!(running.try_wait().unwrap().is_none(), "it ended before it was killed");
        }
        running.kill().unwrap();
        running.wait().unwrap();
        let there = count("SELECT count(*) FROM users");
        assert_eq!(count("SELECT count(*) FROM audit_log WHERE event = 'user.added'"), there);
        assert_eq!(count("SELECT max(id) FROM users"), there);
        seen.push(there);
    }
    let printed = operator.json("user import --workspace Acme rows.csv");

    let before = seen.last().unwrap();
    assert_eq!((&printed["added"], &printed["unchanged"]), (&json!(20_001 - before), &json!(before - 1)));
    assert!(*before < 20_001, "it was through before the last kill: {seen:?}");
    assert_eq!(count("SELECT count(*) FROM users WHERE id BETWEEN 1 AND 20001 AND revision = 1"), 20_001);
    assert_eq!(count("SELECT last_user_id FROM number_counters"), 20_001);
    assert_eq!(count("SELECT count(DISTINCT user_id) FROM audit_log WHERE event = 'user.added'"), 20_001);
    assert_eq!(count("SELECT count(*) FROM audit_log WHERE event = 'user.added'"), 20_001);
}

/// Rows that are staff, rows that become it and rows that are no longer, over several ranges of numbers.
#[test]
fn whoever_changes_kind_in_an_import_is_counted_where_it_belongs() {
    let operator = CliRunner::with_acme();
    let row = |id: i64, is_staff: bool| format!("{id},u{id}@x.test,U,{id},{}", u8::from(is_staff));
    let total = |kind: &str| {
        operator.database.number(&format!(
            "SELECT CAST(sum({kind}) AS BIGINT) FROM user_counts WHERE width = 65536 AND {kind} <> 0"
        ))
    };

    let first: Vec<_> = (65_000..67_000).map(|id| row(id, id % 4 == 0)).collect();
    assert_eq!(imported(&operator, "id,email,name_f,name_l,staff", &first).0, [2_000, 0, 0]);
    assert_eq!((users(&operator).len(), total("clients"), total("staff")), (2_001, 1_501, 500));

    let second: Vec<_> = (65_000..67_000).map(|id| row(id, id % 4 == 1 || id % 8 == 0)).collect();
    assert_eq!(imported(&operator, "id,email,name_f,name_l,staff", &second).0, [0, 750, 1_250]);
    assert_eq!((users(&operator).len(), total("clients"), total("staff")), (2_001, 1_251, 750));
}
