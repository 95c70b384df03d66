//! Statements over many rows at once: SQLite runs such a statement for each row, PostgreSQL once for all of them.

/// The values of one column, one for each row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) enum Column {
    Numbers(Vec<i64>),
    Texts(Vec<String>),
    Bytes(Vec<Vec<u8>>),
}

impl Column {
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

/// Rows as named columns of one length, which a statement knows as the table `r`.
#[derive(Clone, Debug)]
pub(in crate::store) struct Rows {
    pub(super) columns: Vec<(&'static str, Column)>,
    /// What follows the table in the statement.
    pub(super) tail: &'static str,
}

impl Rows {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// The text for one row of a statement that begins with `head`, whose first value has the number `first`.
    pub(super) fn for_each(&self, head: &str, first: usize) -> String {
        let row = self.columns.iter().zip(first..).map(|((name, _), place)| format!("${place} AS {name}"));
        let row = row.collect::<Vec<_>>().join(", ");
        format!("{head} (SELECT {row}) r {}", self.tail)
    }

    /// The text for all rows at once, whose columns are arrays.
    pub(super) fn for_all(&self, head: &str, first: usize) -> String {
        let arrays = (first..first + self.columns.len()).map(|place| format!("${place}"));
        let names = self.columns.iter().map(|(name, _)| *name);
        let (arrays, names) = (arrays.collect::<Vec<_>>().join(", "), names.collect::<Vec<_>>().join(", "));
        format!("{head} unnest({arrays}) AS r ({names}) {}", self.tail)
    }
}
