//! An opening of a link: who may have been there, a person or a machine, by signs; never who it was.

use super::client_network::ClientNetwork;
use super::named::named;
use super::timestamp::Timestamp;

named! {
    /// What kind of browser a request says that it comes from.
    pub enum BrowserClass(
        /// The word in stories.
        name
    ) {
        /// Chrome, Chromium and what is built from it, but for Edge.
        Chrome = "chrome",
        /// Firefox.
        Firefox = "firefox",
        /// Safari, and other browsers of its engine on phones.
        Safari = "safari",
        /// Edge.
        Edge = "edge",
        /// Anything else that says what it is.
        Other = "other",
        /// It does not say.
        None = "none",
    }
}

impl BrowserClass {
    /// The class of a `User-Agent`.
    pub fn of(user_agent: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| user_agent.contains(word));
        if user_agent.trim().is_empty() {
            Self::None
        } else if has(&["Edg/", "EdgA/", "EdgiOS/"]) {
            Self::Edge
        } else if !user_agent.starts_with("Mozilla/")
            || has(&["OPR/", "compatible;", "bot", "Bot", "preview"])
        {
            Self::Other
        } else if has(&["Firefox/", "FxiOS/"]) {
            Self::Firefox
        } else if has(&["Chrome/", "CriOS/", "HeadlessChrome/"]) {
            Self::Chrome
        } else if has(&["Safari/"]) {
            Self::Safari
        } else {
            Self::Other
        }
    }

    /// The class of a word in a story.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == word)
    }
}

named! {
    /// What makes an opening look like a machine's.
    pub enum Sign(
        /// The word in stories.
        name
    ) {
        /// Only the head was asked for.
        Head = "head",
        /// The browser says that it fetches the page for later.
        Prefetch = "prefetch",
        /// No `Sec-Fetch-*` header, which all browsers of today send.
        NoFetchMetadata = "no_fetch_metadata",
        /// No `Accept-Language`.
        NoAcceptLanguage = "no_accept_language",
        /// The style sheet of the page was not fetched within ten seconds.
        NoStylesheet = "no_stylesheet",
        /// It was opened from three networks within a minute.
        ManyNetworks = "many_networks",
        /// It was opened within twenty seconds of the moment at which a mail server took it.
        SoonAfterMail = "soon_after_mail",
    }
}

impl Sign {
    const fn bit(self) -> i64 {
        1 << self as i64
    }
}

/// A set of signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Signs(i64);

impl Signs {
    /// The set that was stored as these bits.
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits)
    }

    /// The set as it is stored.
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// The set with a sign, if it `is_there`.
    #[must_use]
    pub const fn with(self, sign: Sign, is_there: bool) -> Self {
        Self(if is_there { self.0 | sign.bit() } else { self.0 & !sign.bit() })
    }

    /// Whether a sign is there.
    pub const fn has(self, sign: Sign) -> bool {
        self.0 & sign.bit() != 0
    }

    /// The signs, in their order.
    pub fn each(self) -> impl Iterator<Item = Sign> {
        Sign::ALL.into_iter().filter(move |sign| self.has(*sign))
    }

    /// Whether they look like a machine: by a sign that only machines give, or by any two. It is a guess.
    pub fn look_like_machine(self) -> bool {
        self.has(Sign::Head) || self.has(Sign::Prefetch) || self.each().count() >= 2
    }
}

/// A request that opens a link, as it came: what is noted of it is computed once it is known that there is room for that.
#[derive(Clone, Debug)]
pub struct Visit {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub network: ClientNetwork,
    /// The first part of its `User-Agent`.
    pub user_agent: Vec<u8>,
    /// What can be seen at once.
    pub signs: Signs,
}

/// From where, and with what, a link is opened: what is noted of a request, and all that is ever kept of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opening {
    /// When.
    pub at: Timestamp,
    /// The /24 or /48, as text.
    pub network: String,
    /// The kind of browser.
    pub browser: BrowserClass,
    /// What can be seen at once.
    pub signs: Signs,
    /// A keyed hash of address and browser, by which the fetch of the style sheet is known again. It goes once the opening is settled.
    pub client: [u8; 16],
    /// Whether the link was dead by then.
    pub was_dead: bool,
}

/// After so many seconds without a fetch of the style sheet there was none.
pub const STYLESHEET_WINDOW: i64 = 10;

/// For so many seconds a browser keeps the style sheet, and does not fetch it again.
pub const STYLESHEET_KEPT: i64 = 300;

/// An opening is settled after so many seconds: the time for the style sheet, and what it takes until every node has written its share.
pub const SETTLED_AFTER: i64 = 12;

/// For so many seconds openings from several networks count together.
pub const NETWORKS_WINDOW: i64 = 60;

/// From so many.
const MANY_NETWORKS: usize = 3;

/// For so many seconds after it was sent a mail is looked into by scanners.
const MAIL_WINDOW: i64 = 20;

/// Whether an opening at a moment is one of several from many networks within a minute. `openings` are those of the link, the one in
/// question among them.
pub fn is_from_many_networks<'a>(at: Timestamp, openings: &[(Timestamp, &'a str)]) -> bool {
    openings.iter().any(|(first, _)| {
        let last = first.plus_seconds(NETWORKS_WINDOW);
        let is_within = |time: &Timestamp| time >= first && *time < last;
        let mut networks: Vec<&'a str> =
            openings.iter().filter(|(time, _)| is_within(time)).map(|(_, network)| *network).collect();
        networks.sort_unstable();
        networks.dedup();
        is_within(&at) && networks.len() >= MANY_NETWORKS
    })
}

/// Whether an opening at a moment follows a mail that was sent.
pub fn is_soon_after_mail(at: Timestamp, sent: &[Timestamp]) -> bool {
    // What is opened while the mail server still says so was taken before.
    sent.iter().any(|sent| at <= sent.plus_seconds(MAIL_WINDOW) && at >= sent.plus_seconds(-1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_by_class_alone() {
        for (agent, class) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                BrowserClass::Chrome,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                BrowserClass::Edge,
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", BrowserClass::Firefox),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1",
                BrowserClass::Safari,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/142.0 Mobile/15E148 Safari/604.1",
                BrowserClass::Chrome,
            ),
            ("curl/8.14.1", BrowserClass::Other),
            ("python-requests/2.32", BrowserClass::Other),
            ("Mozilla/5.0 (compatible; Googlebot/2.1)", BrowserClass::Other),
            ("", BrowserClass::None),
            (" ", BrowserClass::None),
        ] {
            assert_eq!(BrowserClass::of(agent), class, "{agent}");
        }
    }

    #[test]
    fn one_sign_of_machines_alone_or_any_two_look_like_a_machine() {
        for sign in Sign::ALL {
            let one = Signs::default().with(sign, true);
            assert_eq!(one.look_like_machine(), matches!(sign, Sign::Head | Sign::Prefetch), "{sign:?}");
            for other in Sign::ALL.into_iter().filter(|other| *other != sign) {
                assert!(one.with(other, true).look_like_machine(), "{sign:?} {other:?}");
            }
        }
        assert!(!Signs::default().look_like_machine());
    }

    #[test]
    fn three_networks_count_within_a_minute_only() {
        let at = |second: i64| Timestamp::from_millis(second * 1_000);
        let openings = [(at(0), "a"), (at(30), "b"), (at(59), "c"), (at(200), "d")];

        for (second, is_many) in [(0, true), (30, true), (59, true), (200, false)] {
            assert_eq!(is_from_many_networks(at(second), &openings), is_many, "{second}");
        }
        assert!(!is_from_many_networks(at(0), &[(at(0), "a"), (at(30), "b"), (at(60), "c")]));
        assert!(!is_from_many_networks(at(0), &[(at(0), "a"), (at(1), "a"), (at(2), "b")]));
    }

    #[test]
    fn scanners_come_within_twenty_seconds_of_a_mail() {
        let sent = [Timestamp::from_millis(100_000)];
        for (second, is_soon) in [(90, false), (100, true), (120, true), (121, false)] {
            assert_eq!(
                is_soon_after_mail(Timestamp::from_millis(second * 1_000), &sent),
                is_soon,
                "{second}"
            );
        }
        assert!(!is_soon_after_mail(sent[0], &[]));
    }
}
