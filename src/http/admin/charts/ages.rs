//! How old links are at their first try: the share of tries up to each age, and what their lifetime cuts off.

use std::fmt::Write;

use super::{Area, Width, hatch, number, real};
use crate::domain::link_stats::AGES;

/// Ages from here on are drawn, in seconds.
const FIRST: i64 = 30;

/// What is drawn.
pub(in crate::http::admin) struct Curve<'a> {
    /// First tries by age, those of [`AGES`] and one more.
    pub(in crate::http::admin) tries: &'a [i64],
    /// How long links live, in seconds.
    pub(in crate::http::admin) lifetime: i64,
    /// `2 hours`.
    pub(in crate::http::admin) lifetime_name: &'a str,
}

/// Both drawings. The name says what they show. There must have been tries.
pub(in crate::http::admin) fn draw(curve: &Curve<'_>, name: &str) -> String {
    Width::ALL.map(|width| drawing(curve, width, name)).concat()
}

impl Curve<'_> {
    /// The age at which the drawing ends: a week, or as long as links live.
    fn last(&self) -> i64 {
        AGES[AGES.len() - 1].max(self.lifetime)
    }

    /// Ages, and the share of tries up to each.
    fn points(&self) -> Vec<(i64, f64)> {
        let total = real(self.tries.iter().sum::<i64>()).max(1.0);
        let mut sum = 0;
        let mut points = vec![(FIRST, 0.0)];
        points.extend(AGES.iter().zip(self.tries).map(|(age, tries)| {
            sum += tries;
            (*age, real(sum) / total)
        }));
        if self.last() > AGES[AGES.len() - 1] {
            points.push((self.last(), 1.0));
        }
        points
    }

    /// The share of tries up to an age, along the line between two points.
    fn share(&self, age: i64) -> f64 {
        let points = self.points();
        let after = points.iter().position(|(at, _)| *at >= age).unwrap_or(points.len() - 1).max(1);
        let ((before, low), (end, high)) = (points[after - 1], points[after]);
        let part = (real(age).ln() - real(before).ln()) / (real(end).ln() - real(before).ln());
        low + (high - low) * part.clamp(0.0, 1.0)
    }
}

fn drawing(curve: &Curve<'_>, width: Width, name: &str) -> String {
    let area = match width {
        Width::Wide => Area { width: 720.0, height: 310.0, left: 44.0, right: 16.0, top: 30.0, bottom: 32.0 },
        Width::Phone => {
            Area { width: 340.0, height: 250.0, left: 46.0, right: 10.0, top: 30.0, bottom: 30.0 }
        }
    };
    let id = width.class();
    let (low, high) = (real(FIRST).ln(), real(curve.last()).ln());
    let x = |age: i64| area.left + area.inner_width() * (real(age.max(FIRST)).ln() - low) / (high - low);
    let points = curve.points();
    let life = curve.lifetime.clamp(FIRST, curve.last());
    let at_end = (life, curve.share(life));
    let path = |points: &mut dyn Iterator<Item = (i64, f64)>| {
        let points = points.map(|(age, share)| format!("{} {}", number(x(age)), number(area.y(share))));
        points.collect::<Vec<_>>().join("L")
    };
    let before = path(&mut points.iter().copied().filter(|(age, _)| *age < life).chain([at_end]));
    let after =
        path(&mut std::iter::once(at_end).chain(points.iter().copied().filter(|(age, _)| *age > life)));

    let mut svg = area.open(width, name);
    let base = number(area.base());
    let pattern = hatch(&format!("hatch-ages-{id}"));
    let (start, level) = (number(x(FIRST)), number(area.y(at_end.1)));
    let _ = write!(svg, r#"<defs>{pattern}</defs><path class="tint" d="M{before}V{base}H{start}z"/>"#);
    let _ = write!(svg, r#"<path fill="url(#hatch-ages-{id})" d="M{after}V{level}z"/>"#);
    for percent in [0, 25, 50, 75, 100] {
        area.line(&mut svg, (f64::from(percent) / 100.0, &format!("{percent} %")));
    }
    ticks(&mut svg, area, (width, curve.last()), &x);
    let whole = path(&mut points.iter().copied());
    let (mark, above) = (number(x(life)), number(area.top - 8.0));
    let _ =
        write!(svg, r#"<path class="curve" d="M{whole}"/><path class="mark" d="M{mark} {base}V{above}"/>"#);
    said(&mut svg, curve, (area, at_end), x(life));
    svg.push_str("</svg>");
    svg
}

fn ticks(svg: &mut String, area: Area, (width, last): (Width, i64), x: &dyn Fn(i64) -> f64) {
    let all = [
        (60, "1 min", true),
        (300, "5 min", false),
        (900, "15 min", true),
        (3_600, "1 h", false),
        (7_200, "2 h", true),
        (28_800, "8 h", false),
        (86_400, "1 day", true),
        (259_200, "3 days", false),
        (604_800, "7 days", true),
        (2_592_000, "30 days", true),
    ];
    let (base, below) = (number(area.base()), number(area.base() + 20.0));
    for (age, word, is_on_phones) in all {
        if age > last || (width == Width::Phone && !is_on_phones) {
            continue;
        }
        let (at, end) = (number(x(age)), number(area.width - 2.0));
        let (text, anchor) = if age == last { (&end, "end") } else { (&at, "middle") };
        let _ = write!(
            svg,
            r#"<path class="axis" d="M{at} {base}v5"/><text x="{text}" y="{below}" text-anchor="{anchor}">{word}</text>"#
        );
    }
}

/// What the drawing says of the lifetime: where links end, and how many were tried by then.
fn said(svg: &mut String, curve: &Curve<'_>, (area, (_, share)): (Area, (i64, f64)), at: f64) {
    let is_left = at - area.left > area.inner_width() / 2.0;
    let (anchor, gap) = if is_left { ("end", -10.0) } else { ("start", 10.0) };
    let (x, top, y, dot) = (number(at + gap), number(area.top + 2.0), area.y(share), number(at));
    // Not over the words above.
    let beside = number((y - 9.0).max(area.top + 20.0));
    let (y, percent, name) = (number(y), (share * 100.0).round(), curve.lifetime_name);
    let _ = write!(
        svg,
        r#"<text class="said" x="{x}" y="{top}" text-anchor="{anchor}">links end at {name}</text><circle class="dot" cx="{dot}" cy="{y}" r="4.5"/><text class="said" x="{x}" y="{beside}" text-anchor="{anchor}">{percent} %</text>"#
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(tries: &[i64], lifetime: i64) -> Curve<'_> {
        Curve { tries, lifetime, lifetime_name: "2 hours" }
    }

    #[test]
    fn the_share_of_an_age_lies_on_the_line_between_its_neighbours() {
        let tries = [10, 10, 10, 10, 10, 10, 10, 10, 10, 5, 5, 0];
        let of = |age: i64| (curve(&tries, 7_200).share(age) * 1_000.0).round();

        assert_eq!((of(60), of(7_200), of(604_800)), (100.0, 600.0, 1_000.0));
        assert!(of(5_000) > 500.0 && of(5_000) < 600.0);
        assert_eq!((of(1), of(10_000_000)), (0.0, 1_000.0));
    }

    #[test]
    fn any_lifetime_and_any_tries_can_be_drawn() {
        for tries in [[0; 12], [1; 12], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]] {
            for lifetime in [1, 60, 7_200, 100_000, 604_800, 2_592_000, i64::MAX / 4] {
                let svg = draw(&curve(&tries, lifetime), "ages");
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{lifetime}: {svg}");
            }
        }
    }
}
