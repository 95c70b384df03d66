//! What is counted of a link once, and the figures that it counts in.
//!
//! A link's row says what it was before its last change of this kind. So whoever changes it counts, in the same unit, what became
//! different by that, however many others change it: the row is held from the change to the commit. A link must be changed once in a
//! unit, and counted right behind that.

use super::link_stats::{background_slots, slot_of};
use crate::domain::login_link::{LinkLookupKey, LoginLink};
use crate::domain::story::NotedLink;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::Engine;
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::{Statement, counter, over, sql};
use crate::store::engine::value::values;

/// What may be true of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Marks(i64);

impl Marks {
    // 1 and 2: a person, or a machine, opened it; `mark_by_openings`.
    /// It was pressed.
    pub const PRESSED: Self = Self(4);
    /// It signed somebody in.
    pub const SIGNED_IN: Self = Self(16);
    /// It signed somebody in by the code of its mail.
    pub const BY_CODE: Self = Self(32);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether they are stored in a link's row.
    pub(super) const fn are_in(self, stored: i64) -> bool {
        stored & self.0 == self.0
    }

    /// As they are stored.
    pub(super) const fn bits(self) -> i64 {
        self.0
    }
}

/// The columns of marks and tries as a change leaves them: marks, when it was tried, and when it was pressed, as placeholders.
macro_rules! marked {
    ($marks:literal, $tried:literal, $pressed:literal) => {
        concat!(
            "marks = (marks & 255) * 256 + ((marks & 255) | ",
            $marks,
            " | (CASE WHEN used_at <= ",
            $pressed,
            " THEN 8 ELSE 0 END)), tried_before = tried_at, tried_at = CASE WHEN tried_at <= ",
            $tried,
            " THEN tried_at ELSE coalesce(",
            $tried,
            ", tried_at) END"
        )
    };
}
pub(super) use marked;

/// What happens to a link at one moment, as it is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// What is true of it from here on.
    pub marks: Marks,
    /// When it was tried first, as far as this tells.
    pub tried_at: Option<Timestamp>,
    /// When it was pressed last, as far as this tells.
    pub pressed_at: Option<Timestamp>,
}

impl Change {
    /// A press.
    pub const fn pressed(at: Timestamp) -> Self {
        Self { marks: Marks::PRESSED, tried_at: Some(at), pressed_at: Some(at) }
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let first = [self.tried_at, other.tried_at].into_iter().flatten().min();
        Self {
            marks: self.marks.and(other.marks),
            tried_at: first,
            pressed_at: self.pressed_at.max(other.pressed_at),
        }
    }
}

/// The statement that marks a link.
pub(in crate::store) fn mark(workspace: WorkspaceId, hash: &LinkLookupKey, change: &Change) -> Statement {
    sql(
        concat!(
            "UPDATE login_links SET ",
            marked!("$3", "$4", "$5"),
            " WHERE workspace_id = $1 AND hash = $2"
        ),
        values![workspace, *hash, change.marks.bits(), change.tried_at, change.pressed_at],
    )
}

/// The statement that marks a link by its openings that are settled, whoever has settled them.
pub(in crate::store) fn mark_by_openings(workspace: WorkspaceId, hash: &LinkLookupKey) -> Statement {
    sql(
        concat!(
            "UPDATE login_links SET ",
            marked!("o.seen", "o.tried", "NULL"),
            " FROM (SELECT coalesce(max(1 - e.is_machine), 0) + 2 * coalesce(max(e.is_machine), 0) AS seen,
                           min(CASE WHEN e.was_dead = 1 AND e.is_machine = 0 THEN e.time END) AS tried
                    FROM link_events e
                    WHERE e.workspace_id = $1 AND e.link_hash = $2 AND e.type = 'opened' AND e.settle_at = 0) o
              WHERE workspace_id = $1 AND hash = $2"
        ),
        values![workspace, *hash],
    )
}

/// One more, one less, or neither, by whether something is so now and was before.
macro_rules! became {
    ($now:expr, $before:expr) => {
        concat!("(CASE WHEN ", $now, " THEN 1 ELSE 0 END) - (CASE WHEN ", $before, " THEN 1 ELSE 0 END)")
    };
}

/// The same of a first try at an age, between two numbers of milliseconds.
macro_rules! tried_between {
    ($after:literal, $until:literal) => {
        became!(
            concat!("l.age > ", $after, " AND l.age <= ", $until),
            concat!("l.age_before > ", $after, " AND l.age_before <= ", $until)
        )
    };
}

/// A column that the upsert adds to.
macro_rules! adding {
    ($($column:literal),+) => { concat!("issued = link_stats.issued", $(", ", $column, " = link_stats.", $column, " + excluded.", $column),+) };
}

/// What became different of links, column by column, each between two texts.
macro_rules! differences {
    ($open:literal, $close:literal) => {
        concat!(
            $open,
            became!("(l.bits & 5) <> 0", "(l.bits_before & 5) <> 0"),
            $close,
            ", ",
            $open,
            became!("(l.bits & 7) = 2", "(l.bits_before & 7) = 2"),
            $close,
            ", ",
            $open,
            became!("(l.bits & 16) <> 0", "(l.bits_before & 16) <> 0"),
            $close,
            ", ",
            $open,
            became!("l.age >= l.life", "l.age_before >= l.life"),
            $close,
            ", ",
            $open,
            became!("(l.bits & 8) <> 0", "(l.bits_before & 8) <> 0"),
            $close,
            ", ",
            $open,
            tried_between!("-9000000000000000", "60000"),
            $close,
            ", ",
            $open,
            tried_between!("60000", "300000"),
            $close,
            ", ",
            $open,
            tried_between!("300000", "900000"),
            $close,
            ", ",
            $open,
            tried_between!("900000", "1800000"),
            $close,
            ", ",
            $open,
            tried_between!("1800000", "3600000"),
            $close,
            ", ",
            $open,
            tried_between!("3600000", "7200000"),
            $close,
            ", ",
            $open,
            tried_between!("7200000", "14400000"),
            $close,
            ", ",
            $open,
            tried_between!("14400000", "28800000"),
            $close,
            ", ",
            $open,
            tried_between!("28800000", "86400000"),
            $close,
            ", ",
            $open,
            tried_between!("86400000", "259200000"),
            $close,
            ", ",
            $open,
            tried_between!("259200000", "604800000"),
            $close,
            ", ",
            $open,
            tried_between!("604800000", "9000000000000000"),
            $close
        )
    };
}

/// What links are and were, as it is compared.
macro_rules! compared {
    () => {
        "g.workspace_id, g.kind, g.created_at - g.created_at % 3600000 AS hour, g.marks & 255 AS bits,
         g.marks / 256 AS bits_before, g.tried_at - g.created_at AS age, g.tried_before - g.created_at AS age_before,
         g.expires_at - g.created_at AS life"
    };
}

/// Where the figures go, and how they are added.
macro_rules! into_figures {
    () => {
        "INSERT INTO link_stats (workspace_id, hour, kind, slot, opened, opened_by_machines, signed_in, too_late, pressed_again,
                tried_60, tried_300, tried_900, tried_1800, tried_3600, tried_7200, tried_14400, tried_28800, tried_86400,
                tried_259200, tried_604800, tried_later) SELECT l.workspace_id, l.hour, l.kind, "
    };
}
macro_rules! added_up {
    () => {
        concat!(
            " ON CONFLICT (workspace_id, hour, kind, slot) DO UPDATE SET ",
            adding!(
                "opened",
                "opened_by_machines",
                "signed_in",
                "too_late",
                "pressed_again",
                "tried_60",
                "tried_300",
                "tried_900",
                "tried_1800",
                "tried_3600",
                "tried_7200",
                "tried_14400",
                "tried_28800",
                "tried_86400",
                "tried_259200",
                "tried_604800",
                "tried_later"
            )
        )
    };
}
macro_rules! is_changed {
    () => {
        "((g.marks & 255) <> g.marks / 256 OR g.tried_at IS DISTINCT FROM g.tried_before)"
    };
}

/// What became different of a link, counted by the hour in which it was made.
const COUNTED: &str = concat!(
    into_figures!(),
    "$3, ",
    differences!("", ""),
    " FROM (SELECT ",
    compared!(),
    " FROM login_links g WHERE g.workspace_id = $1 AND g.hash = $2 AND ",
    is_changed!(),
    ") l WHERE true",
    added_up!()
);

/// The same of many links at once, in the order of the rows that they count in.
const COUNTED_TOGETHER: [&str; 2] = [
    concat!(
        into_figures!(),
        "l.slot, ",
        differences!("CAST(sum(", ") AS BIGINT)"),
        " FROM (SELECT ",
        compared!(),
        ", CASE WHEN g.created_at - g.created_at % 3600000 > $2 THEN CAST($3 AS BIGINT) ELSE 0 END AS slot FROM"
    ),
    concat!(
        "JOIN login_links g ON g.workspace_id = $1 AND g.hash = r.hash WHERE ",
        is_changed!(),
        ") l WHERE true GROUP BY l.workspace_id, l.hour, l.kind, l.slot ORDER BY l.hour, l.kind, l.slot",
        added_up!()
    ),
];

/// The statement that counts what became different of a link by the statement of the same unit that marked it.
pub(in crate::store) fn count_change(
    engine: &Engine,
    workspace: WorkspaceId,
    link: &NotedLink,
    now: Timestamp,
) -> Statement {
    let slot = slot_of(engine, link, now);
    sql(COUNTED, values![workspace, link.hash, slot])
}

/// The statements that count what became different of links that the same unit has marked, in slots of its own. Whoever counts it while
/// nobody waits holds no row for which a request would wait.
pub(in crate::store) fn count_changes(
    engine: &Engine,
    workspace: WorkspaceId,
    links: &[LinkLookupKey],
    now: Timestamp,
) -> Vec<Statement> {
    let (slot, until) = background_slots(engine, now);
    if matches!(engine, Engine::Sqlite(_)) {
        // There is one slot; and it counts one link after the other, which takes less without sorting them.
        return links.iter().map(|hash| sql(COUNTED, values![workspace, *hash, slot])).collect();
    }
    let [head, tail] = COUNTED_TOGETHER;
    let columns = vec![("hash", Column::Bytes(links.iter().map(|hash| hash.to_vec()).collect()))];
    let together = (!links.is_empty()).then(|| over(head, columns, tail, values![workspace, until, slot]));
    together.into_iter().collect()
}

/// The statement that counts a new link, by the hour in which it was made.
pub(in crate::store) fn count_issued(
    engine: &Engine,
    link: &LoginLink,
    (kind, is_recorded): (&'static str, bool),
) -> Statement {
    let at = link.draft.created_at;
    counter(
        "INSERT INTO link_stats (workspace_id, hour, kind, slot, issued, recorded) VALUES ($1, $2, $3, $4, $6, $5 * $6)
         ON CONFLICT (workspace_id, hour, kind, slot)
         DO UPDATE SET issued = link_stats.issued + excluded.issued, recorded = link_stats.recorded + excluded.recorded",
        values![link.draft.workspace, at.start_of_hour(), kind, slot_of(engine, &link.into(), at), is_recorded],
    )
}
