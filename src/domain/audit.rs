//! The audit log: who did what to whom, and why; never a secret, never an address.

use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::admin::AdminName;
use super::named::named;
use super::user::UserId;
use super::workspace::WorkspaceId;

/// The log of the installation itself, for what is about no workspace that is there. No workspace has this number.
pub const INSTALLATION: WorkspaceId = WorkspaceId(0);

/// Who acts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// A back office, by the number of its key.
    ApiKey(i64),
    /// Somebody at the command line, and which user of the operating system that is, where it is known.
    CommandLine(Option<&'static str>),
    /// The person, in a browser.
    User(UserId),
    /// An admin, on the admin pages.
    Admin(AdminName),
    /// An app, by its client id.
    App(String),
    /// Somebody in a browser who is not known.
    Visitor,
    /// The server by itself.
    Doorkey,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey(id) => write!(f, "api_key:{id}"),
            Self::CommandLine(_) => f.write_str("command_line"),
            Self::User(id) => write!(f, "user:{}", id.number()),
            Self::Admin(name) => write!(f, "admin:{name}"),
            Self::App(client_id) => write!(f, "app:{client_id}"),
            Self::Visitor => f.write_str("visitor"),
            Self::Doorkey => f.write_str("doorkey"),
        }
    }
}

named! {
    /// What can happen.
    pub enum AuditEvent(
        /// The word in the log.
        name
    ) {
        /// A link was made.
        LinkIssued = "login_link.issued",
        /// A link signed somebody in.
        LinkRedeemed = "login_link.redeemed",
        /// A known user was refused a link, or a known link was refused.
        LinkRefused = "login_link.refused",
        /// All links of a user died.
        LinksKilled = "login_link.killed",
        /// A mail is to be sent.
        MailQueued = "mail.queued",
        /// A mail server took a mail.
        MailSent = "mail.sent",
        /// A mail server refused a mail for good.
        MailFailed = "mail.failed",
        /// A limit kept a mail back that somebody asked for.
        MailWithheld = "mail.withheld",
        /// Somebody signed out.
        SignedOut = "session.signed_out",
        /// A session gave way to another, or was ended by the back office.
        SessionEnded = "session.ended",
        /// A user was added.
        UserAdded = "user.added",
        /// A user was changed.
        UserChanged = "user.changed",
        /// A user was deleted.
        UserDeleted = "user.deleted",
        /// An API key was made.
        KeyAdded = "api_key.added",
        /// An API key was revoked.
        KeyRevoked = "api_key.revoked",
        /// A workspace was made.
        WorkspaceAdded = "workspace.added",
        /// The settings of a workspace were changed.
        WorkspaceChanged = "workspace.changed",
        /// The database was restored from a backup: every link and session from before is dead.
        WorkspaceRestored = "workspace.restored",
        /// A workspace was deleted, and its own log with it: this stands in the log of the installation.
        WorkspaceDeleted = "workspace.deleted",
        /// A secret key was added to the key file.
        SecretKeyAdded = "secret_key.added",
        /// A secret key derives from here on.
        SecretKeyUsed = "secret_key.used",
        /// A secret key was taken away for good.
        SecretKeyRetired = "secret_key.retired",
        /// A link to the admin pages was made.
        AdminLinkMade = "admin.link_made",
        /// An admin signed in by a link.
        AdminSignedIn = "admin.signed_in",
        /// An admin signed out.
        AdminSignedOut = "admin.signed_out",
        /// An admin link or session was ended.
        AdminEnded = "admin.ended",
        /// A name that a proxy brings was allowed in.
        AdminAllowed = "admin.allowed",
        /// It was disallowed again.
        AdminDisallowed = "admin.disallowed",
        /// An admin looked at what is not on every page: found something, read a link's story, took the log
        /// with them, or had a live link shown once more.
        AdminLooked = "admin.looked",
        /// An app was added.
        AppAdded = "app.added",
        /// An app was changed.
        AppChanged = "app.changed",
        /// An app was deleted.
        AppDeleted = "app.deleted",
        /// A secret of an app was made.
        AppSecretAdded = "app.secret_added",
        /// A secret of an app was removed.
        AppSecretRemoved = "app.secret_removed",
        /// An app exchanged a code.
        AppAuthorized = "app.authorized",
        /// An app was told of the end of a session, and did not hear it in all attempts.
        AppLogoutFailed = "app.logout_failed",
        /// Other signing keys sign from here on.
        SigningKeyRotated = "signing_key.rotated",
        /// A backup of the database was made.
        DatabaseBackedUp = "database.backed_up",
        /// The database was moved to PostgreSQL.
        DatabaseMoved = "database.moved",
    }
}

/// Who acts, in which request: what every flow that changes something takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditContext {
    /// Who acts.
    pub actor: Actor,
    /// The request's `X-Api-Identifier`.
    pub request: Uuid,
}

impl AuditContext {
    /// An act at the command line; each command is a request of its own.
    pub fn at_command_line() -> Self {
        Self { actor: Actor::CommandLine(None), request: Uuid::now_v7() }
    }

    /// An act at the command line, of this user of the operating system.
    pub fn of_os_user(name: &'static str) -> Self {
        Self { actor: Actor::CommandLine(Some(name)), ..Self::at_command_line() }
    }

    /// An entry about this act. At the command line it says which user of the operating system acts.
    pub fn entry(&self, event: AuditEvent) -> AuditEntry {
        let entry = AuditEntry { event, user: None, act: self.clone(), data: Map::new() };
        match self.actor {
            Actor::CommandLine(Some(name)) => entry.with("os_user", name),
            Actor::CommandLine(None)
            | Actor::ApiKey(_)
            | Actor::User(_)
            | Actor::Admin(_)
            | Actor::App(_)
            | Actor::Visitor
            | Actor::Doorkey => entry,
        }
    }
}

/// One entry of the log, written in the same commit as the act.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditEntry {
    /// What happened.
    pub event: AuditEvent,
    /// To whom.
    pub user: Option<UserId>,
    /// Who did it, in which request.
    pub act: AuditContext,
    /// What else is worth knowing.
    pub data: Map<String, Value>,
}

impl AuditEntry {
    /// Names the user it is about.
    pub fn about(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Adds a detail.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.to_owned(), value.into());
        self
    }
}
