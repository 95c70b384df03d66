//! The page of promises, `docs/security.md`: every test that it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/security.md");

/// The invariants of parts that doorkey does not have; the page says so.
const WITHOUT_A_PART: [u8; 1] = [35];

/// The names of tests in a text, each as the page writes it: `file.rs::name`.
fn named(text: &str) -> Vec<(&str, &str)> {
    text.split('`').filter_map(|part| part.split_once(".rs::")).collect()
}

/// Whether the sources of a test's file have it, marked as a test that runs.
fn is_test(source: &str, name: &str) -> bool {
    let Some((before, _)) = source.split_once(&format!("fn {name}(")) else { return false };
    let marks: Vec<_> = before.rsplit('\n').skip(1).take_while(|line| !line.trim().is_empty()).collect();
    marks.iter().any(|line| line.trim().starts_with("#[test]") || line.trim().starts_with("#[tokio::test"))
        && !marks.iter().any(|line| line.trim().starts_with("#[ignore"))
}

/// The file of a test: one of `tests/it`, or else one of `src`.
fn source_of(file: &str) -> String {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |folder: &str| fs::read_to_string(house.join(folder).join(format!("{file}.rs"))).ok();
    read("tests/it").or_else(|| read("src")).unwrap_or_else(|| panic!("there is no {file}.rs"))
}

#[test]
fn every_test_that_the_security_page_names_is_there_and_runs() {
    let named = named(PAGE);
    assert!(named.len() > 80, "only {} were found", named.len());

    for (file, name) in named {
        assert!(
            is_test(&source_of(file), name),
            "docs/security.md names {file}.rs::{name}, which is no test"
        );
    }
}

#[test]
fn every_promise_names_a_test_that_shows_it() {
    let mut numbers = BTreeSet::new();
    for line in PAGE.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, promise, shown_by] = cells[..] else { continue };
        let Ok(number) = number.parse::<u8>() else { continue };
        assert!(!named(shown_by).is_empty(), "nothing shows {number}: {promise}");
        assert!(numbers.insert(number), "{number} stands there twice");
    }

    let wanted: BTreeSet<_> = (1..=48).filter(|number| !WITHOUT_A_PART.contains(number)).collect();
    assert_eq!(numbers, wanted);
}

#[test]
fn a_test_that_is_not_there_or_does_not_run_is_noticed() {
    let source = "/// Why.\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn it_holds() {}\n\n\
        #[test]\n#[ignore = \"slow\"]\nfn it_is_left_out() {}\n\nfn it_helps() {}\n\n\
        mod tests {\n    #[test]\n    fn it_holds_inside() {}\n}\n";

    assert!(is_test(source, "it_holds"));
    assert!(is_test(source, "it_holds_inside"));
    assert!(!is_test(source, "it_hold"));
    assert!(!is_test(source, "it_is_left_out"));
    assert!(!is_test(source, "it_helps"));
}
