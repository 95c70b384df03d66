//! The file of an import: rows out of CSV (RFC 4180) or JSON Lines, one at a time, by the number of their line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

use super::csv::{Lines, MAX_LENGTH, Place, Record, announced_delimiter, delimiter_of, is_utf16};
use crate::domain::import_header::{ColumnOptions, Header, HeaderError};
use crate::domain::import_row::{ImportRow, RowError};
use crate::files;

/// Why a file cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("{path} cannot be read: {}", files::explain(.path, .source))]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{0} is no file that an import reads: its name must end in .csv or .jsonl")]
    UnknownEnding(PathBuf),
    #[error("{0} is no plain file: give one, or - to read from standard input")]
    NotPlain(PathBuf),
    #[error("{0} is empty: the first line of a .csv names the columns, such as email,name_f,name_l")]
    Empty(PathBuf),
    #[error("{0} is UTF-16: save it as UTF-8 (in spreadsheets \"CSV UTF-8\"); nothing was imported")]
    Utf16(PathBuf),
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
    options: ColumnOptions,
    /// How long the file is, in bytes.
    pub(super) length: u64,
}

enum Kind {
    /// With what parts its fields.
    Csv(Header, u8),
    JsonLines,
}

/// A row, or what is wrong with it, by the line it begins on.
pub(super) struct Numbered {
    pub(super) line: u64,
    pub(super) row: Result<ImportRow, RowError>,
}

impl ImportFile {
    /// Opens a file, or takes standard input (`-`), and reads its header, if it is of the kind that has one.
    pub(super) fn open(path: &Path, options: ColumnOptions) -> Result<Self, FileError> {
        let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
        let (file, length, is_csv) = if path == Path::new("-") {
            let (file, length) = spool().map_err(unreadable)?;
            (file, length, None)
        } else {
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
            (File::open(path).map_err(unreadable)?, about.len(), Some(is_csv))
        };
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let start = reader.fill_buf().map_err(unreadable)?;
        if is_utf16(start) {
            return Err(FileError::Utf16(path.to_owned()));
        }
        // Standard input has no name that says what it is.
        let is_csv = is_csv.unwrap_or_else(|| !start.trim_ascii_start().starts_with(b"{"));
        let lines = Lines::of(reader);
        let mut file = Self { path: path.to_owned(), lines, kind: Kind::JsonLines, options, length };
        if is_csv {
            file.read_header()?;
        }
        Ok(file)
    }

    /// Whether rows may have an id.
    pub(super) fn may_have_ids(&self) -> bool {
        match &self.kind {
            Kind::Csv(header, _) => header.has_id(),
            Kind::JsonLines => true,
        }
    }

    /// How many bytes are behind us.
    pub(super) const fn position(&self) -> u64 {
        self.lines.place().offset
    }

    /// The next row; blank lines and rows of empty cells are passed over.
    pub(super) fn next(&mut self) -> Result<Option<Numbered>, FileError> {
        let next = match &self.kind {
            Kind::Csv(header, delimiter) => next_row(&mut self.lines, header, *delimiter),
            Kind::JsonLines => next_object(&mut self.lines),
        };
        next.map_err(|source| FileError::Unreadable { path: self.path.clone(), source })
    }

    /// Goes back to the first row.
    pub(super) fn rewind(&mut self) -> Result<(), FileError> {
        let rewound = self.lines.go_back_to(Place::default());
        rewound.map_err(|source| FileError::Unreadable { path: self.path.clone(), source })?;
        match self.kind {
            Kind::Csv(..) => self.read_header(),
            Kind::JsonLines => Ok(()),
        }
    }

    fn read_header(&mut self) -> Result<(), FileError> {
        let path = || self.path.clone();
        let unreadable = |source| FileError::Unreadable { path: path(), source };
        let delimiter = read_delimiter(&mut self.lines).map_err(unreadable)?;
        let first = next_record(&mut self.lines, delimiter).map_err(unreadable)?;
        let Some((line, names)) = first else { return Err(FileError::Empty(path())) };
        let names = names.map_err(|error| FileError::NoHeader(path(), line, error))?;
        let names = names.fields().ok_or_else(|| FileError::NoHeader(path(), line, malformed(NOT_UTF8)))?;
        let header = Header::parse(names, &self.options).map_err(|error| FileError::Header(path(), error))?;
        self.kind = Kind::Csv(header, delimiter);
        Ok(())
    }
}

/// Standard input in a file without a name: it is gone through twice, and is gone with this process.
fn spool() -> io::Result<(File, u64)> {
    let mut file = tempfile::tempfile()?;
    let length = io::copy(&mut io::stdin().lock(), &mut file)?;
    file.rewind()?;
    Ok((file, length))
}

/// What parts the fields; the header is the next record after this.
fn read_delimiter(lines: &mut Lines) -> io::Result<u8> {
    let mut line = Vec::new();
    loop {
        let before = lines.place();
        line.clear();
        if !lines.read(&mut line)? {
            return Ok(b',');
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Some(delimiter) = announced_delimiter(&line) {
            return Ok(delimiter);
        }
        lines.go_back_to(before)?;
        return Ok(delimiter_of(&line));
    }
}

fn next_row(lines: &mut Lines, header: &Header, delimiter: u8) -> io::Result<Option<Numbered>> {
    while let Some((line, record)) = next_record(lines, delimiter)? {
        let row = record.and_then(|record| header.row(&record.fields().ok_or_else(|| malformed(NOT_UTF8))?));
        if let Some(row) = row.transpose() {
            return Ok(Some(Numbered { line, row }));
        }
    }
    Ok(None)
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
fn next_record(lines: &mut Lines, delimiter: u8) -> io::Result<Option<(u64, Result<Record, RowError>)>> {
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
        match record.take(&line, delimiter) {
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
