//! Figures by hour: written with every act, merged once their hour is over, summed when somebody asks.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::audit;
use super::counted_batches::once;
use crate::domain::audit::AuditEntry;
use crate::domain::link_stats::{BucketSize, Figures, KindFigures, StatsKind, StatsQuery};
use crate::domain::login_link::LinkLookupKey;
use crate::domain::story::NotedLink;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, over, sql};
use crate::store::engine::value::{FromRow, FromValue, Row, Value, all, from_row, values};
use crate::store::{Engine, ListError, ListPermit, Store, StoreError};

/// Slots of an hour on PostgreSQL.
const SLOTS: u8 = 32;

/// For so long after it began an hour is counted in slots, in milliseconds: later, few count in it at once.
const SLOTTED: i64 = 2 * 3_600_000;

/// An hour that began so long ago is merged: nobody counts in its slots any more, whatever the clocks of nodes.
const MERGED_AFTER: i64 = SLOTTED + 600_000;

/// Hours of a workspace that are merged in one go.
const MAX_HOURS: i64 = 100;

/// The slot in which is counted what is of an hour. On SQLite, which has one writer, there is one.
pub(super) fn slot_of(engine: &Engine, link: &NotedLink, now: Timestamp) -> i64 {
    slot_by(engine, link.hash[31], (link.created_at, now))
}

/// The same by a byte that may be any.
fn slot_by(engine: &Engine, any: u8, (of, now): (Timestamp, Timestamp)) -> i64 {
    match engine {
        Engine::Postgres(_) if now.millis() - of.start_of_hour().millis() < SLOTTED => i64::from(any % SLOTS),
        Engine::Postgres(_) | Engine::Sqlite(_) => 0,
    }
}

/// The slot in which is counted what nobody waits for, of hours that began after a moment: it holds no row that a request needs.
pub(super) const fn background_slots(engine: &Engine, now: Timestamp) -> (i64, Timestamp) {
    let slot = match engine {
        Engine::Postgres(_) => SLOTS as i64,
        Engine::Sqlite(_) => 0,
    };
    (slot, Timestamp::from_millis(now.millis() - SLOTTED))
}

/// The statement that counts refusals at a moment, of a kind of links and for a reason. `by` spreads those who count at once.
pub(in crate::store) fn count_refused(
    engine: &Engine,
    workspace: WorkspaceId,
    (kind, reason, times): (&str, &str, i64),
    (by, at): (&Uuid, Timestamp),
) -> Statement {
    let slot = slot_by(engine, by.as_bytes()[15], (at, at));
    sql(
        "INSERT INTO refusal_stats (workspace_id, hour, kind, reason, slot, refused)
         SELECT w.id, $2, $3, $4, $5, $6 FROM workspaces w WHERE w.id = $1
         ON CONFLICT (workspace_id, hour, kind, reason, slot)
         DO UPDATE SET refused = refusal_stats.refused + excluded.refused",
        values![workspace, at.start_of_hour(), kind, reason, slot, times],
    )
}

/// The same of a press of a link, whose row says of what kind it is.
pub(in crate::store) fn count_refused_press(
    engine: &Engine,
    workspace: WorkspaceId,
    (hash, reason, times): (&LinkLookupKey, &'static str, i64),
    at: Timestamp,
) -> Statement {
    let slot = slot_by(engine, hash[31], (at, at));
    sql(
        "INSERT INTO refusal_stats (workspace_id, hour, kind, reason, slot, refused)
         SELECT l.workspace_id, $3, l.kind, $4, $5, $6 FROM login_links l WHERE l.workspace_id = $1 AND l.hash = $2
         ON CONFLICT (workspace_id, hour, kind, reason, slot)
         DO UPDATE SET refused = refusal_stats.refused + excluded.refused",
        values![workspace, *hash, at.start_of_hour(), reason, slot, times],
    )
}

/// The same of many presses, by hour, reason and link, in the order of the rows that they count in.
pub(in crate::store) fn count_refused_presses(
    engine: &Engine,
    workspace: WorkspaceId,
    presses: &BTreeMap<(Timestamp, &'static str, LinkLookupKey), i64>,
    now: Timestamp,
) -> Option<Statement> {
    let (slot, until) = background_slots(engine, now);
    let numbers = |number: &dyn Fn(Timestamp, i64) -> i64| {
        Column::Numbers(presses.iter().map(|((hour, ..), times)| number(*hour, *times)).collect())
    };
    let columns = vec![
        ("hash", Column::Bytes(presses.keys().map(|(_, _, hash)| hash.to_vec()).collect())),
        ("reason", Column::Texts(presses.keys().map(|(_, reason, _)| (*reason).to_owned()).collect())),
        ("hour", numbers(&|hour, _| hour.millis())),
        ("slot", numbers(&|hour, _| if hour > until { slot } else { 0 })),
        ("times", numbers(&|_, times| times)),
    ];
    let head = "INSERT INTO refusal_stats (workspace_id, hour, kind, reason, slot, refused)
                SELECT l.workspace_id, r.hour, l.kind, r.reason, r.slot, CAST(sum(r.times) AS BIGINT) FROM";
    let tail = "JOIN login_links l ON l.workspace_id = $1 AND l.hash = r.hash WHERE true
                GROUP BY l.workspace_id, r.hour, l.kind, r.reason, r.slot ORDER BY r.hour, l.kind, r.reason, r.slot
                ON CONFLICT (workspace_id, hour, kind, reason, slot)
                DO UPDATE SET refused = refusal_stats.refused + excluded.refused";
    (!presses.is_empty()).then(|| over(head, columns, tail, values![workspace]))
}

/// The statement that counts how often links of the back office were handed out again in an hour.
pub(in crate::store) fn count_handed_out(workspace: WorkspaceId, hour: Timestamp, times: i64) -> Statement {
    // Few count in it: each node, each minute.
    sql(
        "INSERT INTO link_stats (workspace_id, hour, kind, slot, handed_out_again)
         SELECT w.id, $2, 'api', 0, $3 FROM workspaces w WHERE w.id = $1
         ON CONFLICT (workspace_id, hour, kind, slot)
         DO UPDATE SET handed_out_again = link_stats.handed_out_again + excluded.handed_out_again",
        values![workspace, hour, times],
    )
}

/// The hours from that of the oldest link that lives on.
macro_rules! hours_of_live_links {
    () => {
        "recorded > 0
         AND hour >= (SELECT min(l.created_at) - min(l.created_at) % 3600000 FROM login_links l
                        WHERE l.workspace_id = $1 AND l.expires_at > $2 AND l.ended_at IS NULL)"
    };
}

/// The statements that say of hours whose links may live on that not all openings of those are noted.
pub(in crate::store) fn forget_recorded(
    engine: &Engine,
    workspace: WorkspaceId,
    now: Timestamp,
) -> Vec<Statement> {
    let forgotten = sql(
        concat!("UPDATE link_stats SET recorded = 0 WHERE workspace_id = $1 AND ", hours_of_live_links!()),
        values![workspace, now],
    );
    // In the order in which others count: an update takes its rows in any.
    let held = match engine {
        Engine::Postgres(_) => Some(sql(
            concat!(
                "SELECT 1 FROM link_stats WHERE workspace_id = $1 AND ",
                hours_of_live_links!(),
                " ORDER BY hour, kind, slot FOR UPDATE"
            ),
            values![workspace, now],
        )),
        Engine::Sqlite(_) => None,
    };
    held.into_iter().chain([forgotten]).collect()
}

/// The sums of the figures, in the order of [`Figures`].
macro_rules! sums {
    ($first:literal $(, $column:literal)*) => {
        concat!("CAST(sum(", $first, ") AS BIGINT)" $(, ", CAST(sum(", $column, ") AS BIGINT)")*)
    };
}
/// What is counted, for a macro that takes the columns.
macro_rules! with_columns {
    ($macro:ident) => {
        $macro!(
            "issued",
            "recorded",
            "opened",
            "opened_by_machines",
            "signed_in",
            "too_late",
            "pressed_again",
            "handed_out_again",
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
    };
}
const SUMS: &str = with_columns!(sums);

/// Refusals for one reason in a bucket, of one kind of links.
struct Refusals {
    at: Timestamp,
    kind: StatsKind,
    reason: String,
    times: i64,
}

from_row! {
    KindFigures { at, kind, figures }
    Refusals { at, kind, reason, times }
}

impl FromValue for StatsKind {
    fn from_value(value: Value) -> Option<Self> {
        let text = String::from_value(value)?;
        Self::ALL.into_iter().find(|kind| kind.name() == text)
    }
}

impl FromRow for Figures {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (issued, recorded, opened, opened_by_machines) = row.take()?;
        let (signed_in, too_late, pressed_again, handed_out_again) = row.take()?;
        let mut figures = Self {
            issued,
            recorded,
            opened,
            opened_by_machines,
            signed_in,
            too_late,
            pressed_again,
            handed_out_again,
            ..Self::default()
        };
        for tried in &mut figures.ages {
            *tried = row.take()?;
        }
        Ok(figures)
    }
}

impl Store {
    /// Writes that the rule refused a link, and counts that.
    pub async fn add_refusal(
        &self,
        workspace: WorkspaceId,
        reason: &'static str,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let counted = ("api", reason, 1);
        let counted = count_refused(&self.engine, workspace, counted, (&entry.act.request, now));
        self.write(UnitOfWork::new().and(audit::entry(workspace, entry, now)).and(counted)).await.map(drop)
    }

    /// Counts refusals by the rule that nothing else is written of, by the hour, and once, however often the batch is written.
    pub async fn count_refusals(
        &self,
        batch: Uuid,
        refusals: &[((WorkspaceId, Timestamp, &'static str), i64)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let counted = refusals.iter().map(|((workspace, hour, reason), times)| {
            count_refused(&self.engine, *workspace, ("api", reason, *times), (&Uuid::nil(), *hour))
        });
        self.apply(UnitOfWork::new().guard(once(batch, now)).and_all(counted)).await.map(|_| ())
    }

    /// The figures of the buckets that have any, in their order, each of one kind of links.
    pub async fn link_figures(
        &self,
        permit: &ListPermit,
        query: &StatsQuery,
    ) -> Result<Vec<KindFigures>, ListError> {
        let [figures, refusals] = figures_of(permit.workspace(), query);
        let read = |[figures, refusals]: [Vec<Row>; 2]| {
            Ok((all::<KindFigures>(figures)?, all::<Refusals>(refusals)?))
        };
        let scanned = self.scan_with([figures, refusals], Some(permit.clone()), read);
        let (mut buckets, refusals) = permit.in_time(scanned).await?;
        for Refusals { at, kind, reason, times } in refusals {
            let place = buckets.partition_point(|bucket| (bucket.at, bucket.kind.name()) < (at, kind.name()));
            if buckets.get(place).is_none_or(|bucket| (bucket.at, bucket.kind) != (at, kind)) {
                buckets.insert(place, KindFigures { at, kind, figures: Figures::default() });
            }
            buckets[place].figures.refused.push((reason, times));
        }
        Ok(buckets)
    }

    /// Merges the slots of hours that are over, and says how many hours there were.
    pub async fn merge_stats(&self, workspace: WorkspaceId, now: Timestamp) -> Result<usize, StoreError> {
        let until = Timestamp::from_millis(now.millis() - MERGED_AFTER).start_of_hour();
        let found = |table: &str| {
            let text = format!(
                "SELECT DISTINCT hour FROM {table} WHERE workspace_id = $1 AND slot > 0 AND hour < $2 ORDER BY hour LIMIT $3"
            );
            sql(text, values![workspace, until, MAX_HOURS])
        };
        let [links, refusals] = self.read([found("link_stats"), found("refusal_stats")]).await?;
        let (links, refusals) = (all::<Timestamp>(links)?, all::<Timestamp>(refusals)?);
        for hour in &links {
            self.write(UnitOfWork::new().and_all(merge_links(workspace, *hour))).await?;
        }
        for hour in &refusals {
            self.write(UnitOfWork::new().and_all(merge_refusals(workspace, *hour))).await?;
        }
        Ok(links.len() + refusals.len())
    }

    /// Deletes the figures of hours before a moment.
    pub async fn sweep_stats(&self, workspace: WorkspaceId, until: Timestamp) -> Result<(), StoreError> {
        let links = sql(
            "DELETE FROM link_stats WHERE workspace_id = $1 AND hour IN
               (SELECT hour FROM link_stats WHERE workspace_id = $1 AND hour < $2 ORDER BY hour LIMIT 100) RETURNING 1",
            values![workspace, until],
        );
        let refusals = sql(
            "DELETE FROM refusal_stats WHERE workspace_id = $1 AND hour IN
               (SELECT hour FROM refusal_stats WHERE workspace_id = $1 AND hour < $2 ORDER BY hour LIMIT 100) RETURNING 1",
            values![workspace, until],
        );
        self.until_none(links).await?;
        self.until_none(refusals).await
    }
}

/// The statements that sum figures and refusals by bucket and kind.
fn figures_of(workspace: WorkspaceId, query: &StatsQuery) -> [Statement; 2] {
    let at = match query.by {
        BucketSize::Hour => "hour",
        BucketSize::Day => "hour - hour % 86400000",
    };
    let of_kind = match query.kind {
        StatsKind::All => "$4 = 'all'",
        StatsKind::Api | StatsKind::SelfService | StatsKind::Again => "kind = $4",
    };
    let within = format!("WHERE workspace_id = $1 AND hour >= $2 AND hour < $3 AND {of_kind}");
    let figures =
        format!("SELECT {at} AS begun, kind, {SUMS} FROM link_stats {within} GROUP BY 1, 2 ORDER BY 1, 2");
    let refusals = format!(
        "SELECT {at} AS begun, kind, reason, CAST(sum(refused) AS BIGINT) FROM refusal_stats {within}
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    );
    [figures, refusals].map(|text| sql(text, values![workspace, query.from, query.to, query.kind.name()]))
}

/// The statements that merge the slots of an hour: those that there are by the first statement are summed and deleted, and no other that
/// comes meanwhile.
fn merge_links(workspace: WorkspaceId, hour: Timestamp) -> [Statement; 3] {
    macro_rules! columns {
        ($($column:literal),+) => {
            concat!(
                "INSERT INTO link_stats (workspace_id, hour, kind, slot", $(", ", $column),+, ")
                 SELECT workspace_id, hour, kind, 0", $(", CAST(sum(", $column, ") AS BIGINT)"),+,
                " FROM link_stats WHERE workspace_id = $1 AND hour = $2 AND merge_id = $3
                  GROUP BY workspace_id, hour, kind ORDER BY kind
                  ON CONFLICT (workspace_id, hour, kind, slot) DO UPDATE SET merge_id = NULL",
                $(", ", $column, " = link_stats.", $column, " + excluded.", $column),+
            )
        };
    }
    const MERGED: &str = with_columns!(columns);
    merge(
        [
            "UPDATE link_stats SET merge_id = $3 WHERE workspace_id = $1 AND hour = $2 AND slot > 0",
            MERGED,
            "DELETE FROM link_stats WHERE workspace_id = $1 AND hour = $2 AND merge_id = $3",
        ],
        workspace,
        hour,
    )
}

fn merge_refusals(workspace: WorkspaceId, hour: Timestamp) -> [Statement; 3] {
    merge(
        [
            "UPDATE refusal_stats SET merge_id = $3 WHERE workspace_id = $1 AND hour = $2 AND slot > 0",
            "INSERT INTO refusal_stats (workspace_id, hour, kind, reason, slot, refused)
             SELECT workspace_id, hour, kind, reason, 0, CAST(sum(refused) AS BIGINT) FROM refusal_stats
             WHERE workspace_id = $1 AND hour = $2 AND merge_id = $3
             GROUP BY workspace_id, hour, kind, reason ORDER BY kind, reason
             ON CONFLICT (workspace_id, hour, kind, reason, slot)
             DO UPDATE SET refused = refusal_stats.refused + excluded.refused",
            "DELETE FROM refusal_stats WHERE workspace_id = $1 AND hour = $2 AND merge_id = $3",
        ],
        workspace,
        hour,
    )
}

fn merge(texts: [&'static str; 3], workspace: WorkspaceId, hour: Timestamp) -> [Statement; 3] {
    let id = Uuid::new_v4();
    texts.map(|text| sql(text, values![workspace, hour, id]))
}
