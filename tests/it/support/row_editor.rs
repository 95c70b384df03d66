//! Somebody with the database and without the key: rows edited in every column, copied and invented. The columns are
//! read from the schema, so that one that comes later is tried too.

use std::time::Duration;

use rusqlite::types::Value;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, Row};

use super::database::Database;

/// Where one thing stands in all those that are tried.
const TABLES: [&str; 7] =
    ["users", "login_links", "sessions", "api_keys", "admin_links", "admin_sessions", "admin_allowances"];

/// A table as the schema has it.
pub struct Table {
    name: &'static str,
    columns: Vec<String>,
}

/// The database in the hands of somebody who may write to it.
pub enum RowEditor {
    Sqlite(rusqlite::Connection),
    Postgres(Client),
}

/// A way to change a row, and where it was found.
#[derive(Clone, Debug)]
pub struct Edit {
    pub column: String,
    pub value: Value,
}

impl RowEditor {
    /// Keeps a copy of everything, to put it back.
    pub async fn of(database: &Database) -> Self {
        let thief = match database {
            Database::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.busy_timeout(Duration::from_secs(30)).unwrap();
                // No power is cut here, and there is much to put back.
                connection.pragma_update(None, "synchronous", "off").unwrap();
                Self::Sqlite(connection)
            }
            Database::Postgres(_) | Database::Cluster(_) => {
                let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
                tokio::spawn(connection);
                Self::Postgres(client)
            }
        };
        for table in TABLES {
            thief.run(&format!("CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}")).await;
        }
        thief
    }

    pub async fn put_everything_back(&self) {
        let back = TABLES
            .map(|table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table};"))
            .concat();
        self.run(&format!("BEGIN; {back} COMMIT")).await;
    }

    pub async fn table(&self, name: &'static str) -> Table {
        let sql = match self {
            Self::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{name}')"),
            Self::Postgres(_) => format!(
                "SELECT column_name::text FROM information_schema.columns
                 WHERE table_schema = current_schema AND table_name = '{name}' ORDER BY ordinal_position"
            ),
        };
        let columns = self.values(&sql).await.into_iter().map(|name| {
            let Value::Text(name) = name else { panic!("{name:?} is no name") };
            name
        });
        Table { name, columns: columns.collect() }
    }

    /// Every way in which a row is edited: by one, by a day, to nothing, by a bit, to what another row has.
    pub async fn edits(&self, table: &Table, row: &str) -> Vec<Edit> {
        let mut edits = Vec::new();
        for column in &table.columns {
            let own = self.value(table, column, row).await;
            let mut others = self.values(&format!("SELECT DISTINCT {column} FROM kept_{}", table.name)).await;
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
    pub async fn edit(&self, table: &Table, row: &str, edit: &Edit) -> bool {
        let (name, column, value) = (table.name, &edit.column, self.written(&edit.value));
        let deed = format!("UPDATE {name} SET {column} = {value} WHERE {row}");
        self.force(&deed, &format!("DELETE FROM {name} WHERE {column} = {value} AND NOT ({row})")).await
    }

    /// Copies a row into another workspace, with one column edited. Whether the database lets it be.
    pub async fn copy(&self, table: &Table, row: &str, workspace: i64, edit: &Edit) -> bool {
        let name = table.name;
        let columns = table.columns.iter().map(|column| match column.as_str() {
            "workspace_id" => workspace.to_string(),
            other if other == edit.column => self.written(&edit.value),
            other => other.to_owned(),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let deed = format!("INSERT INTO {name} SELECT {columns} FROM kept_{name} WHERE {row}");
        self.force(&deed, &format!("DELETE FROM {name} WHERE workspace_id = {workspace}")).await
    }

    /// A row that nobody wrote before: like one that is there, but with bytes of the thief's own choosing.
    pub async fn invent(&self, table: &Table, like: &str, own: &[(&str, Value)]) {
        let mut values = Vec::new();
        for column in &table.columns {
            let mut value = self.value(table, column, like).await;
            if let Value::Blob(bytes) = &mut value {
                bytes.fill(0x5a);
            }
            let chosen = own.iter().find(|(name, _)| name == column);
            values.push(self.written(chosen.map_or(&value, |(_, chosen)| chosen)));
        }
        let sql = format!("INSERT INTO {} VALUES ({})", table.name, values.join(", "));
        assert_eq!(self.change(&sql).await, Some(1), "{sql}");
    }

    /// Changes one row, if need be after others were taken out of its way.
    async fn force(&self, deed: &str, make_way: &str) -> bool {
        self.change(deed).await == Some(1)
            || self.change(make_way).await.is_some_and(|gone| gone > 0) && self.change(deed).await == Some(1)
    }

    async fn run(&self, sql: &str) {
        match self {
            Self::Sqlite(database) => database.execute_batch(sql).unwrap(),
            Self::Postgres(database) => database.batch_execute(sql).await.unwrap(),
        }
    }

    /// How many rows were changed; nothing, if the database does not let it be.
    async fn change(&self, sql: &str) -> Option<u64> {
        match self {
            Self::Sqlite(database) => database.execute(sql, []).ok()?.try_into().ok(),
            Self::Postgres(database) => database.execute(sql, &[]).await.ok(),
        }
    }

    async fn value(&self, table: &Table, column: &str, row: &str) -> Value {
        let sql = format!("SELECT {column} FROM kept_{} WHERE {row}", table.name);
        self.values(&sql).await.swap_remove(0)
    }

    /// The first column of a query.
    async fn values(&self, sql: &str) -> Vec<Value> {
        match self {
            Self::Sqlite(database) => {
                let mut query = database.prepare(sql).unwrap();
                query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres(database) => {
                let rows = database.query(sql, &[]).await.unwrap();
                rows.iter().map(first_of).collect()
            }
        }
    }

    /// A value as it stands in a statement.
    fn written(&self, value: &Value) -> String {
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Value::Blob(bytes) => {
                let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
                match self {
                    Self::Sqlite(_) => format!("x'{hex}'"),
                    Self::Postgres(_) => format!("'\\x{hex}'::bytea"),
                }
            }
        }
    }
}

fn first_of(row: &Row) -> Value {
    match *row.columns()[0].type_() {
        Type::INT8 => row.get::<_, Option<i64>>(0).into(),
        Type::BYTEA => row.get::<_, Option<Vec<u8>>>(0).into(),
        _ => row.get::<_, Option<String>>(0).into(),
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
