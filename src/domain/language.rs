//! The languages that pages and mails are written in.

/// A language that doorkey has; English where nothing else fits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
    /// Italian.
    Italian,
    /// Dutch.
    Dutch,
    /// The Portuguese of Brazil.
    BrazilianPortuguese,
    /// Polish.
    Polish,
    /// Turkish.
    Turkish,
    /// Japanese.
    Japanese,
}

/// Why a text is no language that doorkey has.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be one of en, de, fr, es, it, nl, pt-BR, pl, tr, ja")]
pub struct UnknownLanguage;

impl Language {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::English,
        Self::German,
        Self::French,
        Self::Spanish,
        Self::Italian,
        Self::Dutch,
        Self::BrazilianPortuguese,
        Self::Polish,
        Self::Turkish,
        Self::Japanese,
    ];

    /// Its tag (RFC 5646).
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Italian => "it",
            Self::Dutch => "nl",
            Self::BrazilianPortuguese => "pt-BR",
            Self::Polish => "pl",
            Self::Turkish => "tr",
            Self::Japanese => "ja",
        }
    }

    /// Takes the tag of a language that doorkey has, whatever its case.
    pub fn parse(tag: &str) -> Result<Self, UnknownLanguage> {
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(tag)).ok_or(UnknownLanguage)
    }
}

impl Language {
    /// The language that a tag leads to by lookup (RFC 4647, section 3.4): what is cut off at the end leaves at last the language
    /// alone, and of each language doorkey has one kind.
    pub fn look_up(tag: &str) -> Option<Self> {
        if !is_tag(tag) {
            return None;
        }
        let primary = tag.split('-').next().unwrap_or_default();
        // Of Portuguese there is the kind of Brazil alone.
        let shipped = if primary.eq_ignore_ascii_case("pt") { "pt-BR" } else { primary };
        Self::parse(shipped).ok()
    }

    /// The language of a person: of the first that says one of the person's own tag, the browser, and the workspace.
    pub fn choose(own: Option<&str>, accepted: Option<Self>, workspace: Self) -> Self {
        own.and_then(Self::look_up).or(accepted).unwrap_or(workspace)
    }

    /// The best language that the lines of `Accept-Language` (RFC 9110, section 12.5.4) ask for, if doorkey has one of them. What
    /// cannot be read is as not sent. No line is copied, however long it is.
    pub fn accepted<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut best = [None; Self::ALL.len()];
        let mut is_refused = [false; Self::ALL.len()];
        let entries = lines.into_iter().flat_map(|line| line.split(',')).filter_map(weighted);
        for (place, (tag, weight)) in entries.enumerate() {
            let Some(language) = Self::look_up(tag) else { continue };
            if weight > 0 {
                // Of two with the same weight the first counts.
                best[language as usize] =
                    best[language as usize].max(Some((weight, std::cmp::Reverse(place))));
            } else if tag.eq_ignore_ascii_case(language.tag()) || !tag.contains('-') {
                // Only the language itself is refused, not the kind that another country speaks.
                is_refused[language as usize] = true;
            }
        }
        let wanted = Self::ALL.into_iter().filter(|language| !is_refused[*language as usize]);
        let wanted = wanted.filter_map(|language| best[language as usize].map(|rank| (rank, language)));
        wanted.max_by_key(|(rank, _)| *rank).map(|(_, language)| language)
    }
}

/// Whether a text is a language tag as tags in use are: 2 or 3 letters, then subtags of 1 to 8 letters or digits.
pub(in crate::domain) fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language =
        (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_language && parts.all(is_subtag)
}

/// An entry of `Accept-Language` and its weight in thousandths.
fn weighted(entry: &str) -> Option<(&str, u16)> {
    let blank = |letter: char| letter == ' ' || letter == '\t';
    let Some((tag, weight)) = entry.split_once(';') else { return Some((entry.trim_matches(blank), 1_000)) };
    let (name, weight) = weight.trim_matches(blank).split_once('=')?;
    if !name.eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: u16 = if part.is_empty() { 0 } else { part.parse().ok()? };
    let thousandths = digits * [1_000, 100, 10, 1][part.len()];
    match (whole, thousandths) {
        ("0", thousandths) => Some((tag.trim_matches(blank), thousandths)),
        ("1", 0) => Some((tag.trim_matches(blank), 1_000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_leads_to_its_language_whatever_its_case_and_subtags() {
        for (tag, language) in [
            ("de", Some("de")),
            ("de-AT", Some("de")),
            ("DE-at-1996", Some("de")),
            ("ja-Hira-JP", Some("ja")),
            ("de-x-a", Some("de")),
            ("pt", Some("pt-BR")),
            ("pt-PT", Some("pt-BR")),
            ("PT-br", Some("pt-BR")),
            ("en-GB-oxendict", Some("en")),
            ("cs", None),
            ("deu", None),
            ("*", None),
            ("", None),
            ("de_AT", None),
            ("de-", None),
            ("-de", None),
            ("d", None),
            ("de-123456789", None),
            ("x-de", None),
        ] {
            assert_eq!(Language::look_up(tag).map(Language::tag), language, "{tag}");
        }
    }

    #[test]
    fn the_header_is_read_by_weight_and_what_cannot_be_read_is_as_not_sent() {
        for (header, language) in [
            ("de", Some("de")),
            ("de-AT;q=0.9,fr;q=0", Some("de")),
            ("fr;q=0.8, de;q=0.9 ,en;q=0.1", Some("de")),
            ("fr, de", Some("fr")),
            ("cs, de;q=0.5", Some("de")),
            ("de;q=0, de-AT, fr;q=0.1", Some("fr")),
            ("de-AT;q=0, de;q=0.1", Some("de")),
            ("pt;q=0, pt-BR", None),
            ("pt-BR;q=0, pt-PT", None),
            ("pt-PT;q=0, pt-BR", Some("pt-BR")),
            ("de;q=0.001, fr;q=0.002", Some("fr")),
            ("de ; Q=1.000", Some("de")),
            ("de;q=0.", None),
            ("pt-PT", Some("pt-BR")),
            ("*", None),
            ("*;q=0.5, de;q=0.1", Some("de")),
            ("en;q=abc", None),
            ("en;q=abc, fr", Some("fr")),
            ("de;q=1.001", None),
            ("de;q=2", None),
            ("de;q=-1", None),
            ("de;q=0.0001", None),
            ("de;level=1", None),
            ("de;q", None),
            ("de;q=0.5;q=1", None),
            ("", None),
            (",,;,=", None),
            ("\u{0}é,fr", Some("fr")),
        ] {
            assert_eq!(Language::accepted([header]).map(Language::tag), language, "{header}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        assert_eq!(Language::accepted(["de;q=0.5", "fr"]), Some(Language::French));
        assert_eq!(Language::accepted([]), None);
    }

    #[test]
    fn a_long_header_is_read_to_its_end() {
        let long = format!("{}fr", "de;q=0.1,".repeat(2_000));
        assert_eq!(Language::accepted([long.as_str()]), Some(Language::French));
        assert_eq!(Language::accepted(["d".repeat(10_000).as_str()]), None);
    }

    #[test]
    fn the_person_comes_before_the_browser_and_the_browser_before_the_workspace() {
        let (french, german) = (Language::French, Language::German);
        assert_eq!(Language::choose(Some("ja-JP"), Some(french), german), Language::Japanese);
        assert_eq!(Language::choose(Some("cs"), Some(french), german), french);
        assert_eq!(Language::choose(Some(""), None, german), german);
        assert_eq!(Language::choose(None, None, german), german);
    }
}
