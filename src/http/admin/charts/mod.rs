//! The charts of the admin pages: plain SVG with its geometry in attributes and its colours by class. Each is drawn twice, wide and for
//! phones, so that its letters stay as large as those around them.

pub(super) mod ages;
pub(super) mod days;
pub(super) mod life;

use std::fmt::Write;

/// The two drawings of a chart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Width {
    Wide,
    Phone,
}

impl Width {
    const ALL: [Self; 2] = [Self::Wide, Self::Phone];

    /// The class, and what tells the ids of the two apart.
    const fn class(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Phone => "phone",
        }
    }
}

/// The inside of a drawing: its size, and what is left for letters around it, in units of SVG.
#[derive(Clone, Copy, Debug)]
struct Area {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Area {
    /// Where the x axis lies.
    fn base(self) -> f64 {
        self.height - self.bottom
    }

    /// The height of a share of the whole, from 0 to 1.
    fn y(self, share: f64) -> f64 {
        self.base() - (self.base() - self.top) * share
    }

    fn inner_width(self) -> f64 {
        self.width - self.left - self.right
    }

    /// The beginning of the element. The name says what the chart shows; it is escaped.
    fn open(self, width: Width, name: &str) -> String {
        let (class, w, h) = (width.class(), self.width, self.height);
        let mut svg = format!(r#"<svg class="{class}" viewBox="0 0 {w} {h}" role="img" aria-label=""#);
        for letter in name.chars() {
            match letter {
                '&' => svg.push_str("&amp;"),
                '<' => svg.push_str("&lt;"),
                '"' => svg.push_str("&quot;"),
                letter => svg.push(letter),
            }
        }
        svg.push_str("\">");
        svg
    }

    /// A line across, with its number at its left.
    fn line(self, svg: &mut String, (share, label): (f64, &str)) {
        let class = if share == 0.0 { "axis" } else { "grid" };
        let (left, end, y) = (self.left, self.width - self.right, self.y(share));
        let (x, below) = (number(left - 8.0), number(y + 4.0));
        let _ = write!(
            svg,
            r#"<path class="{class}" d="M{left} {}H{end}"/><text x="{x}" y="{below}" text-anchor="end">{label}</text>"#,
            number(y)
        );
    }
}

/// A pattern of slanting lines for what came too late.
fn hatch(id: &str) -> String {
    format!(
        r#"<pattern id="{id}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="late-ground" d="M0 0h6v6H0z"/><path class="late-line" d="M1.5 0v6"/></pattern>"#
    )
}

/// A coordinate, to a tenth.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A count as a coordinate.
#[expect(clippy::cast_precision_loss, reason = "counts of links are far below 2^52")]
const fn real(count: i64) -> f64 {
    count as f64
}
