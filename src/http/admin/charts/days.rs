//! Links day by day: a door for each day, filled by what became of the links that were made on it.

use std::fmt::Write;

use super::{Area, Width, hatch, number, real};

/// The links of a day, or of a week.
pub(in crate::http::admin) struct Bar {
    /// `Mon 23 Nov`.
    pub(in crate::http::admin) name: String,
    /// What stands below it; nothing, below most.
    pub(in crate::http::admin) label: Option<String>,
    /// How many were made.
    pub(in crate::http::admin) made: i64,
    /// How many signed somebody in.
    pub(in crate::http::admin) signed_in: i64,
    /// How many were first tried after their end.
    pub(in crate::http::admin) too_late: i64,
}

impl Bar {
    /// What it says to a mouse.
    fn title(&self) -> String {
        format!("{}: {} made, {} signed in, {} too late", self.name, self.made, self.signed_in, self.too_late)
    }
}

/// Both drawings. The name says what they show.
pub(in crate::http::admin) fn draw(bars: &[Bar], name: &str) -> String {
    Width::ALL.map(|width| drawing(bars, width, name)).concat()
}

fn drawing(bars: &[Bar], width: Width, name: &str) -> String {
    let area = match width {
        Width::Wide => Area { width: 720.0, height: 240.0, left: 44.0, right: 6.0, top: 14.0, bottom: 30.0 },
        Width::Phone => Area { width: 340.0, height: 200.0, left: 38.0, right: 4.0, top: 12.0, bottom: 28.0 },
    };
    let id = width.class();
    let step = step(bars.iter().map(|bar| bar.made).max().unwrap_or(0));
    let most = bars.iter().map(|bar| bar.made).max().unwrap_or(0).max(1);
    let ceiling = (most + step - 1) / step * step;
    let share = |count: i64| real(count) / real(ceiling);
    let slot = area.inner_width() / real(i64::try_from(bars.len()).unwrap_or(1).max(1));
    let thick = slot * 0.68;
    let places: Vec<(f64, &Bar)> = bars
        .iter()
        .scan(area.left, |x, bar| {
            let place = *x + (slot - thick) / 2.0;
            *x += slot;
            Some((place, bar))
        })
        .collect();
    let doors: String = places
        .iter()
        .filter(|(_, bar)| bar.made > 0)
        .map(|(x, bar)| door((*x, thick), area.base(), area.base() - area.y(share(bar.made))))
        .collect();

    let mut svg = area.open(width, name);
    let pattern = hatch(&format!("hatch-days-{id}"));
    let _ = write!(svg, r#"<defs>{pattern}<clipPath id="doors-{id}"><path d="{doors}"/></clipPath></defs>"#);
    for count in (0..=ceiling / step).map(|line| line * step) {
        area.line(&mut svg, (share(count), &count.to_string()));
    }
    let _ = write!(svg, r#"<path class="rest" d="{doors}"/><g clip-path="url(#doors-{id})">"#);
    let boxes = |from: fn(&Bar) -> i64, to: fn(&Bar) -> i64| -> String {
        let filled = places.iter().filter(|(_, bar)| to(bar) > from(bar));
        filled.map(|(x, bar)| rect((*x, thick), area.y(share(from(bar))), area.y(share(to(bar))))).collect()
    };
    let _ = write!(svg, r#"<path class="in" d="{}"/>"#, boxes(|_| 0, |bar| bar.signed_in));
    let late = boxes(|bar| bar.signed_in, |bar| bar.signed_in + bar.too_late);
    let _ = write!(
        svg,
        r#"<path fill="url(#hatch-days-{id})" d="{late}"/><path class="late-edge" d="{late}"/></g>"#
    );
    labels(&mut svg, &places, (area, slot), width);
    svg.push_str("</svg>");
    svg
}

/// What stands below the bars, and what they say to a mouse.
fn labels(svg: &mut String, places: &[(f64, &Bar)], (area, slot): (Area, f64), width: Width) {
    let base = area.base();
    let labelled: Vec<_> =
        places.iter().filter_map(|(x, bar)| Some((*x, bar.label.as_ref()?))).rev().collect();
    for (at, (x, label)) in labelled.iter().enumerate() {
        // There is room for every second one on a phone.
        if width == Width::Phone && at % 2 == 1 {
            continue;
        }
        let (x, anchor) =
            if at == 0 { (area.width - area.right, "end") } else { (x + slot * 0.34, "middle") };
        let (x, y) = (number(x), number(base + 18.0));
        let _ = write!(svg, r#"<text x="{x}" y="{y}" text-anchor="{anchor}">{label}</text>"#);
    }
    if width == Width::Wide {
        for (x, bar) in places {
            let (x, top, slot, base) =
                (number(x - slot * 0.16), number(area.top), number(slot), number(area.base()));
            let title = bar.title();
            let _ = write!(
                svg,
                r#"<path class="hit" d="M{x} {top}h{slot}V{base}h-{slot}z"><title>{title}</title></path>"#
            );
        }
    }
}

/// A bar with a round top, as the door of the icon has.
fn door((x, thick): (f64, f64), base: f64, high: f64) -> String {
    let radius = (thick / 2.0).min(high);
    let (x, base, side) = (number(x), number(base), number(high - radius));
    let (half, radius, thick) = (number(thick / 2.0), number(radius), number(thick));
    format!("M{x} {base}v-{side}a{half} {radius} 0 0 1 {thick} 0v{side}z")
}

fn rect((x, thick): (f64, f64), from: f64, to: f64) -> String {
    let (x, thick, from, to) = (number(x), number(thick), number(from), number(to));
    format!("M{x} {from}h{thick}V{to}h-{thick}z")
}

/// From one line to the next: 1, 2 or 5 times a power of ten, so that there are four lines at most.
fn step(most: i64) -> i64 {
    let tens = (0..=18).map(|power| 10_i64.pow(power));
    let mut steps = tens.flat_map(|ten| [1, 2, 5].map(|times| ten.saturating_mul(times)));
    steps.find(|step| most / step < 4 || most == step * 4).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(made: &[i64]) -> Vec<Bar> {
        let bar = |made: &i64| Bar {
            name: "Mon 23 Nov".to_owned(),
            label: Some("23 Nov".to_owned()),
            made: *made,
            signed_in: made / 2,
            too_late: made / 4,
        };
        made.iter().map(bar).collect()
    }

    #[test]
    fn lines_are_few_and_round() {
        for (most, expected) in
            [(0, 1), (3, 1), (4, 1), (5, 2), (9, 5), (66, 20), (80, 20), (1_000_000, 500_000)]
        {
            assert_eq!(step(most), expected, "{most}");
        }
    }

    #[test]
    fn every_bar_is_drawn_whatever_its_height() {
        for made in [vec![], vec![0; 30], vec![1], vec![1_000_000; 91], vec![0, 1, i64::MAX / 1_000]] {
            let svg = draw(&bars(&made), "Links made a day: \"few\"");
            assert_eq!(svg.matches("<svg ").count(), 2);
            assert_eq!(svg.matches("<title>").count(), made.len());
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.contains("&quot;few&quot;") && !svg.contains("style"), "{svg}");
        }
    }
}
