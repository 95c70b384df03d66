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
