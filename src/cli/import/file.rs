//! The file of an import: rows out of CSV (RFC 4180) or JSON Lines, one at a time, by the number of their line.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::csv::{Lines, MAX_LENGTH, Place, Record};
use crate::domain::import_row::{Header, HeaderError, ImportRow, RowError};

/// Why a file cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, io::Error),
    #[error("{0} is no file that an import reads: its name must end in .csv or .jsonl")]
    UnknownEnding(PathBuf),
    #[error("{0} is no plain file")]
    NotPlain(PathBuf),
    #[error("{0} is empty: line 1 of a .csv names the columns")]
    Empty(PathBuf),
    #[error("line {1} of {0} is no header: it {2}; nothing was imported")]
    NoHeader(PathBuf, u64, RowError),
    #[error("{0}: {1}; nothing was imported")]
    Header(PathBuf, HeaderError),
}

/// A file that is read row by row.
pub(super) struct ImportFile {
    path: PathBuf,
    lines: Lines,
    kind: Kind,
    /// How long the file is, in bytes.
    pub(super) length: u64,
}

enum Kind {
    Csv(Header),
    JsonLines,
}

/// A row, or what is wrong with it, by the line it begins on.
pub(super) struct Numbered {
    pub(super) line: u64,
    pub(super) row: Result<ImportRow, RowError>,
}

impl ImportFile {
    /// Opens a file and reads its header, if it is of the kind that has one.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let unreadable = |error| FileError::Unreadable(path.to_owned(), error);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_csv = ending.eq_ignore_ascii_case("csv");
        if !is_csv && !ending.eq_ignore_ascii_case("jsonl") {
            return Err(FileError::UnknownEnding(path.to_owned()));
        }
        // Opening a pipe would wait for somebody at its other end, and a file is gone through twice.
        let about = path.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(FileError::NotPlain(path.to_owned()));
        }
        let file = File::open(path).map_err(unreadable)?;
        let lines = Lines::of(BufReader::with_capacity(1 << 16, file));
        let mut file = Self { path: path.to_owned(), lines, kind: Kind::JsonLines, length: about.len() };
        if is_csv {
            file.read_header()?;
        }
        Ok(file)
    }

    /// Whether rows may have an id.
    pub(super) fn may_have_ids(&self) -> bool {
        match &self.kind {
            Kind::Csv(header) => header.has_id(),
            Kind::JsonLines => true,
        }
    }

    /// How many bytes are behind us.
    pub(super) const fn position(&self) -> u64 {
        self.lines.place().offset
    }

    /// The next row; blank lines are passed over.
    pub(super) fn next(&mut self) -> Result<Option<Numbered>, FileError> {
        let next = match &self.kind {
            Kind::Csv(header) => next_record(&mut self.lines).map(|found| {
                let row = |record: Record| header.row(&record.fields().ok_or(malformed(NOT_UTF8))?);
                found.map(|(line, record)| Numbered { line, row: record.and_then(row) })
            }),
            Kind::JsonLines => next_object(&mut self.lines),
        };
        next.map_err(|error| FileError::Unreadable(self.path.clone(), error))
    }

    /// Goes back to the first row.
    pub(super) fn rewind(&mut self) -> Result<(), FileError> {
        let rewound = self.lines.go_back_to(Place::default());
        rewound.map_err(|error| FileError::Unreadable(self.path.clone(), error))?;
        match self.kind {
            Kind::Csv(_) => self.read_header(),
            Kind::JsonLines => Ok(()),
        }
    }

    fn read_header(&mut self) -> Result<(), FileError> {
        let path = || self.path.clone();
        let first = next_record(&mut self.lines).map_err(|error| FileError::Unreadable(path(), error))?;
        let Some((line, names)) = first else { return Err(FileError::Empty(path())) };
        let names = names.map_err(|error| FileError::NoHeader(path(), line, error))?;
        let names = names.fields().ok_or_else(|| FileError::NoHeader(path(), line, malformed(NOT_UTF8)))?;
        self.kind = Kind::Csv(Header::parse(names).map_err(|error| FileError::Header(path(), error))?);
        Ok(())
    }
}

fn next_object(lines: &mut Lines) -> io::Result<Option<Numbered>> {
    let mut line = Vec::new();
    while lines.read(&mut line)? {
        if !line.trim_ascii().is_empty() {
            let row = match std::str::from_utf8(&line) {
                _ if line.len() > MAX_LENGTH => Err(malformed(TOO_LONG)),
                Err(_) => Err(malformed(NOT_UTF8)),
                Ok(text) => ImportRow::parse_json(text),
            };
            return Ok(Some(Numbered { line: lines.place().number, row }));
        }
        line.clear();
    }
    Ok(None)
}

/// The next record of a CSV file, by the number of its first line.
///
/// What is no record costs no more than its first line: the next is looked for on the line after it, so that a quote
/// that is never closed does not swallow the rows that follow.
fn next_record(lines: &mut Lines) -> io::Result<Option<(u64, Result<Record, RowError>)>> {
    let mut line = Vec::new();
    while line.iter().all(|byte| b"\r\n".contains(byte)) {
        line.clear();
        if !lines.read(&mut line)? {
            return Ok(None);
        }
    }
    let first = lines.place();
    let mut record = Record::default();
    let wrong = loop {
        if record.length() + line.len() > MAX_LENGTH {
            break TOO_LONG;
        }
        match record.take(&line) {
            Ok(true) => return Ok(Some((first.number, Ok(record)))),
            Ok(false) => line.clear(),
            Err(wrong) => break wrong,
        }
        if !lines.read(&mut line)? {
            break "opens a quote that is never closed";
        }
    };
    lines.go_back_to(first)?;
    Ok(Some((first.number, Err(malformed(wrong)))))
}

fn malformed(what: &str) -> RowError {
    RowError::Malformed(what.to_owned())
}

const NOT_UTF8: &str = "is not UTF-8";

const TOO_LONG: &str = "is longer than 1 MiB, or opens a quote that is never closed";
