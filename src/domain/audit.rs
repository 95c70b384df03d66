//! The audit log: who did what to whom, and why; never a secret, never an address.

use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::user::UserId;

/// Who acts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// A back office, by the number of its key.
    ApiKey(i64),
    /// Somebody at the command line.
    CommandLine,
    /// The person, in a browser.
    User(UserId),
    /// Somebody in a browser who is not known.
    Visitor,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey(id) => write!(f, "api_key:{id}"),
            Self::CommandLine => f.write_str("command_line"),
            Self::User(id) => write!(f, "user:{}", id.number()),
            Self::Visitor => f.write_str("visitor"),
        }
    }
}

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A link was made.
    LinkIssued,
    /// A link signed somebody in.
    LinkRedeemed,
    /// A known user was refused a link, or a known link was refused.
    LinkRefused,
    /// All links of a user died.
    LinksKilled,
    /// Somebody signed out.
    SignedOut,
    /// A session gave way to another, or was ended by the back office.
    SessionEnded,
    /// A user was added.
    UserAdded,
    /// A user was changed.
    UserChanged,
    /// A user was deleted.
    UserDeleted,
    /// An API key was made.
    KeyAdded,
    /// An API key was revoked.
    KeyRevoked,
    /// A workspace was made.
    WorkspaceAdded,
    /// The settings of a workspace were changed.
    WorkspaceChanged,
    /// The database was restored from a backup: every link and session from before is dead.
    WorkspaceRestored,
}

impl Event {
    /// The word in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinkIssued => "login_link.issued",
            Self::LinkRedeemed => "login_link.redeemed",
            Self::LinkRefused => "login_link.refused",
            Self::LinksKilled => "login_link.killed",
            Self::SignedOut => "session.signed_out",
            Self::SessionEnded => "session.ended",
            Self::UserAdded => "user.added",
            Self::UserChanged => "user.changed",
            Self::UserDeleted => "user.deleted",
            Self::KeyAdded => "api_key.added",
            Self::KeyRevoked => "api_key.revoked",
            Self::WorkspaceAdded => "workspace.added",
            Self::WorkspaceChanged => "workspace.changed",
            Self::WorkspaceRestored => "workspace.restored",
        }
    }
}

/// Who acts, in which request: what every flow that changes something is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Act {
    /// Who acts.
    pub actor: Actor,
    /// The request's `X-Api-Identifier`.
    pub request: Uuid,
}

impl Act {
    /// An act at the command line; each command is a request of its own.
    pub fn at_command_line() -> Self {
        Self { actor: Actor::CommandLine, request: Uuid::now_v7() }
    }

    /// An entry about this act.
    pub fn entry(&self, event: Event) -> Entry {
        Entry { event, user: None, act: *self, data: Map::new() }
    }
}

/// One entry of the log, written in the same commit as the act.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// To whom.
    pub user: Option<UserId>,
    /// Who did it, in which request.
    pub act: Act,
    /// What else is worth knowing.
    pub data: Map<String, Value>,
}

impl Entry {
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
