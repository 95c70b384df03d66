//! After a database was restored by other tools: what was handed out before is dead, and what may have come back is told.

use serde_json::{Value, json};

use crate::support::http_client::HttpClient;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_was_restored_by_other_tools_is_marked_as_such() {
    let mut server = Server::start();
    for name in ["ada", "bob", "cat"] {
        server.add_client(&format!("{name}@x.test"), name, "X");
    }
    server.run(&["user", "set", "2", "--workspace", "Acme", "two_factor_enabled=true"]);
    server.run(&["user", "set", "3", "--workspace", "Acme", "status=0"]);
    let mut ada = HttpClient::arrives();
    ada.sign_in(&server, &server.ask_for_link(1).await).await;
    let link = server.ask_for_link(1).await;

    let refused = server.refused(&["restore", "--mark-only"], &[]);
    assert!(refused.contains("1 server(s) run on this database"), "{refused}");
    assert!(ada.is_signed_in(&server).await, "what was refused changed nothing");
    server.stop();
    let printed: Value = serde_json::from_str(&server.run(&["restore", "--mark-only", "--json"])).unwrap();
    server.serve_with(&[]);

    assert_eq!(
        (&printed["login_links"], &printed["sessions"], &printed["kept"]),
        (&json!(2), &json!(1), &Value::Null)
    );
    assert_eq!(
        printed["api_keys"][0],
        json!({ "workspace": "Acme", "id": 1, "name": "tests", "before": null })
    );
    let flags =
        |two_factor, status| json!({ "two_factor_enabled": two_factor, "status": status, "staff": false });
    let user = |id, flags: Value| json!({ "workspace": "Acme", "id": id, "now": flags, "before": null });
    assert_eq!(printed["users"], json!([user(2, flags(true, 1)), user(3, flags(false, 0))]));
    assert!(printed["as_of"].is_string());
    assert_eq!(HttpClient::arrives().open(&link).await.status, 410);
    assert!(!ada.is_signed_in(&server).await);
    ada.sign_in(&server, &server.ask_for_link(1).await).await;
    let marked = "SELECT count(*) FROM audit_log WHERE event = 'workspace.restored'";
    assert_eq!(server.database.number(marked), 1);

    // Which numbers were given last, nobody knows any more.
    assert!(server.add_client("dan@x.test", "dan", "X") > 1_000_000);
    for words in [
        &["key", "create", "--workspace", "Acme", "--name", "new"][..],
        &["workspace", "create", "New", "--url", "https://new.test"],
    ] {
        let made: Value = serde_json::from_str(&server.run(&[words, &["--json"]].concat())).unwrap();
        assert!(made["id"].as_i64().unwrap() > 1_000_000, "{made}");
    }
}
