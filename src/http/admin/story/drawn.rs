//! The chart of a story: the life of its link.

use super::super::charts::life;
use super::super::charts::life::{Label, Life};
use super::super::times;
use crate::domain::link_stats::in_words;
use crate::domain::story::{LinkState, Story, StoryEvent};
use crate::domain::timestamp::Timestamp;

/// A moment, and the word for what happened then.
type Turn = (Timestamp, &'static str);

/// The chart; none, where it is not known when the link ended.
pub(super) fn life(story: &Story, now: Timestamp) -> Option<String> {
    let (ended, pressed) = (ended(story)?, pressed(story));
    let age = |at: Timestamp| at.millis().saturating_sub(story.created_at.millis());
    let last = pressed.map_or(ended.0, |(at, _)| at.max(ended.0));
    let is_one_day = story.created_at.civil().date() == last.civil().date();
    let label = |(at, word): Turn| Label {
        wide: format!("{word} {}", times::told(at, now).text),
        phone: format!("{word} {}", at.civil().strftime(if is_one_day { "%H:%M" } else { "%-d %b" })),
    };
    let life = Life {
        lifetime: age(story.expires_at),
        worked: age(pressed.filter(|_| is_used_up(story)).unwrap_or(ended).0),
        made: label((story.created_at, "made")),
        pressed: pressed.map(|turn| (age(turn.0), label(turn))),
        ended: (age(ended.0), label(ended)),
        good_for: format!("good for {}", in_words(age(story.expires_at) / 1_000)),
    };
    Some(life::draw(&life, &name(&life)))
}

/// What is drawn, in a sentence.
fn name(life: &Life) -> String {
    let (made, (end, ended)) = (&life.made.wide, &life.ended);
    let turns = match &life.pressed {
        None => format!("{}, not pressed", ended.wide),
        Some((age, pressed)) if age < end => format!("{}, {}", pressed.wide, ended.wide),
        Some((_, pressed)) => format!("{}, {}", ended.wide, pressed.wide),
    };
    format!("The life of the link: {made}, {turns}. The list below has all that happened.")
}

fn is_used_up(story: &Story) -> bool {
    story.is_single_use && story.state == LinkState::Used
}

/// When it ended, or will. A link that was used up is told with the end that it would have had.
fn ended(story: &Story) -> Option<Turn> {
    if is_used_up(story) {
        return Some((story.expires_at, "end"));
    }
    let ended = story.events.iter().find_map(|(at, event)| {
        let is_killed = matches!(event, StoryEvent::Killed { .. });
        let is_end = is_killed || matches!(event, StoryEvent::Expired);
        is_end.then_some((*at, if is_killed { "revoked" } else { "expired" }))
    });
    let works = matches!(story.state, LinkState::Live | LinkState::Used);
    ended.or_else(|| works.then_some((story.expires_at, "good until")))
}

/// The press that the heading speaks of: the one that signed in first, or else the last one.
fn pressed(story: &Story) -> Option<Turn> {
    let signed_in = story.events.iter().find_map(|(at, event)| {
        let StoryEvent::SignedIn { by_code, .. } = event else { return None };
        Some((*at, if *by_code { "code typed" } else { "pressed" }))
    });
    let last = |is_it: fn(&StoryEvent) -> bool| {
        let found = story.events.iter().rev().find(|(_, event)| is_it(event));
        found.map(|(at, _)| (*at, "pressed"))
    };
    signed_in
        .or_else(|| last(|event| matches!(event, StoryEvent::Refused(refusal) if refusal.is_press())))
        .or_else(|| last(|event| matches!(event, StoryEvent::Pressed)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::story::PressRefusal;
    use crate::domain::user::UserId;

    /// 2026-11-23T09:02:00Z.
    const MADE: Timestamp = Timestamp::from_millis(1_795_424_520_000);

    fn at(minute: i64) -> Timestamp {
        MADE.plus_seconds(minute * 60)
    }

    /// A link for two hours that works once.
    fn story(state: LinkState, events: Vec<(Timestamp, StoryEvent)>) -> Story {
        Story {
            link: Uuid::nil(),
            user: UserId::from_number(1).unwrap(),
            kind: "api".to_owned(),
            created_at: MADE,
            expires_at: at(120),
            is_single_use: true,
            state,
            events,
        }
    }

    /// What the drawing is named by.
    fn named(story: &Story) -> String {
        let svg = life(story, at(300)).unwrap();
        let name = svg.split("aria-label=\"The life of the link: ").nth(1).unwrap();
        name.split(". The list below").next().unwrap().to_owned()
    }

    fn signed_in(by_code: bool) -> StoryEvent {
        StoryEvent::SignedIn { session: None, by_code, client_id: None }
    }

    fn killed() -> StoryEvent {
        StoryEvent::Killed { reason: "revoked".to_owned() }
    }

    #[test]
    fn a_life_is_told_in_the_order_of_its_turns() {
        let refused = StoryEvent::Refused;
        for (state, events, expected) in [
            (LinkState::Live, vec![], "good until 11:02, not pressed"),
            (LinkState::Expired, vec![(at(120), StoryEvent::Expired)], "expired 11:02, not pressed"),
            (
                LinkState::Expired,
                vec![
                    (at(120), StoryEvent::Expired),
                    (at(139), StoryEvent::Pressed),
                    (at(139), refused(PressRefusal::Expired)),
                    // A fresh one was asked for.
                    (at(140), StoryEvent::Pressed),
                ],
                "expired 11:02, pressed 11:21",
            ),
            // Another site's button is nobody's press.
            (
                LinkState::Live,
                vec![(at(1), refused(PressRefusal::ForeignOrigin))],
                "good until 11:02, not pressed",
            ),
            (LinkState::Killed, vec![(at(30), killed())], "revoked 09:32, not pressed"),
            (
                LinkState::Killed,
                vec![(at(30), killed()), (at(31), refused(PressRefusal::Killed))],
                "revoked 09:32, pressed 09:33",
            ),
            // All links of a user are revoked, also those whose time is over.
            (
                LinkState::Killed,
                vec![(at(120), StoryEvent::Expired), (at(200), killed())],
                "expired 11:02, not pressed",
            ),
            (LinkState::Used, vec![(at(0), signed_in(false))], "pressed 09:02, end 11:02"),
            (LinkState::Used, vec![(at(5), signed_in(true))], "code typed 09:07, end 11:02"),
            (
                LinkState::Used,
                vec![(at(5), signed_in(false)), (at(130), refused(PressRefusal::Used)), (at(131), killed())],
                "pressed 09:07, end 11:02",
            ),
        ] {
            let story = story(state, events);
            assert_eq!(named(&story), format!("made 09:02, {expected}"), "{:?}", story.events);
        }
    }

    #[test]
    fn a_link_that_works_on_has_its_first_press_and_its_end() {
        let events = vec![
            (at(5), StoryEvent::Pressed),
            (at(5), signed_in(false)),
            (at(9), signed_in(false)),
            (at(120), StoryEvent::Expired),
        ];
        let story = Story { is_single_use: false, ..story(LinkState::Used, events) };

        assert_eq!(named(&story), "made 09:02, pressed 09:07, expired 11:02");
        assert!(!life(&story, at(300)).unwrap().contains("class=\"rest\""), "it worked to its end");
    }

    #[test]
    fn on_phones_a_life_of_days_is_told_by_its_days() {
        let story = Story { expires_at: at(3 * 1_440), ..story(LinkState::Live, vec![]) };
        let svg = life(&story, at(300)).unwrap();

        assert!(
            svg.contains(">good until 26 Nov, 09:02</text>") && svg.contains(">good until 26 Nov</text>")
        );
        assert!(svg.contains(">made 09:02</text>") && svg.contains(">made 23 Nov</text>"), "{svg}");
        assert!(svg.contains(">good for 3 days</text>"), "{svg}");
    }

    #[test]
    fn what_ended_nobody_knows_when_is_not_drawn() {
        assert!(life(&story(LinkState::Killed, vec![]), at(300)).is_none());
    }
}
