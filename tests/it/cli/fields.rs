//! What the fields of a user and the scopes of a key are at the command line: the same as by the API.

use std::fs;

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;

/// One limit for each field, whoever fills it.
#[test]
fn the_limits_of_a_users_fields_hold_at_the_command_line_and_in_an_import() {
    let operator = CliRunner::with_acme();
    let object = format!("{{\"a\":\"{}\"}}", "x".repeat(16_384 - 7));
    for (field, value, sentence) in [
        ("name_f", "é".repeat(201), "200 characters at most"),
        ("name_l", "é".repeat(201), "200 characters at most"),
        ("company", "é".repeat(201), "200 characters at most"),
        ("phone", "1".repeat(51), "50 characters at most"),
        ("locale", "pt_BR".to_owned(), "hyphens: pt-BR"),
        ("locale", "de-x".repeat(9), "35 characters at most"),
        ("note", "é".repeat(10_001), "10000 characters at most"),
        ("custom_fields", object, "16384 bytes at most"),
        ("custom_fields", "{\"a\":{\"b\":1,\"b\":2}}".to_owned(), "the name \"b\" twice"),
        ("custom_fields", format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100)), "100 deep"),
        ("email", format!("a@{}example.org", "b.".repeat(121)), "254 bytes"),
    ] {
        let set = operator.run(&format!("user set 1 --workspace Acme {field}={value}")).refused(1);
        assert!(set.contains(sentence), "{field}: {set}");

        let cell = value.replace('"', "\"\"");
        fs::write(operator.path("a.csv"), format!("id,{field}\n1,\"{cell}\"\n")).unwrap();
        let csv = operator.run("user import --workspace Acme a.csv");
        assert!(csv.status == 1 && csv.stderr.contains(sentence), "{field}: {csv:?}");

        let json = if field == "custom_fields" { value } else { json!(value).to_string() };
        fs::write(operator.path("a.jsonl"), format!("{{\"id\":1,\"{field}\":{json}}}\n")).unwrap();
        let jsonl = operator.run("user import --workspace Acme a.jsonl");
        assert!(jsonl.status == 1 && jsonl.stderr.contains(sentence), "{field}: {jsonl:?}");
    }
    let long = "é".repeat(201);
    let add = operator.run(&format!("user add --workspace Acme --email b@x.test --name-f {long} --name-l B"));
    assert!(add.refused(1).contains("200 characters at most"));
    assert_eq!(operator.json("user show 1 --workspace Acme")["name_f"], "Ada");

    let fits = format!("user set 1 --workspace Acme name_f={} phone={}", "é".repeat(200), "1".repeat(50));
    operator.run(&fits).well();
}

/// A list is imported as it is, digit for digit, and an import that is run twice changes nothing.
#[test]
fn custom_fields_are_listed_and_imported_digit_for_digit() {
    let operator = CliRunner::with_acme();
    let fields = "{\"n\":18446744073709551616,\"m\":[1.10,1E400],\"é\":{}}";
    let row = format!(
        "{{ \"id\" : 1, \"custom_fields\" : {} }}",
        fields.replace(':', " : ").replace("é", "\\u00e9")
    );
    fs::write(operator.path("a.jsonl"), &row).unwrap();
    let import = |name: &str| operator.run(&format!("user import --workspace Acme {name}")).well();

    assert_eq!(import("a.jsonl"), "0 added, 1 changed, 0 unchanged, 0 bad.\n");
    assert_eq!(import("a.jsonl"), "0 added, 0 changed, 1 unchanged, 0 bad.\n");

    let listed = operator.run("user list --workspace Acme --jsonl").well();
    let shown = operator.run("user show 1 --workspace Acme --json").well();
    let read = operator.run("user show 1 --workspace Acme").well();
    for told in [&listed, &shown] {
        assert!(told.contains(&format!("\"custom_fields\":{fields},")), "{told}");
    }
    assert!(read.contains(&format!("custom_fields       {fields}\n")), "{read}");
    fs::write(operator.path("b.jsonl"), listed).unwrap();
    assert_eq!(import("b.jsonl"), "0 added, 0 changed, 1 unchanged, 0 bad.\n");

    operator.run("user set 1 --workspace Acme custom_fields=[]").well();
    assert_eq!(operator.json("user show 1 --workspace Acme")["custom_fields"], json!({}));
}

/// The operator may, and an API key may only where it was said so.
#[test]
fn a_key_may_unlock_clients_only_where_it_was_made_to() {
    let operator = CliRunner::with_acme();
    let scopes = |made: &Value| made["scopes"].as_array().unwrap().clone();
    let usual = operator.json("key create --workspace Acme --name usual");
    assert!(!scopes(&usual).contains(&json!("clients:unlock")) && scopes(&usual).len() == 12, "{usual}");
    let unlocking = operator.json("key create --workspace Acme --name unlocking --scope clients:unlock");
    assert_eq!(scopes(&unlocking), [json!("clients:unlock")]);
    assert!(operator.run("key list --workspace Acme").well().contains("all but clients:unlock\n"));
    assert!(operator.run("key create --help").well().contains("clients:unlock"));

    operator.run("user set 1 --workspace Acme two_factor_enabled=true status=0").well();
    operator.run("user set 1 --workspace Acme two_factor_enabled=false status=1").well();
    assert_eq!(operator.json("user show 1 --workspace Acme")["status"], 1);
}
