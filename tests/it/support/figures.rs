//! What a fault-injection test has tried and seen, as a row of `docs/reliability.md`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::acknowledged_ops::{Entry, Fate};

/// `short`, or `long` where `./test --long` asks for all of it.
pub fn times(short: usize, long: usize) -> usize {
    if std::env::var_os("DOORKEY_TEST_FAULTS").is_some_and(|form| form == "long") { long } else { short }
}

/// One row in the making.
pub struct Figures {
    name: String,
    fault: String,
    pub tries: usize,
    links: usize,
    uses: usize,
    kills: usize,
    sign_outs: usize,
    pub revocations: usize,
    lost: Vec<String>,
    back: Vec<Duration>,
    notes: Vec<String>,
}

impl Figures {
    /// An empty row, and the file that it goes into.
    pub fn of(name: impl Into<String>, fault: impl Into<String>) -> Self {
        let (lost, back, notes) = (Vec::new(), Vec::new(), Vec::new());
        let (tries, links, uses, kills, sign_outs, revocations) = (0, 0, 0, 0, 0, 0);
        let (name, fault) = (name.into(), fault.into());
        Self { name, fault, tries, links, uses, kills, sign_outs, revocations, lost, back, notes }
    }

    pub fn acknowledge(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.acknowledge_one(&entry.fate);
        }
    }

    pub fn acknowledge_one(&mut self, fate: &Fate) {
        self.links += 1;
        match fate {
            Fate::Live | Fate::Unknown(_) => {}
            Fate::Used(_) => self.uses += 1,
            Fate::Killed => self.kills += 1,
            Fate::SignedOut(_) => (self.uses, self.sign_outs) = (self.uses + 1, self.sign_outs + 1),
        }
    }

    pub fn lose(&mut self, complaints: Vec<String>) {
        self.lost.extend(complaints);
    }

    /// It served again after so long.
    pub fn came_back(&mut self, after: Duration) {
        self.back.push(after);
    }

    /// What else is worth knowing of the row.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Writes the row down. Nothing may be lost, and something must have been tried.
    pub fn write(mut self) {
        assert!(self.tries > 0, "nothing was hurt");
        let counted = [
            (self.links, "links"),
            (self.uses, "uses"),
            (self.kills, "kills"),
            (self.sign_outs, "sign-outs"),
            (self.revocations, "revocations"),
        ];
        let counted = counted.iter().filter(|(count, _)| *count > 0);
        let counted = counted.map(|(count, what)| format!("{} {what}", grouped(*count))).collect::<Vec<_>>();
        self.back.sort();
        let back = self.back.last().map_or_else(String::new, |longest| {
            let middle = self.back[self.back.len() / 2];
            format!("{} ms, at most {} ms", middle.as_millis(), longest.as_millis())
        });
        let notes = self.notes.iter().fold(String::new(), |notes, note| format!("{notes}; {note}"));
        let row = format!(
            "| {}{notes} | {} | {} | {} | {back} |\n",
            self.fault,
            grouped(self.tries),
            counted.join(", "),
            self.lost.len(),
        );
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("faults");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{}.txt", self.name)), row).unwrap();
        assert_eq!(self.lost, [""; 0]);
    }
}

/// With a comma before each three digits: `12,345`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
