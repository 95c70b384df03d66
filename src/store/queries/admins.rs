//! Admin links, sessions and allowances: directory rows, since one admin may look after several workspaces.

use super::audit;
use super::secret_keys::is_active;
use crate::domain::admin::{AdminGrant, AdminName, AdminReach, AdminRole};
use crate::domain::admin_access::{AdminAllowance, AdminLink, AdminSession};
use crate::domain::audit::AuditEntry;
use crate::domain::timestamp::Timestamp;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, sql};
use crate::store::engine::value::{FromValue, Value, all, from_row, values};
use crate::store::{Store, StoreError};

/// Rows of each kind that are listed at most.
const MAX_LISTED: i64 = 10_000;

impl FromValue for AdminName {
    fn from_value(value: Value) -> Option<Self> {
        Self::parse(&String::from_value(value)?).ok()
    }
}

impl FromValue for AdminRole {
    fn from_value(value: Value) -> Option<Self> {
        Self::parse(&String::from_value(value)?).ok()
    }
}

impl FromValue for AdminReach {
    fn from_value(value: Value) -> Option<Self> {
        Self::from_store(&String::from_value(value)?)
    }
}

from_row! {
    AdminGrant { name, role, reach }
    AdminLink { id, hash, grant, key, created_at, expires_at, seal }
    AdminSession { id, hash, grant, key, created_at, last_seen_at, expires_at, seal }
    AdminAllowance { id, grant, key, created_at, last_seen_at, ended_at, seal }
}

macro_rules! link_columns {
    () => {
        "id, hash, name, role, workspaces, key_id, created_at, expires_at, seal"
    };
}

macro_rules! session_columns {
    () => {
        "id, hash, name, role, workspaces, key_id, created_at, last_seen_at, expires_at, seal"
    };
}

macro_rules! allowance_columns {
    () => {
        "id, name, role, workspaces, key_id, created_at, last_seen_at, ended_at, seal"
    };
}

/// Everybody who is let in, as it is kept: not everything of it is genuine or live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedAdmins {
    /// Names that a proxy may bring.
    pub allowances: Vec<AdminAllowance>,
    /// Links that were not used.
    pub links: Vec<AdminLink>,
    /// Who is signed in.
    pub sessions: Vec<AdminSession>,
}

/// A link or a session that ends before its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndingAdmin<'a> {
    /// A link.
    Link(&'a AdminLink),
    /// A session.
    Session(&'a AdminSession),
}

impl Store {
    /// Keeps a new admin link, unless another secret key derives by now.
    pub async fn add_admin_link(
        &self,
        link: &AdminLink,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        const ADDED: &str = concat!(
            "INSERT INTO admin_links (id, hash, name, role, workspaces, key_id, created_at, expires_at, seal)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE ",
            is_active!("$6")
        );
        let added = sql(
            ADDED,
            values! {
                link.id, link.hash, link.grant.name.as_str(), link.grant.role.name(),
                link.grant.reach.to_string(), link.key, link.created_at, link.expires_at, link.seal
            },
        );
        self.apply(UnitOfWork::new().guard(added).and_all(told(&link.grant, entry, now))).await
    }

    /// The admin link with one of these hashes. It is not proven by that: its seal must be.
    pub async fn find_admin_link(&self, hashes: &[[u8; 32]]) -> Result<Option<AdminLink>, StoreError> {
        const FOUND: &str = concat!("SELECT ", link_columns!(), " FROM admin_links WHERE hash = $1");
        for hash in hashes {
            if let Some(link) = self.find(sql(FOUND, values![*hash])).await? {
                return Ok(Some(link));
            }
        }
        Ok(None)
    }

    /// Uses up an admin link, and begins the session that it gives in place of another one. Of any number of racing callers one gets it.
    pub async fn claim_admin_link(
        &self,
        link: &AdminLink,
        session: &AdminSession,
        replaced: Option<&AdminSession>,
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        const BEGUN: &str = concat!(
            "INSERT INTO admin_sessions (",
            session_columns!(),
            ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 WHERE ",
            is_active!("$6")
        );
        let now = session.created_at;
        let used = sql(
            "DELETE FROM admin_links WHERE id = $1 AND seal = $2 AND expires_at > $3",
            values![link.id, link.seal, now],
        );
        let begun = sql(
            BEGUN,
            values! {
                session.id, session.hash, session.grant.name.as_str(), session.grant.role.name(),
                session.grant.reach.to_string(), session.key, session.created_at, session.last_seen_at,
                session.expires_at, session.seal
            },
        );
        let ended = replaced.map(|old| sql("DELETE FROM admin_sessions WHERE id = $1", values![old.id]));
        let unit = UnitOfWork::new().guard(used).guard(begun).and_all(ended);
        let unit = unit.and_all(told(&session.grant, entry, now));
        self.apply(unit).await
    }

    /// The admin session with one of these hashes. It is not proven by that: its seal must be.
    pub async fn find_admin_session(&self, hashes: &[[u8; 32]]) -> Result<Option<AdminSession>, StoreError> {
        const FOUND: &str = concat!("SELECT ", session_columns!(), " FROM admin_sessions WHERE hash = $1");
        for hash in hashes {
            if let Some(session) = self.find(sql(FOUND, values![*hash])).await? {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    /// Records when a session was last seen. `session` is as this leaves it, sealed.
    pub async fn touch_admin_session(&self, session: &AdminSession) -> Result<(), StoreError> {
        let touched = sql(
            "UPDATE admin_sessions SET last_seen_at = $1, seal = $2 WHERE id = $3 AND last_seen_at < $1",
            values![session.last_seen_at, session.seal, session.id],
        );
        self.write(UnitOfWork::new().and(touched)).await.map(|_| ())
    }

    /// Ends a link or a session, unless it ended before.
    pub async fn end_admin(
        &self,
        ending: EndingAdmin<'_>,
        entry: Option<&AuditEntry>,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let (ended, grant) = match ending {
            EndingAdmin::Link(link) => {
                (sql("DELETE FROM admin_links WHERE id = $1", values![link.id]), &link.grant)
            }
            EndingAdmin::Session(session) => {
                (sql("DELETE FROM admin_sessions WHERE id = $1", values![session.id]), &session.grant)
            }
        };
        let told = entry.map_or_else(Vec::new, |entry| told(grant, entry, now));
        self.apply(UnitOfWork::new().guard(ended).and_all(told)).await
    }

    /// Whether a name is allowed, as its row says. It is not proven by that: its seal must be.
    pub async fn find_admin_allowance(&self, name: &AdminName) -> Result<Option<AdminAllowance>, StoreError> {
        const FOUND: &str = concat!(
            "SELECT ",
            allowance_columns!(),
            " FROM admin_allowances WHERE name = $1 AND ended_at IS NULL"
        );
        self.find(sql(FOUND, values![name.as_str()])).await
    }

    /// Allows a name, in place of what it was allowed before; unless another secret key derives by now.
    pub async fn allow_admin(
        &self,
        allowance: &AdminAllowance,
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        const ALLOWED: &str = concat!(
            "INSERT INTO admin_allowances (name, id, role, workspaces, key_id, created_at, seal)
             SELECT $1, $2, $3, $4, $5, $6, $7 WHERE ",
            is_active!("$5"),
            " ON CONFLICT (name) DO UPDATE SET id = excluded.id, role = excluded.role, workspaces = excluded.workspaces,
                key_id = excluded.key_id, created_at = excluded.created_at, last_seen_at = NULL, ended_at = NULL,
                seal = excluded.seal"
        );
        let AdminAllowance { id, grant, key, created_at, seal, .. } = allowance;
        let allowed = sql(
            ALLOWED,
            values! {
                grant.name.as_str(), *id, grant.role.name(), grant.reach.to_string(), *key, *created_at, *seal
            },
        );
        let unit = UnitOfWork::new().guard(allowed).and_all(told(grant, entry, *created_at));
        self.apply(unit).await
    }

    /// Disallows a name, unless it is not allowed any more. The row stays, under no seal.
    pub async fn disallow_admin(
        &self,
        allowance: &AdminAllowance,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let ended = sql(
            "UPDATE admin_allowances SET ended_at = $1, seal = $2 WHERE name = $3 AND id = $4 AND ended_at IS NULL",
            values![now, [0; 32], allowance.grant.name.as_str(), allowance.id],
        );
        self.apply(UnitOfWork::new().guard(ended).and_all(told(&allowance.grant, entry, now))).await
    }

    /// Records when an allowance was last used, and by which secret key it is sealed from here on. `allowance` is as this leaves it;
    /// `old` is the seal that it was found with.
    pub async fn touch_admin_allowance(
        &self,
        allowance: &AdminAllowance,
        old: &[u8; 32],
    ) -> Result<(), StoreError> {
        const TOUCHED: &str = concat!(
            "UPDATE admin_allowances SET last_seen_at = $1, key_id = $2, seal = $3
             WHERE name = $4 AND id = $5 AND seal = $6 AND ended_at IS NULL AND ",
            is_active!("$2")
        );
        let AdminAllowance { id, grant, key, last_seen_at, seal, .. } = allowance;
        let touched = sql(TOUCHED, values![*last_seen_at, *key, *seal, grant.name.as_str(), *id, *old]);
        self.write(UnitOfWork::new().and(touched)).await.map(|_| ())
    }

    /// Everybody who is let in, oldest first.
    pub async fn list_admins(&self) -> Result<ListedAdmins, StoreError> {
        const ALLOWANCES: &str = concat!(
            "SELECT ",
            allowance_columns!(),
            " FROM admin_allowances WHERE ended_at IS NULL ORDER BY created_at, name LIMIT $1"
        );
        const LINKS: &str =
            concat!("SELECT ", link_columns!(), " FROM admin_links ORDER BY created_at, id LIMIT $1");
        const SESSIONS: &str =
            concat!("SELECT ", session_columns!(), " FROM admin_sessions ORDER BY created_at, id LIMIT $1");
        let [allowances, links, sessions] =
            self.scan([ALLOWANCES, LINKS, SESSIONS].map(|text| sql(text, values![MAX_LISTED]))).await?;
        Ok(ListedAdmins { allowances: all(allowances)?, links: all(links)?, sessions: all(sessions)? })
    }

    /// Deletes admin links and sessions that ended before a moment.
    pub async fn sweep_admins(&self, until: Timestamp) -> Result<(), StoreError> {
        for text in [
            "DELETE FROM admin_links WHERE id IN
               (SELECT id FROM admin_links WHERE expires_at <= $1 LIMIT 500) RETURNING 1",
            "DELETE FROM admin_sessions WHERE id IN
               (SELECT id FROM admin_sessions WHERE expires_at <= $1 LIMIT 500) RETURNING 1",
        ] {
            self.until_none(sql(text, values![until])).await?;
        }
        Ok(())
    }

    /// Deletes every admin link and session, live or not.
    pub async fn end_all_admins(&self) -> Result<(), StoreError> {
        let unit = UnitOfWork::new().and(sql("DELETE FROM admin_links", values![]));
        self.write(unit.and(sql("DELETE FROM admin_sessions", values![]))).await.map(|_| ())
    }
}

/// The statements that write an entry into the log of each workspace that an admin reaches.
pub(in crate::store) fn told(grant: &AdminGrant, entry: &AuditEntry, now: Timestamp) -> Vec<Statement> {
    match &grant.reach {
        AdminReach::All => vec![audit::entry_everywhere(entry, now)],
        AdminReach::Only(workspaces) => {
            workspaces.iter().map(|workspace| audit::entry_if_there(*workspace, entry, now)).collect()
        }
    }
}
