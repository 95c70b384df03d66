//! What the embedded engine takes of a disk: a log that is cut back, and temporary files beside the database alone.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;

use crate::support::server::{Server, binary, regular};

/// How long something that happens by itself may take before the test fails.
const PATIENCE: Duration = Duration::from_mins(1);

const MIB: u64 = 1 << 20;

/// Somebody reads for long with a shell of their own, and lets go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_grew_while_somebody_read_is_cut_back_once_they_let_go() {
    let server = Server::start();
    let (log, client) = (server.path("doorkey.db-wal"), regular());
    let length = || fs::metadata(&log).unwrap().len();
    let add = async |number: usize| {
        let note = "n".repeat(900_000);
        let body = json!({ "email": format!("n{number}@x.test"), "name_f": "N", "name_l": "X",
                           "custom_fields": { "note": note } });
        let ask = client.post(server.url("/api/clients")).bearer_auth(&server.key).json(&body);
        assert_eq!(ask.send().await.unwrap().status(), StatusCode::CREATED);
    };
    let shell = rusqlite::Connection::open(server.path("doorkey.db")).unwrap();
    shell.execute_batch("BEGIN; SELECT count(*) FROM users").unwrap();
    let mut number = 0;
    while length() < 40 * MIB {
        add(number).await;
        number += 1;
        assert!(number < 200, "it does not grow: {} bytes", length());
    }

    shell.execute_batch("COMMIT").unwrap();
    let begun = Instant::now();
    while length() > 17 * MIB {
        assert!(begun.elapsed() < PATIENCE, "the log stays at {} bytes", length());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let added = i64::try_from(number).unwrap();
    assert_eq!(server.database.number("SELECT count(*) FROM users"), added, "it was cut too early");
    add(number).await;
}

/// A system of which nothing can be written but the folder of the database, and whose working folder is `/`.
fn in_a_system_to_read_only(server: &Server) -> Command {
    let shut = "mount --bind \"$0\" \"$0\" && for place in / /tmp /var/tmp /usr/tmp /dev/shm; do \
                if mountpoint -q $place; then mount -o remount,bind,ro $place; fi; done && cd / && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-ec", shut]).arg(server.path(""));
    command.env("DOORKEY_DATABASE", server.database.url());
    command.env("DOORKEY_SECRET_KEY_FILE", server.path("doorkey.key"));
    command.env_remove("TMPDIR").env_remove("SQLITE_TMPDIR").stdin(Stdio::null());
    command
}

/// Users with names so long that neither an import nor a sorted list of them fits into what SQLite keeps in memory.
fn write_users(server: &Server, count: usize) {
    let name = "n".repeat(250);
    let user = |number: usize| format!("u{number}@x.test,{:05}{name},X\n", (number * 7_919) % count);
    let users = (0..count).map(user).collect::<String>();
    fs::write(server.path("users.csv"), format!("email,name_f,name_l\n{users}")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_and_a_sorted_list_need_no_place_to_write_but_that_of_the_database() {
    const USERS: usize = 12_000;
    let server = Server::prepare("Acme");
    write_users(&server, USERS);

    let nowhere = in_a_system_to_read_only(&server)
        .args(["sh", "-c", "! touch /tmp/x /var/tmp/x /x 2>/dev/null && touch \"$1/x\"", "sh"])
        .arg(server.path(""))
        .status()
        .unwrap();
    assert!(nowhere.success(), "this machine does not let a part of it be shut");

    let import = ["user", "import", "--workspace", "Acme"];
    let imported = in_a_system_to_read_only(&server)
        .arg(binary())
        .args(import)
        .arg(server.path("users.csv"))
        .output()
        .unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));

    let mut serve = in_a_system_to_read_only(&server);
    serve.arg(binary()).args(["serve", "--listen", &format!("127.0.0.1:{}", server.port)]);
    serve.args(["--ops-listen", &format!("127.0.0.1:{}", server.ops_port)]);
    let mut running = serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let client = regular();
    let begun = Instant::now();
    while client.get(server.ops_url("/readyz")).send().await.map_or(0, |answer| answer.status().as_u16())
        != 200
    {
        assert!(begun.elapsed() < PATIENCE, "it does not get ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let list = server.call("GET", "/api/clients?sort=name_f:desc&limit=100&page=119").await;
    let status = list.status();
    let told = list.text().await.unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(status, StatusCode::OK, "{told}");
    assert!(told.contains("00150nnn"), "it is not sorted");
}
