//! Openings: who was there, by signs, and nothing that tells who it was.

use axum::http::StatusCode;
use doorkey::store::SettledLink;
use serde_json::{Value, json};

use crate::support::app::{TestApp, TestRequest, UNLIMITED};
use crate::support::consistency::MISCOUNTED_LINKS;
use crate::support::visitors::{CHROME, Person, browsed, path_of, scanned, told};

async fn house() -> (TestApp, String) {
    let test = TestApp::start().await.limited_to(&UNLIMITED);
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    (test, link)
}

fn openings(story: &Value) -> Vec<&Value> {
    story["events"].as_array().unwrap().iter().filter(|event| event["type"] == "opened").collect()
}

#[tokio::test]
async fn each_sign_is_told_and_two_of_them_make_a_machine() {
    let cases: [(TestRequest, &[&str], &str); 7] = [
        (browsed("GET", ""), &["no_stylesheet"], "person"),
        (browsed("HEAD", ""), &["head", "no_stylesheet"], "machine"),
        (browsed("GET", "").header("sec-purpose", "prefetch"), &["prefetch", "no_stylesheet"], "machine"),
        (browsed("GET", "").header("purpose", "prefetch"), &["prefetch", "no_stylesheet"], "machine"),
        (browsed("GET", "").header("x-moz", "prefetch"), &["prefetch", "no_stylesheet"], "machine"),
        (
            TestRequest::of("GET", "").header("accept-language", "de").header("user-agent", CHROME),
            &["no_fetch_metadata", "no_stylesheet"],
            "machine",
        ),
        (browsed("GET", "").without("accept-language"), &["no_accept_language", "no_stylesheet"], "machine"),
    ];
    for (request, signs, looks) in cases {
        let (test, link) = house().await;
        let request = TestRequest { path: path_of(&link), ..request };
        assert_eq!(test.send_from("198.51.100.77", request).await.status, StatusCode::OK);
        test.settle_openings().await;

        let story = test.story_of(&link).await;

        let opened = openings(&story);
        assert_eq!(opened.len(), 1, "{story}");
        assert_eq!((&opened[0]["signs"], &opened[0]["looks"]), (&json!(signs), &json!(looks)), "{story}");
        assert_eq!(
            (&opened[0]["network"], &opened[0]["browser"]),
            (&json!("198.51.100.0/24"), &json!("chrome"))
        );
    }
}

#[tokio::test]
async fn a_person_whose_browser_fetches_the_style_sheet_gives_no_sign_and_a_program_gives_several() {
    let (test, link) = house().await;
    test.send_from("203.0.113.9", scanned("GET", &path_of(&link))).await;
    Person::at("2001:db8:1:2:3::4").open(&test, &link).await;
    test.write_notes().await;
    let early = test.story_of(&link).await;
    test.settle_openings().await;

    let story = test.story_of(&link).await;

    for story in [&early, &story] {
        let opened = openings(story);
        assert_eq!(opened.len(), 2, "{story}");
        assert_eq!((&opened[0]["looks"], &opened[0]["browser"]), (&json!("machine"), &json!("other")));
        assert_eq!(
            (&opened[1]["looks"], &opened[1]["network"]),
            (&json!("person"), &json!("2001:db8:1::/48"))
        );
    }
    assert_eq!(openings(&early)[0]["signs"], json!(["no_fetch_metadata", "no_accept_language"]));
    assert_eq!(
        openings(&story)[0]["signs"],
        json!(["no_fetch_metadata", "no_accept_language", "no_stylesheet"])
    );
    assert_eq!(openings(&story)[1]["signs"], json!([]));
}

#[tokio::test]
async fn the_style_sheet_may_be_fetched_from_another_node_and_counts_while_a_browser_keeps_it() {
    let (test, link) = house().await;
    let other = test.beside().await;
    let page = |second: i64| (browsed("GET", &path_of(&link)), second);
    let style = || TestRequest::of("GET", "/login/style.css").header("user-agent", CHROME);
    // Before, within ten seconds, and too late; each from a network of its own.
    for (place, (fetch_after, (request, _))) in
        [(-200, page(0)), (9, page(0)), (11, page(0))].into_iter().enumerate()
    {
        let peer = format!("203.0.{place}.1");
        if fetch_after < 0 {
            other.send_from(&peer, style()).await;
            test.advance(-fetch_after);
        }
        test.send_from(&peer, request).await;
        test.write_notes().await;
        if fetch_after > 0 {
            test.advance(fetch_after);
            other.send_from(&peer, style()).await;
        }
        // Once the time for it is over, each node says whether it was fetched there.
        test.advance(11 - fetch_after.max(0));
        doorkey::flow::stories::settle::settle(&other.app).await.unwrap();
        test.advance(120);
        doorkey::flow::stories::settle::settle(&test.app).await.unwrap();
    }

    let story = test.story_of(&link).await;

    let signs: Vec<_> = openings(&story).iter().map(|opened| opened["signs"].clone()).collect();
    assert_eq!(signs, [json!([]), json!([]), json!(["no_stylesheet"])], "{story}");
    assert_eq!(test.number("SELECT count(*) FROM link_events WHERE settle_at > 0"), 0);
}

#[tokio::test]
async fn a_style_sheet_that_was_fetched_right_behind_the_page_is_known_to_whoever_settles() {
    let (test, link) = house().await;
    let other = test.beside().await;
    Person::at("203.0.113.9").open(&test, &link).await;
    test.write_notes().await;
    test.advance(13);
    doorkey::flow::stories::settle::settle(&other.app).await.unwrap();

    let story = test.story_of(&link).await;

    assert_eq!(openings(&story)[0]["signs"], json!([]), "{story}");
}

#[tokio::test]
async fn what_one_node_has_seen_is_not_undone_by_one_that_settles_with_less() {
    let (test, link) = house().await;
    let other = test.beside().await.limited_to(&UNLIMITED);
    let request = browsed("GET", &path_of(&link)).without("accept-language");
    test.send_from("203.0.113.9", request).await;
    let style = TestRequest::of("GET", "/login/style.css").header("user-agent", CHROME);
    other.send_from("203.0.113.9", style).await;
    test.write_notes().await;
    test.advance(13);
    let looks = async || {
        let story = test.story_of(&link).await;
        let opened = openings(&story)[0];
        let totals = test.link_stats("").await["totals"].clone();
        [&opened["looks"], &opened["signs"], &totals["opened"], &totals["opened_by_machines"]]
            .map(Clone::clone)
    };
    let seen = other.app.store.list_unsettled(test.app.clock.now()).await.unwrap();
    let (workspace, unsettled) = &seen[0];
    doorkey::flow::stories::settle::settle(&test.app).await.unwrap();
    assert_eq!(
        looks().await,
        [json!("machine"), json!(["no_accept_language", "no_stylesheet"]), json!(0), json!(1)]
    );

    let now = test.app.clock.now();
    other.app.store.note_stylesheets(*workspace, &unsettled[..1], now).await.unwrap();
    let by_a_person = [json!("person"), json!(["no_accept_language"]), json!(1), json!(0)];
    assert_eq!(looks().await, by_a_person);
    let settled =
        SettledLink { link: unsettled[0].hash, openings: vec![(unsettled[0].id, unsettled[0].signs)] };
    other.app.store.settle_openings(*workspace, &[settled], now).await.unwrap();

    assert_eq!(looks().await, by_a_person);
    assert_eq!(test.database.rows(MISCOUNTED_LINKS), [[""; 0]; 0]);
}

#[tokio::test]
async fn many_networks_within_a_minute_and_a_look_right_after_a_mail_are_signs() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    let user = test.client("ada@example.org").await;
    let mail = format!("/api/login_links/{}/mail", user.number());
    assert_eq!(test.call("POST", &mail).await.status, StatusCode::ACCEPTED);
    let mails = test.new_mails(0).await;
    let link = mails[0].link();
    test.advance(5);
    Person::at("203.0.113.9").open(&test, &link).await;
    test.settle_openings().await;
    test.advance(100);
    for peer in ["192.0.2.1", "198.51.100.1", "203.0.113.1"] {
        test.send_from(peer, browsed("GET", &path_of(&link))).await;
        test.advance(3);
    }
    test.settle_openings().await;

    let story = test.story_of(&link).await;

    let signs: Vec<_> = openings(&story).iter().map(|opened| opened["signs"].clone()).collect();
    let many = json!(["no_stylesheet", "many_networks"]);
    assert_eq!(signs, [json!(["soon_after_mail"]), many.clone(), many.clone(), many], "{story}");
    assert_eq!(told(&story)[..3], ["issued", "mailed", "opened person"]);
    assert_eq!(story["events"][1]["state"], "sent");
}

#[tokio::test]
async fn dead_links_are_told_of_and_tokens_that_are_unknown_leave_nothing() {
    let (test, link) = house().await;
    test.advance(7_200);
    let mut person = Person::at("203.0.113.9");
    assert_eq!(person.open(&test, &link).await.status, StatusCode::GONE);
    let unknown = format!("/login?token=G{}", "x".repeat(31));
    let dead = test.send_from("203.0.113.9", browsed("GET", &path_of(&link))).await;
    let nothing = test.send_from("203.0.113.9", browsed("GET", &unknown)).await;
    assert_eq!((dead.status, dead.body), (nothing.status, nothing.body));
    test.settle_openings().await;

    let story = test.story_of(&link).await;

    assert_eq!(told(&story), ["issued", "expired", "opened person", "opened person"]);
    assert_eq!(story["state"], "expired");
    assert_eq!(test.number("SELECT count(DISTINCT link_hash) FROM link_events"), 1);
}

#[tokio::test]
async fn no_whole_address_and_no_user_agent_is_kept() {
    let (test, link) = house().await;
    let request = browsed("GET", &path_of(&link))
        .without("user-agent")
        .header("user-agent", "Mozilla/5.0 UniqueAgent77 Firefox/1.0")
        .header("x-forwarded-for", "203.0.113.177");
    test.send_from("10.0.0.1", request).await;
    test.settle_openings().await;

    let kept = test.database.rows("SELECT network, browser FROM link_events");
    assert_eq!(kept, [["203.0.113.0/24".to_owned(), "firefox".to_owned()]]);
    let bytes = test.database.stolen();
    for secret in ["203.0.113.177", "UniqueAgent77"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is kept");
    }
    assert_eq!(test.number("SELECT count(*) FROM link_events WHERE length(client) > 0"), 0);
}

#[tokio::test]
async fn a_workspace_that_does_not_want_it_has_no_openings_from_then_on() {
    let (mut test, link) = house().await;
    Person::at("203.0.113.9").open(&test, &link).await;
    test.settle_openings().await;
    test.set("record_openings", "false").await;
    Person::at("203.0.113.9").open(&test, &link).await;
    test.send_from("203.0.113.9", scanned("HEAD", &path_of(&link))).await;
    test.settle_openings().await;

    assert_eq!(told(&test.story_of(&link).await), ["issued", "opened person"]);
    test.set("record_openings", "true").await;
    Person::at("203.0.113.9").open(&test, &link).await;
    test.settle_openings().await;
    assert_eq!(told(&test.story_of(&link).await), ["issued", "opened person", "opened person"]);
}
