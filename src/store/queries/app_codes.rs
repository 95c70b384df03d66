//! Codes that apps exchange, the access tokens that they get for them, and in which sessions they did.

use uuid::Uuid;

use super::columns::standing_columns;
use super::login_links::may_use_links;
use super::secret_keys::is_active;
use super::users::user_columns;
use super::{app_usage, audit};
use crate::domain::audit::AuditEntry;
use crate::domain::login_link::LinkLookupKey;
use crate::domain::oidc::claims::Person;
use crate::domain::oidc::code::AppCode;
use crate::domain::oidc::scope::OidcScopes;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, sql};
use crate::store::engine::value::{FromRow, FromValue, Row, Value, from_row, values};
use crate::store::{Engine, Store, StoreError};

/// The columns of a code.
macro_rules! code_columns {
    () => {
        "c.workspace_id, c.hash, c.client_id, c.user_id, c.link_epoch, c.session_id, c.redirect_uri, c.code_challenge, \
         c.nonce, c.scopes, c.key_id, c.created_at, c.used_at, c.token_hash, c.token_expires_at, c.token_revoked_at, c.seal"
    };
}

impl FromValue for OidcScopes {
    fn from_value(value: Value) -> Option<Self> {
        Self::from_bits(i64::from_value(value)?)
    }
}

impl FromRow for AppCode {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (workspace, hash, client_id, user) = row.take()?;
        let (link_epoch, session, redirect_uri) = row.take()?;
        let (code_challenge, nonce, scopes): (_, Option<Vec<u8>>, _) = row.take()?;
        let (key, created_at, used_at) = row.take()?;
        let (token_hash, token_expires_at, token_revoked_at, seal) = row.take()?;
        Ok(Self {
            workspace,
            hash,
            client_id,
            user,
            link_epoch,
            session,
            redirect_uri,
            code_challenge,
            // Changed bytes fail the seal.
            nonce: nonce.map(|nonce| String::from_utf8_lossy(&nonce).into_owned()),
            scopes,
            key,
            created_at,
            used_at,
            token_hash,
            token_expires_at,
            token_revoked_at,
            seal,
        })
    }
}

from_row! { Person { user, subject, proven_email } }

/// The exchange of a code, as it leaves the row.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The code, used and sealed.
    pub code: &'a AppCode,
    /// The session epoch of the user, as it was read.
    pub session_epoch: i64,
    /// The link that began the session.
    pub link: &'a LinkLookupKey,
    /// A number of its own for the app in this session.
    pub app_session: Uuid,
    /// What happened.
    pub entry: &'a AuditEntry,
}

impl Store {
    /// Keeps a new code.
    pub async fn add_app_code(&self, code: &AppCode) -> Result<Outcome, StoreError> {
        let added = sql(
            concat!(
                "INSERT INTO app_codes (workspace_id, hash, client_id, user_id, link_epoch, session_id, redirect_uri,
                                        code_challenge, nonce, scopes, key_id, created_at, seal)
                 SELECT s.workspace_id, $2, $3, $4, $5, s.id, $7, $8, $9, $10, $11, $12, $13
                 FROM sessions s WHERE s.workspace_id = $1 AND s.id = $6 AND ",
                is_active!("$11")
            ),
            values! {
                code.workspace, code.hash, code.client_id.as_str(), code.user, code.link_epoch, code.session,
                code.redirect_uri.as_str(), code.code_challenge.clone(), code.nonce.as_deref().map(str::as_bytes), code.scopes.bits(),
                code.key, code.created_at, code.seal
            },
        );
        self.apply(UnitOfWork::new().guard(added)).await
    }

    /// A code, by the hashes that its letters may have. Its seal must be checked.
    pub async fn find_app_code(
        &self,
        workspace: WorkspaceId,
        hashes: &[[u8; 32]],
    ) -> Result<Option<AppCode>, StoreError> {
        const FOUND: &str = concat!(
            "SELECT ",
            code_columns!(),
            " FROM app_codes c WHERE c.workspace_id = $1 AND c.hash = $2"
        );
        self.find_by_hashes(workspace, FOUND, hashes).await
    }

    /// A code, by the hashes that its access token may have. Its seal must be checked.
    pub async fn find_app_code_by_token(
        &self,
        workspace: WorkspaceId,
        hashes: &[[u8; 32]],
    ) -> Result<Option<AppCode>, StoreError> {
        const FOUND: &str = concat!(
            "SELECT ",
            code_columns!(),
            " FROM app_codes c WHERE c.workspace_id = $1 AND c.token_hash = $2"
        );
        self.find_by_hashes(workspace, FOUND, hashes).await
    }

    async fn find_by_hashes(
        &self,
        workspace: WorkspaceId,
        found: &'static str,
        hashes: &[[u8; 32]],
    ) -> Result<Option<AppCode>, StoreError> {
        for hash in hashes {
            if let Some(code) = self.find(sql(found, values![workspace, *hash])).await? {
                return Ok(Some(code));
            }
        }
        Ok(None)
    }

    /// Exchanges a code, unless somebody else did, or its session, its user or its app is not what it was.
    ///
    /// The conditions sit in the first statements, so that of any number of racing exchanges exactly one succeeds.
    pub async fn exchange_app_code(
        &self,
        exchange: &Exchange<'_>,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let code = exchange.code;
        // On PostgreSQL neither a kill nor the end of the session passes between our read of them and our commit.
        let unit = match self.engine {
            Engine::Sqlite(_) => UnitOfWork::new(),
            Engine::Postgres(_) => UnitOfWork::about(code.workspace, code.user)
                .guard(hold_user(exchange))
                .guard(hold_session(exchange)),
        };
        let entered = sql(
            "INSERT INTO app_sessions (workspace_id, id, session_id, client_id, user_id, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            values![
                code.workspace,
                exchange.app_session,
                code.session,
                code.client_id.as_str(),
                code.user,
                now
            ],
        );
        let unit = unit.guard(use_up(exchange)).and(entered);
        let unit = unit.and(audit::entry(code.workspace, exchange.entry, now));
        // Last: of those who count in one row, each waits for no more than the commit of the one before.
        self.apply(unit.and(app_usage::count(&self.engine, code, exchange.link, now))).await
    }

    /// Revokes the access token of a code that came once more. `code` is as this leaves it, sealed.
    pub async fn revoke_access_token(&self, code: &AppCode) -> Result<(), StoreError> {
        let revoked = sql(
            "UPDATE app_codes SET token_revoked_at = $1, seal = $2
             WHERE workspace_id = $3 AND hash = $4 AND used_at IS NOT NULL AND token_revoked_at IS NULL",
            values![code.token_revoked_at, code.seal, code.workspace, code.hash],
        );
        self.write(UnitOfWork::new().and(revoked)).await.map(drop)
    }

    /// Of whom an app is told; `None` if the user was deleted.
    pub async fn find_person(
        &self,
        workspace: WorkspaceId,
        user: UserId,
    ) -> Result<Option<Person>, StoreError> {
        const FOUND: &str = concat!(
            "SELECT ",
            user_columns!(),
            ", u.subject, u.proven_email FROM users u WHERE u.workspace_id = $1 AND u.id = $2 AND u.deleted_at IS NULL"
        );
        self.find(sql(FOUND, values![workspace, user])).await
    }
}

/// The statement that uses a code up, unless somebody or something came first.
fn use_up(exchange: &Exchange<'_>) -> Statement {
    let code = exchange.code;
    sql(
        concat!(
            "UPDATE app_codes SET used_at = $1, token_hash = $2, token_expires_at = $3, seal = $4
             WHERE workspace_id = $5 AND hash = $6 AND used_at IS NULL
               AND EXISTS (SELECT 1 FROM users u WHERE u.workspace_id = $5 AND u.id = $7
                           AND u.link_epoch = $8 AND u.session_epoch = $9 AND ",
            may_use_links!(),
            ")
               AND EXISTS (SELECT 1 FROM sessions s WHERE s.workspace_id = $5 AND s.id = $10)
               AND EXISTS (SELECT 1 FROM apps a WHERE a.workspace_id = $5 AND a.client_id = $11)"
        ),
        values! {
            code.used_at, code.token_hash, code.token_expires_at, code.seal, code.workspace, code.hash, code.user,
            code.link_epoch, exchange.session_epoch, code.session, code.client_id.as_str()
        },
    )
}

/// The statement that holds the session of a code, so that its end comes before this or knows of it.
fn hold_session(exchange: &Exchange<'_>) -> Statement {
    let code = exchange.code;
    sql(
        "UPDATE sessions SET last_seen_at = last_seen_at WHERE workspace_id = $1 AND id = $2",
        values![code.workspace, code.session],
    )
}

/// The statement that holds the user of a code.
fn hold_user(exchange: &Exchange<'_>) -> Statement {
    let code = exchange.code;
    sql(
        concat!(
            "UPDATE users AS u SET link_epoch = u.link_epoch
             WHERE u.workspace_id = $1 AND u.id = $2 AND u.link_epoch = $3 AND u.session_epoch = $4 AND ",
            may_use_links!()
        ),
        values![code.workspace, code.user, code.link_epoch, exchange.session_epoch],
    )
}
