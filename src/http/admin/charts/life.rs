//! The life of a link: how long it was good, and when it was pressed.

use std::fmt::Write;

use super::{Area, Width, hatch, number, real};

/// What is seen of a time, however short it is beside the others.
const LEAST: f64 = 24.0;

/// The round corner at which the bar begins.
const CORNER: f64 = 5.0;

/// About how long a letter is. Who draws here cannot measure it.
const LETTER: f64 = 8.0;

/// What stands beside a moment.
pub(in crate::http::admin) struct Label {
    pub(in crate::http::admin) wide: String,
    /// The same, short.
    pub(in crate::http::admin) phone: String,
}

/// What is drawn. Ages are in milliseconds since the link was made.
pub(in crate::http::admin) struct Life {
    /// The age at which its time is over.
    pub(in crate::http::admin) lifetime: i64,
    /// The age from which on it did not work any more.
    pub(in crate::http::admin) worked: i64,
    /// What stands at its beginning.
    pub(in crate::http::admin) made: Label,
    /// The age at which it was pressed, if it was.
    pub(in crate::http::admin) pressed: Option<(i64, Label)>,
    /// The age of its end, as it is told.
    pub(in crate::http::admin) ended: (i64, Label),
    /// `good for 2 hours`.
    pub(in crate::http::admin) good_for: String,
}

/// Both drawings. The name says what they show.
pub(in crate::http::admin) fn draw(life: &Life, name: &str) -> String {
    Width::ALL.map(|width| drawing(life, width, name)).concat()
}

impl Label {
    fn on(&self, width: Width) -> &str {
        match width {
            Width::Wide => &self.wide,
            Width::Phone => &self.phone,
        }
    }
}

/// Where things lie on the x axis.
#[derive(Clone, Copy, Debug)]
struct Places {
    /// Until where the link worked.
    good: f64,
    /// Where its time is over.
    end: f64,
    /// Where its end is told.
    ended: f64,
    pressed: Option<f64>,
    /// Whether it was pressed once its time was over.
    is_late: bool,
}

impl Life {
    /// True to scale, but for what would be too short to be seen. Clocks of two nodes may have it pressed before it was made.
    fn places(&self, area: Area) -> Places {
        let (start, right) = (area.left, area.width - area.right);
        let lifetime = self.lifetime.max(1);
        let pressed = self.pressed.as_ref().map(|(age, _)| *age);
        let late = pressed.filter(|age| *age >= lifetime);
        let end = late.map_or(right, |age| {
            (start + area.inner_width() * (real(lifetime) / real(age))).clamp(start + LEAST, right - LEAST)
        });
        let place = |age: i64| start + (end - start) * (real(age.clamp(0, lifetime)) / real(lifetime));
        Places {
            good: place(self.worked).max(start + CORNER),
            end,
            ended: place(self.ended.0),
            pressed: pressed.map(|age| if late.is_some() { right } else { place(age) }),
            is_late: late.is_some(),
        }
    }
}

fn drawing(life: &Life, width: Width, name: &str) -> String {
    let whole = match width {
        Width::Wide => 720.0,
        Width::Phone => 340.0,
    };
    let area = Area { width: whole, height: 74.0, left: 6.0, right: 8.0, top: 33.0, bottom: 33.0 };
    let places = life.places(area);
    let mut svg = area.open(width, name);
    bar(&mut svg, area, places);
    if places.is_late {
        late(&mut svg, area, (places, width));
    }
    marks(&mut svg, area, places);
    words(&mut svg, life, (area, places, width));
    svg.push_str("</svg>");
    svg
}

/// Filled while the link worked, an outline for what was left of its time.
fn bar(svg: &mut String, area: Area, places: Places) {
    let [start, good, end, top, base] =
        [area.left, places.good, places.end, area.top, area.base()].map(number);
    let _ = write!(svg, r#"<path class="in" d="M{start} {base}v-3a5 5 0 0 1 5-5H{good}V{base}z"/>"#);
    if places.good < places.end {
        let _ = write!(svg, r#"<path class="rest" d="M{good} {top}H{end}V{base}H{good}z"/>"#);
    }
}

/// From the end of its time to the press.
fn late(svg: &mut String, area: Area, (places, width): (Places, Width)) {
    let [end, right, top, base] = [places.end, area.width - area.right, area.top, area.base()].map(number);
    let (id, pattern) = (width.class(), hatch(&format!("hatch-life-{}", width.class())));
    let above = number(area.top - 7.0);
    let _ = write!(
        svg,
        r#"<defs>{pattern}</defs><path fill="url(#hatch-life-{id})" d="M{end} {top}H{right}V{base}H{end}z"/><path class="late-edge" d="M{end} {above}v22M{right} {above}v22"/>"#
    );
}

/// The end, and a press in time, where what came too late has not marked them already.
fn marks(svg: &mut String, area: Area, places: Places) {
    let (ended, above) = (number(places.ended), number(area.top - 7.0));
    if !places.is_late || places.ended < places.end {
        let _ = write!(svg, r#"<path class="axis" d="M{ended} {above}v22"/>"#);
    }
    if let Some(pressed) = places.pressed.filter(|_| !places.is_late) {
        let (x, y) = (number(pressed), number(area.y(0.5)));
        let _ = write!(svg, r#"<circle class="dot" cx="{x}" cy="{y}" r="4.5"/>"#);
    }
}

/// The making and the press above the bar, the end below it.
fn words(svg: &mut String, life: &Life, (area, places, width): (Area, Places, Width)) {
    let (start, above, below) =
        (number(area.left), number(area.top - 13.0), number(area.height - area.bottom + 25.0));
    let (made, good_for) = (life.made.on(width), &*life.good_for);
    let _ = write!(
        svg,
        r#"<text class="said" x="{start}" y="{above}">{made}</text><text x="{start}" y="{below}">{good_for}</text>"#
    );
    let pressed = life.pressed.as_ref().zip(places.pressed);
    let pressed = pressed.map(|((_, label), place)| (label, place, made, &above));
    let ended = (&life.ended.1, places.ended, good_for, &below);
    for (label, place, other, y) in pressed.into_iter().chain([ended]) {
        let text = label.on(width);
        let x = number(beside(area, place, (text, other)));
        let _ = write!(svg, r#"<text class="said" x="{x}" y="{y}" text-anchor="end">{text}</text>"#);
    }
}

/// Where a text ends that belongs to a place: there, but not over the other text, which stands at the left.
fn beside(area: Area, place: f64, (text, other): (&str, &str)) -> f64 {
    let long = |text: &str| text.chars().map(|_| LETTER).sum::<f64>();
    place.max(area.left + long(other) + LETTER + long(text)).min(area.width - 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const DAY: i64 = 1_440 * MINUTE;
    const WIDE: Area = Area { width: 720.0, height: 74.0, left: 6.0, right: 8.0, top: 33.0, bottom: 33.0 };

    fn label(text: &str) -> Label {
        Label { wide: text.to_owned(), phone: text.to_owned() }
    }

    fn life(lifetime: i64, (worked, ended): (i64, i64), pressed: Option<i64>) -> Life {
        Life {
            lifetime,
            worked,
            made: label("made 09:02"),
            pressed: pressed.map(|age| (age, label("pressed 11:21"))),
            ended: (ended, label("expired 11:02")),
            good_for: "good for 2 hours".to_owned(),
        }
    }

    /// Until where it worked, where its time was over, where its end is told, where it was pressed.
    fn placed(life: &Life) -> [String; 4] {
        let Places { good, end, ended, pressed, .. } = life.places(WIDE);
        [Some(good), Some(end), Some(ended), pressed].map(|place| place.map(number).unwrap_or_default())
    }

    #[test]
    fn a_life_is_drawn_true_to_scale() {
        let hours = 120 * MINUTE;
        let (half, quarter) = (60 * MINUTE, 30 * MINUTE);
        for (case, life, expected) in [
            ("pressed in time", life(hours, (half, hours), Some(half)), ["359", "712", "712", "359"]),
            ("it works on", life(hours, (hours, hours), Some(half)), ["712", "712", "712", "359"]),
            ("too late", life(hours, (hours, hours), Some(139 * MINUTE)), ["615.5", "615.5", "615.5", "712"]),
            ("never pressed", life(hours, (hours, hours), None), ["712", "712", "712", ""]),
            ("revoked", life(hours, (quarter, quarter), None), ["182.5", "712", "182.5", ""]),
            (
                "pressed once revoked",
                life(hours, (quarter, quarter), Some(half)),
                ["182.5", "712", "182.5", "359"],
            ),
            (
                "revoked, too late",
                life(hours, (half, half), Some(139 * MINUTE)),
                ["310.7", "615.5", "310.7", "712"],
            ),
        ] {
            assert_eq!(placed(&life), expected, "{case}");
        }
    }

    #[test]
    fn what_is_short_is_seen_all_the_same() {
        let (minutes, weeks) = (5 * MINUTE, 28 * DAY);
        for (case, life, expected) in [
            ("days late", life(minutes, (minutes, minutes), Some(14 * DAY)), ["30", "30", "30", "712"]),
            ("a second late", life(weeks, (weeks, weeks), Some(weeks + 1_000)), ["688", "688", "688", "712"]),
            ("at its end", life(minutes, (minutes, minutes), Some(minutes)), ["688", "688", "688", "712"]),
            ("at once", life(weeks, (0, weeks), Some(0)), ["11", "712", "712", "6"]),
            ("before it was made", life(weeks, (-9, weeks), Some(-9)), ["11", "712", "712", "6"]),
            ("revoked before it was made", life(weeks, (-9, -9), None), ["11", "712", "6", ""]),
        ] {
            assert_eq!(placed(&life), expected, "{case}");
        }
    }

    #[test]
    fn any_life_can_be_drawn() {
        let ages = [i64::MIN, -1, 0, 1, 5 * MINUTE, 28 * DAY, i64::MAX];
        for lifetime in ages {
            for age in ages {
                for pressed in [None, Some(age)] {
                    let svg = draw(&life(lifetime, (age, age), pressed), "made, \"pressed\"");
                    assert_eq!(svg.matches("<svg ").count(), 2);
                    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{lifetime} {age}: {svg}");
                    assert!(svg.contains("&quot;pressed&quot;") && !svg.contains("style"), "{svg}");
                    assert_eq!(svg.matches("pressed 11:21</text>").count(), pressed.map_or(0, |_| 2));
                }
            }
        }
    }

    #[test]
    fn a_press_is_marked_once_and_hatched_if_it_came_too_late() {
        let hours = 120 * MINUTE;
        let drawn = |pressed| draw(&life(hours, (hours, hours), Some(pressed)), "life");
        let (in_time, late) = (drawn(MINUTE), drawn(hours + MINUTE));

        assert_eq!((in_time.matches("class=\"dot\"").count(), in_time.matches("hatch").count()), (2, 0));
        assert_eq!((late.matches("class=\"dot\"").count(), late.matches("late-edge").count()), (0, 2));
        for width in ["wide", "phone"] {
            assert_eq!(late.matches(&format!("hatch-life-{width}")).count(), 2, "the pattern and its use");
        }
    }

    #[test]
    fn words_stand_at_their_places_and_never_over_each_other() {
        let at = |place| number(beside(WIDE, place, ("pressed 11:21", "made 09:02")));

        assert_eq!([at(6.0), at(400.0), at(712.0), at(719.0)], ["198", "400", "712", "718"]);
    }
}
