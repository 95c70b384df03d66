//! The page of a client, and what support does there.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::domain::user::{UserChange, UserId};

use serde_json::json;

use crate::support::admin::{Form, admin_pages, form_to, forms, grant, links, signed_in};
use crate::support::app::{Browser, TestApp, TestRequest, TestResponse};

fn page_of(test: &TestApp, user: UserId) -> String {
    format!("/w/{}/clients/{}", test.acme.id.0, user.number())
}

/// The link that a page shows.
fn shown(page: &TestResponse) -> Option<String> {
    let (_, rest) = page.body.split_once("<code aria-hidden=\"true\">")?;
    Some(rest.split('<').next()?.replace("&#38;", "&"))
}

async fn support(pages: &TestApp) -> Browser<'_> {
    signed_in(pages, grant("Sam", AdminRole::Support, &[pages.acme.id])).await
}

#[tokio::test]
async fn a_session_is_shown_with_the_apps_that_it_was_gone_on_to() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let wiki = test.add_app(&json!({"name": "<Wiki>"})).await;
    let shop = test.add_app(&json!({"name": "Shop"})).await;
    let mut person = test.browser();
    person.sign_in(&test.ask_for_link(ada).await).await;
    let pages = admin_pages(&test);
    let mut browser = support(&pages).await;
    let path = page_of(&test, ada);

    assert!(!browser.get(&path).await.body.contains("<small>in the app"));
    let code = wiki.code(&mut person).await;
    wiki.tokens(&test, &code).await;
    let page = browser.get(&path).await;
    assert!(page.body.contains("<small>in the app “<bdi>&#60;Wiki&#62;</bdi>”</small>"), "{}", page.body);
    test.advance(1);
    let code = shop.code(&mut person).await;
    shop.tokens(&test, &code).await;
    let both = "<small>in the apps “<bdi>&#60;Wiki&#62;</bdi>”, “<bdi>Shop</bdi>”</small>";
    let page = browser.get(&path).await;
    assert!(page.body.contains(both), "{}", page.body);
}

#[tokio::test]
async fn a_client_is_shown_with_all_that_is_known() {
    let test = TestApp::start().await.mailing(0);
    let fields = UserChange {
        name_f: Some("Zoë".to_owned()),
        name_l: Some("<Void>".to_owned()),
        company: Some("Acme & Sons".to_owned()),
        phone: Some("+44 20".to_owned()),
        note: Some("calls before ten".to_owned()),
        locale: Some("de-AT".to_owned()),
        ..UserChange::default()
    };
    let zoe = test.add(&test.acme, "zoe@example.org", fields).await;
    let path = page_of(&test, zoe);
    let pages = admin_pages(&test);
    let mut browser = support(&pages).await;

    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for text in
        ["<bdi>Zoë &#60;Void&#62;</bdi>", "<bdi>Acme &#38; Sons</bdi>", "+44 20", "calls before ten", "de-AT"]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    for text in ["There is no good link now.", "a new one, good for 2\u{a0}h.", "None is known.", "Nowhere."]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let link = test.ask_for_link(zoe).await;
    test.advance(1_500);
    let page = browser.get(&path).await;
    for text in
        ["There is a link, good until 05:23.", "good for another 1\u{a0}h 35\u{a0}min", "still good</span>"]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    test.browser().sign_in(&link).await;
    browser.send(form_to(&page, "/mail").sent()).await;
    let page = browser.get(&path).await;
    for text in ["signed in after 25\u{a0}min", "login link", "waits, not tried yet", "/sessions/"] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    test.change(zoe, "two_factor_enabled", "true").await;
    let page = browser.get(&path).await;
    for text in [
        "<strong>No.</strong> Users who have two-factor authentication enabled cannot use login links: let them sign in with their second factor.",
        "<span class=\"state bad\">has two-factor on</span>",
        "<span class=\"state off\">revoked</span>",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(
        !forms(&page).iter().any(|form| form.action.ends_with("/link") || form.action.ends_with("/mail"))
    );
    assert!(!page.body.contains("token="), "a link stands on a page that nobody asked to show it");
}

#[tokio::test]
async fn the_last_five_entries_about_a_client_are_shown_newest_first() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let bob = test.client("bob@example.org").await;
    for _ in 0..3 {
        test.ask_for_link(ada).await;
        test.advance(1);
        test.call("DELETE", &format!("/api/login_links/{}", ada.number())).await;
        test.advance(1);
    }
    let link = test.ask_for_link(ada).await;
    test.advance(1);
    test.browser().sign_in(&link).await;
    test.advance(1);
    // Each look of an admin would be another one.
    let now = test.app.clock.now().millis();
    test.run_sql(&format!(
        "INSERT INTO audit_log (workspace_id, id, time, event, user_id, actor, request_id, data)
         VALUES (1, x'{now:012x}70008000000000000000', {now}, 'admin.looked', {}, 'admin:Sam', x'{:032x}', '{{}}')",
        ada.number(),
        1
    ));
    test.ask_for_link(bob).await;
    let pages = admin_pages(&test);
    let mut browser = support(&pages).await;
    let lately = |page: &TestResponse| {
        let (_, rest) = page.body.split_once("<h2 id=\"events\">Lately</h2>").unwrap();
        rest.split("</section>").next().unwrap().to_owned()
    };

    let section = lately(&browser.get(&page_of(&test, ada)).await);

    let happened: Vec<_> =
        section.split("<td>").skip(1).map(|cell| cell.split("</td>").next().unwrap()).collect();
    let (made, revoked) = ("A link was made.", "All links were revoked.");
    assert_eq!(happened, ["Signed in by a link.", made, revoked, made, revoked], "{section}");
    assert!(section.contains("<td data-label=\"By\"><bdi>key 1</bdi></td>"), "{section}");
    assert!(section.contains(&format!("/logs?user_id={}", ada.number())), "{section}");
    let section = lately(&browser.get(&page_of(&test, bob)).await);
    assert!(!section.contains("Signed in") && section.contains("A link was made."), "{section}");
}

#[tokio::test]
async fn staff_and_nobody_have_no_page_and_no_form() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let staff = UserChange { is_staff: Some(true), ..UserChange::default() };
    let grace = test.add(&test.acme, "grace@example.org", staff).await;
    let pages = admin_pages(&test);
    let mut browser = support(&pages).await;
    let own = form_to(&browser.get(&page_of(&test, ada)).await, "/link");
    let before = test.audit();

    for user in [grace.number().to_string(), "3".to_owned(), "0".to_owned(), "x".to_owned(), "01".to_owned()]
    {
        let path = format!("/w/{}/clients/{user}", test.acme.id.0);
        for path in [path.clone(), format!("{path}/kill"), format!("{path}/sign-out")] {
            let page = browser.get(&path).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
            assert!(!page.body.contains("grace"), "{}", page.body);
        }
        for act in ["link", "mail", "kill", "sign-out"] {
            let form = Form { action: format!("{path}/{act}"), ..own.clone() };
            assert_eq!(browser.send(form.sent()).await.status, StatusCode::NOT_FOUND, "{path}/{act}");
        }
    }
    assert_eq!(test.audit(), before);
}

#[tokio::test]
async fn a_link_is_the_one_that_the_api_hands_out_and_stands_in_one_answer_alone() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let pages = admin_pages(&test);
    let mut browser = support(&pages).await;
    let path = page_of(&test, ada);

    let form = form_to(&browser.get(&path).await, "/link");
    let made = browser.send(form.sent()).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(made.header("cache-control"), "no-store");
    let link = shown(&made).unwrap();
    assert_eq!(test.ask_for_link(ada).await, link);
    assert!(!browser.get(&path).await.body.contains("token="));
    let again =
        browser.send(form.clone().with("redirect", "/orders?tab=a&b").with("min_ttl", "60").sent()).await;
    assert_eq!(shown(&again).unwrap(), format!("{link}&redirect=%2Forders%3Ftab%3Da%26b"));
    test.advance(1_200);
    let fresh = shown(&browser.send(form.clone().with("min_ttl", "7000").sent()).await).unwrap();
    assert_ne!(fresh, link);
    test.browser().sign_in(&link).await;

    let issued: Vec<_> = test.audit().into_iter().filter(|entry| entry.starts_with("login_link.")).collect();
    assert_eq!(
        issued,
        ["login_link.issued by admin:Sam", "login_link.issued by admin:Sam", "login_link.redeemed by user:1"]
    );
    // What was handed out again is told of too.
    let shown = test.database.rows("SELECT user_id, actor, data FROM audit_log WHERE event = 'admin.looked'");
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!((&*shown[0][0], &*shown[0][1]), ("1", "admin:Sam"));
    assert!(shown[0][2].contains("\"link\""), "{shown:?}");
    let token = link.split("token=").nth(1).unwrap();
    assert_eq!(test.number(&format!("SELECT count(*) FROM audit_log WHERE data LIKE '%{token}%'")), 0);
}

#[tokio::test]
async fn a_wish_that_cannot_be_granted_comes_back_with_what_is_wrong() {
    let test = TestApp::start().await.mailing(0);
    let ada = test.client("ada@example.org").await;
    let pages = admin_pages(&test);
    let mut browser = support(&pages).await;
    let form = form_to(&browser.get(&page_of(&test, ada)).await, "/link");

    for act in ["link", "mail"] {
        let form = Form { action: form.action.replace("/link", &format!("/{act}")), ..form.clone() };
        for (field, value) in [
            ("min_ttl", "7201"),
            ("min_ttl", "-1"),
            ("min_ttl", "1h"),
            ("redirect", "//evil.test"),
            ("redirect", "https://evil.test/<x>"),
            ("app", "wiki"),
            ("locale", "pt_BR"),
            ("locale", "german"),
        ] {
            let page = browser.send(form.clone().with(field, value).sent()).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{field}={value}");
            assert!(page.body.contains("<title>Not done:"), "{}", page.body);
            assert!(page.body.contains(&format!("id=\"{field}-error\"")), "{field}: {}", page.body);
            assert_eq!(page.body.matches("class=\"error\"").count(), 1, "{}", page.body);
            if field != "app" {
                let kept = form_kept(&page, field);
                assert_eq!(kept, value, "what was typed is lost");
            }
        }
        let mut twice = form.clone().with("redirect", "/a");
        twice.fields.push(("redirect".to_owned(), "/b".to_owned()));
        assert_eq!(browser.send(twice.sent()).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
    assert_eq!(test.number("SELECT count(*) FROM mails"), 0);
}

fn form_kept(page: &TestResponse, field: &str) -> String {
    let forms = forms(page);
    let mut fields = forms.iter().flat_map(|form| &form.fields);
    let (_, value) = fields.find(|(name, _)| name == field).unwrap();
    value.replace("&#60;", "<").replace("&#62;", ">")
}

#[tokio::test]
async fn a_refusal_is_said_with_the_status_of_the_api() {
    let test = TestApp::start().await.mailing(0);
    let ada = test.client("ada@example.org").await;
    let pages = admin_pages(&test);
    let mut browser = support(&pages).await;
    let form = form_to(&browser.get(&page_of(&test, ada)).await, "/link");

    for (field, closed, open, sentence) in [
        ("two_factor_enabled", "true", "false", "Users who have two-factor authentication enabled"),
        ("status", "0", "1", "This user is disabled"),
    ] {
        test.change(ada, field, closed).await;
        for act in ["link", "mail"] {
            let form = Form { action: form.action.replace("/link", &format!("/{act}")), ..form.clone() };
            let page = browser.send(form.sent()).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.body);
            assert!(page.body.contains(&format!("role=\"alert\">{sentence}")), "{}", page.body);
            assert_eq!(shown(&page), None);
        }
        test.change(ada, field, open).await;
    }
    let refusals =
        test.audit().into_iter().filter(|entry| entry.starts_with("login_link.refused by admin:Sam"));
    assert_eq!(refusals.count(), 4);
    assert_eq!(browser.send(form.sent()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_mail_is_queued_as_by_the_api() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let pages = admin_pages(&test);
    let mut browser = support(&pages).await;
    let path = page_of(&test, ada);
    let form = form_to(&browser.get(&path).await, "/mail");
    let refused = browser.send(form.sent()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("Mail is not set up"), "{}", refused.body);

    let test = test.mailing(0);
    let pages = admin_pages(&test);
    let mut browser = support(&pages).await;
    let form = form_to(&browser.get(&path).await, "/mail").with("redirect", "/orders/5").with("locale", "de");
    let queued = browser.send(form.sent()).await;

    assert_eq!(queued.header("location"), format!("{path}?done=mailed"));
    let page = browser.get(queued.header("location")).await;
    assert!(page.body.contains("role=\"status\">A mail with the link is on its way."), "{}", page.body);
    let mails = test.new_mails(0).await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].header("To").contains("ada@example.org"));
    assert!(mails[0].link().ends_with("&redirect=%2Forders%2F5"), "{}", mails[0].link());
    assert_eq!(mails[0].header("Content-Language"), "de");
    test.browser().sign_in(&mails[0].link()).await;
    let log = test.audit();
    assert!(log.contains(&"mail.queued by admin:Sam".to_owned()), "{log:?}");
}

#[tokio::test]
async fn links_are_revoked_and_sessions_end_after_a_page_that_says_so() {
    let test = TestApp::start().await;
    let (ada, bob) = (test.client("ada@example.org").await, test.client("bob@example.org").await);
    let mut browsers = [test.browser(), test.browser(), test.browser()];
    browsers[0].sign_in(&test.ask_for_link(ada).await).await;
    browsers[1].sign_in(&test.ask_for_link(ada).await).await;
    browsers[2].sign_in(&test.ask_for_link(bob).await).await;
    let link = test.ask_for_link(ada).await;
    let pages = admin_pages(&test);
    let mut browser = support(&pages).await;
    let path = page_of(&test, ada);

    let page = browser.get(&path).await;
    for (act, done, status) in [
        ("sign-out", "Signed out everywhere.", [false, false, true]),
        ("kill", "The links are revoked", [false, false, true]),
    ] {
        let ask = links(&page).into_iter().find(|to| *to == format!("{path}/{act}")).unwrap();
        let form = form_to(&browser.get(&ask).await, &format!("clients/1/{act}"));
        let ended = browser.send(form.sent()).await;
        assert_eq!(
            ended.header("location"),
            format!("{path}?done={act}").replace("kill", "killed").replace("sign-out", "signed-out")
        );
        let after = browser.get(ended.header("location")).await;
        assert!(after.body.contains(done), "{}", after.body);
        for (person, is_in) in browsers.iter_mut().zip(status) {
            assert_eq!(person.is_signed_in().await, is_in);
        }
        let is_live = test.browser().open(&link).await.status == StatusCode::OK;
        assert_eq!(is_live, act == "sign-out", "{act}");
    }
    let log: Vec<_> = test.audit().into_iter().filter(|entry| entry.contains("admin:Sam")).collect();
    assert_eq!(
        log[log.len() - 2..],
        ["session.ended by admin:Sam revoked", "login_link.killed by admin:Sam revoked"]
    );
    let fresh = test.ask_for_link(ada).await;
    test.browser().sign_in(&fresh).await;
    let page = browser.get(&path).await;
    assert!(page.body.contains("revoked</span>") && page.body.contains("/sessions/"), "{}", page.body);
    let foreign = TestRequest::of("POST", &format!("{path}/kill"));
    assert_eq!(browser.send(foreign).await.status, StatusCode::FORBIDDEN);
}
