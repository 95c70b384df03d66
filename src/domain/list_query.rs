//! Pages of lists: which part, in which order, filtered how.

use std::ops::Range;

use super::moment::Moment;
use super::validation::{Code, Problem, ValidationErrors};

/// What a field of a list holds, and so how a filter's value is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldType {
    /// A whole number.
    Number,
    /// A moment, given as RFC 3339.
    Time,
    /// Text, compared letter by letter.
    Text,
    /// An e-mail address, compared whatever its case.
    Email,
    /// A UUID.
    Id,
    /// `true` or `false`.
    Flag,
}

/// A field of a list that may be sorted and filtered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name outside.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldType,
}

/// A value that a field is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FilterValue {
    /// A number, a moment in milliseconds, or a flag as 0 or 1.
    Number(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// How a field is compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// Equal to the value.
    Equal(FilterValue),
    /// Less than the value.
    Less(FilterValue),
    /// Greater than the value.
    Greater(FilterValue),
    /// One of the values.
    OneOf(Vec<FilterValue>),
}

/// One condition on a list; all must hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// The field.
    pub field: Field,
    /// The comparison.
    pub comparison: Comparison,
}

/// Which part of a list is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListQuery {
    /// The page, from 1.
    pub page: i64,
    /// Rows on a page, 1 to 100.
    pub limit: i64,
    /// What to sort by, and whether the largest comes first.
    pub sort: Option<(Field, bool)>,
    /// What must hold.
    pub filters: Vec<Filter>,
}

/// Parameters of a list at most: databases bound how long a condition may be.
const MAX_PARAMETERS: usize = 100;

const NO_PARAMETER: &str = "is no parameter of this list; there are page, limit, sort and filters[FIELD][OPERATOR], where \
                            OPERATOR is $eq, $lt, $gt or $in (as filters[FIELD][$in][])";

const NO_OPERATOR: &str =
    "uses an unknown operator; there are [$eq], [$lt], [$gt] and [$in][] (or [$in][0], …)";

impl Default for ListQuery {
    fn default() -> Self {
        Self { page: 1, limit: 20, sort: None, filters: Vec::new() }
    }
}

impl ListQuery {
    /// Takes the parameters of a query, already decoded; at most a hundred of them.
    ///
    /// # Errors
    /// `ValidationErrors` names every parameter, field or operator that is unknown or out of bounds.
    pub fn parse(parameters: &[(String, String)], fields: &[Field]) -> Result<Self, ValidationErrors> {
        let mut options = Self::default();
        let mut invalid = ValidationErrors::default();
        if parameters.len() > MAX_PARAMETERS {
            return Err(ValidationErrors::field(
                "filters",
                format!("must be {MAX_PARAMETERS} parameters at most"),
            ));
        }
        for (place, (name, value)) in parameters.iter().enumerate() {
            if ["page", "limit", "sort"].contains(&name.as_str())
                && parameters[..place].iter().any(|earlier| earlier.0 == *name)
            {
                invalid.add(name, "must be given once");
            }
            match name.as_str() {
                "page" => options.page = invalid.take(name, page(value)).unwrap_or(1),
                "limit" => options.limit = invalid.take(name, limit(value)).unwrap_or(20),
                "sort" => options.sort = invalid.take(name, sort(value, fields)),
                _ => {
                    if let Some(filter) = invalid.take(name, filter(name, value, fields)) {
                        options.add(filter);
                    }
                }
            }
        }
        if invalid.is_empty() { Ok(options) } else { Err(invalid) }
    }

    /// How many rows come before this page.
    pub const fn offset(&self) -> i64 {
        (self.page - 1) * self.limit
    }

    /// Whether the whole list is asked for in the order of one field, and if so whether the largest comes first. `by_default` says
    /// the latter of the list that is not sorted otherwise.
    pub fn whole_in_order_of(&self, field: &str, by_default: bool) -> Option<bool> {
        match self.sort {
            _ if !self.filters.is_empty() => None,
            None => Some(by_default),
            Some((sorted, is_descending)) => (sorted.name == field).then_some(is_descending),
        }
    }

    /// Which rows of a list of so many are on this page, counted from the lowest; `is_descending` says that the list begins with
    /// the highest.
    pub fn rows_of(&self, total: i64, is_descending: bool) -> Range<i64> {
        if is_descending {
            let end = total - self.offset();
            (end - self.limit).max(0)..end
        } else {
            self.offset()..self.offset().saturating_add(self.limit).min(total)
        }
    }

    /// Adds a condition; the values of several `$in` on one field are alternatives.
    fn add(&mut self, filter: Filter) {
        for known in &mut self.filters {
            if known.field == filter.field
                && let (Comparison::OneOf(values), Comparison::OneOf(more)) =
                    (&mut known.comparison, &filter.comparison)
            {
                values.extend(more.iter().cloned());
                return;
            }
        }
        self.filters.push(filter);
    }
}

/// One page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many rows the whole list has.
    pub total: i64,
}

/// The last page that is looked for still has a first row that fits a number.
fn page(value: &str) -> Result<i64, &'static str> {
    let number = digits(value).filter(|number| *number >= 1).ok_or("must be a whole number, 1 or more")?;
    let is_within = number <= i64::MAX / 100;
    is_within
        .then_some(number)
        .ok_or("is beyond the end of every list: `last_page` in `meta` says where this one ends")
}

fn limit(value: &str) -> Result<i64, &'static str> {
    let number = digits(value).filter(|number| (1..=100).contains(number));
    number.ok_or("must be a whole number from 1 to 100")
}

/// A number that is written in digits alone; one that is too large for us is the largest that we have.
fn digits(value: &str) -> Option<i64> {
    let is_digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| value.parse().unwrap_or(i64::MAX))
}

fn sort(value: &str, fields: &[Field]) -> Result<(Field, bool), Problem> {
    let (name, direction) = value.split_once(':').unwrap_or((value, "asc"));
    let field = find(name, fields)?;
    match direction {
        "asc" => Ok((field, false)),
        "desc" => Ok((field, true)),
        _ => Err("must be a field and a direction, such as created_at:desc".into()),
    }
}

fn filter(name: &str, value: &str, fields: &[Field]) -> Result<Filter, Problem> {
    let unknown = || Code::Unknown.saying(NO_PARAMETER);
    let inner = name.strip_prefix("filters[").ok_or_else(unknown)?;
    let (field, operator) = inner.split_once(']').ok_or_else(unknown)?;
    let field = find(field, fields)?;
    let compare: fn(FilterValue) -> Comparison = match operator {
        "[$eq]" => Comparison::Equal,
        "[$lt]" => Comparison::Less,
        "[$gt]" => Comparison::Greater,
        // Some write `[]`, some number the values.
        _ if is_one_of_many(operator) => |operand| Comparison::OneOf(vec![operand]),
        _ => return Err(Code::Unknown.saying(NO_OPERATOR)),
    };
    let operand = if field.kind == FieldType::Time {
        moment(value, operator == "[$lt]")?
    } else {
        operand(value, field.kind)?
    };
    Ok(Filter { field, comparison: compare(operand) })
}

fn is_one_of_many(operator: &str) -> bool {
    let inner = operator.strip_prefix("[$in][").and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|number| number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn find(name: &str, fields: &[Field]) -> Result<Field, Problem> {
    let names = || fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
    let field = fields.iter().find(|field| field.name == name);
    let unknown = || Code::Unknown.saying(format!("names an unknown field; there are {}", names()));
    field.copied().ok_or_else(unknown)
}

/// A moment to compare with. Those that are kept are whole milliseconds: what is less than a part of one is less than the
/// next whole one.
fn moment(value: &str, is_upper_bound: bool) -> Result<FilterValue, String> {
    let moment = Moment::parse(value).ok_or("must be compared with a moment such as 2026-11-23T03:23:00Z")?;
    let bound = if is_upper_bound && moment.has_more { moment.whole.just_after() } else { moment.whole };
    Ok(FilterValue::Number(bound.millis()))
}

fn operand(value: &str, kind: FieldType) -> Result<FilterValue, String> {
    let refused = |what: &str| format!("must be compared with {what}");
    match kind {
        FieldType::Number => value.parse().map(FilterValue::Number).map_err(|_| refused("a whole number")),
        FieldType::Time => moment(value, false),
        FieldType::Text | FieldType::Email if value.contains('\0') => Err(refused("text without NUL")),
        FieldType::Text => Ok(FilterValue::Text(value.to_owned())),
        FieldType::Email => Ok(FilterValue::Text(value.to_ascii_lowercase())),
        FieldType::Id => {
            let id = uuid::Uuid::try_parse(value).map_err(|_| refused("an id of this list"))?;
            Ok(FilterValue::Bytes(id.as_bytes().to_vec()))
        }
        FieldType::Flag => match value {
            "true" | "1" => Ok(FilterValue::Number(1)),
            "false" | "0" => Ok(FilterValue::Number(0)),
            _ => Err(refused("true or false")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Field; 2] = [
        Field { name: "user_id", kind: FieldType::Number },
        Field { name: "created_at", kind: FieldType::Time },
    ];

    fn parse(query: &[(&str, &str)]) -> Result<ListQuery, ValidationErrors> {
        let owned: Vec<_> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ListQuery::parse(&owned, &FIELDS)
    }

    #[test]
    fn a_query_is_read_into_options() {
        let options = parse(&[
            ("page", "2"),
            ("limit", "100"),
            ("sort", "created_at:desc"),
            ("filters[user_id][$in][]", "1"),
            ("filters[user_id][$in][1]", "2"),
            ("filters[created_at][$gt]", "1970-01-01T00:00:01Z"),
        ])
        .unwrap();

        assert_eq!((options.page, options.limit, options.offset()), (2, 100, 100));
        assert_eq!(options.sort, Some((FIELDS[1], true)));
        assert_eq!(
            options.filters,
            [
                Filter {
                    field: FIELDS[0],
                    comparison: Comparison::OneOf(vec![FilterValue::Number(1), FilterValue::Number(2)])
                },
                Filter { field: FIELDS[1], comparison: Comparison::Greater(FilterValue::Number(1_000)) },
            ]
        );
    }

    #[test]
    fn every_unknown_or_outlandish_parameter_is_named() {
        for (name, value) in [
            ("page", "0"),
            ("page", "-1"),
            ("page", "x"),
            ("page", "99999999999999999999"),
            ("limit", "101"),
            ("limit", ""),
            ("sort", "token"),
            ("sort", "user_id:up"),
            ("filters[token][$eq]", "1"),
            ("filters[user_id][$ne]", "1"),
            ("filters[user_id]", "1"),
            ("filters[user_id][$eq]", "x"),
            ("filters[created_at][$lt]", "yesterday"),
            ("q", "1"),
            ("filters[user_id][$in]", "1"),
            ("filters[user_id][$in][x]", "1"),
            ("filters", "1"),
        ] {
            let invalid = parse(&[(name, value)]).expect_err(name);
            assert_eq!(invalid.fields().map(|(name, _)| name).collect::<Vec<_>>(), [name], "{name}={value}");
        }
    }
}
