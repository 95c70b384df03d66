//! How many mails people get by asking: for one address, and from one network.

use axum::http::StatusCode;

use super::asking::{ask, fill};
use crate::support::app::TestApp;

/// A day in seconds.
const DAY: i64 = 86_400;

#[tokio::test]
async fn an_address_gets_ten_mails_in_a_utc_day_and_more_on_the_next() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mailed = async |before: usize| {
        ask(&mut test.browser(), "ada@example.org").await;
        test.new_mails(before).await.len()
    };
    for sent in 0..10 {
        assert_eq!(mailed(sent).await, 1, "{sent}");
        // So that a quarter of an hour never has four.
        test.advance(901);
    }
    assert_eq!(mailed(10).await, 0);

    let midnight = DAY - test.app.clock.now().millis() / 1_000 % DAY;
    test.advance(midnight - 1);
    assert_eq!(mailed(10).await, 0);
    test.advance(1);
    assert_eq!(mailed(10).await, 1);
}

/// Whoever has one address of IPv6 has 2^64 of them.
#[tokio::test]
async fn asks_from_all_addresses_of_one_ipv6_network_count_as_those_of_one() {
    let test = TestApp::start().await.mailing(10);
    for number in 1..=12 {
        test.client(&format!("c{number}@example.org")).await;
    }
    let ask_from = async |peer: &str, email: &str| {
        let mut browser = test.browser();
        let page = browser.get("/login").await;
        let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let form = fill(&page, "/login/mail", &[("email", email)]).header("cookie", cookies.join("; "));
        assert_eq!(test.send_from(peer, form).await.status, StatusCode::SEE_OTHER);
    };
    for number in 1..=11 {
        let peer = format!("2001:db8:1:1:{number:x}::{number:x}");
        ask_from(&peer, &format!("c{number}@example.org")).await;
    }
    assert_eq!(test.new_mails(0).await.len(), 10);

    ask_from("2001:db8:1:2::1", "c12@example.org").await;
    assert_eq!(test.new_mails(10).await.len(), 1);
}
