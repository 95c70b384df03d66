//! `doorkey user import` of what programs of a back office export: delimiters, encodings, names of columns, empty rows.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;

const IMPORT: &str = "user import --workspace Acme";

/// What an import of a file says, as `--json`.
fn imported(operator: &CliRunner, content: &[u8], flags: &[&str]) -> (Value, String) {
    fs::write(operator.path("export.csv"), content).unwrap();
    let words = ["user", "import", "--workspace", "Acme", "export.csv", "--json"];
    let done = operator.run_words(&[&words, flags].concat());
    (serde_json::from_str(&done.stdout).unwrap_or_default(), done.stderr)
}

fn counts(document: &Value) -> [u64; 4] {
    ["added", "changed", "unchanged", "bad"].map(|name| document[name].as_u64().unwrap())
}

const MAP: &[&str] = &["--map", "First Name=name_f", "--map", "Last Name=name_l", "--ignore-unknown"];

/// An export of a kind of program, the flags beside [`MAP`], and how many users are in it.
const EXPORTS: &[(&str, &str, &[&str], u64)] = &[
    (
        "a spreadsheet with semicolons, a byte order mark and TRUE",
        "\u{feff}email;name_f;name_l;two_factor_enabled\r\nanna@x.test;Anna;Ho;TRUE\r\nbob@x.test;Bob;Ek;FALSE\r\n",
        &[],
        2,
    ),
    ("tabs", "email\tname_f\tname_l\nanna@x.test\tAnna\tHo\n", &[], 1),
    (
        "line breaks in quotes",
        "email,name_f,name_l,note\n\"anna@x.test\",\"Anna\",\"Ho\",\"one\ntwo\"\n",
        &[],
        1,
    ),
    ("sep=;", "sep=;\r\nemail;name_f;name_l\r\nanna@x.test;Anna;Ho\r\n", &[], 1),
    (
        "a CRM",
        "Record ID,First Name,Last Name,Email,Company name\n71,Anna,Ho,anna@x.test,Acme\n72,Bob,Ek,bob@x.test,\n",
        &["--map", "Company name=company"],
        2,
    ),
    (
        "billing software",
        "First Name,Last Name,Company Name,Email,Status\nAnna,Ho,Acme,anna@x.test,1\n",
        &[],
        1,
    ),
    (
        "a newsletter",
        "Email Address,First Name,Last Name\nanna@x.test,Anna,Ho\n",
        &["--map", "Email Address=email"],
        1,
    ),
    (
        "commas at the end, and rows of commas",
        "email,name_f,name_l,,\nanna@x.test,Anna,Ho,,\n,,,,\n\nbob@x.test,Bob,Ek,,,,\n",
        &[],
        2,
    ),
    (
        "spaces around values, yes and no",
        "email,name_f,name_l,staff\n anna@x.test , Anna , Ho ,yes\nbob@x.test,Bob,Ek, no\n",
        &[],
        2,
    ),
];

/// All rows go in, and nothing changes when they are imported again.
#[test]
fn exports_of_common_programs_go_in_whole() {
    for (program, content, flags, users) in EXPORTS {
        let operator = CliRunner::new();
        operator.run("workspace create Acme --url https://example.com").well();
        let flags = if content.contains("First Name") { [MAP, *flags].concat() } else { flags.to_vec() };

        let (document, stderr) = imported(&operator, content.as_bytes(), &flags);
        assert_eq!(counts(&document), [*users, 0, 0, 0], "{program}: {stderr}");
        let (again, _) = imported(&operator, content.as_bytes(), &flags);
        assert_eq!(counts(&again), [0, 0, *users, 0], "{program}");
        let anna = operator.json("user show anna@x.test --workspace Acme");
        assert_eq!((&anna["name_f"], &anna["name_l"]), (&json!("Anna"), &json!("Ho")), "{program}");
    }
}

/// A service that has one name for first and last: its rows say what they lack.
#[test]
fn a_row_that_says_too_little_for_a_new_user_is_named() {
    let operator = CliRunner::with_acme();
    let rows = b"id,Email,Name,Created (UTC)\ncus_1,anna@x.test,Anna Ho,2026-01-01 00:00\n";
    let flags = ["--map", "id=note", "--map", "Name=name_l", "--ignore-unknown"];

    let (document, stderr) = imported(&operator, rows, &flags);

    assert_eq!(counts(&document), [0, 0, 0, 1]);
    assert!(stderr.contains("line 2: name_f: is needed for a new user"), "{stderr}");
}

#[test]
fn columns_that_fit_nothing_are_named_all_at_once_and_nothing_goes_in() {
    let operator = CliRunner::with_acme();
    let (_, stderr) = imported(&operator, b"Email,First Name,Plan\nz@x.test,Z,gold\n", &[]);

    assert!(
        ["\"First Name\"", "\"Plan\"", "--map", "--ignore-unknown"].iter().all(|word| stderr.contains(word)),
        "{stderr}"
    );
    for (map, named) in
        [("Plan=plan", "no such field"), ("Age=note", "no such column"), ("Plan", "COLUMN=FIELD")]
    {
        let (_, stderr) = imported(&operator, b"email,Plan\nz@x.test,gold\n", &["--map", map]);
        assert!(stderr.contains(named), "{map}: {stderr}");
    }
    assert_eq!(operator.json("user list --workspace Acme").as_array().unwrap().len(), 1);
}

#[test]
fn a_file_in_utf16_is_told_what_it_is() {
    let operator = CliRunner::with_acme();
    let text = "email\tname_f\r\n".encode_utf16();
    for content in [
        text.clone().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
        [vec![0xff, 0xfe], text.clone().flat_map(u16::to_le_bytes).collect()].concat(),
        [vec![0xfe, 0xff], text.flat_map(u16::to_be_bytes).collect()].concat(),
    ] {
        let (_, stderr) = imported(&operator, &content, &[]);
        assert!(stderr.contains("UTF-16") && stderr.contains("UTF-8"), "{stderr}");
    }
}

#[test]
fn a_user_who_stands_twice_in_a_file_is_named_and_the_first_row_counts() {
    let operator = CliRunner::with_acme();
    let rows = b"email,name_f,name_l\nz@x.test,First,Z\ny@x.test,Y,Y\nZ@x.test,Second,Z\n";
    for added in [2, 0] {
        let (document, stderr) = imported(&operator, rows, &[]);

        assert_eq!(counts(&document), [added, 0, 2 - added, 1], "{stderr}");
        assert!(stderr.contains("line 4: is about the same user as line 2"), "{stderr}");
    }
    assert_eq!(operator.json("user show z@x.test --workspace Acme")["name_f"], "First");
}

#[test]
fn a_user_is_one_by_number_and_by_address() {
    let operator = CliRunner::with_acme();
    let both = b"id,email,name_f,name_l\n50,i50@x.test,A,B\n,I50@x.test,Q,B\n";
    for (added, unchanged) in [(1, 0), (0, 1)] {
        let (document, stderr) = imported(&operator, both, &[]);
        assert_eq!(counts(&document), [added, 0, unchanged, 1], "{stderr}");
        assert!(stderr.contains("line 3: is about the same user as line 2"), "{stderr}");
    }
    let by_number = b"id,email,name_f,name_l\n50,,AA,B\n,i50@x.test,BB,B\n";
    for (changed, unchanged) in [(1, 0), (0, 1)] {
        let (document, stderr) = imported(&operator, by_number, &[]);
        assert_eq!(counts(&document), [0, changed, unchanged, 1], "{stderr}");
        assert!(stderr.contains("line 3: is about the same user as line 2"), "{stderr}");
    }
    assert_eq!(operator.json("user show 50 --workspace Acme")["name_f"], "AA");
}

#[test]
fn a_dry_run_counts_what_would_be_done_and_does_nothing() {
    let operator = CliRunner::with_acme();
    let rows = b"id,email,name_f,name_l\n1,ada@example.org,Augusta,Lovelace\n,z@x.test,Z,Z\n,y@x.test,,\n9,ada@example.org,A,B\n";
    let before = operator.audit().len();

    let (document, stderr) = imported(&operator, rows, &["--dry-run"]);

    let (really, _) = imported(&CliRunner::with_acme(), rows, &[]);
    assert_eq!(counts(&document), counts(&really), "{stderr}");
    assert_eq!(operator.audit().len(), before);
    assert_eq!(operator.json("user show 1 --workspace Acme")["name_f"], "Ada");
}

#[test]
fn standard_input_is_read_as_the_file_that_it_is() {
    let operator = CliRunner::with_acme();
    for (content, user) in [
        ("email;name_f;name_l\nz@x.test;Z;Z\n", "z@x.test"),
        ("{\"email\":\"y@x.test\",\"name_f\":\"Y\",\"name_l\":\"Y\"}\n", "y@x.test"),
    ] {
        let mut command = operator.command(&["user", "import", "--workspace", "Acme", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(content.as_bytes()).unwrap();
        assert!(child.wait_with_output().unwrap().status.success(), "{content}");

        operator.run(&format!("user show {user} --workspace Acme")).well();
    }
    operator.run(&format!("{IMPORT} - --map x")).refused(2);
}
