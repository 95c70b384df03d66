//! Sessions: what a person has after redeeming a link.

use std::fmt;

use uuid::Uuid;

use super::base62;
use super::email::EmailAddress;
use super::login_link::{KeyId, LinkKind, LinkLookupKey};
use super::mac_input::MacInput;
use super::named::named;
use super::timestamp::Timestamp;
use super::user::{AccountStatus, UserId};
use super::workspace::{Workspace, WorkspaceId};

/// How long a repeated confirm gives the same session again, in seconds.
pub const REPEAT_WINDOW: i64 = 120;

/// How often, at most, it is written down that a session was seen, in milliseconds.
const TOUCH_INTERVAL: i64 = 60_000;

named! {
    /// How somebody was signed in.
    pub enum SignInMethod(
        /// The word in the database, and in the `amr` of an ID token (RFC 8176 has none for either).
        name
    ) {
        /// By a link that a back office handed out or had mailed.
        Link = "link",
        /// By a link or code that doorkey mailed by itself to the person's address.
        Email = "email",
    }
}

/// By what somebody signs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RedeemedBy {
    /// The link was pressed.
    Link,
    /// The link was opened, in the browser that asked for it. If it is dead nothing is refused: the page that is shown then counts that.
    OneClick,
    /// The code of the same mail was typed.
    Code,
}

impl RedeemedBy {
    /// How that signs in, by a link of a kind.
    pub const fn method(self, kind: LinkKind) -> SignInMethod {
        match (self, kind) {
            (Self::Link | Self::OneClick, LinkKind::Api) => SignInMethod::Link,
            (Self::Code, _) | (_, LinkKind::SelfService | LinkKind::Again) => SignInMethod::Email,
        }
    }

    /// The word in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link | Self::OneClick => "link",
            Self::Code => "code",
        }
    }
}

/// A session as it is kept: all but the secret half of its cookie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The number, which also stands in the cookie.
    pub id: Uuid,
    /// Who is signed in.
    pub user: UserId,
    /// The user's session epoch when it began.
    pub epoch: i64,
    /// The link that began it.
    pub link: LinkLookupKey,
    /// A keyed hash of the link's token and the browser's cookie: the same confirm, repeated, is known by it.
    pub confirm_hash: [u8; 32],
    /// Drawn for this session alone; its secret is derived from it.
    pub seed: [u8; 16],
    /// A keyed hash of the cookie's secret half.
    pub secret_hash: [u8; 32],
    /// The key of those hashes.
    pub key: KeyId,
    /// Where the person was sent.
    pub landing: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// How it began.
    pub method: SignInMethod,
    /// A MAC over this row.
    pub seal: [u8; 32],
}

impl Session {
    /// A session for tests of what is done with one.
    #[cfg(test)]
    pub(crate) fn sample(link: &super::login_link::LoginLink) -> Self {
        let now = link.draft.created_at;
        Self {
            workspace: link.draft.workspace,
            id: Uuid::nil(),
            user: link.draft.user,
            epoch: 0,
            link: link.hash,
            confirm_hash: [0; 32],
            seed: [0; 16],
            secret_hash: [0; 32],
            key: link.key,
            landing: "/".to_owned(),
            created_at: now,
            last_seen_at: now,
            expires_at: now,
            method: SignInMethod::Link,
            seal: [0; 32],
        }
    }

    /// What the row's MAC is computed over: every column.
    pub fn canonical(&self) -> MacInput {
        MacInput::of("session row")
            .number(self.workspace.0)
            .bytes(self.id.as_bytes())
            .number(self.user.number())
            .number(self.epoch)
            .bytes(&self.link)
            .bytes(&self.confirm_hash)
            .bytes(&self.seed)
            .bytes(&self.secret_hash)
            .number(i64::from(self.key.0))
            .bytes(self.landing.as_bytes())
            .number(self.created_at.millis())
            .number(self.last_seen_at.millis())
            .number(self.expires_at.millis())
            .bytes(self.method.name().as_bytes())
    }

    /// When the session ends if it is not used again.
    pub fn ends_at(&self, workspace: &Workspace) -> Timestamp {
        let by_age = self.expires_at.min(self.created_at.plus_seconds(workspace.session_lifetime));
        by_age.min(self.last_seen_at.plus_seconds(workspace.session_idle))
    }

    /// Whether the session holds for a user of this standing. One that has yet to begin does not: a clock set back would
    /// make it last longer.
    pub fn is_live(&self, standing: &AccountStatus, workspace: &Workspace, now: Timestamp) -> bool {
        let has_begun = !self.created_at.is_ahead_of(now);
        has_begun && standing.may_stay(self.epoch) && now < self.ends_at(workspace)
    }

    /// Whether it is time to write down again that the session was seen: once a minute, or more often where a
    /// session that idles for less than four minutes is to end.
    pub fn is_to_be_touched(&self, workspace: &Workspace, now: Timestamp) -> bool {
        let every = TOUCH_INTERVAL.min(workspace.session_idle * 1000 / 4);
        now.millis() >= self.last_seen_at.millis() + every
    }

    /// Whether a repeat of the confirm that began it still gives it.
    pub fn within_replay_window(&self, now: Timestamp) -> bool {
        now < self.created_at.plus_seconds(REPEAT_WINDOW)
    }
}

/// A session with the person it belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionWithUser {
    /// The session.
    pub session: Session,
    /// What decides whether it holds.
    pub standing: AccountStatus,
    /// The person's address.
    pub email: EmailAddress,
    /// First and last name.
    pub name: String,
    /// The person's language, as a tag; empty where none is known.
    pub locale: String,
}

/// The value of a session cookie: the session's number and its secret.
///
/// `Debug` hides it and there is no `Display`; [`reveal`](Self::reveal) lets it out.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCookie {
    /// The number of the session.
    pub id: Uuid,
    secret: [u8; 32],
}

impl SessionCookie {
    /// Takes exactly 32 hexadecimal digits and 32 letters of base 62.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.is_ascii() || text.len() != 64 {
            return None;
        }
        let (id, secret) = text.split_at(32);
        let secret: [u8; 32] = secret.as_bytes().try_into().ok()?;
        let is_plain = id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let id = Uuid::try_parse(id).ok().filter(|_| is_plain)?;
        base62::is_base62(&secret).then_some(Self { id, secret })
    }

    /// The cookie of a session whose secret is what 256 bits of a keyed MAC stand for.
    pub fn from_mac(id: Uuid, mac: &[u8; 32]) -> Self {
        Self { id, secret: base62::letters_from(mac) }
    }

    /// The secret half, to be hashed.
    pub const fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// The value itself.
    pub fn reveal(&self) -> String {
        format!("{}{}", self.id.simple(), std::str::from_utf8(&self.secret).unwrap_or_default())
    }
}

impl fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionCookie(hidden)")
    }
}

/// What ties a form to the browser that it was shown in: 32 letters of base 62, about 190 bits.
///
/// `Debug` hides it and there is no `Display`; [`reveal`](Self::reveal) lets it out.
#[derive(Clone, PartialEq, Eq)]
pub struct CsrfCookie(String);

impl CsrfCookie {
    /// Takes exactly 32 letters of base 62.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 32 && base62::is_base62(text.as_bytes())).then(|| Self(text.to_owned()))
    }

    /// The value itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CsrfCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserCookie(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_back_and_nothing_else_is_one() {
        let cookie = SessionCookie::from_mac(Uuid::from_u128(7), &[9; 32]);
        let text = cookie.reveal();

        assert_eq!(SessionCookie::parse(&text), Some(cookie));
        for wrong in [
            "",
            &text[1..],
            &format!("{text}0"),
            &text.replacen('0', "O", 1),
            &format!("\"{}\"", &text[2..]),
            &format!("é{}", &text[2..]),
            &"%".repeat(64),
            &text.replacen('7', "A", 1),
        ] {
            assert_eq!(SessionCookie::parse(wrong), None, "{wrong}");
        }
    }
}
