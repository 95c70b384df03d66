//! The page for whoever runs doorkey, `docs/operations.md`: the metrics that it names are those that there are.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use doorkey::domain::audit::AuditEvent;
use doorkey::metrics::{Metrics, ResponseLabels};

use crate::support::server::{Server, visitor};

const PAGE: &str = include_str!("../../../docs/operations.md");

/// Every metric that a text names.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("doorkey_") || word.starts_with("process_")).collect()
}

#[test]
fn the_table_of_the_audit_log_names_every_event() {
    let (_, page) = PAGE.split_once("\n## The audit log\n").unwrap();
    let (table, _) = page.split_once("\n## ").unwrap();
    let missing = AuditEvent::ALL
        .map(AuditEvent::name)
        .into_iter()
        .filter(|name| !table.contains(&format!("`{name}`")));
    assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_tables_of_metrics_and_alerts_name_what_is_counted_and_nothing_else() {
    let (_, page) = PAGE.split_once("\n## Health and metrics\n").unwrap();
    let (metrics, page) = page.split_once("\n## Alerts\n").unwrap();
    let (alerts, _) = page.split_once("\n## ").unwrap();
    let counting = Metrics::default();
    let _ = counting.responses.get_or_create(&ResponseLabels { route: "/".to_owned(), status: 200 });
    let text = counting.text();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let counted: BTreeSet<_> = types.map(|line| line.split_once(' ').unwrap().0.to_owned()).collect();

    let printed: BTreeSet<_> = metrics_in(metrics).into_iter().map(str::to_owned).collect();
    let watched = metrics_in(alerts);

    assert_eq!(printed, counted);
    assert!(watched.len() > 5, "{watched:?}");
    for name in watched {
        assert!(printed.contains(name.trim_end_matches("_bucket")), "{name} is no metric");
    }
}

/// What `promtool check metrics` finds in a text.
fn complaints_of(text: &str) -> String {
    let mut promtool = Command::new("promtool");
    let promtool = promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut promtool = promtool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[tokio::test]
async fn prometheus_finds_nothing_to_complain_of_in_the_metrics() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    server.ask_for_link(ada).await;

    let response = visitor().get(server.ops_url("/metrics")).send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let text = response.text().await.unwrap();

    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(complaints_of(&text), "");
    assert_ne!(complaints_of("a_total 1\n"), "", "it complains of nothing");
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        "# TYPE doorkey_login_links_issued_total counter".to_owned(),
        "doorkey_login_links_issued_total 1".to_owned(),
        format!("doorkey_build_info{{version=\"{version}\"}} 1"),
    ] {
        assert!(text.lines().any(|counted| counted == line), "{line} is not among\n{text}");
    }
    let value = |name: &str| {
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.trim().parse::<i64>().unwrap()
    };
    assert!(value("process_resident_memory_bytes ") > 1 << 20);
    assert!(value("process_start_time_seconds ") > 1_700_000_000);
}
