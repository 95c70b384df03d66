//! A disk that fails: the k-th sync, write and open, and a file system that turns read-only.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::acknowledged_ops::outage;
use crate::support::acknowledged_ops::{BackOffice, Entry};
use crate::support::database::Database;
use crate::support::figures::{Figures, times};
use crate::support::server::Server;
use crate::support::server_fixture::{ServerFixture, SignedInProbe, TIMEOUT};
use crate::support::strace::Strace;
use crate::support::wait::until_so;

/// A fault of one call, the `k`-th from now on of the thread that writes.
type Fault = fn(usize) -> Vec<String>;

/// Whatever goes wrong once costs those who wait some 503s: the process goes on, and so does everybody.
async fn every_kth_call_fails_once(figures: &mut Figures, fault: Fault, most: usize) {
    let mut scene = ServerFixture::start();
    let mut all = Vec::new();
    for k in 1..=most {
        let crowd = scene.crowd();
        crowd.acknowledges(8, TIMEOUT).await;
        let tracer = Strace::attach(&scene.server, &fault(k));
        let begun = Instant::now();
        tracer.has_injected().await;
        crowd.acknowledges(24, TIMEOUT).await;
        drop(tracer);
        crowd.acknowledges(8, TIMEOUT).await;
        let mut entries = crowd.end().await;

        assert!(scene.server.runs(), "it ended: {}", scene.server.log());
        figures.tries += 1;
        figures.came_back(outage(&entries, begun));
        scene.settle(&mut entries, figures).await;
        all.extend(entries);
    }
    // What the process held for durable is so for whoever comes next.
    scene.kill_and_restart();
    figures.lose(scene.office.complaints(&mut all).await);
}

/// While it goes wrong all the time nothing is acknowledged, and from then on all is as it was.
async fn while_it_lasts(figures: &mut Figures, faults: &[String]) {
    let mut scene = ServerFixture::start();
    let crowd = scene.crowd();
    let witness = scene.witness().await;
    crowd.acknowledges(24, TIMEOUT).await;
    let mut entries = crowd.end().await;
    let tracer = Strace::attach(&scene.server, faults);
    witness.sees_503s_alone(&scene).await;
    witness.sees_503s_alone(&scene).await;
    assert!(tracer.injected() > 0, "no call has gone wrong");
    drop(tracer);
    figures.came_back(scene.until_it_serves().await);
    witness.finds_all_as_it_was(&scene).await;
    assert!(scene.server.runs(), "it ended: {}", scene.server.log());
    figures.tries += 1;
    scene.settle(&mut entries, figures).await;
    scene.kill_and_restart();
    figures.lose(scene.office.complaints(&mut entries).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_acknowledges_nothing_and_loses_nothing() {
    let mut figures = Figures::of("03-sync", "the k-th `fsync` fails once (EIO)");
    every_kth_call_fails_once(
        &mut figures,
        |k| vec![format!("fsync,fdatasync:error=EIO:when={k}")],
        times(2, 20),
    )
    .await;
    figures.write();
    let mut figures = Figures::of("04-syncs", "every `fsync` fails until it is mended (EIO)");
    for _ in 0..times(1, 10) {
        while_it_lasts(&mut figures, &["fsync,fdatasync:error=EIO".to_owned()]).await;
    }
    figures.write();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_acknowledges_nothing_and_loses_nothing() {
    let mut figures = Figures::of("05-write", "the k-th write fails once (EIO)");
    every_kth_call_fails_once(&mut figures, |k| vec![format!("pwrite64:error=EIO:when={k}")], times(2, 20))
        .await;
    figures.write();
    let mut figures = Figures::of("06-writes", "every write fails until it is mended (EIO)");
    for _ in 0..times(1, 10) {
        while_it_lasts(&mut figures, &["pwrite64:error=EIO".to_owned()]).await;
    }
    figures.write();
}

/// After a sync that failed the file is opened anew, and that fails too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_that_fails_acknowledges_nothing_and_loses_nothing() {
    let mut figures = Figures::of("07-open", "the k-th open fails once, after a failed `fsync` (EIO)");
    let fault = |k| vec!["fsync,fdatasync:error=EIO:when=1".to_owned(), format!("openat:error=EIO:when={k}")];
    every_kth_call_fails_once(&mut figures, fault, times(2, 10)).await;
    figures.write();
}

/// As a kernel leaves it after errors of its disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_system_that_turns_read_only_costs_503s_and_nothing_else() {
    let mut figures = Figures::of("08-read-only", "the file system turns read-only and back (EROFS)");
    let calls = "pwrite64,ftruncate,fallocate,unlink:error=EROFS";
    for _ in 0..times(1, 10) {
        while_it_lasts(&mut figures, &[calls.to_owned()]).await;
    }
    figures.write();
}

/// The process goes on, and all holds, for it and for whoever comes next.
async fn recovers(
    mut scene: ServerFixture,
    witness: &SignedInProbe,
    entries: &mut [Entry],
    figures: &mut Figures,
) {
    figures.came_back(scene.until_it_serves().await);
    figures.tries += 1;
    scene.settle(entries, figures).await;
    scene.kill_and_restart();
    witness.finds_all_as_it_was(&scene).await;
    scene.settle(entries, figures).await;
}

/// A kernel whose write-back failed may show bytes that are on no disk, until it forgets them. Here they are gone at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_sync_left_unwritten_is_never_built_upon() {
    let mut figures = Figures::of("09-forgotten", "a failed `fsync` whose bytes the kernel then forgets");
    for _ in 0..times(2, 20) {
        let scene = ServerFixture::start();
        let crowd = scene.crowd();
        let witness = scene.witness().await;
        crowd.acknowledges(16, TIMEOUT).await;
        let mut entries = crowd.end().await;
        let log = OpenOptions::new().write(true).open(log_of(&scene.server.database)).unwrap();
        let durable = log.metadata().unwrap().len();

        let tracer = Strace::attach(&scene.server, &["fsync,fdatasync:error=EIO".to_owned()]);
        witness.sees_503s_alone(&scene).await;
        assert!(log.metadata().unwrap().len() > durable, "nothing was written that could be forgotten");
        log.set_len(durable).unwrap();
        drop(tracer);
        recovers(scene, &witness, &mut entries, &mut figures).await;
    }
    figures.write();
}

/// The same of the database itself: what was carried over into it out of the log is gone, and the log alone has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_carried_over_before_a_failed_sync_is_carried_over_once_more() {
    let mut figures = Figures::of(
        "09-forgotten-file",
        "a failed `fsync` of the database itself, whose bytes are forgotten",
    );
    for _ in 0..times(1, 10) {
        let scene = ServerFixture::start();
        let witness = scene.witness().await;
        let path = file_of(&scene.server.database).to_owned();
        let durable = fs::read(&path).unwrap();
        let tracer = Strace::attach_at(&scene.server, &path, &["fsync,fdatasync:error=EIO".to_owned()]);
        let crowd = scene.crowd();
        tracer.has_injected().await;
        let mut entries = crowd.end().await;
        // Nothing is believed of what a kernel shows and may forget.
        assert_eq!(scene.office.find_button(&witness.link).await, None, "a page was shown");
        forget(&tracer, &path, &durable).await;
        drop(tracer);
        recovers(scene, &witness, &mut entries, &mut figures).await;
    }
    figures.write();
}

/// Whoever starts anew has no error of the disk to go by, and as long as others have the file open, what SQLite believes to be
/// carried over outlives the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_is_known_after_a_restart() {
    let mut figures = Figures::of(
        "09-forgotten-start",
        "the same, and the server is killed while others have the file open",
    );
    for _ in 0..times(1, 10) {
        let mut scene = ServerFixture::start();
        let witness = scene.witness().await;
        let path = file_of(&scene.server.database).to_owned();
        let durable = path.with_extension("durable");
        fs::copy(&path, &durable).unwrap();
        let holder = hold(&path);
        let tracer = Strace::attach_at(&scene.server, &path, &["fsync,fdatasync:error=EIO".to_owned()]);
        let crowd = scene.crowd();
        tracer.has_injected().await;
        let mut entries = crowd.end().await;
        assert_eq!(scene.office.find_button(&witness.link).await, None, "a page was shown");
        scene.kill();
        drop(tracer);
        // By another process: one that closes a file loses the locks that it holds on it, and the holder is of this one.
        assert!(Command::new("cp").arg(&durable).arg(&path).status().unwrap().success());

        let refused = scene.server.refused(&["workspace", "list"], &[]);
        assert!(refused.contains("a sync failed"), "{refused}");
        drop(holder);
        let begun = Instant::now();
        scene.server.serve_with(&[]);
        figures.came_back(begun.elapsed());
        figures.tries += 1;
        witness.finds_all_as_it_was(&scene).await;
        scene.settle(&mut entries, &mut figures).await;
        assert!(!path.with_extension("db-doubt").exists());
    }
    figures.write();
}

/// Of two servers on one file the one whose sync failed cannot end the doubt while the other goes on. So that one lets go, ends
/// it, and both serve again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_is_cleared_by_the_server_that_can() {
    let mut figures = Figures::of(
        "09-forgotten-two",
        "a failed `fsync` of the database itself, with a second server on the file",
    );
    for _ in 0..times(1, 10) {
        let scene = ServerFixture::start();
        let mut second = scene.server.beside();
        second.serve_with(&[]);
        let seconds = BackOffice::of(vec![second.port], &scene.server.key);
        let path = file_of(&scene.server.database).to_owned();
        let tracer = Strace::attach_at(&scene.server, &path, &["fsync,fdatasync:error=EIO".to_owned()]);
        let crowd = scene.crowd();
        tracer.has_injected().await;
        let begun = Instant::now();
        let mut entries = crowd.end().await;
        drop(tracer);
        figures.came_back(begun.elapsed() + scene.until_it_serves().await);
        let serves = async || seconds.add_client().await.is_some();
        until_so(TIMEOUT, serves, || format!("the second one does not recover:\n{}", second.log())).await;

        figures.tries += 1;
        scene.settle(&mut entries, &mut figures).await;
        let is_over = |server: &Server| server.log().contains("all of it is on the disk");
        assert!(is_over(&second) || is_over(&scene.server), "nobody wrote it once more");
    }
    figures.write();
}

/// Has a database open, as a backup of it does, and carries nothing over.
fn hold(path: &Path) -> rusqlite::Connection {
    let holder = rusqlite::Connection::open(path).unwrap();
    holder.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    holder.query_row("SELECT count(*) FROM users", [], |_| Ok(())).unwrap();
    holder
}

/// Has a file be as it was when it was synced last, at a moment when nobody is at it.
async fn forget(tracer: &Strace, file: &Path, durable: &[u8]) {
    loop {
        let injected = tracer.injected();
        let mut file = OpenOptions::new().write(true).open(file).unwrap();
        file.write_all(durable).unwrap();
        file.set_len(durable.len().try_into().unwrap()).unwrap();
        // Whoever was at it has met the fault by then.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if tracer.injected() == injected {
            return;
        }
    }
}

fn file_of(database: &Database) -> &Path {
    let Database::Sqlite(path) = database else { panic!("no file") };
    path
}

fn log_of(database: &Database) -> PathBuf {
    file_of(database).with_extension("db-wal")
}
