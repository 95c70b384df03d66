//! The colour of buttons, dark enough that white words can be read on it.

/// The least contrast of words to their ground (WCAG 2.2, section 1.4.3).
const LEAST_CONTRAST: f64 = 4.5;

/// A colour on which white words can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrandColor([u8; 3]);

/// Why a text is no colour that doorkey takes.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidColor {
    /// It is written in another way.
    #[error("must be a colour written as #rrggbb, such as #22604f")]
    AnotherForm,
    /// White words on it are hard to read.
    #[error(
        "is too light for the white words on buttons: their contrast is {ratio}:1, and 4.5:1 is the least; \
         the nearest colour of the same hue and saturation is {nearest}"
    )]
    TooLight {
        /// The contrast, cut to two digits.
        ratio: String,
        /// The colour that would pass.
        nearest: String,
    },
}

impl BrandColor {
    /// Takes a colour as `#rrggbb`, whatever the case of its digits.
    pub fn parse(text: &str) -> Result<Self, InvalidColor> {
        let rgb = rgb(text).ok_or(InvalidColor::AnotherForm)?;
        let contrast = contrast_to_white(rgb);
        if contrast >= LEAST_CONTRAST {
            return Ok(Self(rgb));
        }
        // Cut, not rounded: a ratio that fails must not look like one that passes.
        let ratio = format!("{:.2}", (contrast * 100.0).floor() / 100.0);
        Err(InvalidColor::TooLight { ratio, nearest: Self(nearest_that_passes(rgb)).to_string() })
    }
}

impl BrandColor {
    /// The colour of a button that is pointed at.
    pub fn darker(self) -> Self {
        Self(self.0.map(|part| channel(f64::from(part) / 255.0 * 0.85)))
    }
}

impl std::fmt::Display for BrandColor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

fn rgb(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#')?;
    // A sign would be taken for a digit by the parser.
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([red, green, blue])
}

/// The contrast of a colour to white (WCAG 2.2, "contrast ratio" and "relative luminance").
fn contrast_to_white(rgb: [u8; 3]) -> f64 {
    let [red, green, blue] = rgb.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
}

/// The lightest colour of the same hue and saturation (HSL) that passes. Each channel grows with the lightness, so halving finds
/// it.
fn nearest_that_passes(rgb: [u8; 3]) -> [u8; 3] {
    let parts = rgb.map(|channel| f64::from(channel) / 255.0);
    let (least, most) =
        parts.iter().fold((1.0_f64, 0.0_f64), |(least, most), part| (least.min(*part), most.max(*part)));
    let lightness = f64::midpoint(most, least);
    let chroma = most - least;
    let saturation = if chroma == 0.0 { 0.0 } else { chroma / (1.0 - (2.0 * lightness - 1.0).abs()) };
    // Where each channel lies between the least and the most: that is the hue.
    let places = parts.map(|part| if chroma == 0.0 { 0.0 } else { (part - least) / chroma });
    let at = |lightness: f64| {
        let chroma = saturation * (1.0 - (2.0 * lightness - 1.0).abs());
        places.map(|place| channel(lightness + chroma * (place - 0.5)))
    };
    let (mut passes, mut fails) = (0.0, lightness);
    for _ in 0..40 {
        let middle = f64::midpoint(passes, fails);
        if contrast_to_white(at(middle)) >= LEAST_CONTRAST {
            passes = middle;
        } else {
            fails = middle;
        }
    }
    at(passes)
}

/// A part of one as a channel.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of one gives a whole number from 0 to 255"
)]
fn channel(part: f64) -> u8 {
    (part.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_that_white_can_be_read_on_is_taken() {
        for text in ["#22604f", "#000000", "#0000ff", "#767676", "#A03325"] {
            assert_eq!(BrandColor::parse(text).unwrap().to_string(), text.to_lowercase());
        }
    }

    #[test]
    fn a_colour_that_is_too_light_is_refused_with_the_nearest_that_passes() {
        for (text, ratio, nearest) in [
            ("#777777", "4.47", "#767676"),
            ("#ffffff", "1.00", "#767676"),
            ("#ff0000", "3.99", "#ee0000"),
            ("#ffff00", "1.07", "#7a7a00"),
        ] {
            let expected = InvalidColor::TooLight { ratio: ratio.to_owned(), nearest: nearest.to_owned() };
            assert_eq!(BrandColor::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn what_is_proposed_passes_and_one_step_lighter_would_not() {
        for number in 0..4_096_u32 {
            let text = format!(
                "#{:02x}{:02x}{:02x}",
                (number >> 8) * 17,
                (number >> 4 & 15) * 17,
                (number & 15) * 17
            );
            let Err(InvalidColor::TooLight { nearest, .. }) = BrandColor::parse(&text) else { continue };
            assert!(BrandColor::parse(&nearest).is_ok(), "{text}: {nearest}");
            let lighter = rgb(&nearest).unwrap().map(|channel| channel.saturating_add(1));
            let lighter = if rgb(&text).unwrap() == lighter {
                lighter
            } else {
                lighter.map(|channel| channel.saturating_add(1))
            };
            assert!(contrast_to_white(lighter) < LEAST_CONTRAST, "{text}: {nearest}");
        }
    }

    #[test]
    fn no_other_form_is_taken() {
        for text in [
            "22604f",
            "#246",
            "#22604",
            "#22604f0",
            "#22604g",
            "#+2604f",
            "green",
            "rgb(1,2,3)",
            " #22604f",
            "#é604f",
        ] {
            assert_eq!(BrandColor::parse(text), Err(InvalidColor::AnotherForm), "{text}");
        }
    }
}
