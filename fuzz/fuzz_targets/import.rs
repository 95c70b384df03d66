//! A CSV file is read as the `csv` crate reads it wherever the RFC allows it, and twice the same.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use doorkey::domain;
use doorkey::domain::import_header::{ColumnOptions, Header};
use doorkey::domain::import_row::{ImportRow, RowError};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

// The reader belongs to the command line and is nobody else's business: it is built here from its source.
#[path = "../../src/cli/import/csv.rs"]
mod csv;
#[path = "../../src/cli/import/file.rs"]
#[expect(dead_code, reason = "the command uses more of it")]
mod file;

use file::ImportFile;

static FOLDER: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("users.csv");
    (folder, path)
});

fuzz_target!(|bytes: &[u8]| {
    let path = &FOLDER.1;
    std::fs::write(path, bytes).expect("a file");
    let Ok(mut file) = ImportFile::open(path, ColumnOptions::default()) else { return };
    let rows = read(&mut file);
    file.rewind().expect("a header is one the second time too");
    assert_eq!(rows, read(&mut file));
    assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0), "lines are told out of order");

    let is_plain = !rows.iter().any(|(_, row)| matches!(row, Err(RowError::Malformed(_))));
    if is_plain {
        let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        assert_eq!(rows, read_by_another_hand(bytes));
    }
});

type Row = Result<ImportRow, RowError>;

fn read(file: &mut ImportFile) -> Vec<(u64, Row)> {
    let mut rows = Vec::new();
    while let Some(numbered) = file.next().expect("a file that is there is readable") {
        rows.push((numbered.line, numbered.row));
    }
    rows
}

fn read_by_another_hand(bytes: &[u8]) -> Vec<Row> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut end = 0;
    let first = text.split_inclusive(|byte| *byte == b'\n').find(|line| {
        end += line.len();
        !line.trim_ascii().is_empty()
    });
    let first = first.expect("a header");
    let (delimiter, text) = match csv::announced_delimiter(first) {
        Some(delimiter) => (delimiter, &text[end..]),
        None => (csv::delimiter_of(first), text),
    };
    let mut reader = ::csv::ReaderBuilder::new();
    let mut reader = reader.has_headers(false).flexible(true).delimiter(delimiter).from_reader(text);
    let mut records = reader.records().map(|record| record.expect("UTF-8"));
    let names = records.next().expect("a header");
    let header = Header::parse(&names, &ColumnOptions::default()).expect("a header");
    records.filter_map(|record| header.row(&record.iter().collect::<Vec<_>>()).transpose()).collect()
}
