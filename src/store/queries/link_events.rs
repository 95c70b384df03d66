//! What happened to links beside what their own rows say: written in batches, settled a little later, swept in the end.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::audit;
use super::counted_batches::once;
use super::link_marks::{Change, count_change, count_changes, mark, mark_by_openings};
use super::link_stats::{count_refused_press, count_refused_presses};
use crate::domain::audit::AuditEntry;
use crate::domain::login_link::LinkLookupKey;
use crate::domain::opening::{Opening, SETTLED_AFTER, Sign, Signs};
use crate::domain::story::{LinkNotes, Note, NotedLink, PressRefusal};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, over, sql};
use crate::store::engine::value::{all, from_row, values};
use crate::store::{Engine, Store, StoreError};

/// Openings of a link that are kept, if they look like a machine's at once: behind them there is room for persons.
const MAX_BY_MACHINES: i64 = 80;

/// Openings of a link that are kept.
const MAX_OPENINGS: i64 = 100;

/// Other events of a link that are kept.
const MAX_OTHERS: i64 = 100;

/// Openings of a workspace that are looked at in one go.
const MAX_UNSETTLED: i64 = 5_000;

/// An opening of which it is not known yet whether a person or a machine was there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsettled {
    /// Of which link.
    pub hash: LinkLookupKey,
    /// Its number.
    pub id: Uuid,
    /// When.
    pub time: Timestamp,
    /// What was seen so far.
    pub signs: Signs,
    /// Who came, as a keyed hash.
    pub client: [u8; 16],
    /// When it is to be settled.
    pub settle_at: Timestamp,
}

/// What decides about openings of some links, beside what was seen of each: when and from which network they were opened, and when mails
/// with them were sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpeningFacts {
    /// By link.
    pub opened: HashMap<LinkLookupKey, Vec<(Timestamp, String)>>,
    /// By link.
    pub sent: HashMap<LinkLookupKey, Vec<Timestamp>>,
}

/// An opening that is to be kept.
struct NewOpening<'a> {
    hash: LinkLookupKey,
    id: Uuid,
    /// Whether it looks like a machine's at once: whether the style sheet is fetched is not known yet.
    is_machine: bool,
    opening: &'a Opening,
}

impl<'a> NewOpening<'a> {
    fn of(hash: LinkLookupKey, opening: &'a Opening) -> Self {
        let is_machine = opening.signs.with(Sign::NoStylesheet, false).look_like_machine();
        Self { hash, id: audit::entry_id(opening.at), is_machine, opening }
    }
}

/// Whether signs as they are stored look like a machine's: `Signs::look_like_machine`. One of the first two is enough, or any two.
macro_rules! is_machine_by {
    ($signs:literal) => {
        concat!(
            "CASE WHEN (",
            $signs,
            " & 3) <> 0 OR (",
            $signs,
            " & (",
            $signs,
            " - 1)) <> 0 THEN 1 ELSE 0 END"
        )
    };
}

/// Openings of a link that are settled.
#[derive(Clone, PartialEq, Debug)]
pub struct SettledLink {
    /// The link.
    pub link: LinkLookupKey,
    /// The openings by number, with their signs. Whether the style sheet was fetched is what their rows say.
    pub openings: Vec<(Uuid, Signs)>,
}

impl crate::store::engine::value::FromValue for Signs {
    fn from_value(value: crate::store::engine::value::Value) -> Option<Self> {
        i64::from_value(value).map(Self::from_bits)
    }
}

from_row! { Unsettled { hash, id, time, signs, client, settle_at } }

/// What is done to a link by a press or because of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kept<'a> {
    Pressed,
    Refused(&'static str),
    SignedIn(&'a Uuid, Option<&'a str>),
}

impl Store {
    /// Writes what was noted of links: all of it or nothing, and once, however often the batch is written.
    pub async fn write_link_notes(
        &self,
        batch: Uuid,
        (workspace, noted): (WorkspaceId, &[LinkNotes]),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut noted: Vec<_> = noted.iter().collect();
        // In one order, so that two who write to the same rows wait for each other: links, then figures, then refusals.
        noted.sort_by_key(|(link, _)| *link);
        let (mut opened, mut events, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        let mut refused = BTreeMap::new();
        for (link, notes) in noted {
            let mut pressed = None::<Change>;
            let mut press = |at| pressed = Some(Change::pressed(at).and(pressed.unwrap_or_default()));
            for note in notes {
                match note {
                    Note::Opened(opening) => opened.push(NewOpening::of(link.hash, opening)),
                    Note::Pressed(at) => {
                        press(*at);
                        events.push(keep(workspace, &link.hash, Kept::Pressed, *at));
                    }
                    Note::Refused(refusal, at, times) => {
                        if refusal.is_press() {
                            press(*at);
                        }
                        events.push(keep(workspace, &link.hash, Kept::Refused(refusal.reason()), *at));
                        *refused.entry((at.start_of_hour(), refusal.reason(), link.hash)).or_insert(0) +=
                            times;
                    }
                }
            }
            if let Some(change) = pressed {
                events.push(mark(workspace, &link.hash, &change));
                changed.push(link.hash);
            }
        }
        let counts = count_changes(&self.engine, workspace, &changed, now);
        let refused = count_refused_presses(&self.engine, workspace, &refused, now);
        let unit = UnitOfWork::new()
            .guard(once(batch, now))
            .and_all(self.keep_openings(workspace, opened))
            .and_all(events)
            .and_all(counts)
            .and_all(refused);
        self.apply(unit).await.map(|_| ())
    }

    /// The statement that keeps openings of links that are known, unless there are enough of one.
    fn keep_openings(&self, workspace: WorkspaceId, mut opened: Vec<NewOpening>) -> Option<Statement> {
        // Persons first, where there is not room for all.
        opened.sort_by_key(|new| (new.hash, new.is_machine));
        let bytes =
            |bytes: &dyn Fn(&NewOpening) -> Vec<u8>| Column::Bytes(opened.iter().map(bytes).collect());
        let numbers =
            |number: &dyn Fn(&NewOpening) -> i64| Column::Numbers(opened.iter().map(number).collect());
        let texts = |text: &dyn Fn(&NewOpening) -> String| Column::Texts(opened.iter().map(text).collect());
        let columns = vec![
            ("hash", bytes(&|new| new.hash.to_vec())),
            ("id", bytes(&|new| new.id.as_bytes().to_vec())),
            ("time", numbers(&|new| new.opening.at.millis())),
            ("network", texts(&|new| new.opening.network.as_str().to_owned())),
            ("browser", texts(&|new| new.opening.browser.name().to_owned())),
            ("signs", numbers(&|new| new.opening.signs.bits())),
            ("is_machine", numbers(&|new| new.is_machine.into())),
            ("was_dead", numbers(&|new| new.opening.was_dead.into())),
            ("client", bytes(&|new| new.opening.client.to_vec())),
            ("most", Column::Numbers(self.room_for(&opened))),
        ];
        let statement = over(
            "INSERT INTO link_events (workspace_id, link_hash, id, time, type, reason, session_id, network, browser, signs, is_machine,
                                      was_dead, client, settle_at)
             SELECT l.workspace_id, l.hash, r.id, r.time, 'opened', '', $2, r.network, r.browser, r.signs, r.is_machine, r.was_dead,
                    r.client, r.time + $3 FROM",
            columns,
            "JOIN login_links l ON l.workspace_id = $1 AND l.hash = r.hash
             WHERE (SELECT count(*) FROM link_events e
                    WHERE e.workspace_id = $1 AND e.link_hash = r.hash AND e.type = 'opened') < r.most",
            values![workspace, [].as_slice(), 1_000 * SETTLED_AFTER],
        );
        (!opened.is_empty()).then_some(statement)
    }

    /// How many openings of its link may be there before each of these, which stand together by link. SQLite, which keeps one after the
    /// other, counts those before it as it finds them.
    fn room_for(&self, opened: &[NewOpening]) -> Vec<i64> {
        let (mut room, mut before, mut last) = (Vec::with_capacity(opened.len()), 0, None);
        for new in opened {
            let is_one_more = last == Some(new.hash) && matches!(self.engine, Engine::Postgres(_));
            before = if is_one_more { before + 1 } else { 0 };
            last = Some(new.hash);
            let most = if new.is_machine { MAX_BY_MACHINES } else { MAX_OPENINGS };
            room.push(most - before);
        }
        room
    }

    /// Writes that a press of a link was refused.
    pub async fn add_refused_press(
        &self,
        workspace: WorkspaceId,
        (link, refusal): (&NotedLink, PressRefusal),
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let reason = refusal.reason();
        let unit = UnitOfWork::new()
            .and(mark(workspace, &link.hash, &Change::pressed(now)))
            .and(keep(workspace, &link.hash, Kept::Refused(reason), now))
            .and(audit::entry(workspace, entry, now))
            .and(count_change(&self.engine, workspace, link, now))
            .and(count_refused_press(&self.engine, workspace, (&link.hash, reason, 1), now));
        self.write(unit).await.map(drop)
    }

    /// Openings of all workspaces that are to be settled by a moment and are not, the oldest first.
    pub async fn list_unsettled(
        &self,
        until: Timestamp,
    ) -> Result<Vec<(WorkspaceId, Vec<Unsettled>)>, StoreError> {
        let workspaces = sql(
            "SELECT w.id FROM workspaces w
             WHERE EXISTS (SELECT 1 FROM link_events e WHERE e.workspace_id = w.id AND e.settle_at > 0 AND e.settle_at <= $1)",
            values![until],
        );
        let [workspaces] = self.read([workspaces]).await?;
        let mut found = Vec::new();
        for workspace in all::<WorkspaceId>(workspaces)? {
            let unsettled = sql(
                "SELECT link_hash, id, time, signs, client, settle_at FROM link_events
                 WHERE workspace_id = $1 AND settle_at > 0 AND settle_at <= $2 ORDER BY settle_at LIMIT $3",
                values![workspace, until, MAX_UNSETTLED],
            );
            found.push((workspace, self.find_all(unsettled).await?));
        }
        Ok(found)
    }

    /// What decides about openings of links since a moment.
    pub async fn find_opening_facts(
        &self,
        workspace: WorkspaceId,
        links: &[LinkLookupKey],
        since: Timestamp,
    ) -> Result<OpeningFacts, StoreError> {
        let hashes = || vec![("hash", Column::Bytes(links.iter().map(|hash| hash.to_vec()).collect()))];
        let opened = over(
            "SELECT e.link_hash, e.time, e.network FROM",
            hashes(),
            "JOIN link_events e ON e.workspace_id = $1 AND e.link_hash = r.hash WHERE e.id >= $2 AND e.type = 'opened'",
            values![workspace, audit::first_id_at(since)],
        );
        // Many workspaces mail nothing: that is asked first.
        let sent = over(
            "SELECT m.link_hash, m.sent_at FROM",
            hashes(),
            "JOIN login_links l ON l.workspace_id = $1 AND l.hash = r.hash
             JOIN mails m ON m.workspace_id = l.workspace_id AND m.user_id = l.user_id AND m.created_at >= l.created_at
             WHERE m.link_hash = l.hash AND m.sent_at IS NOT NULL AND EXISTS (SELECT 1 FROM mails a WHERE a.workspace_id = $1)",
            values![workspace],
        );
        let [opened, sent] = self.read([opened, sent]).await?;
        let mut facts = OpeningFacts::default();
        for (hash, time, network) in all::<(LinkLookupKey, Timestamp, String)>(opened)? {
            facts.opened.entry(hash).or_default().push((time, network));
        }
        for (hash, time) in all::<(LinkLookupKey, Timestamp)>(sent)? {
            facts.sent.entry(hash).or_default().push(time);
        }
        Ok(facts)
    }

    /// Writes down that the style sheet was fetched by who opened links, also of openings that another node has settled meanwhile.
    pub async fn note_stylesheets(
        &self,
        workspace: WorkspaceId,
        openings: &[Unsettled],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut openings: Vec<_> = openings.iter().collect();
        openings.sort_by_key(|opening| (opening.hash, opening.id));
        let none = Signs::default().with(Sign::NoStylesheet, true).bits();
        let noted = openings.iter().map(|opening| {
            sql(
                concat!(
                    "UPDATE link_events SET signs = signs - $4, is_machine = CASE WHEN settle_at > 0 THEN is_machine ELSE ",
                    is_machine_by!("(signs - $4)"),
                    " END WHERE workspace_id = $1 AND link_hash = $2 AND id = $3 AND (signs & $4) <> 0"
                ),
                values![workspace, opening.hash, opening.id, none],
            )
        });
        let may_be_settled = openings.iter().filter(|opening| opening.settle_at <= now);
        let mut links: Vec<_> = may_be_settled.map(|opening| opening.hash).collect();
        links.dedup();
        let unit = UnitOfWork::new().and_all(noted);
        self.write(unit.and_all(self.mark_by_openings(workspace, &links, now))).await.map(drop)
    }

    /// The statements that mark links by their openings, and count what became different by that.
    fn mark_by_openings(
        &self,
        workspace: WorkspaceId,
        links: &[LinkLookupKey],
        now: Timestamp,
    ) -> Vec<Statement> {
        let marks = links.iter().map(|hash| mark_by_openings(workspace, hash));
        marks.chain(count_changes(&self.engine, workspace, links, now)).collect()
    }

    /// Writes down what openings were. However many nodes do so, it is the same, and is counted once.
    pub async fn settle_openings(
        &self,
        workspace: WorkspaceId,
        settled: &[SettledLink],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut settled: Vec<_> = settled.iter().collect();
        settled.sort_by_key(|settled| settled.link);
        let openings = settled.iter().flat_map(|settled| {
            let mut openings = settled.openings.clone();
            openings.sort_by_key(|(id, _)| *id);
            openings.into_iter().map(move |(id, signs)| {
                // Another node may have seen the style sheet fetched: this one must not undo that.
                let signs = signs.with(Sign::NoStylesheet, false).bits();
                sql(
                    concat!(
                        "UPDATE link_events SET settle_at = 0, client = $4, signs = signs | $5, is_machine = ",
                        is_machine_by!("(signs | $5)"),
                        " WHERE workspace_id = $1 AND link_hash = $2 AND id = $3 AND settle_at > 0"
                    ),
                    values![workspace, settled.link, id, [].as_slice(), signs],
                )
            })
        });
        let links: Vec<_> = settled.iter().map(|settled| settled.link).collect();
        let unit = UnitOfWork::new().and_all(openings);
        self.write(unit.and_all(self.mark_by_openings(workspace, &links, now))).await.map(drop)
    }
}

/// The statement that keeps an event of a link that is known, unless there are enough.
pub(super) fn keep(
    workspace: WorkspaceId,
    hash: &LinkLookupKey,
    event: Kept<'_>,
    at: Timestamp,
) -> Statement {
    let (kind, reason, session, client_id) = match event {
        Kept::Pressed => ("pressed", "", [].as_slice(), None),
        Kept::Refused(reason) => ("refused", reason, [].as_slice(), None),
        Kept::SignedIn(session, client_id) => ("signed_in", "", session.as_bytes().as_slice(), client_id),
    };
    sql(
        "INSERT INTO link_events (workspace_id, link_hash, id, time, type, reason, session_id, network, browser, signs, is_machine,
                                  was_dead, client, settle_at, client_id)
         SELECT l.workspace_id, l.hash, $3, $4, $5, $6, $7, '', '', 0, 0, 0, $8, 0, $10 FROM login_links l
         WHERE l.workspace_id = $1 AND l.hash = $2
           AND (SELECT count(*) FROM link_events e
                WHERE e.workspace_id = $1 AND e.link_hash = $2 AND e.type <> 'opened') < $9",
        values! {
            workspace, *hash, audit::entry_id(at), at, kind, reason, session, [].as_slice(), MAX_OTHERS,
            client_id.map(str::to_owned)
        },
    )
}
