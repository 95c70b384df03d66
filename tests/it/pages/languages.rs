//! In which language a page is, and what it depends on.

use axum::http::StatusCode;
use doorkey::domain::user::UserChange;

use crate::support::app::{TestApp, TestRequest, TestResponse, button};

/// Checks that the page says in which language it is, in three places, and gives it.
fn language_of(page: &TestResponse) -> String {
    let tag = page.header("content-language").to_owned();
    assert!(page.body.contains(&format!("<html lang=\"{tag}\">")), "{tag}: {}", page.body);
    assert_eq!(page.header("vary"), "Accept-Language");
    tag
}

async fn page_for(test: &TestApp, path: &str, accepted: &[&str]) -> TestResponse {
    let request = TestRequest::of("GET", path);
    let request = accepted.iter().fold(request, |request, value| request.header("accept-language", value));
    test.send(request).await
}

#[tokio::test]
async fn a_page_is_in_the_best_language_that_the_browser_asks_for() {
    let mut test = TestApp::start().await;
    let long = format!("{},fr", "xx;q=0.1,".repeat(1_100));
    let junk = "d".repeat(10_000);
    for (accepted, tag) in [
        (vec!["de-AT;q=0.9,fr;q=0"], "de"),
        (vec!["pt-PT"], "pt-BR"),
        (vec!["PT"], "pt-BR"),
        (vec!["*"], "nl"),
        (vec!["en;q=abc"], "nl"),
        (vec!["nl;q=0"], "nl"),
        (vec!["cs, ja;q=0.1"], "ja"),
        (vec!["de;q=0.1", "fr"], "fr"),
        (vec![&long], "fr"),
        (vec![&junk], "nl"),
        (vec!["\u{e9}"], "nl"),
        (vec!["\u{e9},fr"], "fr"),
        (vec![""], "nl"),
        (vec![], "nl"),
    ] {
        test.set("locale", "nl").await;
        for (path, status) in [("/login", 200), ("/login?token=x", 410), ("/logout", 200), ("/nowhere", 404)]
        {
            let page = page_for(&test, path, &accepted).await;
            assert_eq!(page.status, status, "{path} {accepted:?}");
            assert_eq!(language_of(&page), tag, "{path} {accepted:?}");
        }
    }
    assert_eq!(language_of(&test.send(TestRequest::of("GET", "/login").host("nobody.test")).await), "en");
    let elsewhere = TestRequest::of("GET", "/").host("nobody.test").header("accept-language", "tr");
    let page = test.send(elsewhere).await;
    assert_eq!((page.status, language_of(&page).as_str()), (StatusCode::NOT_FOUND, "tr"));
}

#[tokio::test]
async fn only_a_page_that_names_the_person_is_in_the_persons_language() {
    let mut test = TestApp::start().await;
    test.set("landing_url", "https://app.example.org/").await;
    let japanese = UserChange { locale: Some("ja-JP".to_owned()), ..UserChange::default() };
    let ada = test.add(&test.acme, "ada@example.org", japanese).await;
    let link = test.ask_for_link(ada).await;
    let path = link.strip_prefix("https://example.com").unwrap();

    let live = page_for(&test, path, &["fr"]).await;
    assert_eq!(language_of(&live), "ja");
    assert!(live.body.contains("ログイン") && live.body.contains("a•••a@example.org"), "{}", live.body);

    let mut browser = test.browser();
    let page = browser.open(&link).await;
    let pressed = browser.send(button(&page)).await;
    assert_eq!(pressed.status, StatusCode::SEE_OTHER);
    for (path, tag) in [("/", "ja"), (pressed.header("location"), "ja"), ("/login", "fr"), ("/logout", "fr")]
    {
        let page = browser.send(TestRequest::of("GET", path).header("accept-language", "fr")).await;
        assert_eq!((page.status, language_of(&page).as_str()), (StatusCode::OK, tag), "{path}");
    }
    let home = browser.send(TestRequest::of("GET", "/")).await;
    assert!(home.body.contains("年") && home.body.contains("<time datetime=\"20"), "{}", home.body);

    let dead = page_for(&test, path, &["fr"]).await;
    assert_eq!((dead.status, language_of(&dead).as_str()), (StatusCode::GONE, "fr"));
}

/// Of each pair of people one has a language and one another; whatever killed the link is not seen, nor whose it was.
#[tokio::test]
async fn dead_links_look_the_same_whatever_their_owners_language() {
    let test = TestApp::start().await;
    let mut links = vec![
        format!("/login?token={}", "a".repeat(8_000)),
        "/login?token=%22%3E%3Csvg%20onload%3Dalert(1)%3E".to_owned(),
        format!("/login?token={}", "Z".repeat(32)),
    ];
    let (other, other_key) = test.another("Other", "https://other.test").await;
    let stranger = test.add(&other, "s@example.org", UserChange::default()).await;
    let request =
        TestRequest::of("GET", &format!("/api/login_links/{}", stranger.number())).host("other.test");
    let foreign = test.send(request.bearer(&other_key)).await.json();
    links.push(foreign["link"].as_str().unwrap().replace("https://other.test", ""));
    for locale in ["ja", "de", "", "cs"] {
        let fields = || UserChange { locale: Some(locale.to_owned()), ..UserChange::default() };
        let used = test.add(&test.acme, &format!("used{locale}@example.org"), fields()).await;
        let link = test.ask_for_link(used).await;
        test.browser().sign_in(&link).await;
        links.push(link.replace("https://example.com", ""));
        let killed = test.add(&test.acme, &format!("killed{locale}@example.org"), fields()).await;
        let link = test.ask_for_link(killed).await;
        test.change(killed, "two_factor_enabled", "true").await;
        links.push(link.replace("https://example.com", ""));
    }

    for accepted in ["fr-CH, de;q=0.5", "xx"] {
        let mut pages = Vec::new();
        for path in &links {
            let page = page_for(&test, path, &[accepted]).await;
            assert_eq!(page.status, StatusCode::GONE, "{path}");
            assert!(page.cookies().is_empty() && !page.body.contains("<svg"), "{path}");
            pages.push((language_of(&page), page.body));
        }
        assert_eq!(pages[0].0, if accepted == "xx" { "en" } else { "fr" });
        assert!(pages.iter().all(|page| *page == pages[0]), "{accepted}");
    }
}

#[tokio::test]
async fn a_problem_is_told_in_the_browsers_language() {
    let test = TestApp::start().await;
    for (accepted, sentence) in [
        ("de", "fremden Seite gedrückt"),
        ("fr", "sur un autre site"),
        ("es", "en otro sitio"),
        ("it", "su un altro sito"),
        ("nl", "op een andere site"),
        ("pt", "em outro site"),
        ("pl", "na innej stronie"),
        ("tr", "başka bir sitede"),
        ("ja", "別のサイト"),
        ("en", "on another site"),
    ] {
        let form = TestRequest::of("POST", "/login").form(&[("token", "x")]);
        let page =
            test.send(form.header("sec-fetch-site", "cross-site").header("accept-language", accepted)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains(sentence), "{accepted}: {}", page.body);
        language_of(&page);
    }
}
