//! A small file system that is full, and has room again.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;

use tempfile::TempDir;

use crate::support::database::Database;
use crate::support::figures::{Figures, times};
use crate::support::server_fixture::{CLIENTS, ServerFixture, TIMEOUT};
use crate::support::wait::until_so;

/// A file system in memory; only root may make one.
struct Small(TempDir);

impl Small {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        run("mount", &["-t", "tmpfs", "-o", "size=4m", "doorkey-test", folder.path().to_str().unwrap()]);
        Self(folder)
    }

    fn fill(&self) {
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        let mut size = 1 << 16;
        while size > 0 {
            if ballast.write_all(&vec![1; size]).is_err() {
                size /= 2;
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    /// Nothing may have a file of it open.
    fn turn(&self, how: &str) {
        run("mount", &["-o", &format!("remount,{how}"), self.0.path().to_str().unwrap()]);
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run("umount", &["-l", self.0.path().to_str().unwrap()]);
    }
}

fn run(program: &str, words: &[&str]) {
    let status = Command::new(program).args(words).status().unwrap();
    assert!(status.success(), "{program} {words:?}: this needs root");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_503s_and_nothing_else() {
    let mut figures = Figures::of("10-full", "the disk is full, and has room again");
    for _ in 0..times(2, 20) {
        // A file system of its own each time: a log that has been begun anew has room for a while.
        fills_up(&Small::make(), &mut figures).await;
    }
    figures.write();
}

async fn fills_up(small: &Small, figures: &mut Figures) {
    let mut scene = ServerFixture::on(Database::Sqlite(small.0.path().join("doorkey.db")));
    let crowd = scene.crowd();
    let witness = scene.witness().await;
    crowd.acknowledges(8, TIMEOUT).await;
    small.fill();
    let is_full = async || crowd.refused.load(Ordering::Relaxed) >= CLIENTS * 3;
    until_so(TIMEOUT, is_full, || "the disk is not full".to_owned()).await;
    let mut entries = crowd.end().await;
    witness.sees_503s_alone(&scene).await;
    small.make_room();
    figures.came_back(scene.until_it_serves().await);
    witness.finds_all_as_it_was(&scene).await;
    assert!(scene.server.runs(), "it ended: {}", scene.server.log());
    figures.tries += 1;
    scene.settle(&mut entries, figures).await;
    scene.kill_and_restart();
    figures.lose(scene.office.complaints(&mut entries).await);

    // Nobody starts on what cannot be written.
    scene.server.stop();
    small.turn("ro");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"];
    let sentence = scene.server.refused(&serve, &[]);
    assert!(sentence.contains("cannot be opened"), "{sentence}");
    small.turn("rw");
    scene.server.serve_with(&[]);
    figures.lose(scene.office.complaints(&mut entries).await);
    scene.server.stop();
}
