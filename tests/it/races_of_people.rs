//! Thirty-two people added or changed at once, on two processes.

use std::sync::Arc;

use axum::http::StatusCode;
use doorkey::domain::audit::{Act, Event};
use doorkey::domain::email::EmailAddress;
use doorkey::domain::user_change::UserChange;
use doorkey::store::NewUser;

use crate::races::{CALLERS, at_once};
use crate::support::app::{Ask, TestApp};

/// Whoever is added without a number gets one that nobody else gets, at the first try.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_people_added_at_once_get_thirty_two_numbers() {
    let one = Arc::new(TestApp::start().await);
    let two = Arc::new(one.beside().await);
    let adds =
        (0..CALLERS).map(|number| {
            let test = Arc::clone([&one, &two][number % 2]);
            let email = EmailAddress::parse(&format!("u{number}@x.test")).unwrap();
            let user = NewUser { id: None, email, fields: UserChange::default() };
            let entry = Act::at_command_line().entry(Event::UserAdded);
            async move {
                test.app.store.add_user(test.acme.id, &user, &entry, test.app.clock.now()).await.unwrap()
            }
        });

    let mut numbers: Vec<_> = at_once(adds).await.into_iter().map(|id| id.unwrap().number()).collect();

    numbers.sort_unstable();
    assert_eq!(numbers, (1..=32).collect::<Vec<_>>());
}

/// However many want one address at once, one gets it, and the others are told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_people_who_want_one_address_are_one() {
    let one = Arc::new(TestApp::start().await);
    let two = Arc::new(one.beside().await);
    for number in 0..CALLERS {
        one.client(&format!("u{number}@x.test")).await;
    }
    let wishes = (0..CALLERS).map(|number| {
        let test = Arc::clone([&one, &two][number % 2]);
        let body = serde_json::json!({ "email": "Same@x.test", "name_f": "A", "name_l": "B" });
        let (method, path) = match number % 4 {
            0 | 1 => ("PUT", format!("/api/clients/{}", number + 1)),
            _ => ("POST", "/api/clients".to_owned()),
        };
        async move { test.send(Ask::of(method, &path).bearer(&test.key).json(&body)).await }
    });

    let answers = at_once(wishes).await;

    let (well, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status.is_success());
    assert_eq!(well.len(), 1);
    for answer in refused {
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "invalid".to_owned()));
        assert_eq!(answer.json()["errors"]["email"][0], "belongs to another user");
    }
}
