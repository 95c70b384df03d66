//! A clock whose hands somebody else moves.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::server::{Server, false_clock};

pub struct WallClock {
    folder: TempDir,
}

impl WallClock {
    pub fn at(hands: &str) -> Self {
        let wall = Self { folder: tempfile::tempdir().unwrap() };
        wall.show(hands);
        wall
    }

    /// `+10800` seconds beside the true time, or `@1970-01-01 00:00:10` when a process starts.
    pub fn show(&self, hands: &str) {
        let next = self.folder.path().join("next");
        fs::write(&next, format!("{hands}\n")).unwrap();
        fs::rename(next, self.file()).unwrap();
    }

    /// Starts a server by this clock.
    pub fn serve(&self, server: &mut Server) {
        let surroundings = self.surroundings();
        server.serve_with(&borrowed(&surroundings));
    }

    /// The same for one that is not to be ready.
    pub fn serve_unready(&self, server: &mut Server) {
        let surroundings = self.surroundings();
        server.serve_unready_with(&borrowed(&surroundings));
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("hands")
    }

    fn surroundings(&self) -> Vec<(&'static str, String)> {
        let mut surroundings = false_clock().to_vec();
        surroundings.push(("FAKETIME_TIMESTAMP_FILE", self.file().to_str().unwrap().to_owned()));
        surroundings.push(("FAKETIME_NO_CACHE", "1".to_owned()));
        surroundings.push(("TZ", "UTC".to_owned()));
        surroundings
    }
}

fn borrowed<'a>(surroundings: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    surroundings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
