//! Half states: what stands in the database must add up, and the audit log must tell the same.

use std::collections::HashMap;

use super::acknowledged_ops::{Entry, Fate};
use super::database::Database;

/// Two lists that must hold the same, and what it means if they do not.
const BALANCES: [(&str, &str, &str); 6] = [
    (
        "links, and entries of their issue",
        "SELECT lower(hex(id)) FROM login_links",
        "SELECT replace(data ->> 'link', '-', '') FROM audit_log WHERE event = 'login_link.issued'",
    ),
    (
        "used links, and entries of their use",
        "SELECT lower(hex(id)) FROM login_links WHERE used_at IS NOT NULL",
        "SELECT replace(data ->> 'link', '-', '') FROM audit_log WHERE event = 'login_link.redeemed'",
    ),
    (
        "sessions begun, and those that are there or ended",
        "SELECT replace(data ->> 'session', '-', '') FROM audit_log WHERE event = 'login_link.redeemed'",
        "SELECT lower(hex(id)) FROM sessions UNION ALL SELECT replace(data ->> 'session', '-', '') FROM audit_log
         WHERE event IN ('session.signed_out', 'session.ended')",
    ),
    (
        "users, and entries of them",
        "SELECT id FROM users",
        "SELECT user_id FROM audit_log WHERE event = 'user.added'",
    ),
    (
        "users whose links were killed, and entries of that",
        "SELECT id FROM users WHERE link_epoch > 0",
        "SELECT user_id FROM audit_log WHERE event = 'login_link.killed'",
    ),
    (
        "revoked keys, and entries of that",
        "SELECT CAST(id AS TEXT) FROM api_keys WHERE revoked_at IS NOT NULL",
        "SELECT CAST(data ->> 'key' AS TEXT) FROM audit_log WHERE event = 'api_key.revoked'",
    ),
];

/// Ranges of users of which more or fewer are counted than there are.
pub const MISCOUNTED: &str = "
    SELECT workspace_id, width, place FROM (
        SELECT workspace_id, width, place, clients, staff FROM user_counts
        UNION ALL
        SELECT u.workspace_id, r.width, u.id / r.width, u.is_staff - 1, -u.is_staff
        FROM users u CROSS JOIN (SELECT 256 AS width UNION ALL SELECT 65536) r WHERE u.deleted_at IS NULL) counted
    GROUP BY workspace_id, width, place HAVING sum(clients) <> 0 OR sum(staff) <> 0";

/// Users whose row says of the newest link something else than its own row.
pub const MISQUOTED: &str = "
    SELECT u.workspace_id, u.id FROM users u
    LEFT JOIN login_links l ON l.workspace_id = u.workspace_id AND l.hash = u.newest_link
    WHERE u.newest_link IS NOT NULL
      AND (l.user_id, l.id, l.link_epoch, l.seed, l.single_use, l.created_at, l.expires_at, l.key_id, l.seal, l.ended_at)
          IS DISTINCT FROM
          (u.id, u.newest_id, u.newest_epoch, u.newest_seed, u.newest_single_use, u.newest_created_at, u.newest_expires_at,
           u.newest_key_id, u.newest_seal, u.newest_ended_at)";

/// Hours of which the figures say something else than the rows of the links that were issued in them.
pub const MISCOUNTED_LINKS: &str = "
    SELECT workspace_id, hour, kind FROM (
        SELECT workspace_id, hour, kind, issued, opened, opened_by_machines, signed_in, too_late, pressed_again,
               tried_60 + tried_300 + tried_900 + tried_1800 + tried_3600 + tried_7200 + tried_14400 + tried_28800 + tried_86400
               + tried_259200 + tried_604800 + tried_later AS tried
        FROM link_stats
        UNION ALL
        SELECT workspace_id, created_at - created_at % 3600000, kind, -1, CASE WHEN (marks & 5) <> 0 THEN -1 ELSE 0 END,
               CASE WHEN (marks & 7) = 2 THEN -1 ELSE 0 END, CASE WHEN used_at IS NOT NULL THEN -1 ELSE 0 END,
               CASE WHEN tried_at >= expires_at THEN -1 ELSE 0 END, CASE WHEN (marks & 8) <> 0 THEN -1 ELSE 0 END,
               CASE WHEN tried_at IS NOT NULL THEN -1 ELSE 0 END
        FROM login_links) counted
    GROUP BY workspace_id, hour, kind
    HAVING sum(issued) <> 0 OR sum(opened) <> 0 OR sum(opened_by_machines) <> 0 OR sum(signed_in) <> 0 OR sum(too_late) <> 0
        OR sum(pressed_again) <> 0 OR sum(tried) <> 0";

/// What must not be there at all.
const NEVER: [(&str, &str); 5] = [
    ("links are counted wrongly", MISCOUNTED_LINKS),
    ("users are counted wrongly", MISCOUNTED),
    ("a user's newest link is another", MISQUOTED),
    ("a link has two sessions", "SELECT link_hash FROM sessions GROUP BY link_hash HAVING count(*) > 1"),
    (
        "an entry stands twice",
        "SELECT event, data FROM audit_log WHERE event IN ('login_link.issued', 'login_link.redeemed',
         'session.signed_out') GROUP BY event, data HAVING count(*) > 1",
    ),
];

/// What does not add up, each as a sentence.
pub fn complaints(database: &Database, entries: &[Entry]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (what, left, right) in BALANCES {
        for (one, other) in [(left, right), (right, left)] {
            let surplus =
                format!("SELECT count(*) FROM (SELECT * FROM ({one}) EXCEPT SELECT * FROM ({other}))");
            let surplus = database.number(&surplus);
            if surplus != 0 {
                complaints.push(format!("{surplus} {what}, do not agree"));
            }
        }
    }
    for (what, sql) in NEVER {
        if database.number(&format!("SELECT count(*) FROM ({sql})")) != 0 {
            complaints.push(what.to_owned());
        }
    }
    complaints.extend(damage(database));
    complaints.extend(unaudited(database, entries));
    complaints
}

/// What SQLite finds wrong with the file.
pub fn damage(database: &Database) -> Vec<String> {
    let integrity = database.rows("PRAGMA integrity_check").concat();
    if integrity == ["ok"] { Vec::new() } else { integrity }
}

/// What was acknowledged and has no entry in the audit log.
fn unaudited(database: &Database, entries: &[Entry]) -> Vec<String> {
    let counted = database
        .rows("SELECT user_id, event, count(*) FROM audit_log WHERE user_id IS NOT NULL GROUP BY 1, 2");
    let counted = counted.into_iter().map(|row| {
        let [user, event, count] = <[String; 3]>::try_from(row).unwrap();
        ((user, event), count)
    });
    let counted: HashMap<_, _> = counted.collect();
    let mut complaints = Vec::new();
    for Entry { user, fate, .. } in entries {
        let events: &[&str] = match fate {
            Fate::Live | Fate::Unknown(_) => &["login_link.issued"],
            Fate::Used(_) => &["login_link.issued", "login_link.redeemed"],
            Fate::Killed => &["login_link.issued", "login_link.killed"],
            Fate::SignedOut(_) => &["login_link.issued", "login_link.redeemed", "session.signed_out"],
        };
        for event in events {
            let count = counted.get(&(user.to_string(), (*event).to_owned())).map_or("0", String::as_str);
            // Who asked again after a fault has a second link, if the first was killed without an answer.
            let is_known =
                count == "1" || (*event == "login_link.issued" && matches!(fate, Fate::Unknown(_)));
            if !is_known {
                complaints.push(format!("user {user} has {count} entries of {event}"));
            }
        }
    }
    complaints
}
