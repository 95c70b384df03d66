//! Clients: looked for by the beginning of an address or a name.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::domain::user::UserChange;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::support::admin::{admin_pages, grant, links, signed_in};
use crate::support::app::{Browser, TestApp};

fn named(first: &str, last: &str) -> UserChange {
    UserChange { name_f: Some(first.to_owned()), name_l: Some(last.to_owned()), ..UserChange::default() }
}

/// The clients on the page of what begins so, in their order.
async fn found(browser: &mut Browser<'_>, test: &TestApp, q: &str) -> Vec<i64> {
    let list = format!("/w/{}/clients", test.acme.id.0);
    let page = browser.get(&format!("{list}?q={}", utf8_percent_encode(q, NON_ALPHANUMERIC))).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let ids =
        links(&page).into_iter().filter_map(|path| path.strip_prefix(&format!("{list}/"))?.parse().ok());
    ids.collect()
}

/// Who is there, and by which beginnings.
async fn with_clients() -> TestApp {
    let test = TestApp::start().await;
    for (email, first, last) in [
        ("ada@example.org", "Ada", "Lovelace"),
        ("lovelace-estate@example.org", "Byron", "King-Noel"),
        ("emilie@example.org", "Émilie", "du Châtelet"),
        ("a_b@example.org", "100%", "*"),
        ("axb@example.org", "Ωmega", "ΟΔΥΣΣΕΥΣ"),
        ("lovelace@example.org", "Lovelace", "Lovelace"),
    ] {
        test.add(&test.acme, email, named(first, last)).await;
    }
    let staff = UserChange { is_staff: Some(true), ..named("Lovelace", "Lovelace") };
    test.add(&test.acme, "lovelace-staff@example.org", staff).await;
    let gone = test.add(&test.acme, "lovelace-gone@example.org", named("Lovelace", "Lovelace")).await;
    test.delete(gone).await;
    let (other, _) = test.another("Other", "https://other.example").await;
    test.add(&other, "lovelace@example.org", named("Lovelace", "Lovelace")).await;
    test
}

#[tokio::test]
async fn clients_are_found_by_how_an_address_or_a_name_begins() {
    let test = with_clients().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;

    for (q, expected) in [
        // By address, then by first name, then by last name; nobody twice.
        ("lovelace", vec![2, 6, 1]),
        ("LOVELACE", vec![2, 6, 1]),
        (" Ada ", vec![1]),
        ("ada@EXAMPLE.org", vec![1]),
        ("éMI", vec![3]),
        ("DU CHÂ", vec![3]),
        ("ωMEGA", vec![5]),
        ("οδυσ", vec![5]),
        ("a_", vec![4]),
        ("a%", vec![]),
        ("%", vec![]),
        ("100%", vec![4]),
        ("*", vec![4]),
        ("_", vec![]),
        ("ovelace", vec![]),
        ("example.org", vec![]),
        ("' OR 1=1 --", vec![]),
        ("\0", vec![]),
        ("\u{10ffff}", vec![]),
    ] {
        assert_eq!(found(&mut browser, &test, q).await, expected, "{q:?}");
    }
    assert_eq!(found(&mut browser, &test, "").await, [1, 2, 3, 4, 5, 6]);
    let page = browser.get(&format!("/w/{}/clients", test.acme.id.0)).await;
    assert!(page.body.contains("6 clients") && page.body.contains("none yet"), "{}", page.body);
    let typed = browser.get(&format!("/w/{}/clients?q=%3Cscript%3E", test.acme.id.0)).await;
    assert!(typed.body.contains("value=\"&#60;script&#62;\""), "{}", typed.body);
    let long = format!("/w/{}/clients?q={}", test.acme.id.0, "a".repeat(801));
    let refused = browser.get(&long).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("id=\"q-error\""), "{}", refused.body);
}

#[tokio::test]
async fn a_client_is_found_by_the_name_of_today() {
    let test = with_clients().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Viewer, &[])).await;

    let ada = doorkey::domain::user::UserId::from_number(1).unwrap();
    test.change(ada, "name_l", "King").await;
    test.change(ada, "email", "Countess@Example.org").await;

    assert_eq!(found(&mut browser, &test, "king").await, [1, 2]);
    assert_eq!(found(&mut browser, &test, "lovelace").await, [2, 6]);
    assert_eq!(found(&mut browser, &test, "countess").await, [1]);
    test.delete(ada).await;
    assert_eq!(found(&mut browser, &test, "king").await, [2]);
}

#[tokio::test]
async fn many_are_found_page_by_page_and_nobody_twice() {
    let test = TestApp::start().await;
    for number in 1..=120 {
        // Two of three begin so in one way, and some in all three.
        let first = if number % 3 == 0 { "Bob" } else { "Adam" };
        let email = if number % 2 == 0 { "adam" } else { "x" };
        let last = if number % 5 == 0 { "Adams" } else { "Smith" };
        test.add(&test.acme, &format!("{email}{number}@example.org"), named(first, last)).await;
    }
    let expected = (1..=120).filter(|number| number % 2 == 0 || number % 3 != 0 || number % 5 == 0);
    let expected: BTreeSet<i64> = expected.collect();
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[])).await;

    let mut path = Some(format!("/w/{}/clients?q=ADAM", test.acme.id.0));
    let (mut seen, mut ranges) = (Vec::new(), Vec::new());
    while let Some(here) = path {
        let page = browser.get(&here).await;
        let rows = links(&page);
        seen.extend(rows.iter().filter_map(|row| row.rsplit("/clients/").next()?.parse::<i64>().ok()));
        let range = page.body.split("aria-label=\"Parts of the list\">\n<p>").nth(1).unwrap();
        ranges.push(range.split('<').next().unwrap().to_owned());
        path = page.body.contains("rel=\"next\"").then(|| rows.last().unwrap().clone());
    }
    assert_eq!(ranges, ["1 to 50", "51 to 100", "101 to 104"]);
    assert_eq!(seen.len(), expected.len(), "somebody is missing or twice");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
}
