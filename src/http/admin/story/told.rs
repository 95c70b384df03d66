//! The story of a link in sentences.

use super::super::times;
use super::super::times::TimeText;
use crate::domain::link_stats::in_words;
use crate::domain::mail::MailState;
use crate::domain::opening::{BrowserClass, Sign, Signs};
use crate::domain::story::{LinkState, PressRefusal, Story, StoryEvent};
use crate::domain::timestamp::Timestamp;

/// The answer to what somebody came for.
pub(super) struct Headline {
    pub(super) title: String,
    pub(super) lead: String,
}

/// One line of the story.
pub(super) struct Line {
    /// The class of its sign; empty for what turned nothing.
    pub(super) class: &'static str,
    pub(super) time: TimeText,
    /// How old the link was; empty at its making.
    pub(super) age: String,
    /// What matters most, and the rest.
    pub(super) strong: &'static str,
    pub(super) sentence: String,
    /// Why it is taken for a machine, or for a person.
    pub(super) reasons: Vec<&'static str>,
}

/// Who asked for a link.
pub(super) fn kind(word: &str) -> &'static str {
    match word {
        "self_service" => "the client, by an address",
        "again" => "the client, by a dead link",
        _ => "the back office",
    }
}

/// Heading and first sentence.
pub(super) fn headline(story: &Story, name: &str, now: Timestamp) -> Headline {
    let end = times::told(story.expires_at, now).text;
    let last_refusal = story.events.iter().rev().find_map(|(at, event)| {
        let StoryEvent::Refused(refusal) = event else { return None };
        refusal.is_press().then_some((*at, *refusal))
    });
    let (title, lead) = match (story.state, last_refusal) {
        (LinkState::Used, _) if !story.is_single_use => {
            (format!("{name} signed in"), reusable(story, &end, now))
        }
        (LinkState::Used, None) => {
            (format!("{name} signed in"), "The link did what it was made for, and works no more.".to_owned())
        }
        (LinkState::Used, Some(_)) => (
            format!("{name} signed in, and pressed again later"),
            "The link had signed somebody in by then; it works once.".to_owned(),
        ),
        (LinkState::Live, _) => {
            (format!("The link for {name} is good"), format!("It works until {end}. Nobody has used it yet."))
        }
        (LinkState::Killed, _) => {
            (format!("The link for {name} was revoked"), "Its button signs nobody in.".to_owned())
        }
        (LinkState::Expired, Some((at, PressRefusal::Expired))) => {
            let late = (at.millis() - story.expires_at.millis()) / 1_000;
            let pressed = times::told(at, now).text;
            (
                format!("{name} pressed {} too late", roughly(late)),
                format!(
                    "The link was good until {end}; the button was pressed at {pressed}. Nothing is wrong with the account."
                ),
            )
        }
        (LinkState::Expired, _) => (
            format!("Nobody pressed the link for {name} in time"),
            format!("It was good until {end}. Nothing is wrong with the account."),
        ),
    };
    Headline { title, lead }
}

/// What there is to say of a link that works any number of times.
fn reusable(story: &Story, end: &str, now: Timestamp) -> String {
    let is_killed = story.events.iter().any(|(_, event)| matches!(event, StoryEvent::Killed { .. }));
    if is_killed {
        "The link worked any number of times until it was revoked.".to_owned()
    } else if story.expires_at <= now {
        format!("The link worked any number of times until {end}.")
    } else {
        format!("The link works any number of times until {end}.")
    }
}

/// The lines of a story.
pub(super) fn lines(story: &Story, now: Timestamp) -> Vec<Line> {
    story.events.iter().map(|(at, event)| line(story, (*at, event), now)).collect()
}

fn line(story: &Story, (at, event): (Timestamp, &StoryEvent), now: Timestamp) -> Line {
    let age = (at.millis() - story.created_at.millis()) / 1_000;
    let age = if matches!(event, StoryEvent::Issued { .. }) { String::new() } else { roughly(age) };
    let (class, strong, sentence) = told(story, event);
    let reasons = if let StoryEvent::Opened { signs, .. } = event {
        signs.each().map(sign).collect()
    } else {
        Vec::new()
    };
    Line { class, time: times::told(at, now), age, strong, sentence, reasons }
}

/// The sign of an event, what matters most of it, and the sentence.
fn told(story: &Story, event: &StoryEvent) -> (&'static str, &'static str, String) {
    match event {
        StoryEvent::Issued { actor, .. } => {
            let by = actor.as_deref().map(|actor| format!(" by {}", who(actor))).unwrap_or_default();
            let life = in_words((story.expires_at.millis() - story.created_at.millis()) / 1_000);
            ("ok", "", format!("Asked for{by}. A new link was made, good for {life}."))
        }
        StoryEvent::HandedOut { times: 1 } => {
            ("", "", "Handed out again, once. The same link; its end did not move.".to_owned())
        }
        StoryEvent::HandedOut { times } => (
            "",
            "",
            format!(
                "Handed out again, {times} times; this was the last. The same link; its end did not move."
            ),
        ),
        StoryEvent::Mailed { state, .. } => mailed(*state),
        StoryEvent::Opened { network, browser, is_machine, signs } => {
            opened(network, *browser, (*is_machine, *signs))
        }
        StoryEvent::Pressed => ("", "", "The button was pressed.".to_owned()),
        StoryEvent::Refused(refusal) => ("bad", "It did not sign in.", refusal.sentence().to_owned()),
        StoryEvent::SignedIn { by_code: false, client_id, .. } => {
            let rest =
                if story.is_single_use { "The link is used up." } else { "The link works on until its end." };
            ("ok", "Signed in.", format!("{rest}{}", to_app(client_id.as_deref())))
        }
        StoryEvent::SignedIn { by_code: true, client_id, .. } => (
            "ok",
            "Signed in by the code of the same mail.",
            format!("The link is used up with it.{}", to_app(client_id.as_deref())),
        ),
        StoryEvent::Killed { reason } => ("bad", "Revoked.", killed(reason).to_owned()),
        StoryEvent::Expired => ("warn", "Expired.", "Its time was over.".to_owned()),
    }
}

fn to_app(client_id: Option<&str>) -> String {
    client_id.map(|client_id| format!(" It led to the app {client_id}.")).unwrap_or_default()
}

fn mailed(state: MailState) -> (&'static str, &'static str, String) {
    let (class, sentence) = match state {
        MailState::Queued => ("warn", "A mail with the link waits: no mail server has taken it yet."),
        MailState::Sent => ("", "Mailed. The mail server took it."),
        MailState::Failed => ("bad", "A mail with the link was refused by the mail server for good."),
        MailState::Expired => ("warn", "A mail with the link was not sent: the link's time was over first."),
        MailState::Cancelled => ("", "A mail with the link was not sent: the link had ended first."),
    };
    (class, "", sentence.to_owned())
}

fn opened(
    network: &str,
    browser: BrowserClass,
    (is_machine, signs): (bool, Signs),
) -> (&'static str, &'static str, String) {
    let browser = match browser {
        BrowserClass::Chrome => "Chrome",
        BrowserClass::Firefox => "Firefox",
        BrowserClass::Safari => "Safari",
        BrowserClass::Edge => "Edge",
        BrowserClass::Other => "another program",
        BrowserClass::None => "a program that does not say what it is",
    };
    if is_machine {
        let what = if signs.has(Sign::SoonAfterMail) { ": a mail scanner, most likely" } else { "" };
        let sentence = format!(
            "Opened by a machine, it seems{what}: {browser}, from the network {network}. It used nothing up."
        );
        return ("", "", sentence);
    }
    ("open", "", format!("Opened by a person, it seems: {browser}, from the network {network}."))
}

/// Why an opening is taken for a machine's.
const fn sign(sign: Sign) -> &'static str {
    match sign {
        Sign::Head => "It asked for the head of the page alone.",
        Sign::Prefetch => "The browser said that it fetches the page for later.",
        Sign::NoFetchMetadata => "It sent none of the headers by which browsers of today say how they came.",
        Sign::NoAcceptLanguage => "It named no language.",
        Sign::NoStylesheet => "It did not fetch the style sheet.",
        Sign::ManyNetworks => "Three networks or more opened the same link within a minute.",
        Sign::SoonAfterMail => "It came within twenty seconds of the mail.",
    }
}

fn killed(reason: &str) -> &'static str {
    match reason {
        "two_factor" => "Two-factor was switched on.",
        "staff" => "The user became staff.",
        "disabled" => "The user was disabled.",
        "deleted" => "The user was deleted.",
        "new_address" => "The user got another address.",
        _ => "All links of the user were revoked.",
    }
}

/// An actor of the audit log.
fn who(actor: &str) -> String {
    match actor.split_once(':') {
        Some(("api_key", number)) => format!("the API key {number}"),
        Some(("admin", name)) => format!("{name}, on these pages"),
        Some(("user", _)) => "the client".to_owned(),
        None if actor == "visitor" => "somebody on the login page".to_owned(),
        None if actor == "command_line" => "the command line".to_owned(),
        Some(_) | None => actor.to_owned(),
    }
}

/// `19 minutes`, to the whole unit that tells most.
fn roughly(seconds: i64) -> String {
    let unit = [86_400, 3_600, 60, 1].into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    in_words((seconds / unit).max(0) * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_to_the_unit_that_matters() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (59, "59 seconds"),
            (61, "1 minute"),
            (1_150, "19 minutes"),
            (8_400, "2 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(roughly(seconds), text);
        }
    }

    #[test]
    fn an_actor_is_named_as_people_would() {
        for (actor, name) in [
            ("api_key:3", "the API key 3"),
            ("admin:Grace", "Grace, on these pages"),
            ("visitor", "somebody on the login page"),
            ("doorkey", "doorkey"),
        ] {
            assert_eq!(who(actor), name);
        }
    }
}
