//! How the engines find the pages of lists: by which index, and what is sorted.

use super::list::{self, Source};
use super::{audit_pages, audit_search, client_search, counted_lists, user_counts};
use crate::domain::list_query::{Comparison, Field, FieldType, Filter, FilterValue, ListQuery};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::user::search::Prefix;
use crate::domain::workspace::{Workspace, WorkspaceId};
use crate::store::engine::tests::on_both_engines;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, sql};
use crate::store::engine::value::values;
use crate::store::{AuditFilter, Engine, Store};

on_both_engines! {
    pages_of_users_are_found_by_ranges_and_indexes
    pages_of_links_and_sessions_are_walked_to_in_their_order
    long_lists_are_walked_from_a_counted_row
    pages_of_the_log_are_walked_to_from_a_counted_entry
    what_the_log_says_of_a_user_is_found_by_an_index
    clients_and_what_they_have_are_found_by_indexes
}

/// The workspace that has the rows.
const LARGE: WorkspaceId = WorkspaceId(1);

/// Enough rows for PostgreSQL to think of indexes, which counts what there is. SQLite's statistics are fixed.
async fn fill(store: &Store) {
    if matches!(store.engine, Engine::Sqlite(_)) {
        return;
    }
    for text in [
        "INSERT INTO users (workspace_id, id, email, email_folded, name_f, name_l, name_f_folded, name_l_folded, company, phone, note, custom_fields, is_staff,
                            is_active, two_factor, link_epoch, session_epoch, revision, created_at, updated_at)
         SELECT 1 + i % 2, i, i || '@x.test', i || '@x.test', 'Ada', 'Lovelace', 'ada' || i, 'lovelace' || i, 'Analytical Engines', '', '', '{}',
                CASE WHEN i % 1000 < 2 THEN 1 ELSE 0 END, 1, 0, CASE WHEN i % 100 < 2 THEN 1 ELSE 0 END, 0, 1, i, i
         FROM generate_series(1, 40000) i",
        "INSERT INTO user_counts (workspace_id, width, place, clients, staff)
         SELECT u.workspace_id, r.width, u.id / r.width, sum(1 - u.is_staff), sum(u.is_staff)
         FROM users u CROSS JOIN (SELECT 256 AS width UNION ALL SELECT 65536) r GROUP BY 1, 2, 3",
        "INSERT INTO login_links (workspace_id, hash, id, user_id, link_epoch, seed, single_use, created_at, expires_at, key_id,
                                  seal, last_issued_at, times_issued)
         SELECT u.workspace_id, decode(lpad(to_hex(u.id), 64, '0'), 'hex'), '\\x00', u.id, 0, '\\x00', 1, u.id, u.id + 20000, 1,
                '\\x00', u.id, 1 FROM users u",
        "INSERT INTO sessions (workspace_id, id, user_id, session_epoch, link_hash, single_use, confirm_hash, seed, secret_hash,
                               key_id, landing, created_at, last_seen_at, expires_at, seal)
         SELECT l.workspace_id, substr(l.hash, 17), l.user_id, 0, l.hash, 1, l.hash, '\\x00', l.hash, 1, '/', l.created_at,
                l.created_at, l.expires_at, '\\x00' FROM login_links l",
        "INSERT INTO audit_log (workspace_id, id, time, event, user_id, actor, request_id, data)
         SELECT s.workspace_id, s.id, s.created_at, 'login_link.issued', s.user_id, 'api_key:1', s.id, '{}' FROM sessions s",
    ] {
        // Each has the time of a commit for itself.
        store.write(UnitOfWork::new().and(sql(text, values![]))).await.unwrap();
    }
    for table in ["users", "user_counts", "login_links", "sessions", "audit_log"] {
        store.write(UnitOfWork::new().and(sql(format!("ANALYZE {table}"), values![]))).await.unwrap();
    }
}

/// The steps of a plan. PostgreSQL plans for the values that are given.
async fn plan(store: &Store, statement: &Statement) -> Vec<String> {
    let explain = if matches!(store.engine, Engine::Sqlite(_)) { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
    let [rows] =
        store.read([sql(format!("{explain} {}", statement.sql), statement.values.clone())]).await.unwrap();
    let steps = rows.into_iter().map(|mut row| {
        if matches!(store.engine, Engine::Sqlite(_)) {
            let _: (i64, i64, i64) = row.take().unwrap();
        }
        row.take::<String>().unwrap()
    });
    steps.collect()
}

/// Asserts that rows of a table are found by an index, as each engine calls it, and in no other way, and that no more is sorted
/// than what is small: ranges, the rows of the page, and the least of some keys.
async fn assert_found(
    store: &Store,
    statement: &Statement,
    table: &str,
    ([sqlite, postgres], sorts): ([&str; 2], usize),
) {
    let steps = plan(store, statement).await;
    let expected = match store.engine {
        Engine::Sqlite(_) => format!("USING {sqlite}"),
        Engine::Postgres(_) => format!("using {postgres} on {table}"),
    };
    assert!(
        steps.iter().any(|step| step.contains(&expected)),
        "no {expected}: {steps:#?}\n{}",
        statement.sql
    );
    let walks = [format!("Seq Scan on {table} "), format!("SCAN {table}"), "SCAN u".to_owned()];
    let is_walk = |step: &String| walks.iter().any(|walk| step.contains(walk.as_str()));
    assert!(!steps.iter().any(is_walk), "{steps:#?}\n{}", statement.sql);
    let is_sort = |step: &&String| step.contains("Sort  ") || step.contains("TEMP B-TREE FOR ORDER BY");
    assert!(steps.iter().filter(is_sort).count() <= sorts, "{steps:#?}\n{}", statement.sql);
}

/// A page of a whole list.
fn whole(sort: Option<(&'static str, bool)>, page: i64) -> ListQuery {
    let sort = sort.map(|(name, is_down)| (Field { name, kind: FieldType::Number }, is_down));
    ListQuery { page, sort, ..ListQuery::default() }
}

async fn pages_of_users_are_found_by_ranges_and_indexes(store: Store) {
    fill(&store).await;
    let index = ["PRIMARY KEY (workspace_id=? AND id", "users_pkey"];
    for is_descending in [false, true] {
        let [total, near] = store.page_of_users(LARGE, false, &whole(Some(("id", is_descending)), 2));
        assert_found(&store, &near, "users", (index, 1)).await;
        assert!(!plan(&store, &total).await.concat().contains("users "), "{}", total.sql);
        let far = store.page_of_users_from((LARGE, false), 70, (20, 200), is_descending);
        assert_found(&store, &far, "users", (index, 0)).await;
    }
    for ranges in [user_counts::wide(LARGE, false), user_counts::narrow(LARGE, false, 0)] {
        let steps = plan(&store, &ranges).await;
        assert!(!steps.iter().any(|step| step.contains("SCAN") || step.contains("TEMP B-TREE")), "{steps:?}");
    }
    for sort in [None, Some(("id", true))] {
        let [_, staff] = store.page_of_users(LARGE, true, &whole(sort, 1));
        let index = ["INDEX users_of_staff (workspace_id=? AND id", "users_of_staff"];
        assert_found(&store, &staff, "users", (index, 2)).await;
    }
    for is_down in [false, true] {
        let [total, clients] = store.page_of_users(LARGE, false, &whole(Some(("email", is_down)), 1));
        let index =
            ["INDEX sqlite_autoindex_users_2 (workspace_id=?)", "users_workspace_id_email_folded_key"];
        assert_found(&store, &clients, "users", (index, 2)).await;
        assert!(total.sql.contains("FROM user_counts"), "{}", total.sql);
    }
}

async fn pages_of_links_and_sessions_are_walked_to_in_their_order(store: Store) {
    fill(&store).await;
    let (links, sessions) = lists_of(&store);
    for (list, table, index, sorts) in
        [(&links, "login_links", LINKS, 2), (&sessions, "sessions", SESSIONS, 1)]
    {
        for sort in [None, Some(("created_at", true)), Some(("created_at", false))] {
            let [count, page] = list::statements(list, &whole(sort, 1));
            assert_found(&store, &page, table, (index, sorts)).await;
            assert_users_by_index(&store, [count, page]).await;
        }
    }
}

async fn long_lists_are_walked_from_a_counted_row(store: Store) {
    fill(&store).await;
    let (links, sessions) = lists_of(&store);
    assert_counted::<32>(&store, &links, "login_links", (LINKS, LINKS_BETWEEN), 2).await;
    assert_counted::<16>(&store, &sessions, "sessions", (SESSIONS, SESSIONS_BETWEEN), 1).await;
}

async fn assert_counted<const N: usize>(
    store: &Store,
    list: &Source,
    table: &str,
    (behind, between): ([&str; 2], [&str; 2]),
    sorts: usize,
) {
    let settled = [0xFF; N];
    let page = counted_lists::backwards(list, settled, (20, 1_000));
    assert_found(store, &page, table, (between, sorts)).await;
    let [first, ends] = counted_lists::ranges(list, settled);
    assert_found(store, &first, table, (behind, 1)).await;
    assert_found(store, &ends, table, (between, 1)).await;
    let newer = counted_lists::count_behind(list, settled);
    assert_found(store, &newer, table, (behind, 0)).await;
    assert_users_by_index(store, [page, first, ends, newer, counted_lists::count_up_to(list, 10_001)]).await;
}

const LINKS: [&str; 2] = ["PRIMARY KEY (workspace_id=? AND hash>?)", "login_links_pkey"];

const LINKS_BETWEEN: [&str; 2] = ["PRIMARY KEY (workspace_id=? AND hash>? AND hash<?)", "login_links_pkey"];

const SESSIONS: [&str; 2] = ["PRIMARY KEY (workspace_id=? AND id>?)", "sessions_pkey"];

const SESSIONS_BETWEEN: [&str; 2] = ["PRIMARY KEY (workspace_id=? AND id>? AND id<?)", "sessions_pkey"];

/// The live links of the workspace, and its sessions.
fn lists_of(store: &Store) -> (Source, Source) {
    let now = Timestamp::from_millis(21_000);
    let acme = Workspace { id: LARGE, ..Workspace::sample("https://portal.example.com") };
    (store.live_links(LARGE, now), store.live_sessions(&acme, now))
}

async fn assert_users_by_index<const N: usize>(store: &Store, statements: [Statement; N]) {
    for statement in statements {
        let steps = plan(store, &statement).await.concat();
        assert!(steps.contains("users_restricted"), "{steps}: {}", statement.sql);
    }
}

async fn pages_of_the_log_are_walked_to_from_a_counted_entry(store: Store) {
    fill(&store).await;
    let (first, last) = ([0; 16], [255; 16]);
    let index = ["PRIMARY KEY (workspace_id=?", "audit_log_pkey"];
    let page = audit_pages::page(LARGE, last, (20, 1_000));
    assert_found(&store, &page, "audit_log", (index, 0)).await;
    for statement in audit_pages::extent(LARGE, last, last) {
        assert_found(&store, &statement, "audit_log", (index, 0)).await;
    }
    let [left, next, ends] = audit_pages::count(LARGE, (last, last), last, last);
    for statement in [left, next] {
        assert_found(&store, &statement, "audit_log", (index, 0)).await;
    }
    let [_, _, all] = audit_pages::count(LARGE, (first, last), first, last);
    for statement in [ends, all] {
        let steps = plan(&store, &statement).await.concat();
        assert!(steps.contains(index[0]) || steps.contains(index[1]), "{steps}");
    }
}

async fn what_the_log_says_of_a_user_is_found_by_an_index(store: Store) {
    fill(&store).await;
    let all = ([255; 16], [0; 16]);
    let by_user =
        ["INDEX audit_log_by_user (workspace_id=? AND user_id=? AND id>? AND id<?)", "audit_log_by_user"];
    let by_key = ["PRIMARY KEY (workspace_id=? AND id>? AND id<?)", "audit_log_pkey"];
    // One who has entries, and one who has none.
    for (user, index) in [(Some(100), by_user), (Some(101), by_user), (None, by_key)] {
        let user = user.map(|number| UserId::from_number(number).unwrap());
        let window = audit_search::window(LARGE, user, all, 5_000);
        assert_found(&store, &window, "audit_log", (index, 0)).await;
        let event = Some("login_link.issued".to_owned());
        for event in [None, event] {
            let filter = AuditFilter { event, user, ..AuditFilter::default() };
            for limit in [51, 100] {
                let found = audit_search::entries(LARGE, &filter, all, limit);
                assert_found(&store, &found, "audit_log", (index, 0)).await;
            }
        }
    }
    let user_id = Field { name: "user_id", kind: FieldType::Number };
    let filter = Filter { field: user_id, comparison: Comparison::Equal(FilterValue::Number(100)) };
    let options = ListQuery { filters: vec![filter], ..ListQuery::default() };
    for statement in audit_pages::filtered(LARGE, &options) {
        let index = ["COVERING INDEX audit_log_by_user (workspace_id=? AND user_id=?)", "audit_log_by_user"];
        assert_found(&store, &statement, "audit_log", (index, 1)).await;
    }
}

async fn clients_and_what_they_have_are_found_by_indexes(store: Store) {
    fill(&store).await;
    let prefix = Prefix::of("ada17").unwrap();
    for (place, index) in [
        (
            0,
            [
                "INDEX sqlite_autoindex_users_2 (workspace_id=? AND email_folded>?",
                "users_workspace_id_email_folded_key",
            ],
        ),
        (1, ["INDEX clients_by_first_name (workspace_id=? AND name_f_folded>?", "clients_by_first_name"]),
        (2, ["INDEX clients_by_last_name (workspace_id=? AND name_l_folded>?", "clients_by_last_name"]),
    ] {
        let statement = store.clients_by(place, (LARGE, &prefix), 51);
        assert_found(&store, &statement, "users", (index, 0)).await;
    }
    let user = UserId::from_number(100).unwrap();
    let links = client_search::client_links(LARGE, user, 20);
    let index = ["INDEX login_links_by_user (workspace_id=? AND user_id=?)", "login_links_by_user"];
    assert_found(&store, &links, "login_links", (index, 1)).await;
    let acme = Workspace { id: LARGE, ..Workspace::sample("https://portal.example.com") };
    let sessions = store.client_sessions(&acme, user, (20, Timestamp::from_millis(21_000)));
    let index = ["INDEX sessions_by_user (workspace_id=? AND user_id=?", "sessions_by_user"];
    assert_found(&store, &sessions, "sessions", (index, 1)).await;
}
