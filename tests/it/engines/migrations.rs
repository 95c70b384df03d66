//! The rules of the schema, kept by reading the migrations: a tenant fits on one node, and both engines keep the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Tables that every node needs to find a tenant at all, and one that is of none: they alone have keys without the workspace.
const DIRECTORY: [&str; 12] = [
    "workspaces",
    "hosts",
    "directory",
    "key_fingerprints",
    "transfers",
    "nodes",
    "clock_readings",
    "migrations",
    "admin_links",
    "admin_sessions",
    "admin_allowances",
    "counted_batches",
];

/// What must not stand in a migration for PostgreSQL, and why.
const BANNED: [(&str, &str); 12] = [
    ("trigger", "nothing happens behind a statement's back"),
    ("now(", "times are passed as values"),
    ("current_timestamp", "times are passed as values"),
    ("clock_timestamp", "times are passed as values"),
    ("timestamp", "a time is a number of milliseconds"),
    ("advisory", "distributed databases have no advisory locks"),
    ("listen", "distributed databases notify nobody"),
    ("notify", "distributed databases notify nobody"),
    ("integer", "numbers are BIGINT"),
    ("serial", "numbers are BIGINT"),
    ("boolean", "flags are BIGINT, as in the embedded engine"),
    (" uuid", "ids are BYTEA, as in the embedded engine"),
];

#[test]
fn every_migration_keeps_the_rules_of_a_distributed_schema() {
    let migrations = read("postgres");
    assert!(!migrations.is_empty());

    for (name, text) in migrations {
        assert_eq!(complaints(&text), [""; 0], "{name}");
    }
}

/// A distributed database sends a statement to the one server that has the workspace, if the statement says which.
#[test]
fn every_statement_on_a_workspaces_tables_names_the_workspace() {
    // What an operator does to the whole installation, and what only explains plans.
    const ABOUT_ALL: [&str; 3] = ["key_usage.rs", "post_restore.rs", "list_plans.rs"];
    // The directory; keys of the API, which belong to it as well; and what jobs look for in all workspaces.
    let apart = [DIRECTORY.as_slice(), &["api_keys", "asks", "outbox"]].concat();
    let tables: BTreeSet<_> = tables().into_iter().filter(|table| !apart.contains(&table.as_str())).collect();
    let is_about = |text: &str| {
        let words: Vec<_> = text.split_whitespace().collect();
        words
            .windows(2)
            .any(|pair| ["FROM", "JOIN", "UPDATE", "INTO"].contains(&pair[0]) && tables.contains(pair[1]))
    };
    let (mut found, mut silent) = (0, Vec::new());
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/queries")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        // A statement in several pieces stands in one function, or in one macro.
        for piece in code.split("\n}\n").flat_map(|item| item.split("\n    }\n")) {
            if is_about(piece) {
                found += 1;
                if !piece.contains("workspace_id = $") && !piece.contains("(workspace_id, ") {
                    silent.push(name.clone());
                }
            }
        }
    }
    silent.retain(|name| !ABOUT_ALL.contains(&name.as_str()));
    assert_eq!(silent, [""; 0]);
    assert!(found > 40, "{found}");
}

#[test]
fn the_page_about_distributed_databases_says_of_each_table_where_its_rows_lie() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scale-out.md");
    let page = fs::read_to_string(page).unwrap();
    let sql = page.split("```sql").find(|part| part.contains("create_reference_table")).unwrap();
    let mut named: Vec<_> = sql.split("```").next().unwrap().split('\'').skip(1).step_by(2).collect();
    named.retain(|name| *name != "workspace_id");

    let distributed = sql.find("create_distributed_table").unwrap();
    // Named once more: the others lie where its rows do.
    let colocated = named.iter().rposition(|name| *name == "users").unwrap();
    named.remove(colocated);
    assert_eq!(named.len(), tables().len());
    for table in tables() {
        let places = named.iter().filter(|name| **name == table).count();
        assert_eq!(places, 1, "{table}");
        let is_reference = sql.find(&format!("'{table}'")).unwrap() < distributed;
        let is_directory = table == "api_keys" || DIRECTORY.contains(&table.as_str());
        assert_eq!(is_reference, is_directory, "{table}");
    }
}

#[test]
fn both_engines_have_the_same_migrations_with_the_same_columns() {
    let (sqlite, postgres) = (read("sqlite"), read("postgres"));

    assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
    for (name, text) in &sqlite {
        assert_eq!(columns(text), columns(&postgres[name]), "{name}");
    }
    assert!(sqlite.values().any(|text| !columns(text).is_empty()));
}

#[test]
fn a_migration_that_breaks_a_rule_is_reported() {
    for (text, named) in [
        ("CREATE TABLE t (id BIGINT PRIMARY KEY);", "t"),
        (
            "CREATE TABLE t (workspace_id BIGINT, id BIGINT, PRIMARY KEY (id, workspace_id));",
            "(id, workspace_id)",
        ),
        ("CREATE TABLE t (workspace_id BIGINT, a TEXT, UNIQUE (a));", "(a)"),
        ("CREATE TABLE t (workspace_id BIGINT, a TEXT UNIQUE);", "t"),
        ("CREATE UNIQUE INDEX i ON users (email_folded);", "(email_folded)"),
        ("ALTER TABLE users ADD CONSTRAINT c UNIQUE (email);", "(email)"),
        ("CREATE TRIGGER x AFTER INSERT ON users EXECUTE FUNCTION f();", "trigger"),
        ("CREATE TABLE hosts (host TEXT PRIMARY KEY, made_at BIGINT DEFAULT now());", "now("),
        ("CREATE TABLE hosts (host TEXT PRIMARY KEY, id INTEGER);", "integer"),
        ("SELECT pg_advisory_xact_lock(1);", "advisory"),
    ] {
        let found = complaints(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(named), "{found:?}");
    }
    for text in [
        "CREATE TABLE hosts (host TEXT NOT NULL PRIMARY KEY);",
        "CREATE TABLE t (workspace_id BIGINT, a TEXT, PRIMARY KEY (workspace_id, a), UNIQUE (workspace_id));",
        "CREATE UNIQUE INDEX i ON users (workspace_id, email_folded);",
        "-- No trigger, no now().\nCREATE INDEX i ON users (email);",
    ] {
        assert_eq!(complaints(text), [""; 0], "{text}");
    }
}

/// What is wrong with a migration, statement by statement.
fn complaints(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for statement in statements(text) {
        let lower = statement.to_lowercase();
        for (word, because) in BANNED.iter().filter(|(word, _)| lower.contains(word)) {
            found.push(format!("`{word}` has no place here: {because}"));
        }
        let words: Vec<_> = lower.split_whitespace().collect();
        let is_directory = DIRECTORY.iter().any(|table| words.get(2) == Some(table));
        for key in ["primary key", "unique"].iter().filter(|_| !is_directory) {
            for (place, _) in lower.match_indices(key) {
                // The columns of a key follow it, or those of an index its table.
                let rest = &lower[place + key.len()..];
                let is_named = rest.trim_start().starts_with('(') || rest.trim_start().starts_with("index");
                let columns = rest.find('(').filter(|_| is_named).map_or("", |start| &rest[start..]);
                if !columns.starts_with("(workspace_id") {
                    let columns = columns.split_inclusive(')').next().unwrap_or_default();
                    found.push(format!("a key of {} does not start with the workspace: {columns}", words[2]));
                }
            }
        }
    }
    found
}

/// Tables, each with the names of its columns.
fn columns(text: &str) -> BTreeMap<String, Vec<String>> {
    let tables = statements(text).into_iter().filter_map(|statement| {
        let (head, body) = statement.split_once('(')?;
        let table = head.trim().strip_prefix("CREATE TABLE ")?.to_owned();
        let parts =
            body.lines().map(str::trim).filter(|line| line.starts_with(|first: char| first.is_lowercase()));
        Some((table, parts.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()))
    });
    tables.collect()
}

/// All tables.
fn tables() -> BTreeSet<String> {
    read("postgres").values().flat_map(|text| columns(text).into_keys()).collect()
}

fn statements(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split(';').map(|statement| statement.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}

fn read(engine: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|file| {
            (file.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&file).unwrap())
        })
        .collect()
}
