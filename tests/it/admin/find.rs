//! What somebody pastes leads to a client or a link, and comes back nowhere.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::domain::token::Token;
use doorkey::domain::user::UserChange;

use crate::support::admin::{admin_pages, form_to, grant, signed_in};
use crate::support::app::{Browser, TestApp, TestResponse};

async fn find(browser: &mut Browser<'_>, test: &TestApp, what: &str) -> TestResponse {
    let path = format!("/w/{}/find", test.acme.id.0);
    let form = form_to(&browser.get(&path).await, "/find");
    browser.send(form.with("q", what).sent()).await
}

fn token(link: &str) -> &str {
    link.split("token=").nth(1).unwrap()
}

#[tokio::test]
async fn links_and_clients_are_found() {
    let test = TestApp::start().await;
    let ada = test.client("Ada@example.org").await;
    let used = test.ask_for_link(ada).await;
    test.browser().sign_in(&used).await;
    test.advance(60);
    let old = test.ask_for_link(ada).await;
    test.advance(7_201);
    let live = test.ask_for_link(ada).await;
    let ids = test.database.rows("SELECT data FROM audit_log WHERE event = 'login_link.issued' ORDER BY id");
    let ids = ids.into_iter().map(|row| {
        let data: serde_json::Value = serde_json::from_str(&row[0]).unwrap();
        data["link"].as_str().unwrap().to_owned()
    });
    let ids: Vec<_> = ids.collect();
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Vic", AdminRole::Viewer, &[test.acme.id])).await;
    let at = |page: &str| format!("/w/{}/{page}", test.acme.id.0);

    for (link, id) in [&used, &old, &live].into_iter().zip(&ids) {
        let story = at(&format!("links/{id}"));
        for what in [
            link.clone(),
            format!("  {link}\n"),
            format!("{link}&redirect=%2Fx"),
            format!("{link})."),
            token(link).to_owned(),
            id.clone(),
            id.to_uppercase(),
        ] {
            let found = find(&mut browser, &test, &what).await;
            assert_eq!(found.status, StatusCode::SEE_OTHER, "{what}: {}", found.body);
            assert_eq!(found.header("location"), story, "{what}");
        }
    }
    for what in ["1", " 1 ", "ada@example.org", "ADA@EXAMPLE.ORG"] {
        let found = find(&mut browser, &test, what).await;
        assert_eq!(found.header("location"), at("clients/1"), "{what}");
        assert_eq!(browser.get(found.header("location")).await.status, StatusCode::OK);
    }
    // Looking uses nothing up.
    test.browser().sign_in(&live).await;
    // A link has its story whatever its person is by now; the person is nobody here.
    test.change(ada, "staff", "true").await;
    assert_eq!(find(&mut browser, &test, &live).await.header("location"), at(&format!("links/{}", ids[2])));
    let looks = test
        .database
        .rows("SELECT user_id, actor, data FROM audit_log WHERE event = 'admin.looked' ORDER BY id");
    assert_eq!(looks.len(), 3 * 7 + 4 + 1);
    assert!(
        looks.iter().all(|look| look[0] == "1" && look[1] == "admin:Vic" && look[2].contains("\"find\""))
    );
    assert_eq!(find(&mut browser, &test, "1").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_of_others_is_found_and_what_was_pasted_comes_back_nowhere() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    let staff = UserChange { is_staff: Some(true), ..UserChange::default() };
    test.add(&test.acme, "staff@example.org", staff).await;
    let gone = test.client("gone@example.org").await;
    test.delete(gone).await;
    let (other, others_key) = test.another("Other", "https://other.example").await;
    let bob = test.add(&other, "bob@example.org", UserChange::default()).await;
    let ask = crate::support::app::TestRequest::of("GET", &format!("/api/login_links/{}", bob.number()));
    let foreign = test.send(ask.host("other.example").bearer(&others_key)).await.json();
    let foreign = foreign["link"].as_str().unwrap().to_owned();
    let foreign_id = test
        .database
        .rows("SELECT data FROM audit_log WHERE event = 'login_link.issued' ORDER BY id DESC LIMIT 1");
    let foreign_id: serde_json::Value = serde_json::from_str(&foreign_id[0][0]).unwrap();
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let cut = token(&link)[..31].to_owned();
    let bracket = format!("{})", token(&link));
    let long = "x".repeat(5_000);

    for what in [
        &foreign,
        token(&foreign),
        foreign_id["link"].as_str().unwrap(),
        "bob@example.org",
        "staff@example.org",
        "2",
        "gone@example.org",
        "3",
        &cut,
        &bracket,
        &format!("{link}x"),
        "<script>alert(7)</script>",
        "0",
        "-1",
        "99999999999999999999",
        "01902e5d-0000-7000-8000-0123456789ab",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "nobody@example.org",
        "/login?token=",
        "\0\u{202e}",
        &long,
        "",
    ] {
        let page = find(&mut browser, &test, what).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{what}: {}", page.body);
        assert!(page.body.contains("role=\"alert\""), "{}", page.body);
        assert!(what.len() < 4 || !page.body.contains(what), "it comes back: {what}");
        assert!(!page.body.contains("alert(7)"), "{}", page.body);
        assert_eq!(page.header("location"), "");
    }
    let entries = test.database.rows("SELECT event, data FROM audit_log").concat().concat();
    for secret in [token(&link), token(&foreign), &cut, "alert(7)", "nobody@example.org"] {
        assert!(!entries.contains(secret), "the log has {secret}");
    }
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'admin.looked'"), 22);
}

/// What is said of it where nothing was found.
async fn notice(browser: &mut Browser<'_>, test: &TestApp, what: &str) -> String {
    let page = find(browser, test, what).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND, "{what}: {}", page.body);
    let notice = page.body.split("role=\"alert\">").nth(1).unwrap();
    notice.split("</div>").next().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_finds_nothing_is_told_why_by_what_was_pasted() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    let cut = &link[..link.len() - 1];
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;

    for (what, why) in [
        ("", "Nothing was typed."),
        (cut, "where ours have 32 letters and digits, it has 31.</strong> A mail program may"),
        (token(cut), "it has 31."),
        ("/login?token=", "it has none."),
        (&*format!("{link}x"), "it has 33.</strong> Something was joined"),
        (&*"x".repeat(5_000), "it has 5,000."),
        (&*format!("{})", token(&link)), "something else around them"),
        ("https://example.com/login", "This is no login link"),
        (&*"Z".repeat(32), "Nobody here knows this link"),
        ("01902e5d-0000-7000-8000-0123456789ab", "No link that is known here has this id."),
        ("2", "No client has this id."),
        ("0", "No client has this id."),
        ("bob@example.org", "No client has this address."),
        ("ada@example.con", "its domain has no known ending"),
        ("ada@localhost", "its domain has no known ending"),
        (&*format!("({})", token(&link)), "something else around them"),
        (&*format!("token=3D{}", token(&link)), "something else around them"),
        ("ada@example,org", "No client can have this address"),
        ("Ada Lovelace", "Names are not looked for here."),
    ] {
        let notice = notice(&mut browser, &test, what).await;
        assert!(notice.contains(why), "{what}: {notice}");
        assert!(notice.contains(&format!("/w/{}/clients\"", test.acme.id.0)), "{what}: {notice}");
        assert!(what.len() < 4 || !notice.contains(what), "it comes back: {what}");
    }
}

#[tokio::test]
async fn another_workspace_is_named_to_those_alone_who_reach_it() {
    let test = TestApp::start().await;
    let (other, others_key) = test.another("Other & Co", "https://other.example").await;
    let bob = test.add(&other, "bob@example.org", UserChange::default()).await;
    let ask = crate::support::app::TestRequest::of("GET", &format!("/api/login_links/{}", bob.number()));
    let foreign = test.send(ask.host("other.example").bearer(&others_key)).await.json();
    let foreign = foreign["link"].as_str().unwrap();
    let never = format!("https://other.example/login?token={}", "Z".repeat(32));
    let nobodys = foreign.replace("other.example", "nobody.example");
    let pages = admin_pages(&test);
    let mut both = signed_in(&pages, grant("Grace", AdminRole::Support, &[test.acme.id, other.id])).await;
    let mut one = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;

    let told = notice(&mut both, &test, foreign).await;
    let there = format!("<a href=\"/w/{}/find\"><bdi>Other &#38; Co</bdi></a>", other.id.0);
    assert!(told.contains("the host of another workspace") && told.contains(&there), "{told}");
    // The host says so, and nobody learns whether the link is known there.
    assert_eq!(notice(&mut both, &test, &never).await, told);
    let unknown = notice(&mut one, &test, &nobodys).await;
    assert!(unknown.contains("Nobody here knows this link"), "{unknown}");
    for what in [foreign, &never, token(foreign)] {
        assert_eq!(notice(&mut one, &test, what).await, unknown, "{what}");
    }
    assert_eq!(notice(&mut both, &test, token(foreign)).await, unknown);
}

/// As at the API.
#[tokio::test]
async fn whoever_was_deleted_has_left_a_story_behind() {
    let test = TestApp::start().await;
    let gone = test.client("gone@example.org").await;
    let link = test.ask_for_link(gone).await;
    test.delete(gone).await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;

    for what in [&*link, token(&link)] {
        let found = find(&mut browser, &test, what).await;
        assert_eq!(found.status, StatusCode::SEE_OTHER, "{}", found.body);
        let story = browser.get(found.header("location")).await;
        assert_eq!(story.status, StatusCode::OK, "{}", story.body);
        assert!(!story.body.contains("gone@example.org"), "{}", story.body);
    }
    // The link is known for longer than its story, and leads to nobody then.
    test.advance(31 * 86_400);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    assert!(notice(&mut browser, &test, &link).await.contains("It ended too long ago"));
}

#[tokio::test]
async fn a_token_that_was_never_a_link_finds_nothing() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    test.ask_for_link(ada).await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    for _ in 0..200 {
        let mut mac = [0; 32];
        mac[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        mac[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        let token = Token::from_mac(&mac);
        assert_eq!(find(&mut browser, &test, token.reveal()).await.status, StatusCode::NOT_FOUND);
    }
}
