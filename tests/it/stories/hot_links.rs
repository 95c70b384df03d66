//! One link that is fetched without a pause: the pages do not wait, little is kept, and the link works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use doorkey::flow::stories;

use crate::support::app::{TestApp, UNLIMITED};
use crate::support::consistency::MISCOUNTED_LINKS;
use crate::support::visitors::{Person, browsed, path_of, scanned};

/// Callers at once, and how long they go on.
const CALLERS: usize = 64;
const FOR: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_that_is_fetched_without_a_pause_while_nothing_can_be_written_is_as_fast_and_works() {
    let test = Arc::new(TestApp::start().await.limited_to(&UNLIMITED));
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    let path = path_of(&link);
    // Whoever writes waits until it is let go.
    let hold = test.database.hold();
    let writing = {
        let test = Arc::clone(&test);
        tokio::spawn(async move {
            for _ in 0..6 {
                // It may fail while it is held up, and is tried again.
                let _ = stories::write_notes(&test.app).await;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        })
    };
    let callers = (0..CALLERS).map(|number| {
        let (test, path) = (Arc::clone(&test), path.clone());
        tokio::spawn(async move {
            let (begun, mut fetched, mut slowest) = (Instant::now(), 0, Duration::ZERO);
            while begun.elapsed() < FOR {
                let request = if number % 2 == 0 { browsed("GET", &path) } else { scanned("GET", &path) };
                let asked = Instant::now();
                assert_eq!(test.send_from("203.0.113.9", request).await.status, StatusCode::OK);
                slowest = slowest.max(asked.elapsed());
                fetched += 1;
            }
            (fetched, slowest)
        })
    });
    let (mut fetched, mut slowest) = (0_u64, Duration::ZERO);
    for caller in callers.collect::<Vec<_>>() {
        let (count, longest) = caller.await.unwrap();
        (fetched, slowest) = (fetched + count, slowest.max(longest));
    }
    hold.let_go();
    writing.await.unwrap();
    test.settle_openings().await;

    // None of them waited for who holds up all writes.
    assert!(slowest + Duration::from_secs(1) < FOR, "{slowest:?}");
    let kept = test.number("SELECT count(*) FROM link_events");
    assert!((1..=100).contains(&kept), "{kept} of {fetched} are kept");
    let metrics = test.app.metrics.text();
    let dropped = metrics.lines().find(|line| line.starts_with("doorkey_openings_dropped_total ")).unwrap();
    let dropped: u64 = dropped.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(
        dropped > 0 && dropped + 200 >= fetched.saturating_sub(200),
        "{dropped} of {fetched} were dropped"
    );
    let mut person = Person::at("203.0.113.9");
    let page = person.open(&test, &link).await;
    assert_eq!(person.press(&test, &page).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_are_answered_while_each_commit_takes_two_seconds_and_all_is_written_in_the_end() {
    let test = Arc::new(TestApp::start().await.limited_to(&UNLIMITED));
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    for round in 0..3 {
        // What was opened in the round before is due, so both kinds of commits are under way.
        test.advance(13);
        test.send_from("203.0.113.9", browsed("GET", &path_of(&link))).await;
        let hold = test.database.hold();
        let let_go_at = Instant::now() + Duration::from_secs(2);
        let at_work = [(); 2].map(|()| Arc::clone(&test));
        let [writing, settling] = at_work;
        let writing = tokio::spawn(async move { stories::write_notes(&writing.app).await });
        let settling = tokio::spawn(async move { stories::settle::settle(&settling.app).await });
        // No commit comes back before it is let go, and that is after all of these were answered. Those of two rounds find room, however
        // late a slow machine begins to write.
        for _ in 0..8 {
            let page = test.send_from("203.0.113.9", scanned("GET", &path_of(&link))).await;
            assert_eq!(page.status, StatusCode::OK, "round {round}");
            assert!(page.body.contains("<form"), "round {round}");
        }
        tokio::time::sleep_until(let_go_at.into()).await;
        hold.let_go();
        // On a slow machine they may have given up; then it is written the next time.
        let _ = tokio::join!(writing, settling);
    }
    // First what is late, then what came meanwhile.
    test.write_notes().await;
    test.settle_openings().await;

    assert_eq!(test.number("SELECT count(*) FROM link_events"), 3 * 9);
    assert_eq!(test.number("SELECT count(*) FROM link_events WHERE settle_at > 0"), 0);
    let metrics = test.app.metrics.text();
    assert!(metrics.lines().any(|line| line == "doorkey_openings_dropped_total 0"), "{metrics}");
    assert_eq!(test.database.rows(MISCOUNTED_LINKS), [[""; 0]; 0]);
}

#[tokio::test]
async fn a_hundred_openings_of_a_link_are_kept_and_machines_leave_room_for_a_person() {
    let test = TestApp::start().await.limited_to(&UNLIMITED);
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    for _ in 0..12 {
        for _ in 0..25 {
            test.send_from("198.51.100.5", scanned("GET", &path_of(&link))).await;
        }
        test.write_notes().await;
    }
    test.settle_openings().await;
    assert_eq!(test.number("SELECT count(*) FROM link_events"), 80);
    assert_eq!(test.link_stats("").await["totals"]["opened_by_machines"], 1);
    Person::at("203.0.113.9").open(&test, &link).await;
    test.settle_openings().await;

    assert_eq!(test.number("SELECT count(*) FROM link_events"), 81);
    let totals = test.link_stats("").await["totals"].clone();
    assert_eq!((totals["opened"].as_i64(), totals["opened_by_machines"].as_i64()), (Some(1), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_racing_presses_openings_and_settlements_on_two_nodes_each_thing_is_counted_once() {
    let one = TestApp::start().await.limited_to(&UNLIMITED);
    let nodes = [Arc::new(one.beside().await.limited_to(&UNLIMITED)), Arc::new(one)];
    for round in 0..4 {
        let user = nodes[0].client(&format!("c{round}@example.org")).await;
        let link = nodes[0].ask_for_link(user).await;
        let racing = (0..32).map(|number| {
            let (test, other, link) = (Arc::clone(&nodes[number % 2]), Arc::clone(&nodes[1]), link.clone());
            tokio::spawn(async move {
                let mut person = Person::at(&format!("203.0.113.{number}"));
                let page = person.open(&test, &link).await;
                test.send_from("198.51.100.5", scanned("GET", &path_of(&link))).await;
                test.write_notes().await;
                let pressed = person.press(&other, &page).await;
                stories::settle::settle(&test.app).await.unwrap();
                pressed.status == StatusCode::SEE_OTHER
            })
        });
        let mut signed_in = 0;
        for raced in racing.collect::<Vec<_>>() {
            signed_in += i64::from(raced.await.unwrap());
        }
        assert_eq!(signed_in, 1);
        nodes[0].advance(13);
        let [one, other] = nodes.each_ref().map(|node| stories::settle::settle(&node.app));
        let (one, other) = tokio::join!(one, other);
        one.and(other).unwrap();
    }

    assert_eq!(nodes[0].database.rows(MISCOUNTED_LINKS), [[""; 0]; 0]);
    let totals = nodes[0].link_stats("").await["totals"].clone();
    let counted = ["issued", "opened", "signed_in", "too_late"].map(|field| totals[field].as_i64().unwrap());
    assert_eq!(counted, [4, 4, 4, 0], "{totals}");
    // Those who pressed when it had been used, pressed again: of each link that is said once.
    assert!((1..=4).contains(&totals["pressed_again"].as_i64().unwrap()), "{totals}");
}
