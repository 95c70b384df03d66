//! Users: the people of a workspace, clients and staff.

pub mod change;
pub mod fields;
pub mod search;

use serde::Serialize;

use super::email::EmailAddress;
use super::json::JsonText;
use super::named::named;
use super::timestamp::Timestamp;

/// The number of a user, from 1 to 2^53-1: unique in the workspace, never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct UserId(i64);

impl UserId {
    /// The largest number that JSON readers keep exact (RFC 8259, section 6).
    pub const MAX: i64 = (1 << 53) - 1;

    /// A number from 1 to 2^53-1; `None` for any other.
    pub fn from_number(number: i64) -> Option<Self> {
        (1..=Self::MAX).contains(&number).then_some(Self(number))
    }

    /// Takes digits alone: no sign, no space, no leading zero.
    pub fn parse(digits: &str) -> Option<Self> {
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        digits.parse().ok().filter(|_| is_plain).and_then(Self::from_number)
    }

    /// An id as it stands in the store, where only parsed ones are put.
    pub(crate) const fn from_store(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> i64 {
        self.0
    }
}

/// How a caller names a user: by number or by e-mail address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UserRef {
    /// By number.
    Id(UserId),
    /// By address, whatever its case.
    Email(EmailAddress),
}

impl UserRef {
    /// Takes a path segment or a word of a command line. `None` for what can name nobody.
    pub fn parse(text: &str) -> Option<Self> {
        match UserId::parse(text) {
            Some(id) => Some(Self::Id(id)),
            None => EmailAddress::parse(text).ok().map(Self::Email),
        }
    }
}

/// A person of a workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The number.
    pub id: UserId,
    /// The one address.
    pub email: EmailAddress,
    /// First name.
    pub name_f: String,
    /// Last name.
    pub name_l: String,
    /// Company.
    pub company: String,
    /// Telephone number.
    pub phone: String,
    /// The language that the person reads, as a tag (BCP 47); empty if it is not known.
    pub locale: String,
    /// A note of the back office.
    pub note: String,
    /// Fields of the operator's own.
    pub custom_fields: JsonText,
    /// What decides whether links may be used.
    pub standing: AccountStatus,
    /// Counts the changes, so that of two who change it at once neither is lost.
    pub revision: i64,
    /// When the user was added.
    pub created_at: Timestamp,
    /// When the user was last changed.
    pub updated_at: Timestamp,
}

/// What decides whether a user may use links and keep a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountStatus {
    /// Staff never get links.
    pub is_staff: bool,
    /// Whoever has two factors may not walk around the second by a link.
    pub has_two_factor: bool,
    /// Disabled users can do nothing.
    pub is_active: bool,
    /// Grows with each kill; a link of an older epoch is dead.
    pub link_epoch: i64,
    /// Grows when all sessions end; a session of an older epoch is ended.
    pub session_epoch: i64,
}

named! {
    /// Why a user gets no link (contract, section 2, rules 1 to 4).
    pub enum Refusal(
        /// The stable word that callers, logs and metrics know it by.
        code
    ) {
        /// Nobody of that id or address, or deleted.
        UserNotFound = "user_not_found",
        /// Staff.
        StaffUser = "staff_user",
        /// Two-factor is on.
        TwoFactorEnabled = "two_factor_enabled",
        /// Disabled.
        UserDisabled = "user_disabled",
    }
}

impl Refusal {
    /// The sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::UserNotFound => {
                "There is no such user in this workspace: name one by id or by e-mail address."
            }
            Self::StaffUser => "Staff cannot use login links: let them sign in the way that staff do.",
            Self::TwoFactorEnabled => {
                "Users who have two-factor authentication enabled cannot use login links: let them sign in with their second factor."
            }
            Self::UserDisabled => "This user is disabled: set the user's status to 1 first.",
        }
    }
}

impl AccountStatus {
    /// Why links may not be used, in the order in which it is given; `None` if they may.
    pub const fn refusal(&self) -> Option<Refusal> {
        if self.is_staff {
            Some(Refusal::StaffUser)
        } else if self.has_two_factor {
            Some(Refusal::TwoFactorEnabled)
        } else if !self.is_active {
            Some(Refusal::UserDisabled)
        } else {
            None
        }
    }

    /// Whether links or sessions were ended on the way from `before` to this.
    pub const fn ended_more_than(&self, before: &Self) -> bool {
        self.link_epoch > before.link_epoch || self.session_epoch > before.session_epoch
    }

    /// Whether a session begun in an epoch may go on.
    pub const fn may_stay(&self, session_epoch: i64) -> bool {
        self.is_active && !self.is_staff && self.session_epoch == session_epoch
    }
}

/// A change of a user, field by field; what is `None` stays. Also the fields of a user to be added.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UserChange {
    /// The address.
    pub email: Option<EmailAddress>,
    /// First name.
    pub name_f: Option<String>,
    /// Last name.
    pub name_l: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// The language that the person reads.
    pub locale: Option<String>,
    /// A note.
    pub note: Option<String>,
    /// Fields of the operator's own.
    pub custom_fields: Option<JsonText>,
    /// Whether the user is active.
    pub is_active: Option<bool>,
    /// Whether two-factor is on.
    pub has_two_factor: Option<bool>,
    /// Whether the user is staff.
    pub is_staff: Option<bool>,
}

impl User {
    /// First and last name, as one would write them.
    pub fn name(&self) -> String {
        full_name(&self.name_f, &self.name_l)
    }

    /// Why a change of this user into `changed` kills the user's links, if it does.
    pub fn kill_by(&self, changed: &Self) -> Option<RevocationReason> {
        if changed.standing.has_two_factor && !self.standing.has_two_factor {
            Some(RevocationReason::TwoFactor)
        } else if changed.standing.is_staff && !self.standing.is_staff {
            Some(RevocationReason::Staff)
        } else if !changed.standing.is_active && self.standing.is_active {
            Some(RevocationReason::Disabled)
        } else if changed.email != self.email {
            Some(RevocationReason::NewAddress)
        } else {
            None
        }
    }

    /// Whether a change of this user into `changed` ends the user's sessions.
    pub const fn ends_sessions_by(&self, changed: &Self) -> bool {
        let becomes_staff = changed.standing.is_staff && !self.standing.is_staff;
        let is_disabled = !changed.standing.is_active && self.standing.is_active;
        becomes_staff || is_disabled
    }
}

/// First and last name, as one would write them; nothing of either is cut.
pub fn full_name(name_f: &str, name_l: &str) -> String {
    let between = if name_f.is_empty() || name_l.is_empty() { "" } else { " " };
    format!("{name_f}{between}{name_l}")
}

named! {
    /// What revoked a user's links.
    pub enum RevocationReason(
        /// The word in the audit log.
        reason
    ) {
        /// Two-factor was switched on.
        TwoFactor = "two_factor",
        /// The user became staff.
        Staff = "staff",
        /// The user was disabled.
        Disabled = "disabled",
        /// The user was deleted.
        Deleted = "deleted",
        /// The user got another address.
        NewAddress = "new_address",
        /// The links were revoked.
        Revoked = "revoked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_digits_name_a_user() {
        assert_eq!(UserRef::parse("1"), Some(UserRef::Id(UserId(1))));
        assert_eq!(UserRef::parse("9007199254740991"), Some(UserRef::Id(UserId(UserId::MAX))));
        for text in [
            "",
            "0",
            "01",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1.5",
            "1e3",
            "0x1",
            "１",
            "abc",
            "9007199254740992",
            "1/2",
            "999999999999999999999999999999",
        ] {
            assert_eq!(UserRef::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_of_several_reasons_is_told() {
        let free = AccountStatus {
            is_staff: false,
            has_two_factor: false,
            is_active: true,
            link_epoch: 0,
            session_epoch: 0,
        };

        assert_eq!(free.refusal(), None);
        assert_eq!(AccountStatus { is_active: false, ..free }.refusal(), Some(Refusal::UserDisabled));
        assert_eq!(
            AccountStatus { is_active: false, has_two_factor: true, ..free }.refusal(),
            Some(Refusal::TwoFactorEnabled)
        );
        assert_eq!(
            AccountStatus { is_active: false, has_two_factor: true, is_staff: true, ..free }.refusal(),
            Some(Refusal::StaffUser)
        );
    }
}
