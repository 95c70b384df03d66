//! Users from a file: what goes in, what does not, and what is said of it.

use std::fs;

use serde_json::{Value, json};

use crate::support::cli_runner::{CliRunner, Done};

const IMPORT: &str = "user import --workspace Acme";

/// A line or two for each number.
fn lines(numbers: std::ops::Range<i64>, line: impl Fn(i64) -> String) -> String {
    numbers.map(line).collect::<Vec<_>>().concat()
}

impl CliRunner {
    /// Imports a file of this name and content.
    fn import(&self, name: &str, content: impl AsRef<[u8]>) -> Done {
        fs::write(self.path(name), content).unwrap();
        self.run(&format!("{IMPORT} {name}"))
    }

    /// Imports and gives the JSON document: added, changed, unchanged, bad.
    fn import_counted(&self, name: &str, content: impl AsRef<[u8]>) -> [u64; 4] {
        fs::write(self.path(name), content).unwrap();
        let done = self.run(&format!("{IMPORT} {name} --json"));
        let printed: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(done.status, i32::from(printed["bad"] != 0), "{done:?}");
        ["added", "changed", "unchanged", "bad"].map(|count| printed[count].as_u64().unwrap())
    }

    fn user(&self, user: &str) -> Value {
        self.json(&format!("user show {user} --workspace Acme"))
    }

    fn users(&self) -> Vec<Value> {
        self.json("user list --workspace Acme").as_array().unwrap().clone()
    }
}

/// Objects without what an import cannot give.
fn without_moments(mut users: Vec<Value>) -> Vec<Value> {
    for user in &mut users {
        let user = user.as_object_mut().unwrap();
        assert!(user.remove("created_at").is_some() && user.remove("updated_at").is_some());
    }
    users
}

#[test]
fn a_csv_file_is_read_as_the_rfc_says_with_its_columns_in_any_order() {
    let operator = CliRunner::with_acme();

    let printed = operator.import(
        "clients.CSV",
        "\u{feff}\"email\",note,name_l,id,name,name_f,staff,status,two_factor_enabled,custom_fields,created_at\r\n\
         bob@x.test,\"a \"\"quote\"\", a comma\r\nand a line\",Stone,70,Nobody,Bob,0,1,false,,2001-01-01\r\n\
         \r\n\
         \"eve@x.test\",,\"Žižka, jr.\",71,,Eve,true,0,1,\"{\"\"a\"\":[1,null]}\",",
    );

    assert_eq!(printed.well(), "2 added, 0 changed, 0 unchanged, 0 bad.\n");
    assert_eq!(
        without_moments(operator.users())[1..],
        [
            json!({
                "id": 70, "name": "Bob Stone", "name_f": "Bob", "name_l": "Stone", "email": "bob@x.test",
                "company": "", "phone": "", "locale": "", "note": "a \"quote\", a comma\r\nand a line", "custom_fields": {},
                "status": 1, "two_factor_enabled": false, "staff": false
            }),
            json!({
                "id": 71, "name": "Eve Žižka, jr.", "name_f": "Eve", "name_l": "Žižka, jr.", "email": "eve@x.test",
                "company": "", "phone": "", "locale": "", "note": "", "custom_fields": {"a": [1, null]},
                "status": 0, "two_factor_enabled": true, "staff": true
            }),
        ]
    );
    assert!(!operator.user("70")["created_at"].as_str().unwrap().starts_with("2001"));
}

#[test]
fn what_a_list_prints_makes_the_same_users_elsewhere() {
    let operator = CliRunner::with_acme();
    operator.run("workspace create Twin --url https://twin.test").well();
    let fields =
        r#""name_f":"Zoë \"Z\"","name_l":"","company":"A\nB","phone":"+1","locale":"de","note":"\u2028""#;
    let custom = r#"{"n":0.1234567890123456,"x":6.48485069506992057e97,"big":9007199254740993,"deep":{"a":[true,null,1e300]},"":""}"#;
    let rows = [
        format!(
            r#"{{"id":9007199254740991,"email":"Z@x.test",{fields},"custom_fields":{custom},"status":0}}"#
        ),
        format!(r#"{{"id":5,"email":"s@x.test",{fields},"staff":true,"two_factor_enabled":1}}"#),
        format!(r#"{{"email":"d@x.test",{fields},"staff":0}}"#),
    ];
    assert_eq!(operator.import_counted("rows.jsonl", rows.join("\n")), [3, 0, 0, 0]);

    let listed = operator.run("user list --workspace Acme --jsonl").well();
    fs::write(operator.path("listed.jsonl"), &listed).unwrap();
    let printed = operator.run("user import --workspace Twin listed.jsonl").well();

    assert_eq!(printed, "4 added, 0 changed, 0 unchanged, 0 bad.\n");
    let twins = operator.json("user list --workspace Twin").as_array().unwrap().clone();
    assert_eq!(without_moments(twins), without_moments(operator.users()));
    assert_eq!(operator.run(&format!("{IMPORT} listed.jsonl --json")).json()["unchanged"], 4);
}

#[test]
fn an_import_that_is_run_twice_changes_nothing_the_second_time() {
    let operator = CliRunner::with_acme();
    let rows =
        lines(2..300, |n| format!("{n},u{n}@x.test,U,\"{n}\",\"{{\"\"n\"\":7.9725102734646869{n}e49}}\"\n"));
    let with_ids = format!("id,email,name_f,name_l,custom_fields\n{rows}");
    let by_address =
        "email,name_f,name_l\nADA@example.org,Ada,King\nnew@x.test,New,One\nNew@X.test,New,One\n";

    assert_eq!(operator.import_counted("ids.csv", &with_ids), [298, 0, 0, 0]);
    assert_eq!(operator.import_counted("mail.csv", by_address), [1, 1, 0, 1]);
    let (users, audit) = (operator.users(), operator.audit());
    assert_eq!(operator.import_counted("ids.csv", &with_ids), [0, 0, 298, 0]);
    assert_eq!(operator.import_counted("mail.csv", by_address), [0, 0, 2, 1]);

    assert_eq!((operator.users(), operator.audit()), (users, audit));
    assert_eq!(operator.user("1")["email"], "ada@example.org", "who is meant is no change of address");
    assert_eq!(operator.user("new@x.test")["id"], 300);
}

#[test]
fn a_row_changes_only_the_fields_that_it_has() {
    let operator = CliRunner::with_acme();
    operator.run("user set 1 --workspace Acme company=Engines two_factor_enabled=1 note=x").well();

    let by_id = operator.import_counted("a.csv", "id,note,status,email,two_factor_enabled\n1,,,,\n");
    let by_address = operator.import_counted(
        "b.jsonl",
        "{\"email\":\"ADA@EXAMPLE.ORG\",\"phone\":\"1\",\"locale\":\"pt-BR\"}\n\n",
    );

    assert_eq!((by_id, by_address), ([0, 1, 0, 0], [0, 1, 0, 0]));
    let ada = operator.user("1");
    let texts = ["email", "name_f", "name_l", "company", "phone", "locale", "note"]
        .map(|name| ada[name].as_str().unwrap());
    assert_eq!(texts, ["ada@example.org", "Ada", "Lovelace", "Engines", "1", "pt-BR", ""]);
    assert_eq!((&ada["status"], &ada["two_factor_enabled"]), (&json!(1), &json!(true)));
}

#[test]
fn each_bad_row_of_a_csv_file_is_named_by_its_line_and_the_others_go_in() {
    let operator = CliRunner::with_acme();
    operator.run("user add --workspace Acme --id 9 --email gone@x.test --name-f G --name-l G").well();
    operator.run("user delete 9 --workspace Acme").well();
    let rows = [
        &b"id,email,name_f,name_l,status,staff,two_factor_enabled,custom_fields"[..],
        b"20,good@x.test,\"G\nG\",O,1,0,0,{}",
        b"21,a@x.test;b@x.test,A,B,2,perhaps,TRUE,[1]",
        b"0,z@x.test,A,B,1,0,0,{}",
        b"9007199254740992,z@x.test,A,B,1,0,0,{}",
        b"9,z@x.test,A,B,1,0,0,{}",
        b"22,ADA@example.org,A,B,1,0,0,{}",
        b"23,too@x.test,Few",
        b"24,z@x.test,5\" pipe,B,1,0,0,{}",
        b"25,z@x.test,\"B\" x,B,1,0,0,{}",
        b"26,z@x.test,\xff,B,1,0,0,{}",
        b"27,,A,B,1,0,0,{}",
        b",,A,B,1,0,0,{}",
        b"28,z@x.test,\"never closed,B,1,0,0,{}",
        b"29,last@x.test,L,B,1,0,0,{}",
    ];

    let printed = operator.import("rows.csv", rows.join(&b"\n"[..]));

    assert_eq!(
        (printed.status, &*printed.stdout),
        (1, "2 added, 0 changed, 0 unchanged, 12 bad.\n"),
        "{printed:?}"
    );
    let mut lines: Vec<_> = printed.stderr.lines().collect();
    assert_eq!(lines.pop(), Some("doorkey: 12 of 14 rows of rows.csv did not go in: each is named above"));
    let mut lines: Vec<_> = lines.iter().map(|line| line.split_once(": ").unwrap()).collect();
    lines.sort_by_key(|(line, _)| line.trim_start_matches("line ").parse::<u64>().unwrap());
    let no_id = "id: must be a number from 1 to 9007199254740991";
    assert_eq!(
        lines,
        [
            (
                "line 4",
                "custom_fields: must be a JSON object; email: must be one plain e-mail address in ASCII, such as \
                 ada@example.org (at most 254 bytes); staff: must be true or false; status: must be 1 (active) or 0 \
                 (disabled)"
            ),
            ("line 5", no_id),
            ("line 6", no_id),
            (
                "line 7",
                "id: 9 belongs, or belonged, to another user: give another, or none to have one drawn"
            ),
            ("line 8", "email: belongs to another user: change that one, or give another address"),
            ("line 9", "has 3 fields where the header has 8"),
            ("line 10", "has a quote inside a field that is not in quotes"),
            ("line 11", "has something between a closing quote and the next field"),
            ("line 12", "is not UTF-8"),
            ("line 13", "email: is needed for a new user"),
            ("line 14", "email: is needed where there is no id, to say whom the row is about"),
            ("line 15", "opens a quote that is never closed"),
        ]
    );
    assert_eq!(operator.users().len(), 3);
}

#[test]
fn each_bad_row_of_json_lines_is_named_by_its_line_and_the_others_go_in() {
    let operator = CliRunner::with_acme();
    let long = format!("{{\"id\":30,\"note\":\"{}\"}}", "x".repeat(2 << 20));
    let rows = [
        "\u{feff}{\"email\":\"good@x.test\",\"name_f\":\"G\",\"name_l\":\"G\"}",
        "{\"id\":\"5\",\"email\":null,\"status\":true,\"staff\":\"true\",\"custom_fields\":\"{}\"}",
        "{\"id\":1.0}",
        "[]",
        "{\"id\":1} {\"id\":1}",
        "{\"id\":1,\"colour\":1,\"\\u001b[2J\":[]}",
        "{\"id\":1,\"note\":\"\\u0000\"}",
        "{\"name_f\":\"A\"}",
        "{\"id\":31}",
        &long,
        "{\"id\":1,\"name_f\":\"Augusta\",\"name\":\"Nobody\"}",
    ];
    fs::write(operator.path("rows.jsonl"), rows.join("\r\n")).unwrap();

    let printed = operator.run(&format!("{IMPORT} rows.jsonl --json"));

    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    let counts = ["added", "changed", "unchanged", "bad"].map(|count| document[count].as_u64().unwrap());
    assert_eq!((printed.status, counts), (1, [1, 1, 0, 9]));
    let bad = document["bad_rows"].as_array().unwrap();
    let named = |line: u64, words: &[&str]| {
        let row = bad.iter().find(|row| row["line"] == line).unwrap();
        let reason = row["reason"].as_str().unwrap();
        assert!(words.iter().all(|word| reason.contains(word)), "{line}: {reason}");
        assert!(printed.stderr.contains(&format!("line {line}: {reason}\n")), "{printed:?}");
    };
    named(2, &["id: must", "email: must be a text", "status: must", "staff: must", "custom_fields: must"]);
    named(3, &["id: must be a number"]);
    named(4, &["is not one JSON object"]);
    named(5, &["is not one JSON object"]);
    named(6, &["colour: is no field", "name_f"]);
    named(7, &["note: must be a text"]);
    named(8, &["email: is needed"]);
    named(9, &["email: is needed for a new user", "name_f: is needed", "name_l: is needed"]);
    named(10, &["longer than 1 MiB"]);
    assert_eq!(operator.user("1")["name_f"], "Augusta");
    assert!(!printed.stderr.contains('\u{1b}') && printed.stderr.len() < 3_000);
}

#[test]
fn a_file_that_cannot_be_imported_is_refused_before_any_row_goes_in() {
    let operator = CliRunner::with_acme();
    fs::create_dir(operator.path("folder.csv")).unwrap();
    let row = "z@x.test,Z,Z\n";

    for (name, content, named) in [
        ("a.txt", format!("email,name_f,name_l\n{row}"), ".csv or .jsonl"),
        ("csv", format!("email,name_f,name_l\n{row}"), ".csv or .jsonl"),
        ("a.csv", format!("email,name_f,colour\n{row}"), "\"colour\""),
        ("a.csv", format!("email|name_f|name_l\n{row}"), "email|name_f|name_l"),
        ("a.csv", format!("email,name_f,Last\n{row}"), "\"Last\""),
        ("a.csv", format!("email,name_f,Email\n{row}"), "two columns"),
        ("a.csv", format!("name_f,name_l,note\n{row}"), "id"),
        ("a.csv", format!("email,name_f,\"name_l\n{row}"), "line 1"),
        ("a.csv", String::new(), "empty"),
    ] {
        let sentence = operator.import(name, content).refused(1);
        assert!(sentence.contains(named) && sentence.contains(name), "{name}: {sentence}");
    }
    for (line, status, named) in [
        (format!("{IMPORT} nothing.csv"), 1, "nothing.csv"),
        (format!("{IMPORT} folder.csv"), 1, "no plain file"),
        ("user import --workspace Nobody a.csv".to_owned(), 1, "\"Nobody\""),
        (IMPORT.to_owned(), 2, "FILE"),
    ] {
        fs::write(operator.path("a.csv"), format!("email,name_f,name_l\n{row}")).unwrap();
        let sentence = operator.run(&line).refused(status);
        assert!(sentence.contains(named), "{line}: {sentence}");
    }
    assert_eq!(operator.users().len(), 1);
}

#[test]
fn of_many_bad_rows_all_are_named_and_the_document_holds_the_first_hundred() {
    let operator = CliRunner::with_acme();
    fs::write(operator.path("bad.csv"), format!("email\n{}", "nobody\n".repeat(2_000))).unwrap();

    let printed = operator.run(&format!("{IMPORT} bad.csv --json"));

    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    let lines: Vec<_> =
        document["bad_rows"].as_array().unwrap().iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!((&document["bad"], lines), (&json!(2_000), (2..102).collect()));
    assert_eq!(printed.stderr.lines().filter(|line| line.starts_with("line ")).count(), 2_000);
}

/// The same decision as `user set`, in every case that kills links or ends sessions.
#[test]
fn an_imported_row_kills_as_a_change_by_hand_does() {
    let operator = CliRunner::with_acme();
    let (mut by_hand, mut by_import) = (Vec::new(), Vec::new());
    for (number, (field, value)) in [
        ("two_factor_enabled", "true"),
        ("status", "0"),
        ("staff", "1"),
        ("email", "new@x.test"),
        ("email", "ADA@example.org"),
        ("company", "Engines"),
    ]
    .into_iter()
    .enumerate()
    {
        for (workspace, seen) in [("Hand", &mut by_hand), ("File", &mut by_import)] {
            let name = format!("{workspace}{number}");
            operator.run(&format!("workspace create {name} --url https://{name}.test")).well();
            let add = "--email ada@example.org --name-f Ada --name-l Lovelace";
            operator.run(&format!("user add --workspace {name} {add}")).well();
            let link = operator.run(&format!("link 1 --workspace {name}")).well();
            let before = operator.audit().len();

            if workspace == "Hand" {
                operator.run(&format!("user set 1 --workspace {name} {field}={value}")).well();
            } else {
                fs::write(operator.path("one.csv"), format!("id,{field}\n1,{value}\n")).unwrap();
                operator.run(&format!("user import --workspace {name} one.csv")).well();
            }

            let printed = operator.audit().split_off(before);
            let undo = ["two_factor_enabled=0", "status=1", "staff=0"].map(str::to_owned);
            let undo = format!("user set 1 --workspace {name} {}", undo.join(" "));
            operator.run(&undo).well();
            let is_alive = operator.run(&format!("link 1 --workspace {name}")).well() == link;
            seen.push((field, printed, is_alive, operator.epochs(&name)));
        }
    }

    assert_eq!(by_import, by_hand);
    let alive: Vec<_> = by_import.iter().map(|(_, _, is_alive, _)| *is_alive).collect();
    assert_eq!(alive, [false, false, false, false, false, true]);
    let ended: Vec<_> = by_import.iter().map(|(_, _, _, (_, session))| *session).collect();
    assert_eq!(ended, [0, 1, 1, 0, 0, 0]);
}

impl CliRunner {
    /// The link epoch and the session epoch of user 1.
    fn epochs(&self, workspace: &str) -> (i64, i64) {
        let epoch = |kind: &str| {
            self.database.number(&format!(
                "SELECT {kind}_epoch FROM users u JOIN workspaces w ON w.id = u.workspace_id
                 WHERE w.name = '{workspace}' AND u.id = 1"
            ))
        };
        (epoch("link"), epoch("session"))
    }
}

/// An address that somebody gave up in an earlier row is free for the next one.
#[test]
fn addresses_are_passed_on_in_the_order_of_the_rows() {
    let operator = CliRunner::with_acme();
    let owners = lines(100..300, |n| format!("{n},x{n}@x.test,X,{n}\n"));
    let passed_on = lines(100..300, |n| {
        format!("{n},{},X,{n}\n", if n == 100 { "y@x.test".to_owned() } else { format!("x{}@x.test", n - 1) })
    });

    let first = operator.import_counted("owners.csv", format!("id,email,name_f,name_l\n{owners}"));
    let second = operator.import_counted("passed.csv", format!("id,email,name_f,name_l\n{passed_on}"));

    assert_eq!((first, second), ([200, 0, 0, 0], [0, 200, 0, 0]));
    assert_eq!(operator.user("x106@x.test")["id"], 107);
}

#[test]
fn a_number_that_is_drawn_is_never_one_that_the_file_gives_later() {
    let operator = CliRunner::with_acme();
    let rows = "id,email,name_f,name_l\n,a@x.test,A,A\n,b@x.test,B,B\n2,c@x.test,C,C\n3,d@x.test,D,D\n";

    assert_eq!(operator.import_counted("mixed.csv", rows), [4, 0, 0, 0]);
    assert_eq!(operator.import_counted("mixed.csv", rows), [0, 0, 4, 0]);

    let mut ids =
        ["a", "b", "c", "d"].map(|name| operator.user(&format!("{name}@x.test"))["id"].as_i64().unwrap());
    // Which of the two comes first is up to the engine.
    ids[..2].sort_unstable();
    assert_eq!(ids, [4, 5, 2, 3]);
}
