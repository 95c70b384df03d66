//! The overview and the story of a link, as an admin reads them.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::domain::user::UserId;
use serde_json::json;

use crate::support::admin::{admin_pages, form_to, grant, signed_in};
use crate::support::app::TestApp;
use crate::support::visitors::{Person, path_of, scanned};

fn client(number: i64) -> UserId {
    UserId::from_number(number).unwrap()
}

/// What stands in a line of the table of outcomes.
fn outcome(page: &str, name: &str) -> Vec<String> {
    let (_, row) = page.split_once(&format!(">{name}</")).unwrap_or_else(|| panic!("no {name}: {page}"));
    let row = row.split("</tr>").next().unwrap();
    let cells = row.split("<td class=\"num\"").skip(1).map(|cell| cell.split_once('>').unwrap().1);
    cells.map(|cell| cell.split('<').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_overview_has_the_figures_of_the_api() {
    let test = TestApp::start().await;
    for name in ["ada", "bob", "cleo", "dan"] {
        test.client(&format!("{name}@example.org")).await;
    }
    let mut person = Person::at("203.0.113.7");
    let links = [
        test.ask_for_link(client(1)).await,
        test.ask_for_link(client(2)).await,
        test.ask_for_link(client(3)).await,
    ];
    test.ask_for_link(client(4)).await;
    let page = person.open(&test, &links[0]).await;
    assert_eq!(person.press(&test, &page).await.status, StatusCode::SEE_OTHER);
    test.send_from("198.51.100.9", scanned("HEAD", &path_of(&links[1]))).await;
    test.change(client(4), "two_factor_enabled", "true").await;
    test.call("GET", "/api/login_links/4").await;
    test.settle_openings().await;
    test.advance(7_200);
    let mut late = Person::at("203.0.113.8");
    assert_eq!(late.open(&test, &links[2]).await.status, StatusCode::GONE);
    test.settle_openings().await;

    let stats = test.link_stats("kind=all").await;
    let totals = &stats["totals"];
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Grace", AdminRole::Viewer, &[test.acme.id])).await;
    let page = browser.get(&format!("/w/{}/?days=30", test.acme.id.0)).await;

    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for (name, field) in [
        ("Signed somebody in", "signed_in"),
        ("First tried after their end", "too_late"),
        ("Opened by a person, or pressed", "opened"),
        ("Opened by machines alone", "opened_by_machines"),
        ("Never opened", "never_opened"),
        ("All links made", "issued"),
    ] {
        let cells = outcome(&page.body, name);
        assert_eq!(
            (&*cells[0], &*cells[3]),
            (&*totals[field].to_string(), &*totals[field].to_string()),
            "{name}"
        );
    }
    assert_eq!(totals["issued"], 4);
    assert!(page.body.contains("Of 4 links, 1 signed somebody in, and 1 came too late."), "{}", page.body);
    assert!(page.body.contains(
        "Users who have two-factor authentication enabled cannot use login links: let them sign in with their second factor.</small></dt><dd>1<"
    ));
    assert_eq!(page.body.matches("role=\"img\"").count(), 4, "two charts, each drawn twice");
    assert!(!page.body.contains("<script") && !page.body.contains("style="));
    assert!(page.body.contains("Nothing needs you"));
    // Weeks, and what is no period.
    assert_eq!(browser.get(&format!("/w/{}/?days=90", test.acme.id.0)).await.status, StatusCode::OK);
    for days in ["0", "8", "-7", "07", "x"] {
        let wrong = browser.get(&format!("/w/{}/?days={days}", test.acme.id.0)).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{days}");
    }
}

#[tokio::test]
async fn until_somebody_signs_in_the_overview_says_what_comes_next() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut operator = signed_in(&pages, grant("Grace", AdminRole::Operator, &[test.acme.id])).await;
    let mut support = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let path = format!("/w/{}/", test.acme.id.0);
    let title = "<h1>Nobody has come to the door yet</h1>";

    let page = operator.get(&path).await.body;
    assert!(page.contains(title) && page.contains("Three steps, and"), "{page}");
    assert!(page.contains("Add a client.</strong> This is next."), "{page}");
    assert!(page.contains("Done: “<bdi>") && page.contains("doorkey user import --workspace Acme"), "{page}");
    assert!(!page.contains("All links made"), "{page}");
    // Whoever sees no keys learns of none here.
    let page = support.get(&path).await.body;
    assert!(page.contains("<span class=\"soft\">Done.</span>") && !page.contains("Done: "), "{page}");

    test.client("ada@example.org").await;
    let page = support.get(&path).await.body;
    assert!(page.contains("Two steps, and") && page.contains("/api/login_links/1 "), "{page}");
    let link = test.ask_for_link(client(1)).await;
    let page = support.get(&path).await.body;
    assert!(page.contains("One step, and") && page.contains("All links made"), "{page}");
    test.browser().sign_in(&link).await;
    let page = support.get(&path).await.body;
    assert!(page.contains("<h1>Overview</h1>") && !page.contains(title), "{page}");
    // Longer ago than the page looks back.
    test.advance(10 * 86_400);
    let mut support = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let page = support.get(&path).await.body;
    assert!(page.contains("No link was made in this time.") && !page.contains(title), "{page}");
}

#[tokio::test]
async fn where_openings_were_not_noted_the_overview_says_so() {
    let mut test = TestApp::start().await;
    test.set("record_openings", "false").await;
    test.client("ada@example.org").await;
    test.ask_for_link(client(1)).await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Grace", AdminRole::Viewer, &[test.acme.id])).await;

    let page = browser.get(&format!("/w/{}/", test.acme.id.0)).await;

    assert_eq!(outcome(&page.body, "Never opened")[0], "–");
    assert!(page.body.contains("Openings were not noted all the time"), "{}", page.body);
}

#[tokio::test]
async fn mails_that_failed_and_keys_that_end_need_somebody() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    test.call("POST", "/api/login_links/1/mail").await;
    let folder = test.mail_folder();
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    let item = doorkey::flow::mail::delivery::take_due(&test.app, 1).await.unwrap();
    doorkey::flow::mail::delivery::deliver(&test.app, item[0]).await.unwrap();
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Grace", AdminRole::Operator, &[test.acme.id])).await;
    let keys = format!("/w/{}/keys", test.acme.id.0);
    let form = form_to(&browser.get(&keys).await, "/keys").with("name", "news").with("expires", "5d");
    assert_eq!(browser.send(form.sent()).await.status, StatusCode::OK);

    let page = browser.get(&format!("/w/{}/", test.acme.id.0)).await;

    assert!(
        page.body.contains("Mail has been failing since") && page.body.contains("Waiting: 1 mail."),
        "{}",
        page.body
    );
    assert!(page.body.contains("The key “news” ends in"), "{}", page.body);
    // Whoever sees no keys learns of none here.
    let mut support = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let page = support.get(&format!("/w/{}/", test.acme.id.0)).await;
    assert!(
        page.body.contains("Mail has been failing since") && !page.body.contains("news"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn a_story_tells_what_happened_and_what_to_do() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let link = test.ask_for_link(client(1)).await;
    test.ask_for_link(client(1)).await;
    test.send_from("198.51.100.9", scanned("GET", &path_of(&link))).await;
    test.advance(60);
    let mut ada = Person::at("203.0.113.7");
    let page = ada.open(&test, &link).await;
    test.settle_openings().await;
    test.advance(7_200);
    assert_eq!(ada.press(&test, &page).await.status, StatusCode::GONE);
    test.write_notes().await;
    let id = test.story_of(&link).await["link_id"].as_str().unwrap().to_owned();
    let pages = admin_pages(&test);
    let mut support = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;

    let story = support.get(&format!("/w/{}/links/{id}", test.acme.id.0)).await;

    assert_eq!(story.status, StatusCode::OK, "{}", story.body);
    for words in [
        "pressed 1 minute too late",
        "Asked for by the API key 1. A new link was made, good for 2 hours.",
        "Handed out again, once.",
        "Opened by a machine, it seems: another program, from the network 198.51.100.0/24.",
        "It named no language.",
        "Opened by a person, it seems: Chrome, from the network 203.0.113.0/24.",
        "<strong>Expired.</strong>",
        "The link was pressed after its time was over.",
        "Show a link to copy",
    ] {
        assert!(story.body.contains(words), "{words}: {}", story.body);
    }
    let token = link.split_once("token=").unwrap().1;
    assert!(!story.body.contains(token));
    let looks = test.audit();
    assert_eq!(looks.last().unwrap(), "admin.looked by admin:Sam");

    // Who only looks has no buttons, and nobody sees another workspace's.
    let mut viewer = signed_in(&pages, grant("Vera", AdminRole::Viewer, &[test.acme.id])).await;
    let seen = viewer.get(&format!("/w/{}/links/{id}", test.acme.id.0)).await;
    assert!(seen.body.contains("too late") && !seen.body.contains("Show a link"), "{}", seen.body);
    let (neighbour, _) = test.another("Neighbour", "https://neighbour.example.com").await;
    let mut other = signed_in(&pages, grant("Ovid", AdminRole::Operator, &[neighbour.id])).await;
    for path in [
        format!("/w/{}/links/{id}", test.acme.id.0),
        format!("/w/{}/links/{id}", neighbour.id.0),
        format!("/w/{}/links/x", neighbour.id.0),
        format!("/w/{}/", test.acme.id.0),
    ] {
        assert_eq!(other.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_headline_of_a_story_is_the_answer() {
    let mut test = TestApp::start().await;
    for name in ["ada", "bob", "cleo", "dora"] {
        test.client(&format!("{name}@example.org")).await;
    }
    let mut person = Person::at("203.0.113.7");
    let used = test.ask_for_link(client(1)).await;
    let page = person.open(&test, &used).await;
    person.press(&test, &page).await;
    let killed = test.ask_for_link(client(2)).await;
    test.call("DELETE", "/api/login_links/2").await;
    let live = test.ask_for_link(client(3)).await;
    test.set("single_use", "false").await;
    let reusable = test.ask_for_link(client(4)).await;
    let page = person.open(&test, &reusable).await;
    person.press(&test, &page).await;
    test.settle_openings().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;

    for (link, words) in [(&used, "signed in"), (&killed, "was revoked"), (&live, "is good")] {
        let id = test.story_of(link).await["link_id"].as_str().unwrap().to_owned();
        let story = browser.get(&format!("/w/{}/links/{id}", test.acme.id.0)).await;
        let heading = story.body.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap();
        assert!(heading.contains(words), "{heading}");
    }
    let id = test.story_of(&reusable).await["link_id"].as_str().unwrap().to_owned();
    let story = browser.get(&format!("/w/{}/links/{id}", test.acme.id.0)).await;
    assert!(story.body.contains("works any number of times until"), "{}", story.body);
    assert!(!story.body.contains("used up"), "{}", story.body);
    test.advance(7_200);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let id = test.story_of(&live).await["link_id"].as_str().unwrap().to_owned();
    let story = browser.get(&format!("/w/{}/links/{id}", test.acme.id.0)).await;
    assert!(story.body.contains("in time</bdi></h1>"), "{}", story.body);
}

#[tokio::test]
async fn a_story_draws_the_life_of_its_link() {
    let mut test = TestApp::start().await;
    for name in ["ada", "bob"] {
        test.client(&format!("{name}@example.org")).await;
    }
    let late = format!("{}&redirect=%2Forders%3Fvoucher%3Ds3cret", test.ask_for_link(client(1)).await);
    let mut ada = Person::at("203.0.113.7");
    let opened = ada.open(&test, &late).await;
    test.set("single_use", "false").await;
    let reusable = test.ask_for_link(client(2)).await;
    test.advance(7_260);
    assert_eq!(ada.press(&test, &opened).await.status, StatusCode::GONE);
    test.write_notes().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let mut story = async |link: &str| {
        let id = test.story_of(link).await["link_id"].as_str().unwrap().to_owned();
        browser.get(&format!("/w/{}/links/{id}", test.acme.id.0)).await.body
    };

    let page = story(&late).await;
    assert_eq!(page.matches("role=\"img\" aria-label=\"The life of the link: made ").count(), 2, "{page}");
    assert_eq!(page.matches(". The list below has all that happened.\"").count(), 2, "{page}");
    for word in [">made ", ">expired ", ">pressed "] {
        assert_eq!(page.matches(word).count(), 2, "{word}: {page}");
    }
    assert!(page.contains(">good for 2 hours</text>") && page.contains("url(#hatch-life-wide)"), "{page}");
    assert!(!page.contains("<script") && !page.contains("style="), "{page}");
    assert!(page.contains("<dt>Uses</dt><dd>one</dd>"), "{page}");
    assert!(page.contains("<dt>Leads to</dt><dd>where its address says<small>"), "{page}");
    assert!(!page.contains("s3cret") && !page.contains("/orders"), "{page}");

    let page = story(&reusable).await;
    assert!(page.contains(", not pressed. The list below") && !page.contains("hatch-life"), "{page}");
    assert!(page.contains("<dt>Uses</dt><dd>any number, until its end</dd>"), "{page}");
}

#[tokio::test]
async fn a_story_names_the_app_that_its_link_led_to_and_nothing_behind_it() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let app = test.add_app(&json!({"start_url": "https://wiki.example.org/in?t={target}"})).await;
    let plain = test.ask_for_link(client(1)).await;
    let link = format!("{plain}&app={}&redirect=%2Fnotes%3Fvoucher%3Ds3cret", app.client_id);
    let id = test.story_of(&plain).await["link_id"].as_str().unwrap().to_owned();
    let path = format!("/w/{}/links/{id}", test.acme.id.0);
    let pages = admin_pages(&test);
    let mut support = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let mut viewer = signed_in(&pages, grant("Vera", AdminRole::Viewer, &[test.acme.id])).await;

    let unused = support.get(&path).await.body;
    assert!(unused.contains("where its address says") && unused.contains(">good until "), "{unused}");
    test.browser().sign_in(&link).await;
    let used = support.get(&path).await.body;

    let address = format!("/w/{}/apps/{}", test.acme.id.0, app.client_id);
    assert!(used.contains(&format!("the app <bdi>{}</bdi>", app.client_id)), "{used}");
    assert!(!used.contains(&address), "support sees no apps: {used}");
    assert!(used.contains("class=\"dot\"") && used.contains("class=\"rest\""), "{used}");
    // Who sees apps is led to it.
    let seen = viewer.get(&path).await.body;
    assert!(seen.contains(&format!("<a href=\"{address}\"><bdi>{}</bdi></a>", app.client_id)), "{seen}");
    assert_eq!(viewer.get(&address).await.status, StatusCode::OK);
    for page in [used, seen] {
        assert!(!page.contains("s3cret") && !page.contains("/notes"), "{page}");
        assert!(!page.contains(plain.split_once("token=").unwrap().1), "{page}");
    }
}
