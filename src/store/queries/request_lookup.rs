//! Request lookup: all that a request's host and credentials name, found by one query.

use super::columns::standing_columns;
use super::login_links::{found_link_columns, issue_state_columns, link_columns};
use super::lookup_row::{LookupBy, LookupRow};
use super::sessions::{session_columns, signed_in_columns};
use crate::domain::host::HostName;
use crate::domain::scope::Scope;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserRef;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::values;
use crate::store::{Engine, Store, StoreError};

/// A workspace by `$1`, its host, and what is joined to it.
macro_rules! arrival {
    ($columns:expr, $joined:expr) => {
        concat!(
            "SELECT w.id, w.revision",
            $columns,
            " FROM hosts h JOIN workspaces w ON w.id = h.workspace_id ",
            $joined,
            " WHERE h.host = $1"
        )
    };
}

/// A live key by `$2`, its hash, at the moment `$3`.
///
/// Revoked and expired keys are left out in the statement, so that looking for one takes as long as looking for a key
/// that never was.
macro_rules! with_key {
    () => {
        "LEFT JOIN api_keys k ON k.workspace_id = w.id AND k.hash = $2 AND k.revoked_at IS NULL
                             AND (k.expires_at IS NULL OR k.expires_at > $3) "
    };
}

/// The user that `$condition` names, and the newest link, for a key with the scope to ask for links (bit 2).
///
/// The user hangs on the key and its scope: nobody else learns, not even by the time it takes, whether there is one.
macro_rules! with_user {
    ($condition:expr) => {
        arrival!(
            concat!(", k.id, k.seal, ", issue_state_columns!()),
            concat!(
                with_key!(),
                "LEFT JOIN users u ON u.workspace_id = k.workspace_id
                                  AND k.scopes & 2 <> 0
                                  AND u.deleted_at IS NULL AND ",
                $condition,
                " LEFT JOIN login_links l
                     ON l.workspace_id = u.workspace_id AND l.hash = u.newest_link AND l.user_id = u.id"
            )
        )
    };
}

const _: () = assert!(1 << Scope::LoginLinksWrite as u32 == 2, "the scope in the statement above");

impl Store {
    /// The workspace of a host, and what the request names in it. `None` if no workspace has the host.
    ///
    /// It may name a key that has expired since it was found.
    pub async fn look_up(
        &self,
        host: &HostName,
        named: LookupBy<'_>,
        now: Timestamp,
    ) -> Result<Option<LookupRow>, StoreError> {
        if let LookupBy::SessionAndLink(_, hash) = named {
            let [rows, links] = self
                .read([lookup_statement(host, named, now), lookup_statement(host, LookupBy::Link(hash), now)])
                .await?;
            let link = LookupRow::from_rows(links, LookupBy::Link(hash))?.and_then(|found| found.link);
            return Ok(LookupRow::from_rows(rows, named)?.map(|found| LookupRow { link, ..found }));
        }
        let statement = || lookup_statement(host, named, now);
        if let (Engine::Sqlite(sqlite), Some(key)) = (&self.engine, named.cache_key(host)) {
            let parse = |rows| LookupRow::from_rows(rows, named);
            return sqlite.readers().read_cached(key, statement, parse, |found| named.is_cached(found));
        }
        let [rows] = self.read([statement()]).await?;
        LookupRow::from_rows(rows, named)
    }
}

/// The statement that finds all that is named.
pub(in crate::store) fn lookup_statement(host: &HostName, named: LookupBy<'_>, now: Timestamp) -> Statement {
    const WITH_SESSION: &str = arrival!(
        concat!(", ", signed_in_columns!()),
        "LEFT JOIN sessions s ON s.workspace_id = w.id AND s.id = $2
         LEFT JOIN users u ON u.workspace_id = s.workspace_id AND u.id = s.user_id AND u.deleted_at IS NULL"
    );
    const WITH_LINK: &str = arrival!(
        concat!(", ", found_link_columns!()),
        "LEFT JOIN login_links l ON l.workspace_id = w.id AND l.hash = $2
         LEFT JOIN users u ON u.workspace_id = l.workspace_id AND u.id = l.user_id AND u.deleted_at IS NULL"
    );
    let host = host.as_str();
    match named {
        LookupBy::Nobody => sql(arrival!("", ""), values![host]),
        LookupBy::Key(hash) => sql(arrival!(", k.id, k.seal", with_key!()), values![host, hash, now]),
        LookupBy::KeyAndUser(hash, UserRef::Id(id)) => {
            sql(with_user!("u.id = $4"), values![host, hash, now, *id])
        }
        LookupBy::KeyAndUser(hash, UserRef::Email(email)) => {
            sql(with_user!("u.email_folded = $4"), values![host, hash, now, email.lowercased()])
        }
        LookupBy::Session(id) | LookupBy::SessionAndLink(id, _) => sql(WITH_SESSION, values![host, id]),
        LookupBy::Link(hash) => sql(WITH_LINK, values![host, hash]),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::DatabaseUrl;
    use crate::store::engine::unit_of_work::UnitOfWork;

    /// Three users of one workspace, each with a link and a session; a key that may ask for links, and one that may not.
    const ROWS: &str = "
        INSERT INTO workspaces VALUES (1, 'Acme', 'acme', 'https://a.example', 7200, 1, NULL, '[]', 60, 60, NULL, 'tag', 3, 0, 1,
            0);
        INSERT INTO hosts VALUES ('a.example', 1), ('b.example', 1);
        INSERT INTO api_keys VALUES (1, 1, 'mail', zeroblob(32), 70, 1, 0, NULL, NULL, zeroblob(32)),
            (1, 2, 'logs', randomblob(32), 64, 1, 0, NULL, NULL, zeroblob(32));
        INSERT INTO users SELECT 1, value, value || '@c.example', value || '@c.example', 'f', 'l', '', '', '', '[]', 0, 1, 0, 0,
            0, NULL, 0, 0, 0, NULL, '', NULL, NULL FROM (SELECT 1 AS value UNION SELECT 2 UNION SELECT 3);
        INSERT INTO login_links SELECT 1, unhex(printf('%064d', id)), unhex(printf('%032d', id)), id, 0, zeroblob(16), 1, 0,
            9000, 1, NULL, NULL, NULL, zeroblob(32), 0, 1 FROM users;
        UPDATE users SET newest_link = unhex(printf('%064d', id));
        INSERT INTO sessions SELECT 1, unhex(printf('%032d', id)), id, 0, zeroblob(32), 1, zeroblob(32), zeroblob(16),
            zeroblob(32), 1, '/', 0, 0, 9000, zeroblob(32) FROM users";

    /// Each undone by the one behind it.
    const CHANGES: [&str; 16] = [
        "UPDATE workspaces SET revision = revision + 1",
        "UPDATE workspaces SET revision = revision + 1",
        "UPDATE api_keys SET revoked_at = 1 WHERE id = 1",
        "UPDATE api_keys SET revoked_at = NULL",
        "UPDATE api_keys SET scopes = 64 WHERE id = 1",
        "UPDATE api_keys SET scopes = 70 WHERE id = 1",
        "UPDATE api_keys SET seal = randomblob(32)",
        "UPDATE users SET link_epoch = link_epoch + 1",
        "UPDATE users SET deleted_at = 1 WHERE id = 2",
        "UPDATE users SET deleted_at = NULL",
        "UPDATE users SET newest_link = NULL WHERE id = 1",
        "UPDATE users SET newest_link = unhex(printf('%064d', id))",
        "UPDATE login_links SET used_at = 1 WHERE user_id = 3",
        "UPDATE sessions SET last_seen_at = last_seen_at + 1",
        "DELETE FROM hosts WHERE host = 'b.example'",
        "INSERT INTO hosts VALUES ('b.example', 1)",
    ];

    /// Whatever is changed, by this process or another, is seen by the very next look, and by the one that repeats it.
    #[tokio::test]
    async fn what_is_remembered_is_what_would_be_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorkey.db");
        let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
        let other = rusqlite::Connection::open(path).unwrap();
        other.execute_batch(ROWS).unwrap();
        let mut found = 0;

        for (number, change) in CHANGES.into_iter().cycle().take(64).enumerate() {
            if number % 2 == 0 {
                other.execute(change, []).unwrap();
            } else {
                store.write(UnitOfWork::new().and(sql(change, values![]))).await.unwrap();
            }
            // Another order each time, so that each is once the first to look.
            for place in 0..40 {
                found += compare(&store, (place + number) % 20).await;
            }
        }

        assert!(found > 1_000, "{found} looks found somebody");
    }

    /// Compares a look that remembers with one that does not. 1 if it found somebody.
    async fn compare(store: &Store, number: usize) -> usize {
        let (host, user) = (["a.example", "b.example"][number % 2], 1 + number % 3);
        let host = HostName::parse(host).unwrap();
        let (id, email) = (user.to_string(), format!("{user}@c.example"));
        let (id, email) = (UserRef::parse(&id).unwrap(), UserRef::parse(&email).unwrap());
        let mut hash = [0; 32];
        hash[31] = u8::try_from(user).unwrap();
        let session = Uuid::from_u128(user as u128);
        let named = match number / 2 {
            0 => LookupBy::Nobody,
            1 => LookupBy::Key([0; 32]),
            2..=4 => LookupBy::KeyAndUser([0; 32], &id),
            5 => LookupBy::KeyAndUser([0; 32], &email),
            6 | 7 => LookupBy::Session(session),
            8 => LookupBy::Link(hash),
            _ => LookupBy::SessionAndLink(session, hash),
        };
        let now = Timestamp::from_millis(1);

        let remembered = store.look_up(&host, named, now).await.unwrap();

        let [rows] = store.read([lookup_statement(&host, named, now)]).await.unwrap();
        let mut fresh = LookupRow::from_rows(rows, named).unwrap();
        if let (LookupBy::SessionAndLink(..), Some(fresh)) = (named, &mut fresh) {
            let [rows] = store.read([lookup_statement(&host, LookupBy::Link(hash), now)]).await.unwrap();
            fresh.link =
                LookupRow::from_rows(rows, LookupBy::Link(hash)).unwrap().and_then(|arrival| arrival.link);
        }
        assert_eq!(remembered, fresh, "{named:?}");
        remembered.map_or(0, |found| {
            usize::from(found.api_key.is_some() || found.signed_in.is_some() || found.link.is_some())
        })
    }

    /// A key that has ended since it was remembered finds nobody, so that no time tells whether there is such a user.
    #[tokio::test]
    async fn nobody_is_looked_for_by_a_key_that_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorkey.db");
        let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
        let other = rusqlite::Connection::open(path).unwrap();
        other.execute_batch(ROWS).unwrap();
        other.execute("UPDATE api_keys SET expires_at = 5", []).unwrap();
        let host = HostName::parse("a.example").unwrap();
        let look = async |user: &str, now| {
            let user = UserRef::parse(user).unwrap();
            let named = LookupBy::KeyAndUser([0; 32], &user);
            store.look_up(&host, named, Timestamp::from_millis(now)).await.unwrap().unwrap()
        };

        assert!(look("1", 1).await.issue_state.is_some());
        assert!(look("2", 4).await.issue_state.is_some());
        let ended = look("3", 5).await;
        assert_eq!((ended.api_key, ended.issue_state), (None, None));
    }
}
