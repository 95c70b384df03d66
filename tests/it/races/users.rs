//! Thirty-two people added or changed at once, on two processes.

use std::sync::Arc;

use axum::http::StatusCode;
use doorkey::domain::audit::{AuditContext, AuditEvent};
use doorkey::domain::email::EmailAddress;
use doorkey::domain::reach::Reach;
use doorkey::domain::user::UserChange;
use doorkey::domain::user::{User, UserId, UserRef};
use doorkey::flow;
use doorkey::store::{ChangedUser, NewUser, Outcome};
use serde_json::json;

use crate::support::app::{TestApp, TestRequest};
use crate::support::at_once::{CALLERS, at_once};
use crate::support::consistency::MISCOUNTED;

/// Whoever is added without a number gets one that nobody else gets, at the first try.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_people_added_at_once_get_thirty_two_numbers() {
    let one = Arc::new(TestApp::start().await);
    let two = Arc::new(one.beside().await);
    let adds = (0..CALLERS).map(|number| {
        let test = Arc::clone([&one, &two][number % 2]);
        let email = EmailAddress::parse(&format!("u{number}@x.test")).unwrap();
        let user = NewUser { id: None, email, fields: UserChange::default() };
        let entry = AuditContext::at_command_line().entry(AuditEvent::UserAdded);
        async move {
            test.app.store.add_user(test.acme.id, (&user, None), &entry, test.app.clock.now()).await.unwrap()
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
        let body = json!({ "email": "Same@x.test", "name_f": "A", "name_l": "B" });
        let (method, path) = match number % 4 {
            0 | 1 => ("PUT", format!("/api/clients/{}", number + 1)),
            _ => ("POST", "/api/clients".to_owned()),
        };
        async move { test.send(TestRequest::of(method, &path).bearer(&test.key).json(&body)).await }
    });

    let responses = at_once(wishes).await;

    let (well, refused): (Vec<_>, Vec<_>) =
        responses.iter().partition(|response| response.status.is_success());
    assert_eq!(well.len(), 1);
    for response in refused {
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid".to_owned()));
        let printed = response.json()["errors"]["email"][0].to_string();
        assert!(printed.contains("belongs to another user: change that one"), "{printed}");
    }
}

/// What a back office does to a client never reaches the row once it is staff, however close the two come.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_becomes_staff_is_out_of_reach_of_whoever_writes_at_that_moment() {
    let one = Arc::new(TestApp::start().await);
    let two = Arc::new(one.beside().await);
    let staff = UserChange { is_staff: Some(true), note: Some("staff".to_owned()), ..UserChange::default() };
    let mut promoted = 0;
    for round in 0..60 {
        let user = one.client(&format!("u{round}@x.test")).await;
        let path = format!("/api/clients/{}", user.number());
        let method = if round % 2 == 0 { "PUT" } else { "DELETE" };
        let calls = (0..6).map(|number| {
            let (test, staff, path) = (Arc::clone([&one, &two][number % 2]), staff.clone(), path.clone());
            async move {
                if number == 3 {
                    let act = AuditContext::at_command_line();
                    let user = UserRef::Id(user);
                    return flow::users::set(&test.app, &test.acme, &act, &user, &staff).await.is_ok();
                }
                let note = json!({ "note": format!("put {number}") });
                let response = test.send(TestRequest::of(method, &path).bearer(&test.key).json(&note)).await;
                assert!([200, 204, 404].contains(&response.status.as_u16()), "{response:?}");
                false
            }
        });

        if at_once(calls).await.into_iter().any(|is_promoted| is_promoted) {
            promoted += 1;
            let rows = format!(
                "SELECT count(*) FROM users WHERE id = {} AND is_staff = 1 AND is_active = 1 AND note = 'staff'
                 AND deleted_at IS NULL",
                user.number()
            );
            assert_eq!(one.number(&rows), 1, "{method} changed a row of staff");
        }
    }
    assert!(promoted >= 30, "PUT never keeps anybody from becoming staff: {promoted}");
}

/// However adds, changes of the kind and deletes come together, each user is counted once, and as what it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn totals_are_exact_after_racing_adds_changes_and_deletes() {
    let one = Arc::new(TestApp::start().await);
    let two = Arc::new(one.beside().await);
    for number in 0..CALLERS {
        one.client(&format!("u{number}@x.test")).await;
    }
    let calls = (0..6 * CALLERS).map(|number| {
        let test = Arc::clone([&one, &two][number % 2]);
        async move {
            let act = AuditContext::at_command_line();
            let user = UserRef::parse(&format!("{}", number % 8 + 1)).unwrap();
            match number % 3 {
                0 => {
                    let id = (number % 2 == 0)
                        .then(|| UserId::from_number(i64::try_from(number + 1).unwrap() * 100).unwrap());
                    let email = EmailAddress::parse(&format!("new{number}@x.test")).unwrap();
                    let user = NewUser { id, email, fields: UserChange::default() };
                    flow::users::add(&test.app, &test.acme, &act, &user).await.is_ok()
                }
                1 => {
                    let kind = UserChange { is_staff: Some(number % 4 == 1), ..UserChange::default() };
                    flow::users::set(&test.app, &test.acme, &act, &user, &kind).await.is_ok()
                }
                _ => {
                    let user = UserRef::parse(&format!("{}", number % 32 + 1)).unwrap();
                    flow::users::delete(&test.app, &test.acme, &act, (&user, Reach::All)).await.is_ok()
                }
            }
        }
    });

    let done = at_once(calls).await.into_iter().filter(|is_done| *is_done).count();

    assert!(done > 2 * CALLERS, "{done}");
    assert_eq!(one.number(&format!("SELECT count(*) FROM ({MISCOUNTED}) m")), 0);
    for (list, flag) in [("clients", 0), ("team", 1)] {
        let total = one.call("GET", &format!("/api/{list}?limit=1")).await.json()["meta"]["total"].clone();
        let rows = format!("SELECT count(*) FROM users WHERE is_staff = {flag} AND deleted_at IS NULL");
        assert_eq!(total, one.number(&rows), "{list}");
    }
}

/// What was read before may be old, so the row that is written over decides.
#[tokio::test]
async fn the_row_that_is_written_over_decides_who_may_write() {
    let test = TestApp::start().await;
    let store = &test.app.store;
    let add = |email: &'static str, is_staff, has_two_factor, is_active| {
        let fields = UserChange {
            is_staff: Some(is_staff),
            has_two_factor: Some(has_two_factor),
            is_active: Some(is_active),
            ..UserChange::default()
        };
        test.add(&test.acme, email, fields)
    };
    let staff = add("staff@x.test", true, false, true).await;
    let two = add("two@x.test", false, true, true).await;
    let off = add("off@x.test", false, false, false).await;

    for (id, reach, outcome) in [
        (staff, Reach::Clients, Outcome::Conflict),
        (staff, Reach::ClientsUnlocked, Outcome::Conflict),
        (two, Reach::Clients, Outcome::Conflict),
        (off, Reach::Clients, Outcome::Conflict),
        (two, Reach::ClientsUnlocked, Outcome::Applied),
        (off, Reach::ClientsUnlocked, Outcome::Applied),
        (staff, Reach::All, Outcome::Applied),
    ] {
        let user = store.find_user(test.acme.id, &UserRef::Id(id)).await.unwrap().unwrap();
        let was_staff = user.standing.is_staff;
        let mut changed = User { note: "written".to_owned(), ..user };
        (changed.standing.has_two_factor, changed.standing.is_active) = (false, true);
        let now = test.app.clock.now();
        let changed = ChangedUser { user: &changed, was_staff, reach };
        let written = store.set_user(test.acme.id, changed, &[], now).await.unwrap();
        assert_eq!(written, outcome, "{id:?} {reach:?}");
    }
    for (reach, outcome) in [
        (Reach::Clients, Outcome::Conflict),
        (Reach::ClientsUnlocked, Outcome::Conflict),
        (Reach::All, Outcome::Applied),
    ] {
        let now = test.app.clock.now();
        assert_eq!(store.delete_user(test.acme.id, (staff, reach), &[], now).await.unwrap(), outcome);
    }
}
