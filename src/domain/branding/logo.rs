//! A workspace's logo: a PNG or an SVG, told by its content.

use roxmltree::{Document, ParsingOptions};

/// The most bytes that a logo has.
pub const MAX_LOGO: usize = 100_000;

/// The most pixels of a PNG to one side.
const MAX_SIDE: u32 = 2_000;

/// What a PNG begins with (ISO/IEC 15948, section 5.2).
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The namespace of SVG.
const SVG: &str = "http://www.w3.org/2000/svg";

/// A logo that may be served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logo {
    /// What it is.
    pub kind: LogoKind,
    /// Its bytes, as they were given.
    pub content: Vec<u8>,
}

/// What a logo is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogoKind {
    /// A Portable Network Graphic.
    Png,
    /// Scalable Vector Graphics.
    Svg,
}

/// What is known of a logo without its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogoFacts {
    /// What it is.
    pub kind: LogoKind,
    /// How many bytes it has.
    pub length: i64,
}

/// Why bytes are no logo that doorkey takes.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidLogo {
    /// There are too many of them.
    #[error("has more than 100,000 bytes: make it smaller")]
    TooLong,
    /// They are another thing.
    #[error("is neither a PNG nor an SVG in UTF-8, whatever its name says")]
    AnotherThing,
    /// A PNG that is cut, or whose parts do not fit their checksums.
    #[error("is a damaged PNG: save it again")]
    DamagedPng,
    /// A PNG with too many pixels.
    #[error("has {width} × {height} pixels, and 2000 × 2000 is the most: make it smaller")]
    TooManyPixels {
        /// From left to right.
        width: u32,
        /// From top to bottom.
        height: u32,
    },
    /// An SVG that is no XML.
    #[error("is no well-formed XML: {0}")]
    NotWellFormed(String),
    /// An SVG that declares entities.
    #[error("declares entities (<!ENTITY): save it without them, as plain or optimised SVG")]
    Entities,
}

impl LogoKind {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
        }
    }

    /// The word that it is stored under.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
        }
    }

    /// The kind of a word in the store.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Png, Self::Svg].into_iter().find(|kind| kind.word() == word)
    }
}

impl Logo {
    /// What a workspace knows of it.
    pub fn facts(&self) -> LogoFacts {
        // A logo has 100,000 bytes at most.
        LogoFacts { kind: self.kind, length: i64::try_from(self.content.len()).unwrap_or(i64::MAX) }
    }

    /// Takes the bytes of a file.
    pub fn parse(content: Vec<u8>) -> Result<Self, InvalidLogo> {
        if content.len() > MAX_LOGO {
            return Err(InvalidLogo::TooLong);
        }
        let kind = if let Some(chunks) = content.strip_prefix(PNG_SIGNATURE) {
            check_png(chunks)?;
            LogoKind::Png
        } else {
            check_svg(std::str::from_utf8(&content).map_err(|_| InvalidLogo::AnotherThing)?)?;
            LogoKind::Svg
        };
        Ok(Self { kind, content })
    }
}

/// Walks the chunks of a PNG (ISO/IEC 15948, section 5.3): a header first, then data, an end, and nothing behind it.
fn check_png(mut rest: &[u8]) -> Result<(), InvalidLogo> {
    let (mut is_first, mut has_data) = (true, false);
    loop {
        let (name, data, behind) = chunk(rest).ok_or(InvalidLogo::DamagedPng)?;
        if is_first {
            check_header(*name, data)?;
        }
        match name {
            b"IEND" if has_data && behind.is_empty() => return Ok(()),
            b"IEND" => return Err(InvalidLogo::DamagedPng),
            b"IDAT" => has_data = true,
            _ => {}
        }
        (is_first, rest) = (false, behind);
    }
}

/// The name and data of the first chunk, and what is behind it, if its checksum is right.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (summed, behind) = rest.split_at_checked(length.checked_add(4)?)?;
    let (sum, behind) = behind.split_first_chunk::<4>()?;
    let (name, data) = summed.split_first_chunk::<4>()?;
    (crc32fast::hash(summed) == u32::from_be_bytes(*sum)).then_some((name, data, behind))
}

fn check_header(name: [u8; 4], data: &[u8]) -> Result<(), InvalidLogo> {
    let (width, rest) = data.split_first_chunk().ok_or(InvalidLogo::DamagedPng)?;
    let (height, rest) = rest.split_first_chunk().ok_or(InvalidLogo::DamagedPng)?;
    let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    if name != *b"IHDR" || rest.len() != 5 || width == 0 || height == 0 {
        return Err(InvalidLogo::DamagedPng);
    }
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(InvalidLogo::TooManyPixels { width, height });
    }
    Ok(())
}

/// An entity is refused before anything is parsed: what it stands for may be as large as it likes. What else an SVG may do is
/// kept from it by how it is served and shown.
fn check_svg(text: &str) -> Result<(), InvalidLogo> {
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        return Err(InvalidLogo::AnotherThing);
    }
    if text.contains("<!ENTITY") {
        return Err(InvalidLogo::Entities);
    }
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let parsed = Document::parse_with_options(text, options);
    let document = parsed.map_err(|error| InvalidLogo::NotWellFormed(error.to_string()))?;
    let name = document.root_element().tag_name();
    let is_svg = name.name() == "svg" && name.namespace().is_none_or(|namespace| namespace == SVG);
    if is_svg { Ok(()) } else { Err(InvalidLogo::AnotherThing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend(width.to_be_bytes());
        header.extend(height.to_be_bytes());
        header.extend([8, 2, 0, 0, 0]);
        let mut file = PNG_SIGNATURE.to_vec();
        for (name, data) in [(b"IHDR", &*header), (b"IDAT", b"data"), (b"IEND", b"")] {
            file.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            let summed: Vec<_> = name.iter().chain(data).copied().collect();
            file.extend(&summed);
            file.extend(crc32fast::hash(&summed).to_be_bytes());
        }
        file
    }

    fn refusal(content: impl Into<Vec<u8>>) -> InvalidLogo {
        Logo::parse(content.into()).unwrap_err()
    }

    #[test]
    fn a_png_of_2000_pixels_is_the_largest() {
        assert_eq!(Logo::parse(png(2_000, 2_000)).unwrap().kind, LogoKind::Png);
        assert_eq!(refusal(png(2_001, 1)), InvalidLogo::TooManyPixels { width: 2_001, height: 1 });
        assert_eq!(refusal(png(1, 2_001)), InvalidLogo::TooManyPixels { width: 1, height: 2_001 });
        assert_eq!(refusal(png(0, 1)), InvalidLogo::DamagedPng);
    }

    #[test]
    fn a_png_that_is_cut_or_changed_anywhere_is_refused() {
        let whole = png(3, 4);
        for length in PNG_SIGNATURE.len()..whole.len() {
            assert_eq!(refusal(&whole[..length]), InvalidLogo::DamagedPng, "{length}");
        }
        for place in PNG_SIGNATURE.len()..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            assert_eq!(refusal(changed), InvalidLogo::DamagedPng, "{place}");
        }
        let longer: Vec<_> = whole.iter().chain(b"<script>").copied().collect();
        assert_eq!(refusal(longer), InvalidLogo::DamagedPng);
    }

    #[test]
    fn an_svg_is_well_formed_xml_with_that_root() {
        for text in [
            "<svg xmlns='http://www.w3.org/2000/svg'/>",
            "<svg/>",
            "\u{feff}<?xml version='1.0'?>\n<!-- a door --><svg onload='alert(1)'><script>alert(1)</script></svg>",
            "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd'><svg/>",
            "<x:svg xmlns:x='http://www.w3.org/2000/svg'/>",
        ] {
            assert_eq!(Logo::parse(text.into()).map(|logo| logo.kind), Ok(LogoKind::Svg), "{text}");
        }
        for text in [
            "<svg>",
            "<svg></g>",
            "<svg a='1' a='2'/>",
            "<svg/><svg/>",
            "<svg>&nbsp;</svg>",
            "<!DOCTYPE html><p>",
        ] {
            assert!(matches!(refusal(text), InvalidLogo::NotWellFormed(_)), "{text}");
        }
        for text in [
            "",
            "svg",
            "GIF89a",
            "<html><svg/></html>",
            "<svg xmlns='http://www.w3.org/1999/xhtml'/>",
            "<SVG/>",
        ] {
            assert_eq!(refusal(text), InvalidLogo::AnotherThing, "{text}");
        }
        assert_eq!(refusal(*b"<svg>\xff</svg>"), InvalidLogo::AnotherThing);
    }

    #[test]
    fn an_svg_with_entities_is_refused_unread() {
        let bomb = "<!DOCTYPE svg [<!ENTITY a '0123456789'><!ENTITY b '&a;&a;&a;&a;&a;'>]><svg>&b;</svg>";
        assert_eq!(refusal(bomb), InvalidLogo::Entities);
    }

    #[test]
    fn neither_length_nor_depth_is_without_end() {
        let of_length = |length: usize| format!("<svg>{}</svg>", " ".repeat(length - 11));
        assert!(Logo::parse(of_length(MAX_LOGO).into()).is_ok());
        assert_eq!(refusal(of_length(MAX_LOGO + 1)), InvalidLogo::TooLong);
        let deep = 14_000;
        let nested = format!("<svg>{}{}</svg>", "<g>".repeat(deep), "</g>".repeat(deep));
        assert!(matches!(Logo::parse(nested.into()), Ok(_) | Err(InvalidLogo::NotWellFormed(_))));
    }
}
