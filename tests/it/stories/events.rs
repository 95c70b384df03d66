//! What a story tells: each kind of event, each state, and who may hear of it.

use axum::http::StatusCode;
use doorkey::domain::scope::Scope;
use doorkey::flow::operations::maintenance::{Retention, sweep};
use serde_json::json;

use crate::support::app::{TestApp, TestRequest, UNLIMITED, button};
use crate::support::database::Engine;
use crate::support::visitors::{Person, path_of, told};

const DAY: i64 = 86_400;

async fn house() -> TestApp {
    TestApp::start().await.limited_to(&UNLIMITED)
}

#[tokio::test]
async fn the_life_of_a_link_is_told_from_its_making_to_its_second_press() {
    let test = house().await;
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    test.advance(60);
    test.ask_for_link(user).await;
    test.ask_for_link(user).await;
    let mut person = Person::at("203.0.113.9");
    let page = person.open(&test, &link).await;
    test.advance(30);
    assert_eq!(person.press(&test, &page).await.status, StatusCode::SEE_OTHER);
    test.advance(60);
    // A double click is no press of its own.
    assert_eq!(person.press(&test, &page).await.status, StatusCode::SEE_OTHER);
    test.advance(200);
    assert_eq!(person.press(&test, &page).await.status, StatusCode::GONE);
    test.settle_openings().await;

    let story = test.story_of(&link).await;

    assert_eq!(
        told(&story),
        ["issued", "handed_out 2", "opened person", "pressed", "signed_in link", "pressed", "refused used"]
    );
    assert_eq!(
        (&story["state"], &story["kind"], &story["user_id"]),
        (&json!("used"), &json!("api"), &json!(1))
    );
    let issued = &story["events"][0];
    assert_eq!((&issued["time"], &issued["actor"]), (&story["created_at"], &json!("api_key:1")));
    let logs = test.call("GET", "/api/logs?filters[event][$eq]=login_link.issued").await.json();
    assert_eq!(issued["request_id"], logs["data"][0]["request_id"]);
    assert_eq!(story["link_id"], logs["data"][0]["data"]["link"]);
    let sessions = test.call("GET", "/api/sessions").await.json();
    assert_eq!(story["events"][4]["session_id"], sessions["data"][0]["id"]);
    let by_id = test.call("GET", &format!("/api/stories/{}", story["link_id"].as_str().unwrap())).await;
    assert_eq!(by_id.json(), story);
}

#[tokio::test]
async fn a_kill_is_told_with_its_reason_whatever_kills() {
    let test = house().await;
    for (number, (field, value, reason)) in [
        ("two_factor_enabled", "true", "two_factor"),
        ("staff", "true", "staff"),
        ("status", "0", "disabled"),
        ("email", "new@example.org", "new_address"),
        ("", "revoke", "revoked"),
        ("", "delete", "deleted"),
    ]
    .into_iter()
    .enumerate()
    {
        let user = test.client(&format!("c{number}@example.org")).await;
        let link = test.ask_for_link(user).await;
        let mut person = Person::at("203.0.113.9");
        let page = person.open(&test, &link).await;
        test.advance(10);
        match value {
            "revoke" => {
                let revoked = test.call("DELETE", &format!("/api/login_links/{}", user.number())).await;
                assert_eq!(revoked.status, StatusCode::NO_CONTENT);
            }
            "delete" => test.delete(user).await,
            value => test.change(user, field, value).await,
        }
        test.advance(10);
        person.press(&test, &page).await;
        test.settle_openings().await;

        let story = test.story_of(&link).await;

        let killed = format!("killed {reason}");
        // Of somebody who was deleted no press can be told: nobody is there to be found by the token.
        let all = ["issued", "opened person", &killed, "pressed", "refused killed"];
        let expected = if value == "delete" { &all[..3] } else { &all[..] };
        assert_eq!(
            (told(&story), &story["state"]),
            (expected.iter().map(ToString::to_string).collect(), &json!("killed"))
        );
        // A later kill does not tell of a link that had ended before.
        if value != "delete" {
            test.call("DELETE", &format!("/api/login_links/{}", user.number())).await;
            assert_eq!(told(&test.story_of(&link).await)[2], killed);
        }
    }
}

#[tokio::test]
async fn refused_presses_are_told_with_their_reasons() {
    let test = house().await;
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    let mut person = Person::at("203.0.113.9");
    let page = person.open(&test, &link).await;
    test.advance(1);
    let foreign = button(&page).without("sec-fetch-site").header("sec-fetch-site", "cross-site");
    assert_eq!(person.send(&test, foreign).await.status, StatusCode::FORBIDDEN);
    test.advance(1);
    assert_eq!(test.send(button(&page)).await.status, StatusCode::FORBIDDEN);
    test.write_notes().await;
    test.advance(7_200);
    assert_eq!(person.press(&test, &page).await.status, StatusCode::GONE);
    test.settle_openings().await;

    assert_eq!(
        told(&test.story_of(&link).await),
        [
            "issued",
            "opened person",
            "refused foreign_origin",
            "refused anti_forgery",
            "expired",
            "pressed",
            "refused expired"
        ]
    );
}

#[tokio::test]
async fn a_press_beyond_the_limit_of_dead_links_is_told() {
    let test = TestApp::start().await;
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    let mut person = Person::at("203.0.113.9");
    let page = person.open(&test, &link).await;
    test.advance(7_200);
    for _ in 0..600 {
        test.send_from("203.0.113.9", TestRequest::of("GET", "/login?token=short")).await;
    }
    assert_eq!(person.press(&test, &page).await.status, StatusCode::TOO_MANY_REQUESTS);
    test.settle_openings().await;

    let story = test.story_of(&link).await;
    assert_eq!(told(&story)[2..], ["expired", "pressed", "refused rate_limited"]);
}

#[tokio::test]
async fn a_link_that_works_many_times_tells_of_each() {
    let mut test = house().await;
    test.set("single_use", "false").await;
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    for _ in 0..2 {
        test.advance(10);
        let mut person = Person::at("203.0.113.9");
        let page = person.open(&test, &link).await;
        assert_eq!(person.press(&test, &page).await.status, StatusCode::SEE_OTHER);
    }
    test.settle_openings().await;

    let story = test.story_of(&link).await;
    let once = ["opened person", "pressed", "signed_in link"];
    assert_eq!(
        told(&story),
        ["issued"].iter().chain(&once).chain(&once).map(ToString::to_string).collect::<Vec<_>>()
    );
    assert_eq!(story["state"], "used");
}

#[tokio::test]
async fn a_story_is_found_by_what_means_its_link_and_by_nothing_else() {
    let test = house().await;
    let user = test.client("ada@example.org").await;
    let live = test.ask_for_link(user).await;
    let token = live.split_once("token=").unwrap().1.to_owned();
    let (other, other_key) = test.another("Bolt", "https://bolt.test").await;
    let bolts = test.add(&other, "bo@example.org", doorkey::domain::user::UserChange::default()).await;
    let path = format!("/api/login_links/{}", bolts.number());
    let bolts = test.send(TestRequest::of("GET", &path).host("bolt.test").bearer(&other_key)).await;
    let bolts = bolts.json()["link"].as_str().unwrap().to_owned();

    for text in [live.clone(), token.clone(), format!(" {live} "), format!("{live}&redirect=%2Forders")] {
        assert_eq!(test.story_of(&text).await["state"], "live", "{text}");
    }
    let wrong = [format!("{token})"), bolts.clone(), "<script>".to_owned(), String::new(), "x".repeat(4_000)];
    // The question is the same on both engines, and one takes longer over it.
    let count = if crate::ENGINE == Engine::Postgres { 1_000 } else { 10_000 };
    for text in
        wrong.into_iter().chain((0..count).map(|_| doorkey::keys::random::<32>().map(random_token).unwrap()))
    {
        let refused = test.find_story(&text).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::NOT_FOUND, "not_found".to_owned()),
            "{text}"
        );
        assert!(text.is_empty() || !refused.body.contains(&text), "{text} comes back");
    }
    let id = test.story_of(&live).await["link_id"].as_str().unwrap().to_owned();
    let ask = TestRequest::of("GET", &format!("/api/stories/{id}")).host("bolt.test").bearer(&other_key);
    assert_eq!(test.send(ask).await.status, StatusCode::NOT_FOUND);
    for id in ["1", "018f0000-0000-4000-8000-000000000000", &uuid::Uuid::now_v7().to_string()] {
        assert_eq!(
            test.call("GET", &format!("/api/stories/{id}")).await.status,
            StatusCode::NOT_FOUND,
            "{id}"
        );
    }
    test.advance(7_200);
    assert_eq!(test.story_of(&live).await["state"], "expired");
    assert!(!test.audit().join(" ").contains(&token));
}

fn random_token(bytes: [u8; 32]) -> String {
    let letters = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    bytes.iter().map(|byte| char::from(letters[usize::from(*byte) % 62])).collect()
}

#[tokio::test]
async fn only_who_may_read_the_log_hears_a_story_or_figures() {
    let test = house().await;
    let (_, key) = test.key_with(&[Scope::LoginLinksRead], None).await;
    let body = json!({ "link": "x" });
    for request in [
        TestRequest::of("POST", "/api/stories").json(&body),
        TestRequest::of("GET", "/api/stories/018f0000-0000-7000-8000-000000000000"),
        TestRequest::of("GET", "/api/stats/login_links"),
    ] {
        assert_eq!(test.send(request.clone()).await.status, StatusCode::UNAUTHORIZED);
        let refused = test.send(request.bearer(&key)).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::FORBIDDEN, "insufficient_scope".to_owned())
        );
    }
}

#[tokio::test]
async fn a_body_that_does_not_pass_is_named_without_what_was_pasted() {
    let test = house().await;
    let secret = "GwZtXk2q9dYVb0mH4sJcQe7uLr1aPfN5";
    for (body, field, code) in [
        (json!({}), "link", "required"),
        (json!({ "link": 1 }), "link", "invalid"),
        (json!({ "link": "x".repeat(4_097) }), "link", "too_long"),
        (json!({ "token": secret }), "token", "unknown"),
        (json!({ (secret): 1, "link": "x" }), "…", "unknown"),
    ] {
        let refused = test.send(TestRequest::of("POST", "/api/stories").bearer(&test.key).json(&body)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
        assert_eq!(refused.json()["codes"][field][0], code, "{}", refused.body);
        assert!(!refused.body.contains(secret), "{}", refused.body);
    }
}

#[tokio::test]
async fn a_story_ends_with_its_retention_and_nothing_of_it_is_left() {
    let mut test = house().await;
    test.set("story_retention", "2d").await;
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    let path = path_of(&link);
    Person::at("203.0.113.9").open(&test, &path).await;
    test.settle_openings().await;
    test.call("DELETE", &format!("/api/login_links/{}", user.number())).await;
    let kept = Retention { audit_log: 365 * DAY, dead_links: 90 * DAY };

    test.advance(7_200 + 2 * DAY - 30);
    sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
    assert_eq!(told(&test.story_of(&link).await), ["issued", "opened person", "killed revoked"]);
    test.advance(30);

    assert_eq!(test.find_story(&link).await.status, StatusCode::NOT_FOUND);
    let swept = sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
    assert_eq!((swept.stories, test.number("SELECT count(*) FROM link_events")), (1, 0));
    test.advance(130 * DAY);
    sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
    assert_eq!(test.number("SELECT count(*) FROM link_kills"), 0);
    assert_eq!(test.number("SELECT sum(issued) FROM link_stats"), 1);
    test.advance(300 * DAY);
    sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
    assert_eq!(test.number("SELECT count(*) FROM link_stats"), 0);
}
