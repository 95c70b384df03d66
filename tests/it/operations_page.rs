//! The page for whoever runs doorkey, `docs/operations.md`: the metrics that it names are those that there are.

use std::collections::BTreeSet;

use doorkey::metrics::{Answer, Metrics};

const PAGE: &str = include_str!("../../docs/operations.md");

/// Every metric that a text names.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("doorkey_") || word.starts_with("process_")).collect()
}

#[test]
fn the_tables_of_metrics_and_alerts_name_what_is_counted_and_nothing_else() {
    let (_, page) = PAGE.split_once("\n## Health and metrics\n").unwrap();
    let (metrics, page) = page.split_once("\n## Alerts\n").unwrap();
    let (alerts, _) = page.split_once("\n## ").unwrap();
    let counting = Metrics::default();
    let _ = counting.answers.get_or_create(&Answer { route: "/".to_owned(), status: 200 });
    let text = counting.text();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let counted: BTreeSet<_> = types.map(|line| line.split_once(' ').unwrap().0.to_owned()).collect();

    let told: BTreeSet<_> = metrics_in(metrics).into_iter().map(str::to_owned).collect();
    let watched = metrics_in(alerts);

    assert_eq!(told, counted);
    assert!(watched.len() > 5, "{watched:?}");
    for name in watched {
        assert!(told.contains(name.trim_end_matches("_bucket")), "{name} is no metric");
    }
}
