//! Pages of lists: one query text for every noun.

use crate::domain::list_query::{Comparison, Filter, FilterValue, ListQuery, Page};
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{FromRow, Row, Value, all, only};
use crate::store::{Engine, ListError, ListPermit, Store, StoreError};

impl From<&FilterValue> for Value {
    fn from(operand: &FilterValue) -> Self {
        match operand {
            FilterValue::Number(number) => Self::Number(*number),
            FilterValue::Text(text) => Self::Text(text.clone()),
            FilterValue::Bytes(bytes) => Self::Bytes(bytes.clone()),
        }
    }
}

/// What a list is made from.
#[derive(Clone)]
pub(in crate::store) struct Source {
    /// The columns of a row.
    pub(in crate::store) columns: &'static str,
    /// The table that they stand in, in the workspace `$1`.
    pub(in crate::store) table: &'static str,
    /// The column that tells its rows apart. They lie in its order.
    pub(in crate::store) key: &'static str,
    /// The field whose order is that of the key.
    pub(in crate::store) key_field: &'static str,
    /// The column of a field, by its name outside.
    pub(in crate::store) column_of: fn(&str) -> String,
    /// Tables and conditions that say which rows are meant, from `FROM` on; its placeholders are `values`.
    pub(in crate::store) from: String,
    /// The values of those placeholders.
    pub(in crate::store) values: Vec<Value>,
    /// Where the first of them lies at the earliest: a further condition on the key, with the values behind those.
    pub(in crate::store) first: Option<(String, Vec<Value>)>,
    /// The order of rows that are equal in what is sorted by, or of all of them.
    pub(in crate::store) order: &'static str,
    /// The statement that gives the length of the list without filters, where that is kept.
    pub(in crate::store) total: Option<Statement>,
}

impl Source {
    /// The same list, of which it is known where its first row lies.
    pub(super) fn beginning_at<const N: usize>(&self, first: [u8; N]) -> Self {
        let condition = format!(" AND {} >= ${}", self.key, self.values.len() + 1);
        Self { first: Some((condition, vec![first.into()])), ..self.clone() }
    }

    /// All that says which rows are meant, with its values.
    pub(super) fn bounded(&self) -> (String, Vec<Value>) {
        let (mut from, mut values) = (self.from.clone(), self.values.clone());
        if let Some((condition, more)) = &self.first {
            from.push_str(condition);
            values.extend_from_slice(more);
        }
        (from, values)
    }
}

impl Store {
    /// The table `users u`, to be looked at by an index. SQLite would take the primary key, whose rows are long, for one that
    /// tells as much; PostgreSQL knows how large an index is, and has no words for this.
    pub(super) fn users_by(&self, index: &str) -> String {
        match &self.engine {
            Engine::Sqlite(_) => format!("users u INDEXED BY {index}"),
            Engine::Postgres(_) => "users u".to_owned(),
        }
    }

    /// Leave to make a list of a workspace, once few enough are being made.
    pub async fn permit_list(&self, workspace: WorkspaceId) -> Result<ListPermit, ListError> {
        self.list_limiter.permit(workspace).await
    }

    /// One page of a list, and how long the whole list is, seen at one moment by the statements that give these.
    pub(super) async fn list<R: FromRow, T: Send + 'static>(
        &self,
        permit: &ListPermit,
        statements: [Statement; 2],
        made_of: impl Fn(R) -> T + Send + 'static,
    ) -> Result<Page<T>, ListError> {
        let page_of = move |[count, rows]: [Vec<Row>; 2]| {
            let rows = all(rows)?.into_iter().map(made_of).collect();
            Ok(Page { rows, total: only(count)? })
        };
        let listed = self.scan_with(statements, Some(permit.clone()), page_of).await;
        listed.map_err(|error| permit.classify(error))
    }

    /// What one statement of a list gives.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        permit: &ListPermit,
        statement: Statement,
        made_of: impl FnOnce(Vec<Row>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ListError> {
        let found = self.scan_with([statement], Some(permit.clone()), |[rows]| made_of(rows)).await;
        found.map_err(|error| permit.classify(error))
    }
}

/// The statements that give how long a list is, and one page of it.
pub(super) fn statements(source: &Source, options: &ListQuery) -> [Statement; 2] {
    let (mut from, mut values) = source.bounded();
    for filter in &options.filters {
        from.push_str(&condition(filter, source.column_of, &mut values));
    }
    let order = options.sort.map_or_else(
        || source.order.to_owned(),
        |(field, is_down)| {
            let direction = if is_down { "DESC" } else { "ASC" };
            if field.name == source.key_field {
                format!("{} {direction}", source.key)
            } else {
                format!("{} {direction}, {}", (source.column_of)(field.name), source.order)
            }
        },
    );
    let total = source.total.clone().filter(|_| options.filters.is_empty());
    let total = total.unwrap_or_else(|| sql(format!("SELECT count(*) {from}"), values.clone()));
    [total, rows(source, (&from, values), &order, (options.limit, options.offset()))]
}

/// The statement that gives so many rows in an order, behind some that it skips.
///
/// What is sorted and skipped is keys alone: whole rows would make a deep page several times as dear. `CROSS JOIN`
/// keeps SQLite from walking an index of the whole table to find the few rows of the page in their order.
pub(super) fn rows(
    source: &Source,
    (from, mut values): (&str, Vec<Value>),
    order: &str,
    (limit, skipped): (i64, i64),
) -> Statement {
    let Source { columns, table, key, .. } = source;
    let (limit_place, offset_place) = (values.len() + 1, values.len() + 2);
    values.extend([Value::Number(limit), Value::Number(skipped)]);
    let text = format!(
        "SELECT {columns}
         FROM (SELECT {key} AS place {from} ORDER BY {order} LIMIT ${limit_place} OFFSET ${offset_place}) page
         CROSS JOIN {table} AND {key} = page.place
         ORDER BY {order}"
    );
    sql(text, values)
}

/// One condition; its column is one of ours, its values are bound, so nothing of a caller's is in the text.
fn condition(filter: &Filter, column_of: fn(&str) -> String, values: &mut Vec<Value>) -> String {
    let column = column_of(filter.field.name);
    let mut bind = |operand: &FilterValue| {
        values.push(operand.into());
        format!("${}", values.len())
    };
    match &filter.comparison {
        Comparison::Equal(operand) => format!(" AND {column} = {}", bind(operand)),
        Comparison::Less(operand) => format!(" AND {column} < {}", bind(operand)),
        Comparison::Greater(operand) => format!(" AND {column} > {}", bind(operand)),
        Comparison::OneOf(operands) => {
            let places: Vec<_> = operands.iter().map(bind).collect();
            format!(" AND {column} IN ({})", places.join(", "))
        }
    }
}
