//! Somebody with the database and without the key: rows edited in every column, copied and invented. The columns are
//! read from the schema, so that one that comes later is tried too.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

/// Where one thing stands in all those that are tried.
const TABLES: [&str; 4] = ["users", "login_links", "sessions", "api_keys"];

/// A table as the schema has it.
pub struct Table {
    name: &'static str,
    columns: Vec<String>,
}

/// The database in the hands of somebody who may write to it.
pub struct Thief {
    database: Connection,
}

/// A way to change a row, and where it was found.
#[derive(Clone, Debug)]
pub struct Edit {
    pub column: String,
    pub value: Value,
}

impl Thief {
    /// Keeps a copy of everything, to put it back.
    pub fn of(path: &Path) -> Self {
        let database = Connection::open(path).unwrap();
        database.busy_timeout(super::PATIENCE).unwrap();
        // No power is cut here, and there is much to put back.
        database.pragma_update(None, "synchronous", "off").unwrap();
        for table in TABLES {
            let keep = format!("CREATE TEMP TABLE kept_{table} AS SELECT * FROM main.{table}");
            database.execute_batch(&keep).unwrap();
        }
        Self { database }
    }

    pub fn put_everything_back(&self) {
        let back = TABLES
            .map(|table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table};"))
            .concat();
        self.database.execute_batch(&format!("BEGIN IMMEDIATE; {back} COMMIT")).unwrap();
    }

    pub fn table(&self, name: &'static str) -> Table {
        let mut query = self.database.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
        let columns = query.query_map([name], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        Table { name, columns }
    }

    /// Every way in which a row is edited: by one, by a day, to nothing, by a bit, to what another row has.
    pub fn edits(&self, table: &Table, row: &str) -> Vec<Edit> {
        let mut edits = Vec::new();
        for column in &table.columns {
            let own = self.value(table, column, row);
            let mut others = self.values(table, column);
            others.extend(variations(&own));
            others.push(Value::Null);
            others.retain(|value| *value != own);
            let mut tried: Vec<Value> = Vec::new();
            for value in others {
                if !tried.contains(&value) {
                    tried.push(value.clone());
                    edits.push(Edit { column: column.clone(), value });
                }
            }
        }
        edits
    }

    /// Edits a row in its place; a row that stands in the way goes. Whether the database lets it be.
    pub fn edit(&self, table: &Table, row: &str, edit: &Edit) -> bool {
        let sql = format!("UPDATE OR REPLACE {} SET {} = ?1 WHERE {row}", table.name, edit.column);
        self.database.execute(&sql, [&edit.value]).is_ok_and(|changed| changed == 1)
    }

    /// Copies a row into another workspace, with one column edited. Whether the database lets it be.
    pub fn copy(&self, table: &Table, row: &str, workspace: i64, edit: &Edit) -> bool {
        let columns = table.columns.iter().map(|column| match column.as_str() {
            "workspace_id" => workspace.to_string(),
            other if other == edit.column => "?1".to_owned(),
            other => other.to_owned(),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let sql =
            format!("INSERT OR REPLACE INTO {0} SELECT {columns} FROM kept_{0} WHERE {row}", table.name);
        let uses_value = sql.contains("?1");
        let copied = if uses_value {
            self.database.execute(&sql, [&edit.value])
        } else {
            self.database.execute(&sql, [])
        };
        copied.is_ok_and(|copied| copied == 1)
    }

    /// A row that nobody wrote before: like one that is there, but with bytes of the thief's own choosing.
    pub fn invent(&self, table: &Table, like: &str, own: &[(&str, Value)]) {
        let mut values: Vec<_> = table.columns.iter().map(|column| self.value(table, column, like)).collect();
        for (column, value) in table.columns.iter().zip(&mut values) {
            if let Value::Blob(bytes) = value {
                bytes.fill(0x5a);
            }
            if let Some((_, chosen)) = own.iter().find(|(name, _)| name == column) {
                *value = chosen.clone();
            }
        }
        let places = vec!["?"; values.len()].join(", ");
        let sql = format!("INSERT INTO {} VALUES ({places})", table.name);
        assert_eq!(self.database.execute(&sql, rusqlite::params_from_iter(values)).unwrap(), 1);
    }

    pub fn run(&self, sql: &str) {
        self.database.execute_batch(sql).unwrap();
    }

    fn value(&self, table: &Table, column: &str, row: &str) -> Value {
        let sql = format!("SELECT {column} FROM kept_{} WHERE {row}", table.name);
        self.database.query_row(&sql, [], |found| found.get(0)).unwrap()
    }

    fn values(&self, table: &Table, column: &str) -> Vec<Value> {
        let sql = format!("SELECT DISTINCT {column} FROM kept_{}", table.name);
        let mut query = self.database.prepare(&sql).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

impl Table {
    /// The columns, as the schema has them.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }
}

/// Values near one, or of its kind.
fn variations(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![Value::Integer(0), Value::Integer(1), Value::Integer(i64::MAX)],
        Value::Integer(number) => {
            let near = [number + 1, number - 1, number + 86_400_000, number - 86_400_000, 0, 1, 2];
            near.map(Value::Integer).to_vec()
        }
        Value::Real(number) => vec![Value::Real(number + 1.0)],
        Value::Text(text) => {
            let all = doorkey::domain::scope::Scopes::all().to_string();
            [String::new(), format!("{text} "), format!("{text}x"), all].map(Value::Text).to_vec()
        }
        Value::Blob(bytes) => {
            let (mut first, mut last) = (bytes.clone(), bytes.clone());
            first[0] ^= 1;
            *last.last_mut().unwrap() ^= 0x80;
            let mut longer = bytes.clone();
            longer.push(0);
            [first, last, vec![0; bytes.len()], bytes[1..].to_vec(), longer].map(Value::Blob).to_vec()
        }
    }
}
