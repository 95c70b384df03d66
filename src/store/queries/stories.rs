//! The story of a link: its row, and what is told of it elsewhere.

use uuid::Uuid;

use super::audit;
use super::columns::standing_columns;
use super::link_marks::Marks;
use super::login_links::link_columns;
use crate::domain::login_link::{self, LinkLookupKey, LoginLink};
use crate::domain::mail::MailState;
use crate::domain::opening::{BrowserClass, Sign, Signs};
use crate::domain::story::{PressRefusal, StoryEvent};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::AccountStatus;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, sql};
use crate::store::engine::value::{FromRow, FromValue, Row, Value, all, first, from_row, values};
use crate::store::{Store, StoreError};

/// How much later than its act the number of an entry may be, in milliseconds: numbers of one process never fall.
const LATE_NUMBERS: i64 = 10_000;

/// A link with all that its own row says, and its user's standing. It is not proven by that: its seal must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToldLink {
    /// Whether its user may use it.
    pub standing: AccountStatus,
    /// `api`, `self_service` or `again`.
    pub kind: String,
    /// How often it was handed out.
    pub times_issued: i64,
    /// When last.
    pub last_issued_at: Timestamp,
    /// The session that it led to, if one use has ended it.
    pub session: Option<Uuid>,
    /// The app that the session led to, if one use has ended the link.
    pub client_id: Option<String>,
    marks: i64,
    /// The link.
    pub link: LoginLink,
}

from_row! { ToldLink { standing, kind, times_issued, last_issued_at, session, client_id, marks, link } }

impl ToldLink {
    /// Whether the code of its mail signed somebody in.
    pub const fn is_used_by_code(&self) -> bool {
        Marks::BY_CODE.are_in(self.marks)
    }
}

macro_rules! told_link {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            standing_columns!(),
            ", l.kind, l.times_issued, l.last_issued_at, l.session_id, l.client_id, l.marks, ",
            link_columns!(),
            " FROM login_links l JOIN users u ON u.workspace_id = l.workspace_id AND u.id = l.user_id
              WHERE l.workspace_id = $1 AND ",
            $condition
        )
    };
}

impl FromValue for BrowserClass {
    fn from_value(value: Value) -> Option<Self> {
        Self::parse(&String::from_value(value)?)
    }
}

/// An event with its moment.
struct Told(Timestamp, StoryEvent);

impl FromRow for Told {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (time, kind, reason): (_, String, String) = row.take()?;
        let session: Vec<u8> = row.take()?;
        let (network, browser, signs): (String, String, Signs) = row.take()?;
        let (is_machine, settle_at, client_id): (_, i64, _) = row.take()?;
        let unknown = || StoreError::Unexpected("an event of a link that is of no kind");
        let event = match kind.as_str() {
            "opened" => {
                // What is not settled yet may still get its style sheet.
                let signs = signs.with(Sign::NoStylesheet, settle_at == 0 && signs.has(Sign::NoStylesheet));
                let browser = BrowserClass::parse(&browser).ok_or_else(unknown)?;
                StoryEvent::Opened { network, browser, is_machine, signs }
            }
            "pressed" => StoryEvent::Pressed,
            "refused" => StoryEvent::Refused(PressRefusal::parse(&reason).ok_or_else(unknown)?),
            "signed_in" => {
                let session = Uuid::from_slice(&session).ok();
                StoryEvent::SignedIn { session, by_code: false, client_id }
            }
            _ => return Err(unknown()),
        };
        Ok(Self(time, event))
    }
}

impl Store {
    /// A link by the hashes that its token may have, whatever became of it.
    pub async fn find_told_link(
        &self,
        workspace: WorkspaceId,
        hashes: &[LinkLookupKey],
    ) -> Result<Option<ToldLink>, StoreError> {
        const FOUND: &str = told_link!("l.hash = $2");
        for hash in hashes {
            let found = self.find(sql(FOUND, values![workspace, *hash])).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The same by its number, which says when it was made: links are kept in that order.
    pub async fn find_told_link_by_id(
        &self,
        workspace: WorkspaceId,
        id: Uuid,
    ) -> Result<Option<ToldLink>, StoreError> {
        const FOUND: &str = told_link!("l.hash >= $2 AND l.hash < $3 AND l.id = $4");
        let Some(made_at) = Timestamp::of_id(id) else { return Ok(None) };
        let [first, end] = [made_at, made_at.just_after()].map(login_link::first_lookup_key_at);
        self.find(sql(FOUND, values![workspace, first, end, id])).await
    }

    /// What is told of a link elsewhere, in no order: but for its making, and what its own row says.
    pub async fn list_story_events(
        &self,
        workspace: WorkspaceId,
        link: &LoginLink,
    ) -> Result<Vec<(Timestamp, StoryEvent)>, StoreError> {
        let (user, made_at) = (link.draft.user, link.draft.created_at);
        let events = sql(
            "SELECT time, type, reason, session_id, network, browser, signs, is_machine, settle_at, client_id FROM link_events
             WHERE workspace_id = $1 AND link_hash = $2 ORDER BY id",
            values![workspace, link.hash],
        );
        let mails = sql(
            "SELECT coalesce(sent_at, created_at), id, state FROM mails
             WHERE workspace_id = $1 AND user_id = $2 AND created_at >= $3 AND link_hash = $4 ORDER BY created_at LIMIT 100",
            values![workspace, user, made_at, link.hash],
        );
        let kill = sql(
            "SELECT time, reason FROM link_kills WHERE workspace_id = $1 AND user_id = $2 AND epoch = $3",
            values![workspace, user, link.draft.epoch],
        );
        let [events, mails, kill] = self.read([events, mails, kill]).await?;
        let mut told: Vec<_> =
            all::<Told>(events)?.into_iter().map(|Told(time, event)| (time, event)).collect();
        for (time, mail, state) in all::<(Timestamp, Uuid, MailState)>(mails)? {
            told.push((time, StoryEvent::Mailed { mail, state }));
        }
        if let Some((time, reason)) = first(kill)? {
            told.push((time, StoryEvent::Killed { reason }));
        }
        Ok(told)
    }

    /// Who had a link made, in which request, as the audit log says.
    pub async fn find_issuer(
        &self,
        workspace: WorkspaceId,
        link: &LoginLink,
    ) -> Result<Option<(String, Uuid)>, StoreError> {
        let made_at = link.draft.created_at;
        let last = Timestamp::from_millis(made_at.millis() + LATE_NUMBERS);
        let issued = sql(
            "SELECT actor, request_id, data FROM audit_log
             WHERE workspace_id = $1 AND id >= $2 AND id < $3 AND time = $4 AND event = 'login_link.issued' AND user_id = $5
             ORDER BY id LIMIT 100",
            values![
                workspace,
                audit::first_id_at(made_at),
                audit::first_id_at(last),
                made_at,
                link.draft.user
            ],
        );
        let entries: Vec<(String, Uuid, String)> = self.find_all(issued).await?;
        let id = link.id.to_string();
        let is_of_it = |data: &str| {
            serde_json::from_str::<serde_json::Value>(data).is_ok_and(|data| data["link"] == id.as_str())
        };
        let entry = entries.into_iter().find(|(_, _, data)| is_of_it(data));
        Ok(entry.map(|(actor, request, _)| (actor, request)))
    }

    /// Forgets what was noted of links whose time was over at a moment, or that are not kept any more.
    pub async fn sweep_stories(&self, workspace: WorkspaceId, until: Timestamp) -> Result<i64, StoreError> {
        // A link that was made later was not over by then.
        let before = login_link::first_lookup_key_at(until);
        let mut from: LinkLookupKey = [0; 32];
        let mut swept = 0;
        loop {
            let found = sql(
                "SELECT e.link_hash, max(coalesce(l.expires_at, 0)) FROM link_events e
                 LEFT JOIN login_links l ON l.workspace_id = e.workspace_id AND l.hash = e.link_hash
                 WHERE e.workspace_id = $1 AND e.link_hash > $2 AND e.link_hash < $3
                 GROUP BY e.link_hash ORDER BY e.link_hash LIMIT 500",
                values![workspace, from, before],
            );
            let links: Vec<(LinkLookupKey, Timestamp)> = self.find_all(found).await?;
            let Some((last, _)) = links.last() else { return Ok(swept) };
            from = *last;
            let over: Vec<_> = links.iter().filter(|(_, end)| *end <= until).map(|(hash, _)| *hash).collect();
            if !over.is_empty() {
                swept += i64::try_from(over.len()).unwrap_or(0);
                self.write(UnitOfWork::new().and_all(over.iter().map(|hash| forget(workspace, hash))))
                    .await?;
            }
        }
    }
}

fn forget(workspace: WorkspaceId, hash: &LinkLookupKey) -> Statement {
    sql("DELETE FROM link_events WHERE workspace_id = $1 AND link_hash = $2", values![workspace, *hash])
}
