//! The settings of a workspace.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::flow;

use crate::support::admin::{Form, admin_pages, form_to, forms, grant, signed_in};
use crate::support::app::{Browser, TestApp, TestResponse};
use crate::support::visitors::Person;

async fn operator(pages: &TestApp) -> Browser<'_> {
    signed_in(pages, grant("Grace", AdminRole::Operator, &[pages.acme.id])).await
}

/// What a field of a page's form says.
fn value(page: &TestResponse, name: &str) -> String {
    let form = form_to(page, "/settings");
    let (_, value) = form.fields.into_iter().find(|(known, _)| known == name).unwrap();
    value.replace("&#60;", "<").replace("&#62;", ">")
}

async fn saved(test: &TestApp) -> doorkey::domain::workspace::Workspace {
    flow::workspaces::show(&test.app, "Acme").await.unwrap().0
}

#[tokio::test]
async fn settings_are_saved_and_bind() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let path = format!("/w/{}/settings", test.acme.id.0);

    let page = browser.get(&path).await;
    for (name, expected) in [
        ("link_lifetime", "7200"),
        ("single_use", "true"),
        ("session_idle", "43200"),
        ("mail_budget", "5000"),
        ("locale", "en"),
    ] {
        assert_eq!(value(&page, name), expected, "{name}");
    }
    let names: Vec<_> = form_to(&page, "/settings").fields.into_iter().map(|(name, _)| name).collect();
    for name in ["url", "host", "cookie_domain", "mail_from", "logo"] {
        assert!(!names.contains(&name.to_owned()), "{name} may be changed");
    }
    let form = form_to(&page, "/settings")
        .with("link_lifetime", "90m")
        .with("allowed_redirect_origins", "https://a.example\r\nhttps://b.example\r\n")
        .with("landing_url", "https://a.example/start")
        .with("single_use", "false")
        .with("one_click", "true")
        .with("page_name", "Acme & Söhne")
        .with("locale", "pt-BR");
    let response = browser.send(form.sent()).await;

    assert_eq!(response.header("location"), format!("{path}?done=saved"), "{}", response.body);
    let page = browser.get(response.header("location")).await;
    assert!(page.body.contains("role=\"status\">Saved."), "{}", page.body);
    assert_eq!(value(&page, "link_lifetime"), "5400");
    assert_eq!(value(&page, "allowed_redirect_origins"), "https://a.example\nhttps://b.example");
    let now = saved(&test).await;
    assert_eq!((now.link_lifetime, now.is_single_use, now.mail.is_one_click), (5_400, false, true));
    assert_eq!(now.landing_url.as_deref(), Some("https://a.example/start"));
    assert_eq!(now.branding.page_name.as_deref(), Some("Acme & Söhne"));
    let issued = test.call("GET", &format!("/api/login_links/{}", ada.number())).await;
    assert_eq!(issued.header("x-login-link-expires-at"), "2026-11-23T04:53:00.000Z");
    let log = test.database.rows("SELECT actor, data FROM audit_log WHERE event = 'workspace.changed'");
    assert_eq!(log.len(), 1);
    assert_eq!(log[0][0], "admin:Grace");
    for name in ["link_lifetime", "allowed_redirect_origins", "landing_url", "locale"] {
        assert!(log[0][1].contains(&format!("\"{name}\"")), "{}", log[0][1]);
    }
    assert!(!log[0][1].contains("session_idle"), "what stayed is said to have changed: {}", log[0][1]);

    // Saved as it is, nothing is changed; a field that is not sent stays.
    let same = browser.send(form_to(&page, "/settings").sent()).await;
    assert_eq!(same.status, StatusCode::SEE_OTHER);
    let part = Form {
        fields: form_to(&page, "/settings")
            .fields
            .into_iter()
            .filter(|(name, _)| ["proof", "revision"].contains(&&**name))
            .collect(),
        action: path.clone(),
    };
    assert_eq!(browser.send(part.with("mail_budget", "7").sent()).await.status, StatusCode::SEE_OTHER);
    let now = saved(&test).await;
    assert_eq!((now.mail.budget, now.link_lifetime, now.is_single_use), (7, 5_400, false));
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'workspace.changed'"), 2);
}

#[tokio::test]
async fn what_is_wrong_is_said_of_each_field_and_nothing_is_saved_or_lost() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let path = format!("/w/{}/settings", test.acme.id.0);
    let form = form_to(&browser.get(&path).await, "/settings").with("session_idle", "1h");
    let typed = [
        ("link_lifetime", "31d"),
        ("landing_url", "//evil.test"),
        ("allowed_redirect_origins", "https://a.example/basket"),
        ("mail_reply_to", "nobody"),
        ("mail_budget", "-1"),
        ("self_service_lifetime", "59"),
        ("brand_color", "#ffff00"),
        ("support_contact", "http://help.example"),
        ("page_name", "a\u{7}b"),
    ];
    let wrong = typed.iter().fold(form, |form, (name, value)| form.with(name, value));

    let page = browser.send(wrong.sent()).await;

    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.body);
    assert!(page.body.contains("<title>Not saved: Settings"), "{}", page.body);
    for (name, text) in typed {
        assert!(page.body.contains(&format!("<a href=\"#{name}\">")), "{name}: {}", page.body);
        assert!(page.body.contains(&format!("id=\"{name}-error\"")), "{name}: {}", page.body);
        assert_eq!(value(&page, name), text);
    }
    assert_eq!(value(&page, "session_idle"), "1h", "what was right is lost");
    assert_eq!(page.body.matches("class=\"error\"").count(), typed.len(), "{}", page.body);
    assert_eq!(saved(&test).await, test.acme);

    let mended = form_to(&page, "/settings");
    let mended = [("link_lifetime", "30d"), ("landing_url", "/x"), ("allowed_redirect_origins", "")]
        .into_iter()
        .chain(typed[3..].iter().map(|(name, _)| (*name, "")))
        .fold(mended, |form, (name, value)| form.with(name, value));
    assert_eq!(browser.send(mended.sent()).await.status, StatusCode::SEE_OTHER);
    assert_eq!(saved(&test).await.session_idle, 3_600);
}

#[tokio::test]
async fn a_save_over_somebody_elses_is_refused_and_nothing_typed_is_lost() {
    let mut test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let path = format!("/w/{}/settings", test.acme.id.0);
    let form = form_to(&browser.get(&path).await, "/settings")
        .with("link_lifetime", "3600")
        .with("page_name", "Mine");
    test.set("page_name", "Theirs <b>").await;

    let page = browser.send(form.sent()).await;

    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.body);
    assert!(page.body.contains("Somebody else has changed the settings meanwhile."), "{}", page.body);
    assert!(
        page.body.contains("id=\"page_name-now\">Saved now: <bdi>Theirs &#60;b&#62;</bdi>"),
        "{}",
        page.body
    );
    assert!(page.body.contains("id=\"link_lifetime-now\">Saved now: <bdi>7200</bdi>"), "{}", page.body);
    assert_eq!(page.body.matches("Saved now:").count(), 2, "{}", page.body);
    assert_eq!((value(&page, "link_lifetime"), value(&page, "page_name")), ("3600".into(), "Mine".into()));
    let now = saved(&test).await;
    assert_eq!((now.link_lifetime, now.branding.page_name.as_deref()), (7_200, Some("Theirs <b>")));

    let again = browser.send(form_to(&page, "/settings").sent()).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
    let now = saved(&test).await;
    assert_eq!((now.link_lifetime, now.branding.page_name.as_deref()), (3_600, Some("Mine")));
    for stale in [form.clone(), form.clone().without("revision"), form.with("revision", "x")] {
        assert_eq!(browser.send(stale.sent()).await.status, StatusCode::CONFLICT);
    }
    assert_eq!(saved(&test).await, now);
}

#[tokio::test]
async fn a_second_save_changes_what_its_person_changed_and_nothing_else() {
    let mut test = TestApp::start().await;
    test.set("allowed_redirect_origins", "https://a.example,https://b.example").await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let path = format!("/w/{}/settings", test.acme.id.0);
    let drawn = form_to(&browser.get(&path).await, "/settings");
    // As browsers end lines.
    let form = drawn.with("allowed_redirect_origins", "https://a.example\r\nhttps://b.example\r\n");
    let form = form.with("link_lifetime", "3600").with("mail_budget", "9");
    for (setting, value) in [
        ("session_idle", "3600"),
        ("allowed_redirect_origins", "https://c.example"),
        ("locale", "de"),
        ("mail_budget", "9"),
        ("page_name", "Theirs"),
    ] {
        test.set(setting, value).await;
    }

    let page = browser.send(form.sent()).await;

    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.body);
    for (name, shown) in [
        ("link_lifetime", "3600"),
        ("session_idle", "3600"),
        ("allowed_redirect_origins", "https://c.example"),
        ("locale", "de"),
        ("mail_budget", "9"),
        ("page_name", "Theirs"),
    ] {
        assert_eq!(value(&page, name), shown, "{name}");
    }
    assert_eq!(page.body.matches("Saved now:").count(), 1, "{}", page.body);
    assert!(page.body.contains("id=\"link_lifetime-now\">Saved now: <bdi>7200</bdi>"), "{}", page.body);
    // Somebody else once more: what was kept from the first time is kept again.
    test.set("page_name", "Theirs again").await;
    let page = browser.send(form_to(&page, "/settings").sent()).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.body);
    assert_eq!(value(&page, "page_name"), "Theirs again");
    assert_eq!(value(&page, "link_lifetime"), "3600");
    let before = saved(&test).await;
    let response = browser.send(form_to(&page, "/settings").sent()).await;
    assert_eq!(response.status, StatusCode::SEE_OTHER, "{}", response.body);
    let now = saved(&test).await;
    assert_eq!(now.link_lifetime, 3_600);
    let rest = doorkey::domain::workspace::Workspace {
        link_lifetime: before.link_lifetime,
        revision: before.revision,
        ..now
    };
    assert_eq!(rest, before, "what nobody changed in the form was saved");
}

#[tokio::test]
async fn a_field_that_is_sent_twice_is_an_error_at_that_field() {
    let mut test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let path = format!("/w/{}/settings", test.acme.id.0);
    let mut form = form_to(&browser.get(&path).await, "/settings").with("session_idle", "3600");
    form.fields.push(("page_name".to_owned(), "Mine".to_owned()));
    let said = "id=\"page_name-error\">It must be given once.";

    let page = browser.send(form.sent()).await;

    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.body);
    assert!(page.body.contains(said) && page.body.contains("<a href=\"#page_name\">"), "{}", page.body);
    assert_eq!(page.body.matches("class=\"error\"").count(), 1, "{}", page.body);
    assert_eq!((value(&page, "session_idle"), value(&page, "page_name")), ("3600".into(), String::new()));
    assert_eq!(saved(&test).await, test.acme);
    test.set("mail_budget", "7").await;
    let page = browser.send(form.sent()).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.body);
    assert!(page.body.contains(said), "{}", page.body);
}

#[tokio::test]
async fn beside_the_lifetime_stands_what_the_figures_say_of_it() {
    let test = TestApp::start().await;
    let (ada, bob) = (test.client("ada@example.org").await, test.client("bob@example.org").await);
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let path = format!("/w/{}/settings", test.acme.id.0);
    let about = "Links of the back office in the last 30 days: ";

    let page = browser.get(&path).await;
    assert!(!page.body.contains(about), "nothing was tried: {}", page.body);
    let in_time = test.ask_for_link(ada).await;
    test.browser().sign_in(&in_time).await;
    let late = test.ask_for_link(bob).await;
    test.advance(7_200);
    assert_eq!(Person::at("203.0.113.8").open(&test, &late).await.status, StatusCode::GONE);
    test.settle_openings().await;

    let said = format!(
        "{about}of 2 first tries, 1 came after the link’s end. <a href=\"/w/{}/?days=30#ages\">",
        test.acme.id.0
    );
    let mut browser = operator(&pages).await;
    let page = browser.get(&path).await;
    assert!(page.body.contains(&said), "{}", page.body);
    let wrong = browser.send(form_to(&page, "/settings").with("link_lifetime", "31d").sent()).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.body.contains(&said), "{}", wrong.body);
    let mut viewer = signed_in(&pages, grant("Vic", AdminRole::Viewer, &[])).await;
    let page = viewer.get(&path).await;
    assert!(page.body.contains(&said), "{}", page.body);

    // As many lists as there may be: the figures wait in vain, the page does not.
    let lists = [(); 2].map(|()| flow::lists::permit(&test.app, &test.acme));
    let lists = futures_util::future::try_join_all(lists).await.unwrap();
    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert_eq!(value(&page, "link_lifetime"), "7200");
    assert!(!page.body.contains(about), "{}", page.body);
    drop(lists);
    assert!(browser.get(&path).await.body.contains(&said));
}

#[tokio::test]
async fn of_many_who_save_at_once_one_does() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let form = form_to(&browser.get(&format!("/w/{}/settings", test.acme.id.0)).await, "/settings");

    let saves = (0..32).map(|number| {
        let (mut browser, form) = (browser.clone(), form.clone().with("mail_budget", &number.to_string()));
        async move { browser.send(form.sent()).await.status }
    });
    let statuses = futures_util::future::join_all(saves).await;

    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::CONFLICT).count(), 31, "{statuses:?}");
    assert_eq!(saved(&test).await.revision, test.acme.revision + 1);
}

#[tokio::test]
async fn a_viewer_sees_the_settings_and_has_no_form() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Vic", AdminRole::Viewer, &[])).await;
    let page = browser.get(&format!("/w/{}/settings", test.acme.id.0)).await;

    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("<dt>Links live for</dt><dd><bdi>7200</bdi>"), "{}", page.body);
    assert!(!forms(&page).iter().any(|form| form.action.ends_with("/settings")), "{}", page.body);
}
