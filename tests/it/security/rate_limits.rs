//! Who misses too often is told to wait; who has something good is served.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::http::StatusCode;
use doorkey::domain::scope::Scope;
use doorkey::rate_limits::RateLimitConfig;
use uuid::Uuid;

use crate::support::app::{TestApp, TestRequest, TestResponse, UNLIMITED, button};
use crate::support::at_once::{CALLERS, at_once};

const STRANGER: &str = "198.51.100.7";
const NEIGHBOUR: &str = "198.51.100.8";

/// A limit of so many, of one kind or of all.
fn at_most(count: u32) -> RateLimitConfig {
    let limit = NonZeroU32::new(count);
    RateLimitConfig {
        login_misses_per_minute: limit,
        auth_failures_per_minute: limit,
        key_requests_per_second: limit,
    }
}

/// A token that is nobody's.
fn dead() -> TestRequest {
    TestRequest::of("GET", &format!("/login?token={}", Uuid::new_v4().simple()))
}

fn without_key() -> TestRequest {
    TestRequest::of("GET", "/api/login_links/1")
}

async fn statuses(test: &TestApp, peer: &str, asks: impl IntoIterator<Item = TestRequest>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for ask in asks {
        statuses.push(test.send_from(peer, ask).await.status.as_u16());
    }
    statuses
}

/// How often each status came, in the order in which they came first.
fn counted(statuses: &[u16]) -> Vec<(u16, usize)> {
    statuses.chunk_by(|one, next| one == next).map(|same| (same[0], same.len())).collect()
}

async fn sign_in_from(test: &TestApp, peer: &str, link: &str) -> TestResponse {
    let page =
        test.send_from(peer, TestRequest::of("GET", link.trim_start_matches("https://example.com"))).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let cookie = page.cookies()[0].split(';').next().unwrap().to_owned();
    test.send_from(peer, button(&page).header("cookie", cookie)).await
}

/// Guesses are answered with 429 after the limit, and a link that is good works from everywhere meanwhile.
#[tokio::test]
async fn beyond_the_limit_dead_tokens_get_429_and_good_links_work_all_the_same() {
    let test = TestApp::start().await;
    let (ada, bob) = (test.client("ada@example.org").await, test.client("bob@example.org").await);
    let (for_ada, for_bob) = (test.ask_for_link(ada).await, test.ask_for_link(bob).await);

    let guesses = statuses(&test, STRANGER, (0..10_000).map(|_| dead())).await;
    let refused = test.send_from(STRANGER, dead()).await;

    assert_eq!(counted(&guesses), [(410, 600), (429, 9_400)]);
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "1"));
    assert!(refused.header("content-type").starts_with("text/html"), "{}", refused.body);
    assert!(refused.body.contains("Please wait a moment"), "{}", refused.body);
    assert_eq!(refused.header("cache-control"), "no-store");
    assert_eq!(sign_in_from(&test, STRANGER, &for_ada).await.status, StatusCode::SEE_OTHER);
    assert_eq!(sign_in_from(&test, NEIGHBOUR, &for_bob).await.status, StatusCode::SEE_OTHER);
    assert_eq!(statuses(&test, NEIGHBOUR, [dead()]).await, [410]);
    test.advance(1);
    let later = statuses(&test, STRANGER, (0..20).map(|_| dead())).await;
    assert_eq!(counted(&later), [(410, 10), (429, 10)]);
}

/// Used up, cut, written badly or twice: what opens nothing counts, and a page without a token does not.
#[tokio::test]
async fn whatever_opens_nothing_counts_as_a_miss() {
    let test = TestApp::start().await.limited_to(&at_most(4));
    let ada = test.client("ada@example.org").await;
    let used = test.ask_for_link(ada).await;
    sign_in_from(&test, NEIGHBOUR, &used).await;
    let used = TestRequest::of("GET", used.trim_start_matches("https://example.com"));
    let badly = ["/login?token=x", "/login?token=%zz", "/login?token=a&token=b"];
    let badly = badly.map(|path| TestRequest::of("GET", path));

    assert_eq!(statuses(&test, STRANGER, (0..9).map(|_| TestRequest::of("GET", "/login"))).await, [200; 9]);
    assert_eq!(statuses(&test, STRANGER, badly.clone()).await, [410; 3]);
    assert_eq!(statuses(&test, STRANGER, [used.clone()]).await, [410]);
    assert_eq!(statuses(&test, STRANGER, badly.into_iter().chain([used, dead()])).await, [429; 5]);
}

/// The log is not for strangers to fill: of a known link, too, nothing more is written beyond the limit.
#[tokio::test]
async fn beyond_the_limit_a_button_pressed_in_vain_leaves_no_entry() {
    let test = TestApp::start().await.limited_to(&at_most(2));
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    let (mut here, mut there) = (test.browser(), test.browser());
    let page = here.open(&link).await;
    there.sign_in(&link).await;

    let mut responses = Vec::new();
    for _ in 0..5 {
        responses.push(here.press(&page).await.status.as_u16());
    }

    assert_eq!(responses, [410, 410, 429, 429, 429]);
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'login_link.refused'"), 2);
}

/// Whatever is wrong with a key, it counts alike; a key that holds is served whatever its address did.
#[tokio::test]
async fn beyond_the_limit_failed_keys_get_429_and_good_keys_work_all_the_same() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let (id, revoked) = test.key_with(&[Scope::LoginLinksWrite], None).await;
    test.revoke_key(id).await;
    let last = if test.key.ends_with('x') { 'y' } else { 'x' };
    let slip = format!("{}{last}", &test.key[..test.key.len() - 1]);
    let kinds = [
        without_key(),
        without_key().header("authorization", "Basic YTpi"),
        without_key().bearer(&slip),
        without_key().bearer(&revoked),
        TestRequest::of("GET", &format!("/api/login_links/1?api_key={}", test.key)).bearer(&test.key),
        TestRequest::of("GET", "/api/clients"),
    ];

    let failures = statuses(&test, STRANGER, kinds.iter().cycle().take(900).cloned()).await;
    let refused = test.send_from(STRANGER, without_key()).await;

    assert_eq!(counted(&failures), [(401, 600), (429, 300)]);
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("rate_limited", "1"));
    assert_eq!(refused.header("www-authenticate"), "");
    assert_eq!(refused.header("x-api-version"), "20240305");
    assert_eq!(statuses(&test, STRANGER, [without_key().bearer(&test.key)]).await, [200]);
    assert_eq!(statuses(&test, NEIGHBOUR, [without_key()]).await, [401]);
    assert_eq!(statuses(&test, STRANGER, [dead()]).await, [410], "one limit is not the other");
    for open in [
        TestRequest::of("GET", "/api/openapi.json"),
        TestRequest::of("GET", "/"),
        TestRequest::of("GET", "/auth/verify"),
    ] {
        let status = test.send_from(STRANGER, open).await.status;
        assert_ne!(status, StatusCode::TOO_MANY_REQUESTS);
    }
}

/// A key that asks for 10,000 users within a minute gets what its limit lets it, and nobody else notices.
#[tokio::test]
async fn a_key_beyond_its_limit_gets_429_and_others_notice_nothing() {
    let test = TestApp::start().await.limited_to(&at_most(50));
    test.client("ada@example.org").await;
    let (_, beside) = test.key_with(&[Scope::LoginLinksWrite], None).await;
    let (_, elsewhere) = test.another("Other", "https://other.example").await;
    let mut responses = Vec::new();

    for users in (1..=10_000).collect::<Vec<u32>>().chunks(167) {
        for user in users {
            responses.push(test.call("GET", &format!("/api/login_links/{user}")).await);
        }
        assert_eq!(statuses(&test, STRANGER, [without_key().bearer(&beside)]).await, [200]);
        let other = TestRequest::of("GET", "/api/clients").host("other.example").bearer(&elsewhere);
        assert_eq!(statuses(&test, STRANGER, [other]).await, [200]);
        test.advance(1);
    }

    let refused: Vec<_> = responses.iter().filter(|response| response.code() == "rate_limited").collect();
    assert_eq!((responses.len(), refused.len()), (10_000, 10_000 - 60 * 50));
    assert!(refused.iter().all(|response| response.status == StatusCode::TOO_MANY_REQUESTS));
    assert!(refused.iter().all(|response| response.header("retry-after") == "1"));
    let printed = format!("doorkey_limited_requests_total{{limit=\"key_requests\"}} {}", refused.len());
    assert!(test.app.metrics.text().contains(&printed), "{}", test.app.metrics.text());
}

/// What a key may not do counts too; what no key was needed for does not.
#[tokio::test]
async fn the_limit_of_a_key_is_judged_after_the_key_and_before_its_scope() {
    let test = TestApp::start().await.limited_to(&at_most(1));
    let (_, reader) = test.key_with(&[Scope::LoginLinksRead], None).await;
    let ask = TestRequest::of("GET", "/api/clients").bearer(&reader);

    assert_eq!(
        test.send(TestRequest::of("POST", "/api/login_links").bearer(&reader)).await.code(),
        "method_not_allowed"
    );
    assert_eq!(test.send(ask.clone().header("x-api-version", "x")).await.code(), "invalid_version");
    assert_eq!(test.send(ask.clone()).await.code(), "insufficient_scope");
    assert_eq!(test.send(ask).await.code(), "rate_limited");
}

/// A /64 is one source, and a proxy that is trusted speaks for those it names, and they for nobody.
#[tokio::test]
async fn the_address_that_counts_is_the_last_one_that_is_no_trusted_proxy() {
    let proxy = "10.0.0.1";
    for (one, other, is_same) in [
        (("192.0.2.1", ""), ("192.0.2.1", ""), true),
        (("192.0.2.1", ""), ("192.0.2.2", ""), false),
        (("::ffff:192.0.2.1", ""), ("192.0.2.1", ""), true),
        (("2001:db8::1", ""), ("2001:DB8:0:0:ffff:1:2:3", ""), true),
        (("2001:db8:0:1::1", ""), ("2001:db8:0:2::1", ""), false),
        // Who is no trusted proxy speaks for itself alone.
        (("192.0.2.1", "203.0.113.1"), ("192.0.2.1", "203.0.113.2"), true),
        ((proxy, "203.0.113.1"), (proxy, "203.0.113.2"), false),
        ((proxy, "203.0.113.1"), ("203.0.113.1", ""), true),
        // What stands left of it was said by a stranger.
        ((proxy, "198.51.100.1, 203.0.113.1"), (proxy, "198.51.100.2,203.0.113.1"), true),
        ((proxy, "203.0.113.1, 10.9.9.9"), (proxy, "203.0.113.1,10.0.0.7,10.0.0.8"), true),
        ((proxy, "203.0.113.1, 10.9.9.9"), (proxy, "203.0.113.2, 10.9.9.9"), false),
        ((proxy, "2001:db8::1"), (proxy, "2001:0db8:0::ff"), true),
        ((proxy, "203.0.113.1:4711"), (proxy, "203.0.113.1:4712"), true),
        ((proxy, "[2001:db8::1]:4711"), (proxy, "[2001:db8::2]"), true),
        // What is no address tells nothing.
        ((proxy, "203.0.113.1, unknown"), (proxy, "203.0.113.2, \u{e9}"), true),
        ((proxy, ""), (proxy, ", ,"), true),
        ((proxy, "10.0.0.2"), ("10.0.0.2", ""), true),
    ] {
        let test = TestApp::start().await.limited_to(&at_most(1));
        let from = |(peer, printed): (&'static str, &str)| (peer, dead().header("x-forwarded-for", printed));
        let ((peer, ask), (other_peer, other_ask)) = (from(one), from(other));

        assert_eq!(statuses(&test, peer, [ask.clone(), ask]).await, [410, 429], "{one:?}");
        let expected = if is_same { 429 } else { 410 };
        assert_eq!(statuses(&test, other_peer, [other_ask]).await, [expected], "{one:?} and {other:?}");
    }
}

/// Several lines of one header are one list (RFC 9110, section 5.3).
#[tokio::test]
async fn the_last_of_several_lines_is_the_nearest_proxys() {
    let test = TestApp::start().await.limited_to(&at_most(1));
    let printed =
        |left: &str, right: &str| dead().header("x-forwarded-for", left).header("x-forwarded-for", right);

    assert_eq!(statuses(&test, "10.0.0.1", [printed("203.0.113.1", "203.0.113.2")]).await, [410]);
    assert_eq!(statuses(&test, "10.0.0.1", [printed("203.0.113.3", "203.0.113.2")]).await, [429]);
    assert_eq!(statuses(&test, "10.0.0.1", [printed("203.0.113.2", "203.0.113.1")]).await, [410]);
}

#[tokio::test]
async fn a_limit_that_is_off_is_none() {
    let test = TestApp::start().await.limited_to(&UNLIMITED);

    let with_key = TestRequest::of("GET", "/api/team").bearer(&test.key);
    let asks = (0..700).flat_map(|_| [dead(), without_key(), with_key.clone()]);
    let statuses = statuses(&test, STRANGER, asks).await;

    assert!(statuses.chunks(3).all(|asked| asked == [410, 401, 200]));
}

/// Thirty-two callers at once share one budget to the last request.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_callers_get_no_more_than_the_budget() {
    let test = Arc::new(TestApp::start().await.limited_to(&at_most(100)));
    test.client("ada@example.org").await;
    for ask in [dead(), without_key(), without_key().bearer(&test.key)] {
        let callers = (0..CALLERS).map(|_| {
            let (test, ask) = (Arc::clone(&test), ask.clone());
            async move { statuses(&test, STRANGER, vec![ask; 10]).await }
        });

        let responses = at_once(callers).await.concat();

        let refused = responses.iter().filter(|status| **status == 429).count();
        assert_eq!(refused, CALLERS * 10 - 100, "{ask:?}");
    }
}
