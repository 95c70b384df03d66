//! What happened to links beside what their own rows say: written in batches, settled a little later, swept in the end.

use std::collections::BTreeMap;

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
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, sql};
use crate::store::engine::value::{all, from_row, values};
use crate::store::{Store, StoreError};

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
    /// Whether the link was dead by then.
    pub was_dead: bool,
    /// When it is to be settled.
    pub settle_at: Timestamp,
    /// When the link was made; when it was opened, if the link is gone.
    pub created_at: Timestamp,
    /// Whom the link signs in.
    pub user: UserId,
}

impl Unsettled {
    /// The link that was opened.
    pub const fn link(&self) -> NotedLink {
        NotedLink { hash: self.hash, created_at: self.created_at }
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
    pub link: NotedLink,
    /// The openings by number, with their signs. Whether the style sheet was fetched is what their rows say.
    pub openings: Vec<(Uuid, Signs)>,
}

impl crate::store::engine::value::FromValue for Signs {
    fn from_value(value: crate::store::engine::value::Value) -> Option<Self> {
        i64::from_value(value).map(Self::from_bits)
    }
}

from_row! { Unsettled { hash, id, time, signs, client, was_dead, settle_at, created_at, user } }

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
        let (mut events, mut changed, mut refused) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (link, notes) in noted {
            let mut pressed = None::<Change>;
            let mut press = |at| pressed = Some(Change::pressed(at).and(pressed.unwrap_or_default()));
            for note in notes {
                match note {
                    Note::Opened(opening) => events.push(keep_opening(workspace, &link.hash, opening)),
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
                changed.push(*link);
            }
        }
        let counts = count_changes(&self.engine, workspace, &changed, now);
        let refused = count_refused_presses(&self.engine, workspace, &refused, now);
        let unit = UnitOfWork::new().guard(once(batch, now)).and_all(events).and_all(counts).and_all(refused);
        self.apply(unit).await.map(|_| ())
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

    /// Openings of all workspaces that are not settled, the oldest first.
    pub async fn list_unsettled(&self) -> Result<Vec<(WorkspaceId, Vec<Unsettled>)>, StoreError> {
        let workspaces = sql(
            "SELECT w.id FROM workspaces w
             WHERE EXISTS (SELECT 1 FROM link_events e WHERE e.workspace_id = w.id AND e.settle_at > 0)",
            values![],
        );
        let [workspaces] = self.read([workspaces]).await?;
        let mut found = Vec::new();
        for workspace in all::<WorkspaceId>(workspaces)? {
            let unsettled = sql(
                "SELECT e.link_hash, e.id, e.time, e.signs, e.client, e.was_dead, e.settle_at, coalesce(l.created_at, e.time),
                        coalesce(l.user_id, 0)
                 FROM link_events e LEFT JOIN login_links l ON l.workspace_id = e.workspace_id AND l.hash = e.link_hash
                 WHERE e.workspace_id = $1 AND e.settle_at > 0 ORDER BY e.settle_at LIMIT $2",
                values![workspace, MAX_UNSETTLED],
            );
            found.push((workspace, self.find_all(unsettled).await?));
        }
        Ok(found)
    }

    /// What decides about the openings of a link: when and from which network it was opened, and when mails with it were sent.
    pub async fn find_opening_facts(
        &self,
        workspace: WorkspaceId,
        opening: &Unsettled,
    ) -> Result<(Vec<(Timestamp, String)>, Vec<Timestamp>), StoreError> {
        let openings = sql(
            "SELECT time, network FROM link_events WHERE workspace_id = $1 AND link_hash = $2 AND type = 'opened'",
            values![workspace, opening.hash],
        );
        let sent = sql(
            "SELECT sent_at FROM mails
             WHERE workspace_id = $1 AND user_id = $2 AND created_at >= $3 AND link_hash = $4 AND sent_at IS NOT NULL",
            values![workspace, opening.user, opening.created_at, opening.hash],
        );
        let [openings, sent] = self.read([openings, sent]).await?;
        Ok((all(openings)?, all(sent)?))
    }

    /// Writes down that the style sheet was fetched by who opened links, also of openings that another node has settled meanwhile.
    pub async fn note_stylesheets(
        &self,
        workspace: WorkspaceId,
        openings: &[&Unsettled],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut openings = openings.to_vec();
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
        let mut links: Vec<_> = may_be_settled.map(|opening| opening.link()).collect();
        links.dedup();
        let unit = UnitOfWork::new().and_all(noted);
        self.write(unit.and_all(self.mark_by_openings(workspace, &links, now))).await.map(drop)
    }

    /// The statements that mark links by their openings, and count what became different by that.
    fn mark_by_openings(
        &self,
        workspace: WorkspaceId,
        links: &[NotedLink],
        now: Timestamp,
    ) -> Vec<Statement> {
        let marks = links.iter().map(|link| mark_by_openings(workspace, &link.hash));
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
                    values![workspace, settled.link.hash, id, [].as_slice(), signs],
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

/// The same of an opening. That there was no style sheet is taken back once it is fetched.
fn keep_opening(workspace: WorkspaceId, hash: &LinkLookupKey, opening: &Opening) -> Statement {
    let most = if opening.signs.look_like_machine() { MAX_BY_MACHINES } else { MAX_OPENINGS };
    sql(
        "INSERT INTO link_events (workspace_id, link_hash, id, time, type, reason, session_id, network, browser, signs, is_machine,
                                  was_dead, client, settle_at)
         SELECT l.workspace_id, l.hash, $3, $4, 'opened', '', $5, $6, $7, $8, $9, $10, $11, $12 FROM login_links l
         WHERE l.workspace_id = $1 AND l.hash = $2
           AND (SELECT count(*) FROM link_events e
                WHERE e.workspace_id = $1 AND e.link_hash = $2 AND e.type = 'opened') < $13",
        values![
            workspace,
            *hash,
            audit::entry_id(opening.at),
            opening.at,
            [].as_slice(),
            opening.network.as_str(),
            opening.browser.name(),
            opening.signs.with(Sign::NoStylesheet, true).bits(),
            opening.signs.look_like_machine(),
            opening.was_dead,
            opening.client,
            opening.at.plus_seconds(SETTLED_AFTER),
            most
        ],
    )
}
