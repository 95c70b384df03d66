//! The pages behind the doors: workspaces, API keys, sessions.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::scope::Scopes;
use doorkey::domain::user::UserChange;
use doorkey::flow;

use crate::support::admin::{Form, admin_pages, form_to, grant, links, signed_in};
use crate::support::app::{TestApp, TestRequest};

#[tokio::test]
async fn a_key_is_made_shown_once_works_and_is_revoked() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Grace", AdminRole::Operator, &[test.acme.id])).await;
    let list = format!("/w/{}/keys", test.acme.id.0);

    let page = browser.get(&list).await;
    assert!(page.body.contains("One key works."), "{}", page.body);
    let form = form_to(&page, "/keys");
    let scopes = form.fields.iter().filter(|(name, _)| name == "scope").map(|(_, scope)| scope.as_str());
    assert_eq!(scopes.collect::<Vec<_>>(), ["login_links:write"], "no more than it needs is chosen");
    let made = browser.send(form.with("name", "<news> & \"letter\"").sent()).await;

    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert!(
        made.body.contains("The key “<bdi>&#60;news&#62; &#38; &#34;letter&#34;</bdi>”"),
        "{}",
        made.body
    );
    let key = made.body.split("value=\"doorkey_").nth(1).unwrap().split('"').next().unwrap();
    let key = format!("doorkey_{key}");
    let link = test.send(TestRequest::of("GET", "/api/login_links/1").bearer(&key)).await;
    assert_eq!(link.status, StatusCode::OK);
    let clients = test.send(TestRequest::of("GET", "/api/clients").bearer(&key)).await;
    assert_eq!(clients.status, StatusCode::FORBIDDEN);
    let page = browser.get(&list).await;
    assert!(page.body.contains("2 keys work.") && !page.body.contains(&key[8..]), "{}", page.body);
    assert!(page.body.contains("key 2: login_links:write") && page.body.contains("until <time"));

    let log = links(&page).into_iter().find(|path| path.ends_with("/logs?actor=api_key%3A2")).unwrap();
    let log = browser.get(&log).await;
    assert!(
        log.body.contains("A link was made: <a") && !log.body.contains("A key was made."),
        "{}",
        log.body
    );

    let ask = links(&page).into_iter().find(|path| path.ends_with("/keys/2/revoke")).unwrap();
    let revoked = browser.send(form_to(&browser.clone().get(&ask).await, "/revoke").sent()).await;
    assert_eq!(revoked.header("location"), format!("{list}?done=revoked"));
    let page = browser.get(revoked.header("location")).await;
    assert!(page.body.contains("role=\"status\">The key is revoked."), "{}", page.body);
    assert!(page.body.contains("<span class=\"state off\">revoked</span>"), "{}", page.body);
    let link = test.send(TestRequest::of("GET", "/api/login_links/1").bearer(&key)).await;
    assert_eq!(link.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.get(&ask).await.status, StatusCode::NOT_FOUND);
    let log = test.audit();
    let tail: Vec<_> = log.iter().filter(|entry| entry.contains("admin:")).collect();
    assert_eq!(
        tail,
        ["admin.signed_in by admin:Grace", "api_key.added by admin:Grace", "api_key.revoked by admin:Grace"]
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_made_comes_back_with_what_is_wrong() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Grace", AdminRole::Operator, &[])).await;
    let list = format!("/w/{}/keys", test.acme.id.0);
    let form = form_to(&browser.get(&list).await, "/keys").with("name", "crm");

    for (form, wrong) in [
        (form.clone().with("name", ""), "name"),
        (form.clone().with("name", &"a".repeat(201)), "name"),
        (form.clone().without("scope"), "scopes"),
        (form.clone().with("scope", "everything"), "scopes"),
        (form.clone().with("expires", "90x"), "expires"),
        (form.clone().with("expires", "0d"), "expires"),
    ] {
        let page = browser.send(form.sent()).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{form:?}");
        assert!(page.body.contains("<title>Not saved: Keys"), "{}", page.body);
        assert!(page.body.contains(&format!("<a href=\"#{wrong}\">")), "{}", page.body);
        assert_eq!(page.body.matches("class=\"error\"").count(), 1, "{}", page.body);
    }
    assert_eq!(test.number("SELECT count(*) FROM api_keys"), 1);
    let forever = browser.send(form.with("expires", "").sent()).await;
    assert!(forever.body.contains("It has no end."), "{}", forever.body);
}

#[tokio::test]
async fn a_session_is_listed_with_its_person_and_ended() {
    let test = TestApp::start().await;
    let fields = UserChange { name_f: Some("<b>Zoë".to_owned()), ..UserChange::default() };
    let zoe = test.add(&test.acme, "zoe@example.org", fields).await;
    let mut person = test.browser();
    person.sign_in(&test.ask_for_link(zoe).await).await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let list = format!("/w/{}/sessions", test.acme.id.0);

    let page = browser.get(&list).await;
    assert!(page.body.contains("Signed in: 1."), "{}", page.body);
    assert!(page.body.contains("<bdi>&#60;b&#62;Zoë Lovelace</bdi>"), "{}", page.body);
    assert!(page.body.contains("<bdi>zoe@example.org</bdi>, client 1"), "{}", page.body);
    let ask = links(&page).into_iter().find(|path| path.ends_with("/end")).unwrap();
    let form = form_to(&browser.get(&ask).await, "/end");
    let ended = browser.send(form.sent()).await;

    assert_eq!(ended.header("location"), format!("{list}?done=ended"));
    assert!(browser.get(ended.header("location")).await.body.contains("Nobody is signed in."));
    assert!(!person.is_signed_in().await);
    assert_eq!(browser.send(form.sent()).await.status, StatusCode::NOT_FOUND);
    assert_eq!(test.audit().last().unwrap(), "session.ended by admin:Sam revoked");
}

#[tokio::test]
async fn a_list_is_a_page_of_fifty() {
    let test = TestApp::start().await;
    let act = AuditContext::at_command_line();
    for number in 2..=51 {
        let options = (&*format!("key of {number}"), Scopes::usual(), None);
        flow::api_keys::create(&test.app, &test.acme, &act, options).await.unwrap();
    }
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Grace", AdminRole::Viewer, &[])).await;
    let list = format!("/w/{}/keys", test.acme.id.0);

    let page = browser.get(&list).await;
    assert_eq!(page.body.matches("<th scope=\"row\">").count(), 50);
    assert!(page.body.contains("1 to 50 of 51"), "{}", page.body);
    let next = links(&page).into_iter().find(|path| path.contains("page=")).unwrap();
    let page = browser.get(&next).await;
    assert!(page.body.contains("51 to 51 of 51") && page.body.contains("key of 51"), "{}", page.body);
    for (query, status) in [("page=9", 200), ("page=x", 400), ("page=0", 400), ("%", 400)] {
        assert_eq!(browser.get(&format!("{list}?{query}")).await.status, status, "{query}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_gives_a_page_that_says_what_to_do() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Grace", AdminRole::Operator, &[])).await;
    let list = format!("/w/{}/keys", test.acme.id.0);
    let form: Form = form_to(&browser.get(&list).await, "/sign-out");

    test.run_sql("UPDATE admin_sessions SET role = 'boss'");
    for request in [TestRequest::of("GET", &list), form.sent()] {
        let page = browser.send(request).await;
        assert!(page.status.is_server_error(), "{}", page.status);
        assert!(
            page.body.contains("doorkey check") && page.body.contains("name this request"),
            "{}",
            page.body
        );
        assert!(page.cookies().is_empty(), "a cookie is cleared over a session that lives");
    }
    test.run_sql("UPDATE admin_sessions SET role = 'operator'");
    assert_eq!(browser.get(&list).await.status, StatusCode::OK);
}
