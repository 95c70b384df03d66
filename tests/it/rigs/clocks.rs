//! O138: the clock on the wall jumps while the server runs, is in 2039, or starts in 1970.

use std::fs;
use std::path::PathBuf;

use reqwest::Response;
use serde_json::Value;
use tempfile::TempDir;

use super::figures::Figures;
use super::{Scene, times};
use crate::support::server::{Server, false_clock};

/// A clock whose hands somebody else moves.
struct Wall {
    folder: TempDir,
}

impl Wall {
    fn at(hands: &str) -> Self {
        let wall = Self { folder: tempfile::tempdir().unwrap() };
        wall.show(hands);
        wall
    }

    /// `+10800` seconds beside the true time, or `@1970-01-01 00:00:10` when a process starts.
    fn show(&self, hands: &str) {
        let next = self.folder.path().join("next");
        fs::write(&next, format!("{hands}\n")).unwrap();
        fs::rename(next, self.file()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("hands")
    }

    fn serve(&self, server: &mut Server) {
        let file = self.file();
        let mut surroundings = false_clock().to_vec();
        surroundings.push(("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap().to_owned()));
        surroundings.push(("FAKETIME_NO_CACHE", "1".to_owned()));
        surroundings.push(("TZ", "UTC".to_owned()));
        let surroundings = surroundings.iter().map(|(name, value)| (*name, value.as_str()));
        server.serve_with(&surroundings.collect::<Vec<_>>());
    }
}

/// What a fresh link is said to be good until, and the link.
async fn new_link(scene: &Scene) -> (String, String) {
    let user = scene.office.add_client().await.unwrap();
    let answer: Response = scene.server.call("GET", &format!("/api/login_links/{user}")).await;
    let until = answer.headers()["x-login-link-expires-at"].to_str().unwrap().to_owned();
    let body: Value = answer.json().await.unwrap();
    (body["link"].as_str().unwrap().to_owned(), until)
}

/// The cookie of somebody who has just signed in, and the link of that.
async fn signed_in(scene: &Scene) -> (String, String) {
    let (link, _) = new_link(scene).await;
    let button = scene.office.find_button(&link).await.expect("a new link is live");
    (scene.office.press(&button).await.expect("a live link signs in"), link)
}

async fn is_live(scene: &Scene, link: &str) -> bool {
    !scene.office.is_dead(link).await
}

/// A link is refused three hours later, and its clock comes back; what was made meanwhile was made in the future.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_clock_that_jumps_three_hours_revives_and_prolongs_nothing() {
    let mut figures =
        Figures::of("16-clock", "the wall clock jumps by +3 h and back, then by −3 h and back (O138)");
    let wall = Wall::at("+0");
    let mut server = Server::prepare("Acme");
    server.workspace_set("session_idle=7200");
    wall.serve(&mut server);
    let office = super::Office::of(vec![server.port], &server.key);
    let scene = Scene { server, office };
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
    figures.lose(super::books::complaints(&scene.server.database, &[]));
    figures.write();
}

/// A year that many a 32-bit counter does not know, and one in which no link of today was made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_in_2039_or_1970_serves_and_what_it_made_ends_with_that_clock() {
    let mut figures = Figures::of("17-years", "the clock starts in 2039, and in 1970 (O138)");
    for _ in 0..times(1, 10) {
        for (hands, until) in
            [("@2039-01-20 00:00:00", "2039-01-20T02:0"), ("@1970-01-01 00:00:10", "1970-01-01T02:0")]
        {
            let mut scene = Scene::start();
            let (today, _) = new_link(&scene).await;
            let (session_of_today, _) = signed_in(&scene).await;
            scene.server.stop();

            let wall = Wall::at(hands);
            wall.serve(&mut scene.server);
            let (then, good_until) = new_link(&scene).await;
            assert!(good_until.starts_with(until), "{good_until}");
            assert!(is_live(&scene, &then).await);
            let (session, _) = signed_in(&scene).await;
            assert!(scene.office.is_signed_in(&session).await);
            assert!(!is_live(&scene, &today).await, "{hands}: a link of today is live");
            assert!(!scene.office.is_signed_in(&session_of_today).await);
            assert!(scene.server.stop().success());

            scene.server.serve_with(&[]);
            for link in [&today, &then] {
                assert!(!is_live(&scene, link).await, "{hands}: it outlives its clock");
            }
            for session in [&session, &session_of_today] {
                assert!(!scene.office.is_signed_in(session).await, "{hands}: it outlives its clock");
            }
            signed_in(&scene).await;
            // What is years old is swept away, so the books do not balance any more.
            figures.lose(super::books::damage(&scene.server.database));
            figures.tries += 1;
        }
    }
    figures.write();
}
