//! Login links and the rule of the product.

use uuid::Uuid;

use super::mac_input::MacInput;
use super::named::named;
use super::timestamp::Timestamp;
use super::token;
use super::user::{AccountStatus, Refusal, UserId};
use super::workspace::{Workspace, WorkspaceId};

/// The number of a secret key, drawn from the key itself; eight hexadecimal digits where people see it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyId(pub u32);

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// What a link is looked up by: its [time prefix](LinkClaims::time_prefix) in six bytes, then 26 of a keyed hash of its
/// token's secret. So links are kept in the order in which they are made.
pub type LinkLookupKey = [u8; 32];

named! {
    /// Why a link was made.
    pub enum LinkKind(
        /// The word in the database.
        name
    ) {
        /// A back office asked for it.
        Api = "api",
        /// Its user asked for it, by an address.
        SelfService = "self_service",
        /// Its user asked for it, by a dead link.
        Again = "again",
    }
}

impl LinkKind {
    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == word)
    }
}

/// What a token is derived from: a random seed and all that must not change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkClaims {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The user it signs in.
    pub user: UserId,
    /// The user's link epoch when it was issued.
    pub epoch: i64,
    /// Drawn for this link alone.
    pub seed: [u8; 16],
    /// Whether the first use uses it up.
    pub is_single_use: bool,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it dies of age.
    pub expires_at: Timestamp,
    /// Why it was made: one that doorkey mailed by itself proves the address.
    pub kind: LinkKind,
}

/// The lookup key before which no link has one that is made at a moment or later, and behind which none that was made before.
pub fn first_lookup_key_at(at: Timestamp) -> LinkLookupKey {
    let mut key = [0; 32];
    key[..6].copy_from_slice(&time_prefix_at(at).to_be_bytes()[2..]);
    key
}

/// With what the lookup keys of links begin that are issued at a moment: the millisecond, which repeats after 111 years.
const fn time_prefix_at(at: Timestamp) -> u64 {
    at.millis().rem_euclid(token::TIME_PREFIXES.cast_signed()).cast_unsigned()
}

impl LinkClaims {
    /// A link for a user, with the settings of the workspace as they are now.
    pub const fn for_user(
        user: UserId,
        epoch: i64,
        workspace: &Workspace,
        now: Timestamp,
        seed: [u8; 16],
    ) -> Self {
        Self {
            workspace: workspace.id,
            user,
            epoch,
            seed,
            is_single_use: workspace.is_single_use,
            created_at: now,
            expires_at: now.plus_seconds(workspace.link_lifetime),
            kind: LinkKind::Api,
        }
    }

    /// A link that its user asked for: it works once, and until a moment.
    pub const fn asked_for(self, kind: LinkKind, expires_at: Timestamp) -> Self {
        Self { is_single_use: true, expires_at, kind, ..self }
    }

    /// Whether its time is over, or has yet to come: a clock set back would make its two hours longer.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at <= now || self.created_at.is_ahead_of(now)
    }

    /// With what the link's lookup key begins: the millisecond in which it was issued, which repeats after 111 years.
    pub const fn time_prefix(&self) -> u64 {
        time_prefix_at(self.created_at)
    }

    /// What the token's MAC is computed over.
    pub fn canonical(&self) -> MacInput {
        MacInput::of("login token")
            .number(self.workspace.0)
            .number(self.user.number())
            .number(self.epoch)
            .bytes(&self.seed)
            .number(i64::from(self.is_single_use))
            .number(self.created_at.millis())
            .number(self.expires_at.millis())
            .bytes(self.kind.name().as_bytes())
    }
}

/// A login link as it is kept: all but the token, which is derived from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginLink {
    /// The number that people see; tells nothing of the token.
    pub id: Uuid,
    /// What it is looked up by.
    pub hash: LinkLookupKey,
    /// What the token is derived from.
    pub draft: LinkClaims,
    /// The key that derives it.
    pub key: KeyId,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
    /// When it was used up, or first refused as expired. It never comes back from there.
    pub ended_at: Option<Timestamp>,
    /// A MAC over this row.
    pub seal: [u8; 32],
}

named! {
    /// Why a token opens nothing.
    pub enum LinkRejection(
        /// The word in logs, metrics and the audit log.
        reason
    ) {
        /// It is no token at all.
        Malformed = "malformed",
        /// No link of this workspace has it.
        Unknown = "unknown",
        /// It was used up.
        Used = "used",
        /// Its time is over.
        Expired = "expired",
        /// Its user's links were revoked.
        Killed = "killed",
        /// Its user may not use links.
        Refused = "refused",
    }
}

impl LoginLink {
    /// What the row's MAC is computed over: every column that could give somebody something.
    pub fn canonical(&self) -> MacInput {
        MacInput::of("login link row")
            .bytes(self.draft.canonical().as_bytes())
            .bytes(self.id.as_bytes())
            .bytes(&self.hash)
            .number(i64::from(self.key.0))
            .maybe(self.ended_at.map(Timestamp::millis))
    }

    /// Why the link is dead for a user of this standing; `None` while it is live.
    pub fn death(&self, standing: &AccountStatus, now: Timestamp) -> Option<LinkRejection> {
        if standing.link_epoch != self.draft.epoch {
            Some(LinkRejection::Killed)
        } else if self.draft.is_single_use && self.used_at.is_some() {
            Some(LinkRejection::Used)
        } else if self.ended_at.is_some() || self.draft.is_over(now) {
            Some(LinkRejection::Expired)
        } else if standing.refusal().is_some() {
            Some(LinkRejection::Refused)
        } else {
            None
        }
    }

    /// The link as a use at this moment leaves it, but for the seal.
    pub fn used(&self, now: Timestamp) -> Self {
        let ended_at = if self.draft.is_single_use { Some(now) } else { self.ended_at };
        Self { used_at: Some(now), ended_at, ..self.clone() }
    }

    /// The link once it has been refused as expired, but for the seal.
    pub fn expired(&self, now: Timestamp) -> Self {
        Self { ended_at: Some(now), ..self.clone() }
    }
}

/// What is seen of a user when a link is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserLinkState {
    /// The number.
    pub user: UserId,
    /// What decides whether links may be used.
    pub standing: AccountStatus,
    /// The newest link ever made for the user. When it was used is not said, but whether that ended it.
    pub newest: Option<LoginLink>,
}

/// What the rule says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// No link.
    Refuse(Refusal),
    /// The link that is there.
    Reuse(LoginLink),
    /// A new one.
    Issue,
}

/// The rule of the product (contract, section 2): refuse, hand out, or make. `min_ttl` is in seconds.
pub fn decide(seen: Option<&UserLinkState>, min_ttl: i64, now: Timestamp) -> Decision {
    let Some(UserLinkState { standing, newest, .. }) = seen else {
        return Decision::Refuse(Refusal::UserNotFound);
    };
    if let Some(refusal) = standing.refusal() {
        return Decision::Refuse(refusal);
    }
    match newest {
        Some(link)
            if link.death(standing, now).is_none() && link.draft.expires_at >= now.plus_seconds(min_ttl) =>
        {
            Decision::Reuse(link.clone())
        }
        _ => Decision::Issue,
    }
}

/// Takes `min_ttl`, the least number of seconds that an answered link must have left.
///
/// # Errors
/// A sentence, for anything but digits from 0 to the lifetime of the workspace's links.
pub fn parse_min_ttl(text: &str, workspace: &Workspace) -> Result<i64, String> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number =
        text.parse().ok().filter(|number| is_digits && (0..=workspace.link_lifetime).contains(number));
    number.ok_or_else(|| format!("must be a number of seconds from 0 to {}", workspace.link_lifetime))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const FREE: AccountStatus = AccountStatus {
        is_staff: false,
        has_two_factor: false,
        is_active: true,
        link_epoch: 3,
        session_epoch: 0,
    };

    fn link(seconds_left: i64) -> LoginLink {
        link_made_at(NOW, seconds_left)
    }

    fn link_made_at(made_at: Timestamp, seconds_left: i64) -> LoginLink {
        let workspace = Workspace::sample("https://example.com");
        let mut draft = LinkClaims::for_user(UserId::from_store(1), 3, &workspace, made_at, [7; 16]);
        draft.expires_at = NOW.plus_seconds(seconds_left);
        let (id, hash, key, seal) = (Uuid::nil(), [0; 32], KeyId(1), [0; 32]);
        LoginLink { id, hash, draft, key, used_at: None, ended_at: None, seal }
    }

    fn seen(standing: AccountStatus, newest: Option<LoginLink>) -> UserLinkState {
        UserLinkState { user: UserId::from_store(1), standing, newest }
    }

    #[test]
    fn the_rule_refuses_hands_out_or_makes() {
        let live = link(60);
        let used = link(60).used(NOW);
        let expired = link(60).expired(NOW);
        let killed = AccountStatus { link_epoch: 4, ..FREE };
        let (skewed, of_tomorrow) =
            (link_made_at(NOW.plus_seconds(60), 60), link_made_at(NOW.plus_seconds(61), 7_261));
        let hand_out = || Decision::Reuse(live.clone());
        for (case, seen, min_ttl, decision) in [
            ("nobody", None, 0, Decision::Refuse(Refusal::UserNotFound)),
            (
                "staff",
                Some(seen(AccountStatus { is_staff: true, ..FREE }, None)),
                0,
                Decision::Refuse(Refusal::StaffUser),
            ),
            (
                "disabled",
                Some(seen(AccountStatus { is_active: false, ..FREE }, Some(live.clone()))),
                0,
                Decision::Refuse(Refusal::UserDisabled),
            ),
            ("first", Some(seen(FREE, None)), 0, Decision::Issue),
            ("live", Some(seen(FREE, Some(live.clone()))), 0, hand_out()),
            ("live, just enough", Some(seen(FREE, Some(live.clone()))), 60, hand_out()),
            ("live, not enough", Some(seen(FREE, Some(live.clone()))), 61, Decision::Issue),
            ("used", Some(seen(FREE, Some(used))), 0, Decision::Issue),
            ("seen expired", Some(seen(FREE, Some(expired))), 0, Decision::Issue),
            ("out of time", Some(seen(FREE, Some(link(0)))), 0, Decision::Issue),
            ("killed", Some(seen(killed, Some(live.clone()))), 0, Decision::Issue),
            ("of another clock", Some(seen(FREE, Some(skewed.clone()))), 0, Decision::Reuse(skewed)),
            ("made later than now", Some(seen(FREE, Some(of_tomorrow))), 0, Decision::Issue),
        ] {
            assert_eq!(decide(seen.as_ref(), min_ttl, NOW), decision, "{case}");
        }
    }

    #[test]
    fn min_ttl_is_digits_up_to_the_lifetime() {
        let workspace = Workspace::sample("https://example.com");

        assert_eq!(parse_min_ttl("0", &workspace), Ok(0));
        assert_eq!(parse_min_ttl("7200", &workspace), Ok(7_200));
        for text in ["", "7201", "-1", "+1", "1.5", "abc", " 1", "99999999999999999999"] {
            assert!(parse_min_ttl(text, &workspace).is_err(), "{text}");
        }
    }
}
