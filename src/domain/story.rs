//! The story of a link: what became of it, from its making to its end.

use uuid::Uuid;

use super::login_link::{LinkLookupKey, LinkRejection, LoginLink};
use super::mail::MailState;
use super::named::named;
use super::opening::{BrowserClass, Opening, Signs};
use super::timestamp::Timestamp;
use super::user::{AccountStatus, Refusal, UserId};

named! {
    /// What a link is; the first that is true of it.
    pub enum LinkState(
        /// The word in stories.
        name
    ) {
        /// It signed somebody in.
        Used = "used",
        /// It was killed.
        Killed = "killed",
        /// Its time is over.
        Expired = "expired",
        /// It is good.
        Live = "live",
    }
}

impl LinkState {
    /// What a link of a user of this standing is.
    pub fn of(link: &LoginLink, standing: &AccountStatus, now: Timestamp) -> Self {
        match link.death(standing, now) {
            _ if link.used_at.is_some() => Self::Used,
            None => Self::Live,
            Some(LinkRejection::Expired) => Self::Expired,
            Some(_) => Self::Killed,
        }
    }
}

named! {
    /// Why a press led to nothing.
    pub enum PressRefusal(
        /// The word in stories and figures.
        reason
    ) {
        /// Its time was over.
        Expired = "expired",
        /// It had been used.
        Used = "used",
        /// It had been killed.
        Killed = "killed",
        /// Its user may not use links.
        NotAllowed = "not_allowed",
        /// The browser did not send back the cookie that came with the page.
        AntiForgery = "anti_forgery",
        /// The form was sent from another site.
        ForeignOrigin = "foreign_origin",
        /// The network had shown too many dead links.
        RateLimited = "rate_limited",
    }
}

impl PressRefusal {
    /// Why a press of a link leads to nothing, by what is wrong with it. A link that was used says so, whatever happened to its user since.
    pub const fn of(death: LinkRejection, link: &LoginLink) -> Self {
        if link.draft.is_single_use && link.used_at.is_some() {
            return Self::Used;
        }
        match death {
            LinkRejection::Used => Self::Used,
            LinkRejection::Expired => Self::Expired,
            LinkRejection::Killed => Self::Killed,
            LinkRejection::Refused | LinkRejection::Malformed | LinkRejection::Unknown => Self::NotAllowed,
        }
    }

    /// The refusal of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.reason() == word)
    }

    /// Whether doorkey's own button was pressed: a form that proves nothing may be anybody's.
    pub const fn is_press(self) -> bool {
        !matches!(self, Self::AntiForgery | Self::ForeignOrigin)
    }

    /// The sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Expired => "The link was pressed after its time was over.",
            Self::Used => "The link was pressed again after it had signed somebody in; it works once.",
            Self::Killed => {
                "The link had been revoked: links end when they are revoked, and when a user gets another \
                             address or two-factor, becomes staff, is disabled or deleted."
            }
            Self::NotAllowed => "The user may not use login links.",
            Self::AntiForgery => {
                "The browser did not send back the cookie that came with the page; the link was left as it was."
            }
            Self::ForeignOrigin => "The button was pressed on another site; the link was left as it was.",
            Self::RateLimited => "Too many dead links were tried from the same network within a minute.",
        }
    }
}

/// The sentence of a word for why a link is not issued, or a press led to nothing.
pub fn reason_sentence(word: &str) -> &str {
    let refusal = Refusal::ALL.into_iter().find(|refusal| refusal.code() == word).map(Refusal::sentence);
    refusal.or_else(|| PressRefusal::parse(word).map(PressRefusal::sentence)).unwrap_or(word)
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub enum StoryEvent {
    /// It was made; by whom is known as long as the audit log is kept.
    Issued {
        /// Who asked for it.
        actor: Option<String>,
        /// In which request.
        request_id: Option<Uuid>,
    },
    /// It was handed out again, so many times; when last.
    HandedOut {
        /// How often.
        times: i64,
    },
    /// A mail has it.
    Mailed {
        /// The mail.
        mail: Uuid,
        /// What became of that.
        state: MailState,
    },
    /// It was opened.
    Opened {
        /// The /24 or /48.
        network: String,
        /// With what kind of browser.
        browser: BrowserClass,
        /// Whether it looks like a machine.
        is_machine: bool,
        /// By which signs.
        signs: Signs,
    },
    /// The button was pressed.
    Pressed,
    /// A press led to nothing.
    Refused(PressRefusal),
    /// It signed somebody in.
    SignedIn {
        /// The session.
        session: Option<Uuid>,
        /// Whether the code of the same mail was typed.
        by_code: bool,
        /// The app that it led to.
        client_id: Option<String>,
    },
    /// It was killed.
    Killed {
        /// The word of the audit log.
        reason: String,
    },
    /// Its time was over.
    Expired,
}

impl StoryEvent {
    /// The word of the type.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Issued { .. } => "issued",
            Self::HandedOut { .. } => "handed_out",
            Self::Mailed { .. } => "mailed",
            Self::Opened { .. } => "opened",
            Self::Pressed => "pressed",
            Self::Refused(_) => "refused",
            Self::SignedIn { .. } => "signed_in",
            Self::Killed { .. } => "killed",
            Self::Expired => "expired",
        }
    }
}

/// The story of a link.
#[derive(Clone, PartialEq, Debug)]
pub struct Story {
    /// The number of the link.
    pub link: Uuid,
    /// Whom it signs in.
    pub user: UserId,
    /// `api`, `self_service` or `again`.
    pub kind: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// Whether one use ends it.
    pub is_single_use: bool,
    /// What it is.
    pub state: LinkState,
    /// What happened, oldest first.
    pub events: Vec<(Timestamp, StoryEvent)>,
}

/// A link that something is noted of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NotedLink {
    /// What it is looked up by.
    pub hash: LinkLookupKey,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<&LoginLink> for NotedLink {
    fn from(link: &LoginLink) -> Self {
        Self { hash: link.hash, created_at: link.draft.created_at }
    }
}

/// What is noted of a link while a browser waits, and written later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// It was opened.
    Opened(Opening),
    /// A fresh one was asked for by it.
    Pressed(Timestamp),
    /// A press led to nothing that is written elsewhere; so many times, when last.
    Refused(PressRefusal, Timestamp, i64),
}

impl Note {
    /// Whether another tells nothing new beside when and how often. What is counted by the hour is alike within one.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pressed(_), Self::Pressed(_)) => true,
            (Self::Refused(refusal, at, _), Self::Refused(same, other_at, _)) => {
                refusal == same && at.start_of_hour() == other_at.start_of_hour()
            }
            _ => false,
        }
    }

    /// Takes in another that is alike; whether it is.
    pub fn merge(&mut self, other: &Self) -> bool {
        let is_like = self.is_like(other);
        match (self, other) {
            (Self::Pressed(at), Self::Pressed(later)) => *at = (*at).max(*later),
            (Self::Refused(_, at, times), Self::Refused(_, later, more)) if is_like => {
                (*at, *times) = ((*at).max(*later), *times + more);
            }
            _ => {}
        }
        is_like
    }
}

/// What was noted of one link.
pub type LinkNotes = (NotedLink, Vec<Note>);
