//! Links that lead to an app: who may ask for one, and what stands in it.

use doorkey::domain::admin::AdminRole;
use serde_json::json;

use crate::mail::asking::one_mail;
use crate::support::admin::{admin_pages, form_to, grant, signed_in};
use crate::support::app::{TestApp, TestRequest, TestResponse};
use crate::support::cli_runner::CliRunner;
use crate::support::relying_party::{CALLBACK, RelyingParty, encoded};

const START: &str = "https://wiki.example.org/in?t={target}";

async fn with_start_url(test: &TestApp) -> RelyingParty {
    test.add_app(&json!({"start_url": START})).await
}

/// What the back office is answered for the link of user 1.
async fn asked(test: &TestApp, query: &str) -> TestResponse {
    test.call("GET", &format!("/api/login_links/1?{query}")).await
}

fn error_of(answer: &TestResponse) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn the_app_stands_in_the_same_link_before_the_redirect() {
    let test = TestApp::start().await;
    let user = test.client("ada@example.org").await;
    let (app, plain) = (with_start_url(&test).await, test.ask_for_link(user).await);
    let id = &app.client_id;

    let link = |answer: TestResponse| answer.json()["link"].as_str().map(str::to_owned).unwrap();
    assert_eq!(link(asked(&test, &format!("app={id}")).await), format!("{plain}&app={id}"));
    let redirect = encoded("/x?a=b&c=d#e");
    let answer = asked(&test, &format!("redirect={redirect}&app={id}")).await;
    assert_eq!(answer.header("x-login-link-reused"), "true");
    assert_eq!(link(answer), format!("{plain}&app={id}&redirect=%2Fx%3Fa%3Db%26c%3Dd%23e"));
}

#[tokio::test]
async fn an_app_that_is_not_here_or_has_no_start_url_gets_no_link() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let (startless, edited) = (test.add_app(&json!({})).await, with_start_url(&test).await);
    // Who has the database alone leads nobody anywhere.
    test.run_sql(&format!(
        "UPDATE apps SET start_url = 'https://evil.test/' WHERE client_id = '{}'",
        edited.client_id
    ));
    let long = "a".repeat(65);
    for client_id in [
        &*startless.client_id,
        &edited.client_id,
        "unknown-app",
        "",
        "%00%00%00",
        "a%20b",
        &long,
        "caf%C3%A9",
    ] {
        let answer = asked(&test, &format!("app={client_id}&redirect=/x")).await;
        assert_eq!(error_of(&answer), (400, "invalid_app".to_owned()), "{client_id}");
        assert!(answer.json()["message"].as_str().unwrap().contains("start_url"), "{}", answer.body);
    }
    assert_eq!(error_of(&asked(&test, "app=a-b&app=a-b").await), (400, "invalid".to_owned()));
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
}

#[tokio::test]
async fn an_app_of_another_workspace_is_none() {
    let test = TestApp::start().await;
    let (other, key) = test.another("Other", "https://other.example").await;
    test.add(&other, "ada@example.org", doorkey::domain::user::UserChange::default()).await;
    let app = with_start_url(&test).await;

    let path = format!("/api/login_links/ada@example.org?app={}", app.client_id);
    let answer = test.send(TestRequest::of("GET", &path).host("other.example").bearer(&key)).await;

    assert_eq!(error_of(&answer), (400, "invalid_app".to_owned()));
}

#[tokio::test]
async fn beside_an_app_a_redirect_is_a_place_of_that_app() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let app = with_start_url(&test).await;
    let at = |redirect: &str| format!("app={}&redirect={}", app.client_id, encoded(redirect));
    for good in ["/", "/x?a=b&c=d#e", "https://wiki.example.org/y", CALLBACK] {
        assert_eq!(asked(&test, &at(good)).await.status, 200, "{good}");
    }
    let long = format!("/{}", "a".repeat(2_000));
    for bad in ["//evil", "https://wiki.example.org@evil", "https://example.com/orders", "x", "", &long] {
        let answer = asked(&test, &at(bad)).await;
        assert_eq!(error_of(&answer), (400, "invalid_redirect".to_owned()), "{bad}");
        assert!(answer.json()["message"].as_str().unwrap().contains("start URL"), "{}", answer.body);
    }
    // Without the app the place is none of the workspace's.
    let alone = asked(&test, &format!("redirect={}", encoded(CALLBACK))).await;
    assert_eq!(error_of(&alone), (400, "invalid_redirect".to_owned()));
}

#[tokio::test]
async fn the_query_is_judged_before_the_app_and_the_app_before_redirect_and_user() {
    let test = TestApp::start().await;
    let app = with_start_url(&test).await;
    for (query, code) in [
        ("min_ttl=x&app=unknown&redirect=//evil".to_owned(), "invalid"),
        ("app=unknown&redirect=//evil".to_owned(), "invalid_app"),
        (format!("app={}&redirect=//evil", app.client_id), "invalid_redirect"),
        (format!("app={}&redirect=/x", app.client_id), "user_not_found"),
    ] {
        assert_eq!(asked(&test, &query).await.code(), code, "{query}");
    }
}

#[tokio::test]
async fn a_mail_has_the_app_in_its_link_and_names_itself_where_that_is_long() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let app = with_start_url(&test).await;
    let send = async |body: &serde_json::Value| {
        test.send(TestRequest::of("POST", "/api/login_links/1/mail").bearer(&test.key).json(body)).await
    };
    for (body, code) in [
        (json!({"app": "unknown"}), "invalid_app"),
        (json!({"app": 1}), "invalid"),
        (json!({"app": app.client_id, "redirect": "//evil"}), "invalid_redirect"),
    ] {
        assert_eq!(send(&body).await.code(), code, "{body}");
    }

    assert_eq!(send(&json!({"app": app.client_id, "redirect": "/a b".replace(' ', "+")})).await.status, 202);
    let mail = one_mail(&test, 0).await;
    assert!(mail.link().ends_with(&format!("&app={}&redirect=%2Fa%2Bb", app.client_id)), "{}", mail.link());

    let long = format!("/{}", "x".repeat(300 - "&redirect=%2F".len()));
    assert_eq!(send(&json!({"app": app.client_id, "redirect": long})).await.status, 202);
    let mail = one_mail(&test, 1).await;
    assert!(mail.link().contains("&to=") && !mail.link().contains("app="), "{}", mail.link());
    let landed = test.browser().sign_in(&mail.path()).await;
    let way = format!("/login/go?app={}&redirect={}", app.client_id, encoded(&long));
    assert_eq!(landed.header("location"), way);
}

#[tokio::test]
async fn support_makes_and_mails_links_that_lead_to_an_app() {
    let test = TestApp::start().await.mailing(0);
    let user = test.client("ada@example.org").await;
    let app = with_start_url(&test).await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[pages.acme.id])).await;
    let path = format!("/w/{}/clients/{}", test.acme.id.0, user.number());
    let page = browser.get(&path).await;
    let form = |end: &str, app: &str| form_to(&page, end).with("app", app).with("redirect", "/x");

    let wrong = browser.send(form("/link", "unknown").sent()).await;
    assert!(wrong.status == 400 && wrong.body.contains("id=\"app-error\""), "{}", wrong.body);
    assert!(wrong.body.contains("name=\"app\" value=\"unknown\""), "{}", wrong.body);

    let made = browser.send(form("/link", &app.client_id).sent()).await;
    let end = format!("&#38;app={}&#38;redirect=%2Fx", app.client_id);
    assert!(made.status == 200 && made.body.contains(&end), "{}", made.body);
}

#[test]
fn the_command_asks_for_a_link_to_an_app() {
    let operator = CliRunner::with_acme();
    let uris = "--redirect-uri https://wiki.example.org/cb --start-url https://wiki.example.org/";
    operator.run(&format!("app create Wiki --workspace Acme --client-id wiki {uris}")).well();

    let link = operator.run("link 1 --workspace Acme --app wiki --redirect /x").well();

    assert!(link.trim_end().ends_with("&app=wiki&redirect=%2Fx"), "{link}");
    let refused = operator.run("link 1 --workspace Acme --app shop").refused(1);
    assert!(refused.contains("`doorkey app list`"), "{refused}");
    let refused = operator.run("link 1 --workspace Acme --app wiki --redirect //evil").refused(1);
    assert!(refused.contains("start URL"), "{refused}");
}
