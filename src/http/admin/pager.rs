//! Lists of the admin pages: fifty rows a page, by `?page=`.

use std::fmt::Display;

use super::numbers::grouped;
use crate::domain::list_query::ListQuery;
use crate::http::error::Error;
use crate::http::request::params::Params;

/// Rows of a page.
const PER_PAGE: i64 = 50;

/// Where a page stands in its list.
pub(in crate::http) struct Pager {
    /// `1 to 50 of 2,318`.
    pub(in crate::http) range: String,
    /// Where the page before and the next one are, if they are there.
    pub(in crate::http) previous: Option<String>,
    pub(in crate::http) next: Option<String>,
}

/// The part of a list that the query asks for.
pub(super) fn part(query: &Params) -> Result<ListQuery, Error> {
    let page: Vec<_> = query.0.iter().filter(|(name, _)| name == "page").cloned().collect();
    let part = ListQuery::parse(&page, &[]).map_err(Error::ValidationErrors)?;
    Ok(ListQuery { limit: PER_PAGE, ..part })
}

/// The part of a list that is there as a whole.
pub(super) fn rows_of<T>(part: &ListQuery, all: Vec<T>) -> Vec<T> {
    let start = usize::try_from(part.offset()).unwrap_or(usize::MAX);
    all.into_iter().skip(start).take(usize::try_from(PER_PAGE).unwrap_or(0)).collect()
}

impl Pager {
    /// The pager of a part with so many rows of a list whose length nobody has counted; `None` where all fit on one page.
    pub(super) fn uncounted(part: &ListQuery, rows: usize, has_more: bool, path: &str) -> Option<Self> {
        if !has_more && part.page == 1 {
            return None;
        }
        let to = part.offset() + i64::try_from(rows).unwrap_or(0);
        let range = if rows == 0 {
            "nothing on this page".to_owned()
        } else {
            format!("{} to {}", grouped(part.offset() + 1), grouped(to))
        };
        let previous = (part.page > 1).then(|| page(path, part.page - 1));
        Some(Self { range, previous, next: has_more.then(|| page(path, part.page + 1)) })
    }

    /// The pager of a part with so many rows, at a path; `None` where all fit on one page.
    pub(super) fn of(part: &ListQuery, rows: usize, total: i64, path: &str) -> Option<Self> {
        if total <= PER_PAGE && part.page == 1 {
            return None;
        }
        let rows = i64::try_from(rows).unwrap_or(0);
        let to = part.offset() + rows;
        let range = if rows == 0 {
            format!("nothing on this page of {}", grouped(total))
        } else {
            format!("{} to {} of {}", grouped(part.offset() + 1), grouped(to), grouped(total))
        };
        let last = ((total + PER_PAGE - 1) / PER_PAGE).max(1);
        let previous = (part.page > 1).then(|| page(path, (part.page - 1).min(last)));
        Some(Self { range, previous, next: (to < total && rows > 0).then(|| page(path, part.page + 1)) })
    }
}

/// A part of the list at a path, which may have a query.
pub(super) fn link(path: &str, name: &str, part: &impl Display) -> String {
    let and = if path.contains('?') { '&' } else { '?' };
    format!("{path}{and}{name}={part}")
}

fn page(path: &str, number: i64) -> String {
    link(path, "page", &number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pager(page: &str, rows: usize, total: i64) -> Option<(String, Option<String>, Option<String>)> {
        let query = Params::parse(&format!("page={page}")).unwrap();
        let pager = Pager::of(&part(&query).unwrap(), rows, total, "/w/1/x")?;
        Some((pager.range, pager.previous, pager.next))
    }

    #[test]
    fn a_pager_leads_to_the_pages_that_there_are() {
        let link = |page: i64| Some(format!("/w/1/x?page={page}"));

        assert_eq!(pager("1", 50, 50), None);
        assert_eq!(pager("1", 50, 2_318), Some(("1 to 50 of 2,318".to_owned(), None, link(2))));
        assert_eq!(pager("47", 18, 2_318), Some(("2,301 to 2,318 of 2,318".to_owned(), link(46), None)));
        assert_eq!(pager("99", 0, 60), Some(("nothing on this page of 60".to_owned(), link(2), None)));
        for wrong in ["page=0", "page=x", "page=1&page=2"] {
            assert!(part(&Params::parse(wrong).unwrap()).is_err(), "{wrong}");
        }
    }
}
