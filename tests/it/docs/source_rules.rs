//! The walls between the rooms and the habits of the house, kept by reading the source.

use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 400;

/// What a room, a file or folder of `src`, must not mention, and why.
struct Wall {
    rooms: &'static [&'static str],
    banned: &'static [&'static str],
    because: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        rooms: &["domain"],
        banned: &[
            "crate::app",
            "crate::cli",
            "crate::clock",
            "crate::config",
            "crate::flow",
            "crate::http",
            "crate::keys",
            "crate::metrics",
            "crate::store",
            "super::super",
            "async",
            "axum",
            "rusqlite",
            "tokio",
            "tokio_postgres",
        ],
        because: "rules can be read and tested without a server",
    },
    Wall {
        rooms: &["keys"],
        banned: &[
            "crate::cli",
            "crate::flow",
            "crate::http",
            "crate::store",
            "axum",
            "rusqlite",
            "tokio",
            "tokio_postgres",
        ],
        because: "secrets know nothing of those who use them",
    },
    Wall {
        rooms: &["i18n"],
        banned: &[
            "crate::app",
            "crate::cli",
            "crate::flow",
            "crate::http",
            "crate::keys",
            "crate::store",
            "axum",
            "tokio",
        ],
        because: "sentences know nothing of who says them",
    },
    Wall {
        rooms: &["store"],
        banned: &["crate::cli", "crate::flow", "crate::http", "axum"],
        because: "SQL does not decide what happens next",
    },
    Wall {
        rooms: &["flow"],
        banned: &[
            "crate::cli",
            "crate::http",
            "crate::jobs",
            "axum",
            "deadpool_postgres",
            "rusqlite",
            "tokio_postgres",
        ],
        because: "API, pages and command line share one story",
    },
    Wall {
        rooms: &["jobs"],
        banned: &[
            "app.store",
            "axum",
            "crate::cli",
            "crate::http",
            "deadpool_postgres",
            "rusqlite",
            "tokio_postgres",
        ],
        because: "a job calls one flow when its time has come",
    },
    Wall {
        rooms: &["outbound"],
        banned: &[
            "axum",
            "crate::app",
            "crate::cli",
            "crate::flow",
            "crate::http",
            "crate::jobs",
            "crate::keys",
            "crate::store",
            "deadpool_postgres",
            "rusqlite",
            "tokio_postgres",
        ],
        because: "what opens connections is told what to send, and looks nothing up",
    },
    Wall {
        rooms: &["domain", "http", "keys", "store"],
        banned: &["crate::outbound"],
        because: "nothing is sent but by a flow, a job or a command",
    },
    Wall {
        rooms: &["app", "cli", "flow", "jobs"],
        banned: &["resolving_by"],
        because: "URLs that others chose lead where the system says, and nowhere else",
    },
    Wall {
        rooms: &["flow", "jobs"],
        banned: &["lookup_host", "ToSocketAddrs"],
        because: "a name is looked up where the connection is made: a second answer may be another",
    },
    Wall { rooms: &["cli"], banned: &["crate::keys"], because: "commands call flows" },
    Wall {
        rooms: &["http", "cli"],
        banned: &["app.store", "deadpool_postgres", "rusqlite", "tokio_postgres"],
        because: "a handler parses, calls one flow, renders",
    },
    Wall {
        rooms: &["store/engine"],
        banned: &["queries"],
        because: "an engine runs statements, and knows of no noun",
    },
    Wall { rooms: &["domain", "store"], banned: &["utoipa"], because: "the API's objects are in http/api" },
    Wall {
        rooms: &["http/admin"],
        banned: &["http::api", "super::api"],
        because: "an admin page calls flows, as the API does",
    },
    Wall {
        rooms: &["http/api", "http/pages"],
        banned: &["http::admin", "super::admin"],
        because: "the admin pages are on a listener of their own",
    },
    Wall {
        rooms: &["http/api"],
        banned: &["http::pages", "super::pages"],
        because: "the API and the pages are two programs behind one server",
    },
    Wall {
        rooms: &["http/pages"],
        banned: &["http::api", "super::api"],
        because: "the API and the pages are two programs behind one server",
    },
];

/// What opens a connection, and the rooms that may.
const CONNECTIONS: &[&str] = &[
    "TcpStream::connect",
    "UdpSocket",
    "UnixStream::connect",
    "hyper::client",
    "hyper_util::client",
    "reqwest",
    "tokio_postgres::connect",
];
const CONNECTED_ROOMS: &[&str] = &["outbound", "store/engine"];

/// Stands in no source file. Spelled in halves, so that this file may stand among those that are read.
const NOWHERE: &[(&str, &str)] = &[
    (concat!("#[", "allow("), "quiet a lint with #[expect(…, reason = \"…\")]"),
    (concat!("#![", "allow("), "quiet a lint with #![expect(…, reason = \"…\")]"),
    (concat!("TO", "DO"), "open an issue"),
    (concat!("FIX", "ME"), "open an issue"),
];

const TIME: &[&str] = &["SystemTime::now", "Timestamp::now", "Zoned::now"];

#[test]
fn every_room_keeps_its_walls_and_the_house_its_habits() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    gather(&house.join("src"), &mut files);
    assert!(files.len() > 40, "only {} files found: is this the right folder?", files.len());
    for folder in ["tests", "examples", "benches", "fuzz/src", "fuzz/fuzz_targets"] {
        gather(&house.join(folder), &mut files);
    }

    let mut complaints = Vec::new();
    for file in &files {
        let path = file.strip_prefix(house).unwrap().to_str().unwrap();
        complaints.extend(read(path, &fs::read_to_string(file).unwrap()));
    }

    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn a_wall_that_is_broken_is_reported_with_its_line() {
    for (path, line, mention) in [
        ("src/domain/list_query.rs", "use crate::store::Store;", "crate::store"),
        ("src/domain/list_query.rs", "    let now = super::super::clock::now();", "super::super"),
        ("src/domain/list_query.rs", "pub async fn decide() {}", "async"),
        ("src/keys/mod.rs", "use tokio::fs;", "tokio"),
        ("src/store/queries/users.rs", "fn answer() -> axum::http::StatusCode {", "axum"),
        ("src/flow/users.rs", "    rusqlite::Connection::open(path)", "rusqlite"),
        ("src/http/api/users.rs", "    let user = app.store.find_user(1).await?;", "app.store"),
        ("src/cli/user.rs", "use rusqlite::Connection;", "rusqlite"),
        ("src/flow/users.rs", "use tokio_postgres::Client;", "tokio_postgres"),
        ("src/flow/users.rs", "    let now = std::time::SystemTime::now();", "SystemTime::now"),
        ("src/flow/users.rs", "use crate::{http, store};", "crate::{"),
        ("src/store/engine/sqlite/statement.rs", "use crate::store::queries::users;", "queries"),
        ("src/domain/session.rs", "#[derive(Serialize, utoipa::ToSchema)]", "utoipa"),
        ("src/http/api/team.rs", "use crate::http::pages::login;", "http::pages"),
        ("src/http/pages/home.rs", "    super::api::users::list()", "super::api"),
        ("src/flow/mail.rs", "    let stream = TcpStream::connect(host).await?;", "TcpStream::connect"),
        ("src/http/admin/keys.rs", "use crate::http::api::caller::Caller;", "http::api"),
        ("src/http/pages/home.rs", "use crate::http::admin::desk::Desk;", "http::admin"),
        ("src/outbound/mail_server.rs", "use crate::flow::users;", "crate::flow"),
        ("src/http/pages/login.rs", "use crate::outbound::mail_server::MailServer;", "crate::outbound"),
        ("src/cli/serve.rs", "    let stream = TcpStream::connect(host).await?;", "TcpStream::connect"),
        ("src/cli/serve.rs", "    let client = reqwest::Client::new();", "reqwest"),
        ("src/cli/outbound.rs", "    OutboundClient::new(allow, own).resolving_by(lookup)", "resolving_by"),
        ("src/flow/apps.rs", "    let found = lookup_host((host, 443)).await?;", "lookup_host"),
        ("src/flow/users.rs", concat!("#[", "allow(dead_code)]"), "allow"),
        ("src/flow/users.rs", concat!("// TO", "DO: later"), concat!("TO", "DO")),
    ] {
        let complaints = read(path, &format!("//! For something.\n\n{line}\n"));

        assert_eq!(complaints.len(), 1, "{line}: {complaints:?}");
        assert!(complaints[0].starts_with(&format!("{path}:3: ")), "{complaints:?}");
        assert!(complaints[0].contains(mention), "{complaints:?}");
    }
}

#[test]
fn a_file_too_long_or_without_an_opening_sentence_is_reported() {
    let long = "//! For something.\n".repeat(MAX_LINES + 1);

    assert_eq!(read("src/flow/users.rs", &long), ["src/flow/users.rs:401: more than 400 lines"]);
    assert_eq!(read("src/flow/users.rs", "use std::fs;\n").len(), 1);
}

#[test]
fn what_the_walls_allow_is_not_reported() {
    for (path, line) in [
        ("src/domain/list_query.rs", "/// Works without tokio, axum or any async story."),
        ("src/domain/list_query.rs", "let asynchronous = crate::domain::email::parse(tokios);"),
        ("src/store/queries/users.rs", "use rusqlite::Connection;"),
        ("src/http/users.rs", "use axum::Router;"),
        ("src/http/users.rs", "let shop = myapp.stores;"),
        ("src/clock.rs", "let now = jiff::Timestamp::now();"),
        ("src/outbound/smtp.rs", "let stream = TcpStream::connect(host).await?;"),
        ("src/store/engine/postgres/tests.rs", "use crate::store::queries::users;"),
        ("src/flow/users.rs", "#[cfg(test)]\nmod tests {\n    use crate::http::router;\n}"),
    ] {
        assert_eq!(read(path, &format!("//! For something.\n\n{line}\n")), [""; 0], "{line}");
    }
}

/// What is wrong with one file, each as `path:line: what`.
fn read(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    if !text.starts_with("//! ") {
        complaints.push(format!("{path}:1: the file does not open with a sentence on what it is for"));
    }
    if lines.len() > MAX_LINES {
        complaints.push(format!("{path}:{}: more than {MAX_LINES} lines", MAX_LINES + 1));
    }
    let tests = first_line_of_tests(&lines);
    for (index, line) in lines.iter().enumerate() {
        let is_source = path.starts_with("src/") && !path.ends_with("/tests.rs");
        let is_built = is_source && index < tests && !line.trim_start().starts_with("//");
        let walls = if is_built { behind_walls(path, line) } else { Vec::new() };
        let habits = NOWHERE.iter().filter(|(word, _)| line.contains(word));
        let habits = habits.map(|(word, instead)| format!("`{word}` has no place here: {instead}"));
        complaints
            .extend(walls.into_iter().chain(habits).map(|what| format!("{path}:{}: {what}", index + 1)));
    }
    complaints
}

fn behind_walls(path: &str, line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let is_in = |room: &&&str| {
        let below = path.strip_prefix("src/").and_then(|path| path.strip_prefix(**room));
        below.is_some_and(|below| below.starts_with(['/', '.']))
    };
    for wall in WALLS {
        let Some(room) = wall.rooms.iter().find(is_in) else { continue };
        for word in wall.banned.iter().filter(|word| mentions(line, word)) {
            found.push(format!("{room} must not mention `{word}`: {}", wall.because));
        }
    }
    if !CONNECTED_ROOMS.iter().any(|room| is_in(&room)) {
        for word in CONNECTIONS.iter().filter(|word| mentions(line, word)) {
            found.push(format!("`{word}`: only outbound and the engines open connections"));
        }
    }
    // One import would hide several rooms behind one brace.
    if line.contains("crate::{") {
        found.push("`crate::{` hides which rooms are used: one line each".to_owned());
    }
    if path != "src/clock.rs" {
        for word in TIME.iter().filter(|word| mentions(line, word)) {
            found.push(format!("`{word}` belongs in src/clock.rs alone"));
        }
    }
    found
}

/// Whether a word stands in a line as a word of its own.
fn mentions(line: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Tests stand at the end of a file, and may reach into any room.
fn first_line_of_tests(lines: &[&str]) -> usize {
    let opens = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
    lines.windows(2).position(opens).unwrap_or(lines.len())
}

/// All source files below a folder.
pub fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
