//! What the log says, in words: what happened, to the letter what else stands there, and who did it.

use crate::domain::audit::AuditEvent;
use crate::store::ListedEntry;

/// How much of an entry's details a list shows, in characters.
const MAX_DETAILS: usize = 200;

/// What happened, in words.
pub(super) fn happened(event: &str) -> &'static str {
    let Some(event) = AuditEvent::ALL.into_iter().find(|known| known.name() == event) else {
        return "Something that a newer doorkey knows of";
    };
    match event {
        AuditEvent::LinkIssued => "A link was made",
        AuditEvent::LinkRedeemed => "Signed in by a link",
        AuditEvent::LinkRefused => "A link was refused",
        AuditEvent::LinksKilled => "All links were revoked",
        AuditEvent::MailQueued => "A mail is on its way",
        AuditEvent::MailSent => "A mail was sent",
        AuditEvent::MailFailed => "A mail was refused by the mail server",
        AuditEvent::MailWithheld => "A mail was held back by a limit",
        AuditEvent::SignedOut => "Signed out",
        AuditEvent::SessionEnded => "A session has ended",
        AuditEvent::UserAdded => "A user was added",
        AuditEvent::UserChanged => "A user was changed",
        AuditEvent::UserDeleted => "A user was deleted",
        AuditEvent::KeyAdded => "A key was made",
        AuditEvent::KeyRevoked => "A key was revoked",
        AuditEvent::WorkspaceAdded => "The workspace was made",
        AuditEvent::WorkspaceChanged => "Settings were changed",
        AuditEvent::WorkspaceRestored => "The database was restored from a backup",
        AuditEvent::WorkspaceDeleted => "A workspace was deleted",
        AuditEvent::SecretKeyAdded => "A secret key was added to the key file",
        AuditEvent::SecretKeyUsed => "A secret key derives from here on",
        AuditEvent::SecretKeyRetired => "A secret key was retired",
        AuditEvent::AdminLinkMade => "A link to these pages was made",
        AuditEvent::AdminSignedIn => "An admin signed in",
        AuditEvent::AdminSignedOut => "An admin signed out",
        AuditEvent::AdminEnded => "An admin’s link or session was ended",
        AuditEvent::AdminAllowed => "A name was allowed in to these pages",
        AuditEvent::AdminDisallowed => "A name was disallowed",
        AuditEvent::AdminLooked => "An admin looked",
        AuditEvent::AppAdded => "An app was added",
        AuditEvent::AppChanged => "An app was changed",
        AuditEvent::AppDeleted => "An app was deleted",
        AuditEvent::AppSecretAdded => "A secret of an app was made",
        AuditEvent::AppSecretRemoved => "A secret of an app was removed",
        AuditEvent::SigningKeyRotated => "Other keys sign from here on",
        AuditEvent::AppAuthorized => "Signed in to an app",
        AuditEvent::AppLogoutFailed => "An app did not hear of a sign-out",
        AuditEvent::DatabaseBackedUp => "A backup was made",
        AuditEvent::DatabaseMoved => "The database was moved",
    }
}

/// What else an entry says: `reason: two_factor_enabled, link: …`.
pub(super) fn details(entry: &ListedEntry) -> String {
    let data: serde_json::Map<_, _> = serde_json::from_str(entry.data.as_str()).unwrap_or_default();
    let pairs = data.iter().map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}: {text}"),
        None => format!("{name}: {value}"),
    });
    let all = pairs.collect::<Vec<_>>().join(", ");
    match all.char_indices().nth(MAX_DETAILS) {
        Some((end, _)) => format!("{}…", all.get(..end).unwrap_or_default()),
        None => all,
    }
}

/// Who did it, in words.
pub(super) fn actor(actor: &str) -> String {
    match actor.split_once(':') {
        Some(("api_key", number)) => format!("key {number}"),
        Some(("user", _)) => "the client".to_owned(),
        Some(("admin" | "app", name)) => name.to_owned(),
        _ => match actor {
            "command_line" => "command line".to_owned(),
            "visitor" => "somebody in a browser".to_owned(),
            other => other.to_owned(),
        },
    }
}
