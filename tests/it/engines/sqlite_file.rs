//! What is so of the embedded engine's file alone.

use std::path::Path;
use std::time::Duration;

use doorkey::clock::Clock;
use doorkey::flow;
use doorkey::store::DatabaseUrl;

use crate::support::http_client::HttpClient;
use crate::support::server::{Server, binary, later, visitor};
use crate::support::wait::until_so;
use crate::support::wall_clock::WallClock;

#[tokio::test]
async fn a_file_that_is_no_database_of_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("doorkey.key");
    doorkey::keys::create(&key).unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database, but a text that is long enough to be read as one").unwrap();
    let foreign = folder.path().join("foreign.db");
    let songs = rusqlite::Connection::open(&foreign).unwrap();
    songs.execute_batch("CREATE TABLE songs (name TEXT)").unwrap();

    for path in [&text, &foreign] {
        let before = std::fs::read(path).unwrap();
        let sentence = refused(path, &key).await;
        assert!(sentence.contains("is not a doorkey database"), "{sentence}");
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
}

async fn refused(path: &Path, key: &Path) -> String {
    let url = DatabaseUrl::Sqlite(path.to_owned());
    flow::operations::startup::open(&url, key, true, Clock::System).await.unwrap_err().to_string()
}

/// By the clock of the operating system, without a hand in the code. On PostgreSQL a node whose clock is
/// off serves nobody.
#[tokio::test]
async fn two_hours_on_the_wall_end_a_link_for_good() {
    let (wall, mut server) = (WallClock::at("+0"), Server::prepare("Acme"));
    wall.serve(&mut server);
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;

    wall.show("+7199");
    assert_eq!(HttpClient::arrives().open(&link).await.status, 200);

    wall.show("+7201");
    let late = HttpClient::arrives().open(&link).await;
    assert_eq!(late.status, 410);
    assert!(!late.body.contains("ada"), "the dead page names an account");
    assert_ne!(server.ask_for_link(ada).await, link);

    wall.show("+0");
    assert_eq!(
        HttpClient::arrives().open(&link).await.status,
        410,
        "the clock went back, and the link came back"
    );
}

/// An embedded database has no clock of its own, but what it was last served by.
#[tokio::test]
async fn a_server_that_starts_with_a_clock_that_was_moved_is_not_ready_until_it_is_set_right() {
    let mut server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    server.stop();

    let wall = WallClock::at("+34560000");
    wall.serve_unready(&mut server);
    let printed = visitor().get(server.ops_url("/readyz")).send().await.unwrap();
    assert_eq!(printed.status(), 503);
    let printed = printed.text().await.unwrap();
    assert!(
        printed.contains("clock is 345") && printed.contains("s ahead of where it would be"),
        "{printed}"
    );
    assert_eq!(HttpClient::arrives().open(&link).await.status, 503);
    for command in [
        &["check"][..],
        &["link", "1", "--workspace", "Acme"],
        &["user", "delete", "1", "--workspace", "Acme"],
    ] {
        let moved = later(34_560_000);
        let printed = server.refused(command, &moved.each_ref().map(|(name, value)| (*name, value.as_str())));
        assert!(printed.contains("ahead of where it would be"), "{command:?}: {printed}");
    }

    // Set right, it goes on by itself.
    wall.show("+1");
    let is_ready = async || visitor().get(server.ops_url("/readyz")).send().await.unwrap().status() == 200;
    until_so(Duration::from_secs(10), is_ready, || server.log()).await;
    assert_eq!(server.ask_for_link(ada).await, link);
    assert_eq!(HttpClient::arrives().open(&link).await.status, 200);
}

/// Another machine, or the same one started anew: whatever its clock says is right, unless it goes back.
#[tokio::test]
async fn after_a_start_of_the_machine_a_clock_that_goes_on_is_taken_and_one_that_goes_back_is_not() {
    let mut server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    server.stop();
    let kept = "SELECT count(*) FROM clock_readings WHERE length(boot) = 36 AND wall > 1735689600000";
    assert_eq!(server.database.number(kept), 1, "a stop has lost it");
    server.database.run("UPDATE clock_readings SET boot = 'another'");
    let wall = WallClock::at("-90");
    wall.serve_unready(&mut server);
    assert_eq!(HttpClient::arrives().open(&link).await.status, 503);
    server.stop();
    assert_eq!(server.database.number("SELECT count(*) FROM clock_readings WHERE boot = 'another'"), 1);

    wall.show("+7201");
    wall.serve(&mut server);
    assert_eq!(HttpClient::arrives().open(&link).await.status, 410);
    assert_eq!(server.database.number(kept), 1);
}

/// Makes every folder read-only where SQLite would look for a place, but that of the database, which is at /mnt then; and
/// works in one where nobody can write.
const WRITABLE_NOWHERE: &str = "cp \"$1\" \"$0/doorkey\" && shift && mount --bind \"$0\" /mnt && \
                                mount -t tmpfs -o ro none /tmp && mount -t tmpfs -o ro none /var/tmp && \
                                cd /proc && exec /mnt/doorkey \"$@\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_into_memory_needs_no_folder_but_that_of_the_database() {
    let mut server = Server::prepare("Acme");
    let folder = server.path("");
    let company = "a".repeat(150);
    let row = |id: u32| format!("{id},{id}@example.org,Ada,Lovelace,{company}{}\n", 20_000 - id);
    let people: String = (1..=20_000).map(row).collect();
    std::fs::write(folder.join("people.csv"), format!("id,email,name_f,name_l,company\n{people}")).unwrap();
    let starter = ["unshare", "--mount", "--map-root-user", "sh", "-c", WRITABLE_NOWHERE];
    let starter = [&starter[..], &[folder.to_str().unwrap()]].concat();
    let surroundings = [
        ("DOORKEY_DATABASE", "sqlite:///mnt/doorkey.db"),
        ("DOORKEY_SECRET_KEY_FILE", "/mnt/doorkey.key"),
        ("TMPDIR", "/tmp"),
    ];

    let (program, words) = starter.split_first().unwrap();
    let mut import = std::process::Command::new(program);
    import.args(words).arg(binary()).args(["user", "import", "--workspace", "Acme", "/mnt/people.csv"]);
    let imported = import.envs(surroundings).output().unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    server.serve_under(&starter, &surroundings);
    let response = server.call("GET", "/api/clients?sort=company:desc&limit=2&page=9000").await;

    assert_eq!(response.status(), 200, "{}", server.log());
    let list: serde_json::Value = response.json().await.unwrap();
    assert_eq!(list["meta"]["total"], 20_000);
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}
