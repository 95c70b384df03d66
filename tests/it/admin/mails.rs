//! What was mailed, and what became of it.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;

use crate::support::admin::{admin_pages, grant, links, signed_in};
use crate::support::app::{TestApp, TestRequest};

/// A mail that a call of the back office queues.
async fn mail(test: &TestApp, user: i64) {
    let ask = TestRequest::of("POST", &format!("/api/login_links/{user}/mail")).bearer(&test.key);
    assert_eq!(test.send(ask).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn mails_are_shown_with_what_became_of_them() {
    let test = TestApp::start().await.mailing(0);
    for name in ["ada", "bob", "cid", "dan", "eve"] {
        test.client(&format!("{name}@example.org")).await;
    }
    mail(&test, 1).await;
    test.deliver().await;
    for user in 2..=5 {
        mail(&test, user).await;
    }
    for (user, state, attempts, reply) in [
        (2, "queued", 3, "454 4.7.0 TLS <not> available"),
        (3, "failed", 1, "550 5.1.1 No such user here"),
        (4, "expired", 9, ""),
        (5, "cancelled", 0, ""),
    ] {
        test.run_sql(&format!(
            "UPDATE mails SET state = '{state}', attempts = {attempts}, smtp_reply = nullif('{reply}', '') WHERE user_id = {user}"
        ));
    }
    let later = test.app.clock.now().plus_seconds(300).millis();
    test.run_sql(&format!("UPDATE outbox SET next_at = {later}"));
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let list = format!("/w/{}/mails", test.acme.id.0);

    let page = browser.get(&list).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for text in [
        "<span class=\"state ok\">sent</span>",
        "<span class=\"state wait\">waits, tried 3 times</span><small>next try at <time datetime=\"2026-11-23T03:28:00.000Z\">03:28",
        "<span class=\"state bad\">refused by the mail server</span><small><q><bdi>550 5.1.1 No such user here",
        "<span class=\"state off\">not sent, its link ended first</span>",
        "<span class=\"state off\">not sent, its link was used or revoked first</span>",
        "could not be sent yet. One mail waits.",
        "<q><bdi>454 4.7.0 TLS &#60;not&#62; available</bdi></q>",
        "<bdi>c•••d@example.org</bdi>: login link",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains("token="), "{}", page.body);
    assert!(!page.body.contains("bob@example.org"), "an address stands there whole");
    let tabs: Vec<_> = links(&page).into_iter().filter(|path| path.contains("?state=")).collect();
    assert_eq!(tabs.len(), 5);
    for tab in tabs {
        let page = browser.get(&tab).await;
        assert_eq!(page.body.matches("<th scope=\"row\">").count(), 1, "{tab}: {}", page.body);
        assert!(page.body.contains(&format!("<a href=\"{tab}\" aria-current=\"true\">")), "{}", page.body);
    }
    assert_eq!(browser.get(&format!("{list}?state=lost")).await.status, StatusCode::BAD_REQUEST);
    assert!(links(&page).contains(&format!("/w/{}/clients/2", test.acme.id.0)));
}

#[tokio::test]
async fn many_mails_are_shown_page_by_page() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    for _ in 0..51 {
        mail(&test, 1).await;
    }
    let (other, _) = test.another("Other", "https://other.example").await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Viewer, &[])).await;

    for state in ["", "?state=queued"] {
        let page = browser.get(&format!("/w/{}/mails{state}", test.acme.id.0)).await;
        assert!(page.body.contains("1 to 50") && page.body.contains("51 mails wait."), "{}", page.body);
        let next = links(&page).into_iter().find(|path| path.contains("page=2")).unwrap();
        let page = browser.get(&next).await;
        assert_eq!(page.body.matches("<th scope=\"row\">").count(), 1);
        assert!(page.body.contains("51 to 51") && !page.body.contains("rel=\"next\""), "{}", page.body);
    }
    let page = browser.get(&format!("/w/{}/mails", other.id.0)).await;
    assert!(page.body.contains("None waits.") && !page.body.contains("<table"), "{}", page.body);
}
