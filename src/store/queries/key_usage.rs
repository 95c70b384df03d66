//! What uses a secret key: live links, sessions, API keys and client secrets of any workspace, which would end with it.

use uuid::Uuid;

use super::api_keys::api_key_columns;
use super::app_secrets::app_secret_columns;
use super::apps::app_columns;
use super::login_links::{link_columns, may_use_links};
use super::{app_secrets, app_sessions, audit};
use crate::domain::api_key::ApiKey;
use crate::domain::audit::AuditEntry;
use crate::domain::login_link::{KeyId, LoginLink};
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_secret::AppSecret;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, UnitOfWork, UnitResult, sql};
use crate::store::engine::value::{from_row, only, values};
use crate::store::{Store, StoreError};

/// Rows that are listed, and ended in one commit, at most.
const BATCH: i64 = 64;

/// Live links whose key is `$1`, at the moment `$2`.
macro_rules! links_using_key {
    () => {
        concat!(
            "FROM login_links l JOIN users u ON u.workspace_id = l.workspace_id AND u.id = l.user_id
             WHERE l.key_id = $1 AND l.expires_at > $2 AND l.ended_at IS NULL AND u.link_epoch = l.link_epoch AND ",
            may_use_links!()
        )
    };
}

/// Live sessions whose key is `$1`, at the moment `$2`.
macro_rules! sessions_using_key {
    () => {
        "FROM sessions s JOIN workspaces w ON w.id = s.workspace_id
           JOIN users u ON u.workspace_id = s.workspace_id AND u.id = s.user_id
         WHERE s.key_id = $1 AND s.expires_at > $2 AND s.last_seen_at > $2 - w.session_idle * 1000
           AND s.created_at > $2 - w.session_lifetime * 1000
           AND u.session_epoch = s.session_epoch AND u.deleted_at IS NULL AND u.is_active <> 0 AND u.is_staff = 0"
    };
}

/// Live API keys whose key is `$1`, at the moment `$2`.
macro_rules! api_keys_using_key {
    () => {
        "FROM api_keys k WHERE k.key_id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)"
    };
}

/// How many rows of admins use the key `$1` at the moment `$2`: live links and sessions, and names that are allowed.
macro_rules! admins_using_key {
    () => {
        "(SELECT count(*) FROM admin_links a WHERE a.key_id = $1 AND a.expires_at > $2)
         + (SELECT count(*) FROM admin_sessions a WHERE a.key_id = $1 AND a.expires_at > $2)
         + (SELECT count(*) FROM admin_allowances a WHERE a.key_id = $1 AND a.ended_at IS NULL)"
    };
}

/// Live client secrets whose key is `$1`.
macro_rules! client_secrets_using_key {
    () => {
        "FROM app_secrets s WHERE s.key_id = $1 AND s.removed_at IS NULL"
    };
}

/// How many apps and signing keys use the key `$1`: those that could not be moved to another, as they were edited.
macro_rules! edited_rows_using_key {
    () => {
        "(SELECT count(*) FROM apps a WHERE a.key_id = $1) + (SELECT count(*) FROM signing_keys k WHERE k.key_id = $1)"
    };
}

/// How much uses a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyUsage {
    /// Login links.
    pub login_links: i64,
    /// Sessions.
    pub sessions: i64,
    /// API keys.
    pub api_keys: i64,
    /// Links, sessions and allowances of admins.
    pub admins: i64,
    /// Client secrets.
    pub client_secrets: i64,
    /// Apps and signing keys. They move by themselves, but for edited ones.
    pub edited: i64,
}

/// A session to be ended: whose, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionUsingKey {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The number.
    pub id: Uuid,
    /// Who is signed in.
    pub user: UserId,
}

from_row! { SessionUsingKey { workspace, id, user } }

impl Store {
    /// Retires a key for good, unless it is the active one, or something live uses it.
    pub async fn retire_key(
        &self,
        key: KeyId,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        const RETIRED: &str = concat!(
            "UPDATE key_fingerprints SET retired_at = $2
             WHERE key_id = $1 AND retired_at IS NULL
               AND EXISTS (SELECT 1 FROM key_fingerprints g
                           WHERE g.retired_at IS NULL AND g.activated_at > coalesce(key_fingerprints.activated_at, 0))
               AND NOT EXISTS (SELECT 1 ",
            links_using_key!(),
            ") AND NOT EXISTS (SELECT 1 ",
            sessions_using_key!(),
            ") AND NOT EXISTS (SELECT 1 ",
            api_keys_using_key!(),
            ") AND NOT EXISTS (SELECT 1 ",
            client_secrets_using_key!(),
            ") AND 0 = ",
            admins_using_key!(),
            " AND 0 = ",
            edited_rows_using_key!()
        );
        let retired = sql(RETIRED, values![key, now]);
        let told = audit::entry_everywhere(entry, now);
        self.apply(UnitOfWork::new().guard(retired).and(told)).await
    }

    /// Counts what is live and uses a key.
    pub async fn count_key_usage(&self, key: KeyId, now: Timestamp) -> Result<KeyUsage, StoreError> {
        let values = || values![key, now];
        let [links, sessions, api_keys, admins, client_secrets, edited] = self
            .scan([
                sql(concat!("SELECT count(*) ", links_using_key!()), values()),
                sql(concat!("SELECT count(*) ", sessions_using_key!()), values()),
                sql(concat!("SELECT count(*) ", api_keys_using_key!()), values()),
                sql(concat!("SELECT ", admins_using_key!()), values()),
                sql(concat!("SELECT count(*) ", client_secrets_using_key!()), values![key]),
                sql(concat!("SELECT ", edited_rows_using_key!()), values![key]),
            ])
            .await?;
        Ok(KeyUsage {
            login_links: only(links)?,
            sessions: only(sessions)?,
            api_keys: only(api_keys)?,
            admins: only(admins)?,
            client_secrets: only(client_secrets)?,
            edited: only(edited)?,
        })
    }

    /// Some of the live links that use a key; none if there are none left.
    pub async fn list_links_using_key(
        &self,
        key: KeyId,
        now: Timestamp,
    ) -> Result<Vec<LoginLink>, StoreError> {
        const SOME: &str = concat!("SELECT ", link_columns!(), " ", links_using_key!(), " LIMIT $3");
        self.find_all(sql(SOME, values![key, now, BATCH])).await
    }

    /// Some of the live sessions that use a key.
    pub async fn list_sessions_using_key(
        &self,
        key: KeyId,
        now: Timestamp,
    ) -> Result<Vec<SessionUsingKey>, StoreError> {
        const SOME: &str =
            concat!("SELECT s.workspace_id, s.id, s.user_id ", sessions_using_key!(), " LIMIT $3");
        self.find_all(sql(SOME, values![key, now, BATCH])).await
    }

    /// The live API keys that use a key.
    pub async fn list_api_keys_using_key(
        &self,
        key: KeyId,
        now: Timestamp,
    ) -> Result<Vec<ApiKey>, StoreError> {
        const ALL: &str = concat!("SELECT ", api_key_columns!(), " ", api_keys_using_key!());
        self.find_all(sql(ALL, values![key, now])).await
    }

    /// Some of the live client secrets that use a key.
    pub async fn list_app_secrets_using_key(&self, key: KeyId) -> Result<Vec<AppSecret>, StoreError> {
        const SOME: &str =
            concat!("SELECT ", app_secret_columns!(), " ", client_secrets_using_key!(), " LIMIT $2");
        self.find_all(sql(SOME, values![key, BATCH])).await
    }

    /// Removes client secrets, each with its entry. They are as this leaves them, sealed.
    pub async fn end_app_secrets_using_key(
        &self,
        secrets: &[(AppSecret, AuditEntry)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let unit = secrets.iter().fold(UnitOfWork::new(), |unit, (secret, entry)| {
            let told = audit::entry(secret.workspace, entry, now);
            unit.and(app_secrets::remove(secret)).and(told)
        });
        self.write(unit).await.map(|_| ())
    }

    /// Deletes apps and signing keys that use a key, with all that is of those apps: whoever edited them has ended them. How many
    /// there were.
    pub async fn delete_edited_using_key(&self, key: KeyId, now: Timestamp) -> Result<i64, StoreError> {
        let deleted = |table: &str, which: &str| {
            sql(format!("DELETE FROM {table} WHERE {which} RETURNING 1"), values![key])
        };
        let of_app = |table: &str| {
            let which = format!(
                "EXISTS (SELECT 1 FROM apps a WHERE a.key_id = $1 AND a.workspace_id = {table}.workspace_id
                         AND a.client_id = {table}.client_id)"
            );
            deleted(table, &which)
        };
        let removed = sql(
            "UPDATE app_secrets SET removed_at = $2 WHERE removed_at IS NULL AND EXISTS
               (SELECT 1 FROM apps a WHERE a.key_id = $1 AND a.workspace_id = app_secrets.workspace_id
                AND a.client_id = app_secrets.client_id)",
            values![key, now],
        );
        let unit = UnitOfWork::new().and(removed).and(of_app("app_codes")).and(of_app("app_sessions"));
        let unit = unit.and(of_app("app_refusals")).and(of_app("app_usage")).and(of_app("app_sign_outs"));
        let unit = unit.and(deleted("apps", "key_id = $1")).and(deleted("signing_keys", "key_id = $1"));
        let UnitResult::Done(rows) = self.write(unit).await? else { return Ok(0) };
        let count = rows.iter().rev().take(2).map(Vec::len).sum::<usize>();
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Some apps, of any workspace, that are not sealed under this secret key: those behind the last that was seen.
    pub async fn list_apps_to_move(
        &self,
        active: KeyId,
        (workspace, client_id): (WorkspaceId, &str),
    ) -> Result<Vec<OidcApp>, StoreError> {
        const SOME: &str = concat!(
            "SELECT ",
            app_columns!(),
            " FROM apps a WHERE a.key_id <> $1 AND (a.workspace_id > $2 OR (a.workspace_id = $2 AND a.client_id > $3))
              ORDER BY a.workspace_id, a.client_id LIMIT 64"
        );
        self.find_all(sql(SOME, values![active, workspace, client_id])).await
    }

    /// Ends links, each with its entry. They are as this leaves them, sealed.
    pub async fn end_links_using_key(
        &self,
        links: &[(LoginLink, AuditEntry)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let unit = links.iter().fold(UnitOfWork::new(), |unit, (link, entry)| {
            unit.and_all(super::login_links::end_both(link)).and(audit::entry(
                link.draft.workspace,
                entry,
                now,
            ))
        });
        self.write(unit).await.map(|_| ())
    }

    /// Ends sessions, each with its entry.
    pub async fn end_sessions_using_key(
        &self,
        sessions: &[(SessionUsingKey, AuditEntry)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let unit = sessions.iter().fold(UnitOfWork::new(), |unit, (session, entry)| {
            let ended = super::sessions::end(session.workspace, session.id);
            let told = app_sessions::end_of_session(session.workspace, session.id, now);
            unit.and(ended).and_all(told).and(audit::entry(session.workspace, entry, now))
        });
        self.write(unit).await.map(|_| ())
    }
}
