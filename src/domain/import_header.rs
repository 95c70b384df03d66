//! The columns of a CSV file that is imported: which field of a user each holds, and how its cells are read.

use super::import_row::{ImportRow, RowError, is_passed_over, shortened};
use super::user::fields::{self, UserField};
use super::validation::ValidationErrors;

/// Unknown columns that are named at most.
const MAX_NAMED: usize = 20;

/// Why the first line of a CSV file is no header.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HeaderError {
    /// Columns that no user has.
    #[error(
        "no field of a user fits {}; there are id, {} (name, created_at and updated_at are ignored): say which field \
         a column holds with --map \"COLUMN=FIELD\", or leave out all such columns with --ignore-unknown",
        .0.join(", "), fields::settable()
    )]
    Unknown(Vec<String>),
    /// Two columns for one field.
    #[error("two columns hold the field {0:?}: rename one of them")]
    Twice(String),
    /// Nothing says whom a row is about.
    #[error(
        "there is no column id and no column email: one of them must say whom a row is about (--map \"COLUMN=email\")"
    )]
    Nobody,
    /// What `--map` says of a column that is not there, or of a field that is none.
    #[error("--map {0:?}: {1}")]
    Map(String, &'static str),
}

/// What is said of columns beside the file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ColumnOptions {
    /// Names of columns, and the fields that they hold.
    pub maps: Vec<(String, String)>,
    /// Whether columns that fit nothing are left out.
    pub ignores_unknown: bool,
}

/// What a column holds.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Column {
    Field(String),
    /// Something that nobody asked for.
    Ignored,
    /// Nothing: it has no name, and its cells must be empty.
    Nameless,
}

/// What each column of a CSV file holds, in the order of the columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header(Vec<Column>);

impl Header {
    /// Takes the names of the columns, in any order. Names are compared whatever their case; spaces and `_` are alike.
    ///
    /// # Errors
    /// `HeaderError` names every column that is unknown, one that is there twice, or says that nothing says whom a row is about.
    pub fn parse<'a>(
        names: impl IntoIterator<Item = &'a str>,
        options: &ColumnOptions,
    ) -> Result<Self, HeaderError> {
        let names: Vec<_> = names.into_iter().map(|name| (name, normal(name))).collect();
        for (column, field) in &options.maps {
            let shown = || format!("{column}={field}");
            if !is_known(&normal(field)) {
                return Err(HeaderError::Map(shown(), "a user has no such field"));
            }
            if !names.iter().any(|(_, name)| *name == normal(column)) {
                return Err(HeaderError::Map(shown(), "the file has no such column"));
            }
        }
        let mut columns = Vec::new();
        let mut unknown = Vec::new();
        for (name, normal_name) in names {
            let mapped = options.maps.iter().find(|(column, _)| normal(column) == normal_name);
            let field = mapped.map_or_else(|| normal_name.clone(), |(_, field)| normal(field));
            let column = if field.is_empty() {
                Column::Nameless
            } else if is_known(&field) {
                Column::Field(field)
            } else {
                if !options.ignores_unknown && unknown.len() < MAX_NAMED {
                    unknown.push(format!("{:?}", shortened(name)));
                }
                Column::Ignored
            };
            if let Column::Field(field) = &column
                && columns.contains(&column)
            {
                return Err(HeaderError::Twice(field.clone()));
            }
            columns.push(column);
        }
        if !unknown.is_empty() {
            return Err(HeaderError::Unknown(unknown));
        }
        let header = Self(columns);
        if header.has("id") || header.has("email") { Ok(header) } else { Err(HeaderError::Nobody) }
    }

    /// Whether a row may have an id.
    #[must_use]
    pub fn has_id(&self) -> bool {
        self.has("id")
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|column| matches!(column, Column::Field(field) if field == name))
    }

    /// Takes the cells of a row, without spaces around them. `None` if all of them are empty.
    ///
    /// # Errors
    /// `RowError` names every field that does not pass, or says that there are too few or too many.
    pub fn row(&self, cells: &[&str]) -> Result<Option<ImportRow>, RowError> {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return Ok(None);
        }
        let (named, rest) = cells.split_at(cells.len().min(self.0.len()));
        if named.len() < self.0.len() || rest.iter().any(|cell| !cell.trim().is_empty()) {
            let (found, wanted) = (cells.len(), self.0.len());
            return Err(RowError::Malformed(format!("has {found} fields where the header has {wanted}")));
        }
        let mut row = ImportRow::default();
        let mut invalid = ValidationErrors::default();
        for (column, cell) in self.0.iter().zip(named) {
            let cell = cell.trim();
            match column {
                Column::Nameless if !cell.is_empty() => {
                    return Err(RowError::Malformed("has a value in a column that has no name".to_owned()));
                }
                Column::Ignored | Column::Nameless => {}
                Column::Field(field) if is_passed_over(field) => {}
                // An empty cell says nothing about a field that cannot be empty.
                Column::Field(field)
                    if cell.is_empty() && !fields::find(field).is_some_and(UserField::may_be_empty) => {}
                Column::Field(field) => {
                    invalid.take(field, row.take_text(field, plain(field, cell)));
                }
            }
        }
        row.checked(invalid).map(Some)
    }
}

fn is_known(field: &str) -> bool {
    fields::find(field).is_some()
}

/// A name as it is compared.
fn normal(name: &str) -> String {
    let words: Vec<_> = name.split(|letter: char| letter.is_whitespace() || letter == '_').collect();
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join("_").to_lowercase()
}

/// Yes and no, as spreadsheets write them.
fn plain<'a>(field: &str, cell: &'a str) -> &'a str {
    const YES: [&str; 4] = ["true", "yes", "y", "1"];
    const NO: [&str; 4] = ["false", "no", "n", "0"];
    let is_one_of = |words: [&str; 4]| words.iter().any(|word| cell.eq_ignore_ascii_case(word));
    let (yes, no) = match field {
        "status" => ("1", "0"),
        "two_factor_enabled" | "staff" => ("true", "false"),
        _ => return cell,
    };
    if is_one_of(YES) {
        yes
    } else if is_one_of(NO) {
        no
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Result<Header, HeaderError> {
        Header::parse(names.iter().copied(), &ColumnOptions::default())
    }

    #[test]
    fn names_count_whatever_their_case_with_spaces_for_underscores() {
        let header = header(&["E-Mail", "NAME_F"]);
        assert_eq!(header, Err(HeaderError::Unknown(vec!["\"E-Mail\"".to_owned()])));
        let header = self::header(&[" Email ", "Name  F", "two factor enabled"]).unwrap();

        let row = header.row(&[" a@x.test ", "Ada", "YES"]).unwrap().unwrap();

        assert_eq!(row.fields.email.unwrap().as_str(), "a@x.test");
        assert_eq!((row.fields.name_f.as_deref(), row.fields.has_two_factor), (Some("Ada"), Some(true)));
    }

    #[test]
    fn all_that_fits_nothing_is_named_at_once_mapped_or_left_out() {
        let names = ["Contact mail", "First Name", "Plan"];
        let Err(HeaderError::Unknown(unknown)) = header(&names) else { panic!("it fits") };
        assert_eq!(unknown.len(), 3);
        let map = |column: &str, field: &str| (column.to_owned(), field.to_owned());
        let options = ColumnOptions {
            maps: vec![map("contact mail", "email"), map("First Name", "name_f")],
            ignores_unknown: true,
        };
        let header = Header::parse(names, &options).unwrap();

        let row = header.row(&["a@x.test", "Ada", "gold"]).unwrap().unwrap();

        assert_eq!(row.fields.name_f.as_deref(), Some("Ada"));
        for (column, field) in [("Plan", "plan"), ("Nothing", "note")] {
            let options = ColumnOptions { maps: vec![map(column, field)], ..ColumnOptions::default() };
            assert!(
                matches!(Header::parse(["email", "Plan"], &options), Err(HeaderError::Map(..))),
                "{column}"
            );
        }
    }

    #[test]
    fn commas_at_the_end_say_nothing() {
        let header = header(&["email", "name_f", "", ""]).unwrap();

        assert_eq!(header.row(&["", " ", "", ""]), Ok(None));
        assert!(header.row(&["a@x.test", "Ada", "", "", "", ""]).is_ok());
        assert!(header.row(&["a@x.test", "Ada", "x", ""]).is_err());
        assert!(header.row(&["a@x.test", "Ada"]).is_err());
    }
}
