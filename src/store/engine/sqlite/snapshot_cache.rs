//! What a connection that reads remembers of arrivals until somebody commits, so that it need not look twice.
//!
//! A person is remembered, and so is what came before in the look: a workspace, and a key that may ask for links. The
//! next person of the same is then found by a shorter look.

use std::collections::HashMap;

use crate::domain::host::HostName;
use crate::domain::user::UserRef;
use crate::store::queries::request_lookup::{LookupBy, LookupRow};

/// Arrivals that are remembered at most.
const MAX_REMEMBERED: usize = 2_048;

/// What was found through a connection since the last commit of anybody.
#[derive(Default)]
pub(super) struct SnapshotCache {
    /// What SQLite calls the data version: another one whenever somebody else has committed, whichever process it was.
    version: i64,
    arrivals: HashMap<Vec<u8>, LookupRow>,
}

impl SnapshotCache {
    /// Forgets everything if it is of another version.
    pub(super) fn be_at(&mut self, version: i64) {
        if version != self.version {
            self.version = version;
            self.arrivals.clear();
        }
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&LookupRow> {
        self.arrivals.get(name)
    }

    pub(super) fn insert(&mut self, name: Vec<u8>, arrival: LookupRow) {
        if self.arrivals.len() == MAX_REMEMBERED {
            self.arrivals.clear();
        }
        self.arrivals.insert(name, arrival);
    }
}

/// Host and whatever is named, so that no two are alike. `None` for what is asked for once, or may be anything that a
/// stranger thinks of.
pub(super) fn name_of(host: &HostName, named: LookupBy<'_>) -> Option<Vec<u8>> {
    Some(match named {
        LookupBy::Nobody => name(host, 0, &[]),
        LookupBy::Key(hash) => name(host, 1, &[&hash]),
        LookupBy::KeyAndUser(hash, UserRef::Id(id)) => name(host, 2, &[&hash, &id.number().to_be_bytes()]),
        LookupBy::KeyAndUser(hash, UserRef::Email(email)) => {
            name(host, 3, &[&hash, email.lowercased().as_bytes()])
        }
        LookupBy::Session(id) => name(host, 4, &[id.as_bytes()]),
        LookupBy::Link(_) | LookupBy::SessionAndLink(..) => return None,
    })
}

/// The same of what comes before the person.
pub(super) fn name_before_person(host: &HostName, named: LookupBy<'_>) -> Vec<u8> {
    match named {
        LookupBy::Nobody | LookupBy::Session(_) | LookupBy::Link(_) | LookupBy::SessionAndLink(..) => {
            name(host, 0, &[])
        }
        LookupBy::Key(hash) => name(host, 1, &[&hash]),
        LookupBy::KeyAndUser(hash, _) => name(host, 5, &[&hash]),
    }
}

fn name(host: &HostName, kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut name = Vec::with_capacity(128);
    name.extend_from_slice(host.as_str().as_bytes());
    name.push(kind);
    name.extend(parts.iter().copied().flatten());
    name
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::timestamp::Timestamp;
    use crate::domain::workspace::WorkspaceId;
    use crate::store::engine::unit_of_work::{UnitOfWork, sql};
    use crate::store::engine::value::values;
    use crate::store::queries::request_lookup::lookup_statement;
    use crate::store::{DatabaseUrl, Store};

    /// Three users of one workspace, each with a link and a session; a key that may ask for links, and one that may not.
    const ROWS: &str = "
        INSERT INTO workspaces VALUES (1, 'Acme', 'acme', 'https://a.example', 7200, 1, NULL, '[]', 60, 60, NULL, 3, 0, 1, 0);
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
        remembered.map_or(0, |found| usize::from(found.names_somebody() || found.link.is_some()))
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
        assert_eq!(look("3", 5).await, LookupRow::of_workspace(WorkspaceId(1), 1));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_at_another_version() {
        let host = HostName::parse("a.example").unwrap();
        let nobody = |number: i64| LookupRow::of_workspace(WorkspaceId(number), 1);
        let mut memory = SnapshotCache::default();
        memory.be_at(1);

        for number in 0..5_000 {
            let name = name_of(&host, LookupBy::Session(Uuid::from_u128(number))).unwrap();
            memory.insert(name.clone(), nobody(i64::try_from(number).unwrap()));
            assert_eq!(memory.get(&name), Some(&nobody(i64::try_from(number).unwrap())));
            assert!(memory.arrivals.len() <= MAX_REMEMBERED);
        }

        memory.be_at(1);
        assert!(!memory.arrivals.is_empty());
        memory.be_at(2);
        assert!(memory.arrivals.is_empty());
    }
}
