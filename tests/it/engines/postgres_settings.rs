//! What a PostgreSQL that is set up otherwise lets doorkey do: few connections, another encoding.

use std::sync::Arc;
use std::time::Duration;

use crate::support::cluster::Cluster;
use crate::support::database::psql;
use crate::support::pooler::Pooler;
use crate::support::server::Server;
use crate::support::wait::until;

/// Requests at once, many more than there are connections.
const CROWD: i64 = 60;

/// Everybody asks at once, again and again: each is answered, since connections come back all the time.
async fn all_are_served(server: Server) {
    let server = Arc::new(server);
    for round in 0..3 {
        let asked: Vec<_> = (1..=CROWD)
            .map(|user| {
                let server = Arc::clone(&server);
                tokio::spawn(async move {
                    let path = if round == 1 {
                        "/api/clients".to_owned()
                    } else {
                        format!("/api/login_links/{user}")
                    };
                    server.call("GET", &path).await.status()
                })
            })
            .collect();
        for asked in asked {
            assert_eq!(asked.await.unwrap(), 200, "round {round}:\n{}", server.log());
        }
    }
}

/// Serves at a URL, with as many clients as will ask.
fn serve(url: String) -> Server {
    let mut server = Server::prepare_at(url);
    let rows = (1..=CROWD).map(|number| format!("{number},{number}@x.test,A,B"));
    let lines: Vec<_> = std::iter::once("id,email,name_f,name_l".to_owned()).chain(rows).collect();
    std::fs::write(server.path("clients.csv"), lines.join("\n")).unwrap();
    server.run(&["user", "import", "--workspace", "Acme", "clients.csv"]);
    server.serve_with(&[]);
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_five_connections_through_a_pooler_sixty_requests_at_once_are_served() {
    let cluster = Cluster::start();
    let pooler = Pooler::start_with(&cluster, "session", 5);
    all_are_served(serve(pooler.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_a_role_that_may_have_five_connections_sixty_requests_at_once_are_served() {
    let cluster = Cluster::start();
    psql(
        &cluster.url(),
        "CREATE ROLE small LOGIN CONNECTION LIMIT 5; CREATE SCHEMA small AUTHORIZATION small;",
    );
    all_are_served(serve(cluster.url().replace("doorkey@", "small@"))).await;
}

/// Whatever writers wait for, whoever only looks something up is answered meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_few_connections_lookups_do_not_wait_for_writers() {
    let cluster = Cluster::start();
    psql(
        &cluster.url(),
        "CREATE ROLE small LOGIN CONNECTION LIMIT 5; CREATE SCHEMA small AUTHORIZATION small;",
    );
    let server = Arc::new(serve(cluster.url().replace("doorkey@", "small@")));
    let link = server.ask_for_link(1).await;
    // All connections are opened, and the limit is known.
    all_are_asked(&server, 2..=30).await;
    let url = cluster.url();
    let lock = "BEGIN; LOCK TABLE small.audit_log IN EXCLUSIVE MODE; SELECT pg_sleep(3); COMMIT";
    let holder = std::thread::spawn(move || psql(&url, lock));
    let is_locked = "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'small.audit_log'::regclass";
    until(Duration::from_secs(3), || cluster.number(is_locked) > 0, || "it is not locked".to_owned());
    let asker = Arc::clone(&server);
    let writers = tokio::spawn(async move { all_are_asked(&asker, 31..=CROWD).await });
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'small' AND wait_event_type = 'Lock'";
    until(Duration::from_secs(3), || cluster.number(waiting) > 0, || "nobody waits".to_owned());

    assert_eq!(server.ask_for_link(1).await, link);
    assert!(!holder.is_finished(), "the lookup waited for the writers");

    holder.join().unwrap();
    writers.await.unwrap();
}

/// New links for these users, all at once.
async fn all_are_asked(server: &Arc<Server>, users: std::ops::RangeInclusive<i64>) {
    let asked: Vec<_> = users
        .map(|user| {
            let server = Arc::clone(server);
            tokio::spawn(
                async move { server.call("GET", &format!("/api/login_links/{user}")).await.status() },
            )
        })
        .collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), 200, "{}", server.log());
    }
}

/// Else a name with a letter that the database does not have would be a 500 on every call.
#[tokio::test]
async fn a_database_in_another_encoding_is_refused_by_every_command() {
    let cluster = Cluster::start();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = encoding.to_ascii_lowercase();
        psql(
            &cluster.url(),
            &format!("CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"),
        );
        let url = cluster.url().replace("/postgres?", &format!("/{name}?"));
        let server = Server::untouched();
        let source = Server::untouched();
        source.run(&[
            "workspace",
            "create",
            "Acme",
            "--url",
            "https://example.com",
            "--database",
            "sqlite://source.db",
            "--secret-key-file",
            "source.key",
        ]);
        let from = format!("sqlite://{}", source.path("source.db").display());
        let key_file = source.path("source.key").display().to_string();

        for words in [
            &["serve"][..],
            &["workspace", "list"],
            &["workspace", "create", "Acme", "--url", "https://example.com"],
            &["migrate", "--from", &from],
        ] {
            let complaint =
                server.refused(words, &[("DOORKEY_DATABASE", &url), ("DOORKEY_SECRET_KEY_FILE", &key_file)]);
            let names = complaint.contains(encoding) && complaint.contains("ENCODING 'UTF8'");
            assert!(names && complaint.lines().count() == 1, "{words:?}: {complaint}");
        }
        let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
        assert_eq!(psql(&url, tables).trim(), "0");
    }
}
