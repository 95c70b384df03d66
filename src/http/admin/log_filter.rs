//! The filters of the log: read from the address, said again in it, and what is wrong with each.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::admin::AdminName;
use crate::domain::audit::AuditEvent;
use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::http::request::params::Params;
use crate::store::AuditFilter;

/// A field of the filters as the form shows it.
pub(super) struct FilterField {
    /// Its name in the address and in the form.
    pub(super) name: &'static str,
    /// What it says.
    pub(super) value: String,
    /// What is wrong with it.
    pub(super) error: Option<String>,
}

/// The filters of a request.
pub(super) struct LogFilter {
    pub(super) event: FilterField,
    pub(super) user_id: FilterField,
    pub(super) actor: FilterField,
    pub(super) from: FilterField,
    pub(super) to: FilterField,
    /// What they mean, if nothing is wrong.
    pub(super) means: AuditFilter,
}

const TWICE: &str = "Give it once.";
const NO_EVENT: &str = "There is no such event: choose one of the list.";
const NO_ID: &str = "A client’s id is a whole number, such as 17.";
const NO_ACTOR: &str = "An actor is written as in the log: api_key:1, user:17, admin:Grace, app:NAME, command_line, visitor or doorkey.";
const NO_DAY: &str = "Write a day such as 2026-11-23, or a moment such as 2026-11-23T03:23:00Z.";

impl LogFilter {
    /// Reads the filters; an empty one lets everything through.
    pub(super) fn of(query: &Params) -> Self {
        let (event, event_field) = read(
            query,
            "event",
            |word| {
                AuditEvent::ALL.iter().find(|event| event.name() == word).map(|event| event.name().to_owned())
            },
            NO_EVENT,
        );
        let (user, user_id) = read(query, "user_id", UserId::parse, NO_ID);
        let (actor, actor_field) = read(query, "actor", actor, NO_ACTOR);
        let (since, from) = read(query, "from", |text| bound(text, false), NO_DAY);
        let (until, to) = read(query, "to", |text| bound(text, true), NO_DAY);
        let means = AuditFilter { event, user, actor, since, until };
        Self { event: event_field, user_id, actor: actor_field, from, to, means }
    }

    fn fields(&self) -> [&FilterField; 5] {
        [&self.event, &self.user_id, &self.actor, &self.from, &self.to]
    }

    /// Whether something is wrong.
    pub(super) fn is_wrong(&self) -> bool {
        self.fields().iter().any(|field| field.error.is_some())
    }

    /// Whether anything is filtered.
    pub(super) fn is_empty(&self) -> bool {
        self.means == AuditFilter::default()
    }

    /// A path with these filters as its query.
    pub(super) fn at(&self, path: &str) -> String {
        let filled = self.fields().into_iter().filter(|field| !field.value.is_empty());
        let pairs: Vec<_> = filled
            .map(|field| format!("{}={}", field.name, utf8_percent_encode(&field.value, NON_ALPHANUMERIC)))
            .collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    }
}

fn read<T>(
    query: &Params,
    name: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
    wrong: &str,
) -> (Option<T>, FilterField) {
    let Ok(given) = query.single(name) else {
        return (None, FilterField { name, value: String::new(), error: Some(TWICE.to_owned()) });
    };
    let text = given.unwrap_or_default().trim();
    let parsed = if text.is_empty() { None } else { parse(text) };
    let error = (!text.is_empty() && parsed.is_none()).then(|| wrong.to_owned());
    (parsed, FilterField { name, value: text.to_owned(), error })
}

/// An actor as the log has it.
fn actor(text: &str) -> Option<String> {
    let is_known = match text.split_once(':') {
        None => ["command_line", "visitor", "doorkey"].contains(&text),
        Some(("api_key" | "user", number)) => UserId::parse(number).is_some(),
        Some(("admin", name)) => AdminName::parse(name).is_ok(),
        Some(("app", id)) => !id.is_empty() && id.len() <= 255 && !id.chars().any(char::is_control),
        Some(_) => false,
    };
    is_known.then(|| text.to_owned())
}

/// The beginning of what is meant, or what comes just after it: a day is meant as a whole.
fn bound(text: &str, is_end: bool) -> Option<Timestamp> {
    if let Some(moment) = Moment::parse(text) {
        return Some(if is_end { moment.whole.just_after() } else { moment.whole });
    }
    let day = Moment::parse(&format!("{text}T00:00:00Z")).filter(|_| text.len() == 10)?.whole;
    Some(if is_end { day.plus_seconds(86_400) } else { day })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str) -> LogFilter {
        LogFilter::of(&Params::parse(query).unwrap())
    }

    #[test]
    fn a_day_is_meant_as_a_whole() {
        let means = filter("from=2026-11-23&to=2026-11-23").means;
        assert_eq!(means.since.unwrap().to_string(), "2026-11-23T00:00:00.000Z");
        assert_eq!(means.until.unwrap().to_string(), "2026-11-24T00:00:00.000Z");
        let means = filter("from=2026-11-23T05:23:00%2B02:00&to=2026-11-23T03:23:00Z").means;
        assert_eq!(means.since.unwrap().to_string(), "2026-11-23T03:23:00.000Z");
        assert_eq!(means.until.unwrap().to_string(), "2026-11-23T03:23:00.001Z");
    }

    #[test]
    fn filters_stand_in_the_address_again() {
        let whole = "event=login%5Flink%2Eissued&user_id=17&actor=admin%3AGrace%20Hopper&from=2026%2D11%2D01";
        assert_eq!(filter(&format!("page=3&{whole}&to=+")).at("/w/1/logs"), format!("/w/1/logs?{whole}"));
        assert_eq!(filter("event=&user_id=&actor=&from=&to=").at("/x"), "/x");
    }

    #[test]
    fn what_is_wrong_is_said_of_its_field() {
        for (query, place) in [
            ("event=login_link", 0),
            ("user_id=x", 1),
            ("user_id=0", 1),
            ("actor=somebody", 2),
            ("actor=api_key:x", 2),
            ("actor=admin:", 2),
            ("from=yesterday", 3),
            ("from=2026-02-30", 3),
            ("to=2026-11-23T25:00:00Z", 4),
            ("to=2026-11-23&to=2026-11-24", 4),
        ] {
            let filter = filter(query);
            let wrong = filter.fields().map(|field| field.error.is_some());
            assert_eq!(wrong, std::array::from_fn(|at| at == place), "{query}");
            assert!(filter.is_wrong());
        }
    }
}
