//! The database file is taken away, or another stands in its place; a second server writes to it too.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::acknowledged_ops::{BackOffice, LoadClients};
use crate::support::database::Database;
use crate::support::figures::{Figures, times};
use crate::support::server::Server;
use crate::support::server_fixture::{ServerFixture, TIMEOUT};
use crate::support::wait::until_so;

fn file_of(server: &Server) -> PathBuf {
    let Database::Sqlite(path) = &*server.database else { panic!("no file") };
    path.clone()
}

/// What is done to the file, and undone.
type Deed = fn(&Path);

fn aside(path: &Path) -> PathBuf {
    path.with_extension("aside")
}

fn log_of(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

fn put_back(path: &Path) {
    fs::rename(aside(path), path).unwrap();
}

/// Whatever stands at the path, it is not what is open: nothing is acknowledged, nothing is read, and nothing of the
/// other file is touched.
async fn without_its_file(figures: &mut Figures, take_away: Deed, give_back: Deed) {
    let mut scene = ServerFixture::start();
    let path = file_of(&scene.server);
    let mut all = Vec::new();
    for _ in 0..times(1, 10) {
        let crowd = scene.crowd();
        crowd.acknowledges(16, TIMEOUT).await;
        let own = fs::metadata(&path).unwrap().ino();
        take_away(&path);
        // Its own, without the log, may be in the middle of a checkpoint.
        let other =
            || fs::metadata(&path).ok().filter(|file| file.ino() != own).and_then(|_| fs::read(&path).ok());
        let before = other();
        let refused = crowd.refused.load(Ordering::Relaxed);
        while crowd.refused.load(Ordering::Relaxed) < refused + crate::support::server_fixture::CLIENTS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let acknowledged = crowd.acknowledged.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(acknowledged, crowd.acknowledged.load(Ordering::Relaxed));
        let mut entries = crowd.end().await;
        assert_eq!(scene.office.add_client().await, None);
        assert_eq!(before, other(), "the other file was written to");
        assert!(scene.server.runs(), "it ended: {}", scene.server.log());

        give_back(&path);
        figures.came_back(scene.until_it_serves().await);
        figures.tries += 1;
        scene.settle(&mut entries, figures).await;
        all.extend(entries);
    }
    scene.kill_and_restart();
    figures.lose(scene.office.complaints(&mut all).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_while_the_file_is_not_where_it_was() {
    let mut figures = Figures::of("11-moved", "the file is moved away under the server, and back");
    without_its_file(&mut figures, |path| fs::rename(path, aside(path)).unwrap(), put_back).await;
    figures.write();

    let mut figures =
        Figures::of("12-replaced", "a copy takes the place of the file, until that is put back");
    let replace: Deed = |path| {
        fs::rename(path, aside(path)).unwrap();
        fs::copy(aside(path), path).unwrap();
    };
    without_its_file(&mut figures, replace, put_back).await;
    figures.write();

    let mut figures = Figures::of("13-log", "the log of the file is moved away, and back");
    let take: Deed = |path| fs::rename(log_of(path), aside(path)).unwrap();
    let give: Deed = |path| fs::rename(aside(path), log_of(path)).unwrap();
    without_its_file(&mut figures, take, give).await;
    figures.write();
}

/// A deleted file is gone: the server says so and acknowledges nothing more, whatever else stands there later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_once_the_file_is_deleted() {
    let mut figures = Figures::of("14-deleted", "the file is deleted under the server");
    for _ in 0..times(1, 10) {
        let mut scene = ServerFixture::start();
        let path = file_of(&scene.server);
        let link = scene.a_new_link().await.unwrap();

        fs::remove_file(&path).unwrap();
        assert_eq!(scene.office.add_client().await, None, "a client was acknowledged");
        // Nothing is read from it either, as soon as that was noticed.
        let is_gone = async || scene.office.find_button(&link).await.is_none();
        until_so(TIMEOUT, is_gone, || "a link of a deleted file is shown".to_owned()).await;
        assert_eq!(scene.office.add_client().await, None, "a client was acknowledged");
        assert!(!path.exists(), "somebody made another file");
        assert!(scene.server.stop().success());
        assert!(scene.server.log().contains("the database file is not where it was"));
        figures.tries += 1;
    }
    figures.write();
}

/// Two servers are one: each acknowledges what the other finds, and one that dies takes nothing along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_file_agree_also_when_one_is_killed() {
    let mut figures = Figures::of("15-second", "a second server on the same file is killed under load");
    let scene = ServerFixture::start();
    let mut second = scene.server.beside();
    second.serve_with(&[]);
    let both = BackOffice::of(vec![scene.server.port, second.port], &scene.server.key);
    for _ in 0..times(2, 20) {
        let crowd = LoadClients::begin(&both, crate::support::server_fixture::CLIENTS);
        crowd.acknowledges(24, TIMEOUT).await;
        second.kill();
        let mut entries = crowd.end().await;
        figures.came_back(scene.until_it_serves().await);
        second.serve_with(&[]);
        figures.tries += 1;
        scene.settle(&mut entries, &mut figures).await;
    }
    figures.write();
}
