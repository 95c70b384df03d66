//! The clock on the wall jumps while the server runs, is in 2039, or starts in 1970.

use reqwest::Response;
use serde_json::Value;

use crate::support::figures::{Figures, times};
use crate::support::server::Server;
use crate::support::server_fixture::ServerFixture;
use crate::support::wall_clock::WallClock;

/// What a fresh link is said to be good until, and the link.
async fn new_link(scene: &ServerFixture) -> (String, String) {
    let user = scene.office.add_client().await.unwrap();
    let response: Response = scene.server.call("GET", &format!("/api/login_links/{user}")).await;
    let until = response.headers()["x-login-link-expires-at"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    (body["link"].as_str().unwrap().to_owned(), until)
}

/// The cookie of somebody who has just signed in, and the link of that.
async fn signed_in(scene: &ServerFixture) -> (String, String) {
    let (link, _) = new_link(scene).await;
    let button = scene.office.find_button(&link).await.expect("a new link is live");
    (scene.office.press(&button).await.expect("a live link signs in"), link)
}

async fn is_live(scene: &ServerFixture, link: &str) -> bool {
    !scene.office.is_dead(link).await
}

/// A link is refused three hours later, and its clock comes back; what was made meanwhile was made in the future.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_clock_that_jumps_three_hours_revives_and_prolongs_nothing() {
    let mut figures = Figures::of("16-clock", "the wall clock jumps by +3 h and back, then by −3 h and back");
    let wall = WallClock::at("+0");
    let mut server = Server::prepare("Acme");
    server.workspace_set("session_idle=7200");
    wall.serve(&mut server);
    let office = crate::support::acknowledged_ops::BackOffice::of(vec![server.port], &server.key);
    let scene = ServerFixture { server, office };
    for _ in 0..times(2, 50) {
        let (refused, now) = new_link(&scene).await;
        let (session, used) = signed_in(&scene).await;
        let (untouched, _) = new_link(&scene).await;
        assert!(is_live(&scene, &refused).await);

        wall.show("+10800");
        let (_, later) = new_link(&scene).await;
        assert!(later > now && later[..13] != now[..13], "the clock did not jump: {now}, {later}");
        let (session_of_later, _) = signed_in(&scene).await;
        let (of_later, _) = new_link(&scene).await;
        assert!(!is_live(&scene, &refused).await);
        assert!(!scene.office.is_signed_in(&session).await, "two hours of idling did not end it");

        wall.show("+0");
        for link in [&refused, &used, &of_later] {
            assert!(!is_live(&scene, link).await, "a clock that went back revived or prolonged a link");
        }
        assert!(is_live(&scene, &untouched).await);
        for session in [&session, &session_of_later] {
            assert!(!scene.office.is_signed_in(session).await, "a clock that went back prolonged a session");
        }

        let (session, _) = signed_in(&scene).await;
        wall.show("-10800");
        assert!(!is_live(&scene, &untouched).await, "three hours were added to its two");
        assert!(!scene.office.is_signed_in(&session).await);
        let (of_earlier, earlier) = new_link(&scene).await;
        assert!(earlier < now, "the clock did not jump: {now}, {earlier}");
        let (session_of_earlier, _) = signed_in(&scene).await;

        wall.show("+0");
        for link in [&refused, &used, &of_later, &untouched, &of_earlier] {
            assert!(!is_live(&scene, link).await);
        }
        assert!(!scene.office.is_signed_in(&session_of_earlier).await);
        signed_in(&scene).await;
        figures.tries += 4;
    }
    figures.lose(crate::support::consistency::complaints(&scene.server.database, &[]));
    figures.write();
}

/// A year that many a 32-bit counter does not know, and one in which no link of today was made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_clock_starts_in_2039_or_1970_serves_a_new_database_and_leaves_that_of_today_alone() {
    let mut figures = Figures::of("17-years", "the clock starts in 2039, and in 1970");
    for _ in 0..times(1, 10) {
        for (hands, until) in
            [("@2039-01-20 00:00:00", "2039-01-20T02:0"), ("@1970-01-01 00:00:10", "1970-01-01T02:0")]
        {
            figures.lose(what_it_makes_ends_with_it(hands, until).await);
            figures.lose(what_was_there_before_it_is_left_alone(hands).await);
            figures.tries += 2;
        }
    }
    figures.write();
}

/// Nobody can tell that a clock is wrong by a database that was never served.
async fn what_it_makes_ends_with_it(hands: &str, until: &str) -> Vec<String> {
    let (wall, mut server) = (WallClock::at(hands), Server::prepare("Acme"));
    wall.serve(&mut server);
    let office = crate::support::acknowledged_ops::BackOffice::of(vec![server.port], &server.key);
    let mut scene = ServerFixture { server, office };
    let (then, good_until) = new_link(&scene).await;
    assert!(good_until.starts_with(until), "{good_until}");
    assert!(is_live(&scene, &then).await);
    let (session, _) = signed_in(&scene).await;
    assert!(scene.office.is_signed_in(&session).await);
    assert!(scene.server.stop().success());

    // The clock is set right, and that it was moved is noticed.
    scene.server.serve_unready_with(&[]);
    assert_eq!(status_of(&scene, &then).await, 503);
    assert!(!scene.office.is_signed_in(&session).await);
    assert!(scene.server.stop().success());

    // Ten minutes later, or in a database that does not say by which clock it was served, it is taken for right.
    scene.server.database.run("DELETE FROM clock_readings");
    scene.server.serve_with(&[]);
    assert!(!is_live(&scene, &then).await, "{hands}: it outlives its clock");
    assert!(!scene.office.is_signed_in(&session).await, "{hands}: it outlives its clock");
    signed_in(&scene).await;
    crate::support::consistency::damage(&scene.server.database)
}

async fn what_was_there_before_it_is_left_alone(hands: &str) -> Vec<String> {
    let mut scene = ServerFixture::start();
    let (today, _) = new_link(&scene).await;
    let (session, used) = signed_in(&scene).await;
    assert!(scene.server.stop().success());

    let wall = WallClock::at(hands);
    wall.serve_unready(&mut scene.server);
    assert_eq!(status_of(&scene, &today).await, 503, "{hands}");
    assert_eq!(status_of(&scene, &used).await, 410, "{hands}: a used link is dead by any clock");
    assert!(!scene.office.is_signed_in(&session).await, "{hands}: it is not sure of that");
    assert_eq!(scene.a_new_link().await, None, "{hands}");
    assert!(scene.server.stop().success());

    scene.server.serve_with(&[]);
    assert!(is_live(&scene, &today).await, "{hands}: a link of today is gone");
    assert!(scene.office.is_signed_in(&session).await, "{hands}: a session of today is gone");
    crate::support::consistency::damage(&scene.server.database)
}

async fn status_of(scene: &ServerFixture, link: &str) -> u16 {
    scene.office.open(link).await.unwrap().status().as_u16()
}
