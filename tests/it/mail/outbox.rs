//! What waits to be sent: by whom it is sent, when it is tried again, and what becomes of it.

use std::collections::{BTreeSet, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorkey::domain::user::UserId;
use doorkey::flow::mail::delivery;
use doorkey::flow::self_service::answer;
use serde_json::json;

use super::asking::ask;
use crate::support::app::{TestApp, TestRequest, UNLIMITED};
use crate::support::mailbox::Mail;

/// Has a link mailed to a user, and gives the number of the mail.
pub async fn queue(test: &TestApp, user: i64) -> String {
    let ask = TestRequest::of("POST", &format!("/api/login_links/{user}/mail")).bearer(&test.key);
    let answer = test.send(ask).await;
    assert_eq!(answer.status.as_u16(), 202, "{}", answer.body);
    answer.json()["mail"]["id"].as_str().unwrap().to_owned()
}

/// What has become of a mail, and how often it was tried.
pub async fn state(test: &TestApp, id: &str) -> (String, i64) {
    let row = test.call("GET", &format!("/api/mails/{id}")).await.json();
    (row["state"].as_str().unwrap().to_owned(), row["attempts"].as_i64().unwrap())
}

fn ada() -> UserId {
    UserId::from_number(1).unwrap()
}

/// Undoing the change revives nothing.
#[tokio::test]
async fn what_kills_the_link_cancels_the_mail_for_good() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    let by_two_factor = queue(&test, 1).await;
    test.change(ada(), "two_factor_enabled", "true").await;
    test.change(ada(), "two_factor_enabled", "false").await;
    let by_use = queue(&test, 1).await;
    test.browser().sign_in(&test.ask_for_link(ada()).await).await;
    let by_address = queue(&test, 1).await;
    test.change(ada(), "email", "eva@example.org").await;
    let by_age = queue(&test, 1).await;
    test.advance(7_200);
    let good = queue(&test, 1).await;

    let [sent] = &test.new_mails(0).await[..] else { panic!("one mail") };
    assert_eq!(sent.header("To"), "eva@example.org");
    for id in [&by_two_factor, &by_use, &by_address] {
        assert_eq!(state(&test, id).await, ("cancelled".to_owned(), 0));
    }
    assert_eq!(state(&test, &by_age).await, ("expired".to_owned(), 0));
    assert_eq!(state(&test, &good).await, ("sent".to_owned(), 1));
    test.delete(ada()).await;
    assert_eq!(test.number("SELECT count(*) FROM outbox"), 0);
}

#[tokio::test]
async fn a_mail_whose_user_was_deleted_is_cancelled() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    let id = queue(&test, 1).await;
    test.delete(ada()).await;

    assert_eq!(test.new_mails(0).await.len(), 0);
    assert_eq!(state(&test, &id).await, ("cancelled".to_owned(), 0));
}

/// What one node has taken no other one sends, until that one is gone for a minute and a half.
#[tokio::test]
async fn two_nodes_send_one_mail_and_one_takes_over_from_the_dead() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    let other = test.beside().await.mailing(10);
    let id = queue(&test, 1).await;

    let taken = delivery::take_due(&test.app, 10).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(delivery::take_due(&other.app, 10).await.unwrap(), []);
    other.advance(89);
    assert_eq!(delivery::take_due(&other.app, 10).await.unwrap(), []);
    other.advance(1);
    let again = delivery::take_due(&other.app, 10).await.unwrap();
    assert_eq!(again.iter().map(|item| item.attempts).collect::<Vec<_>>(), [2]);
    delivery::deliver(&other.app, again[0]).await.unwrap();
    // The first was not dead, but slow: it comes late, and what it writes down changes nothing.
    delivery::deliver(&test.app, taken[0]).await.unwrap();

    assert_eq!(test.mails().len(), 1);
    assert_eq!(state(&test, &id).await, ("sent".to_owned(), 2));
    assert_eq!(test.audit().iter().filter(|line| line.starts_with("mail.sent")).count(), 1);
}

/// A workspace that has many mailed keeps no other one waiting; who waits at a browser goes first.
#[tokio::test]
async fn each_workspace_gets_its_share_of_what_is_sent() {
    let test = TestApp::start().await.mailing(0);
    for number in 1..=20 {
        test.client(&format!("c{number}@example.org")).await;
        queue(&test, number).await;
    }
    let (globex, key) = test.another("Globex", "https://globex.test").await;
    test.add(&globex, "gus@globex.test", doorkey::domain::user::UserChange::default()).await;
    let theirs = TestRequest::of("POST", "/api/login_links/1/mail").host("globex.test").bearer(&key);
    assert_eq!(test.send(theirs).await.status.as_u16(), 202);

    let taken = delivery::take_due(&test.app, 4).await.unwrap();
    let of_globex = taken.iter().filter(|item| item.workspace == globex.id).count();
    assert_eq!((taken.len(), of_globex), (3, 1));
}

/// What is taken is sent at once: nothing is kept from other nodes that this one has no room for. And each has its turn.
#[tokio::test]
async fn of_more_workspaces_than_there_is_room_for_as_many_are_served_as_there_is() {
    let test = TestApp::start().await.mailing(0);
    for number in 0..10 {
        let (workspace, key) = test.another(&format!("W{number}"), &format!("https://w{number}.test")).await;
        test.add(&workspace, "gus@x.test", doorkey::domain::user::UserChange::default()).await;
        let ask = TestRequest::of("POST", "/api/login_links/1/mail").host(&format!("w{number}.test"));
        assert_eq!(test.send(ask.bearer(&key)).await.status.as_u16(), 202);
    }
    let mut served = BTreeSet::new();
    for left in [7, 4, 1, 0] {
        let taken = delivery::take_due(&test.app, 3).await.unwrap();
        served.extend(taken.iter().map(|item| item.workspace.0));
        assert_eq!(10 - served.len(), left);
    }
}

/// Link and code are derived when they are sent: whatever stands in the database, in whichever form, opens nothing.
#[tokio::test]
async fn a_database_with_a_thousand_waiting_mails_opens_nothing() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    for number in 1..=500 {
        test.client(&format!("c{number}@example.org")).await;
        queue(&test, number).await;
        ask(&mut test.browser(), &format!("c{number}@example.org")).await;
    }
    // Half of them as they were asked for, half as they wait to be sent.
    let raw = test.database.stolen();
    while answer::answer_waiting(&test.app).await.unwrap() > 0 {}
    let dump = [raw, test.database.stolen()].concat();
    let words = |is_part: fn(&u8) -> bool, length: std::ops::RangeInclusive<usize>| -> BTreeSet<String> {
        let words = dump.split(|byte| !is_part(byte)).filter(|word| length.contains(&word.len()));
        words.map(|word| String::from_utf8(word.to_vec()).unwrap()).collect()
    };

    for word in words(u8::is_ascii_alphanumeric, 20..=1_000) {
        let opened = test.browser().open(&format!("/login?token={word}")).await;
        assert_eq!(opened.status.as_u16(), 410, "{word}");
    }
    let sent = test.new_mails(0).await;
    assert_eq!(sent.len(), 1_000);
    let forms = |token: String| {
        let hex = token.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        [hex.to_uppercase(), hex, STANDARD.encode(&token), token].map(|form| form.into_bytes()[..16].to_vec())
    };
    let forms: HashSet<Vec<u8>> = sent.iter().map(Mail::token).flat_map(forms).collect();
    assert_eq!(dump.windows(16).find(|bytes| forms.contains(*bytes)), None);
    // By chance a few of five hundred are among some thousand numbers; if codes were kept, all of them were.
    let numbers = words(u8::is_ascii_digit, 6..=6);
    let codes: Vec<_> = sent.iter().filter_map(Mail::code).collect();
    assert_eq!(codes.len(), 500);
    assert!(codes.iter().filter(|code| numbers.contains(*code)).count() < 50, "{} numbers", numbers.len());
}

/// A long one names the mail instead: mail programs break long lines. Another mail's name leads nowhere.
#[tokio::test]
async fn a_long_redirect_is_named_by_its_mail_and_by_no_other() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    test.client("bob@example.org").await;
    let long = format!("/orders?q={}&ä=%20", "x".repeat(1_880));
    let ask = |user: i64, redirect: &str| {
        let path = format!("/api/login_links/{user}/mail");
        TestRequest::of("POST", &path).bearer(&test.key).json(&json!({ "redirect": redirect }))
    };
    assert_eq!(test.send(ask(1, &long)).await.status.as_u16(), 202);
    assert_eq!(test.send(ask(2, &format!("/other?q={}", "y".repeat(1_000)))).await.status.as_u16(), 202);
    let mails = test.new_mails(0).await;
    let to = |mail: &Mail| mail.link().split_once("&to=").unwrap().1.to_owned();
    assert!(
        mails.iter().all(|mail| mail.link().len() < 400 && mail.raw.lines().all(|line| line.len() <= 998))
    );

    let path = |token: &str, to: &str| format!("/login?token={token}&to={to}");
    let [first, second] = &mails[..] else { panic!("two mails") };
    let (ada, bob) = if first.header("To").starts_with("ada") { (first, second) } else { (second, first) };
    for foreign in [to(bob), "x".to_owned(), String::new(), "0".repeat(32)] {
        let page = test.browser().open(&path(&ada.token(), &foreign)).await;
        assert_eq!(page.status.as_u16(), 200);
        assert!(!page.body.contains("/other"), "{foreign}");
    }
    let landed = test.browser().sign_in(&ada.path()).await;
    assert_eq!(landed.header("location"), format!("/orders?q={}&%C3%A4=%20", "x".repeat(1_880)));
    let elsewhere = test.browser().sign_in(&path(&bob.token(), &to(ada))).await;
    assert_eq!(elsewhere.header("location"), "/");
}
