//! How the pages and mails of a workspace look.

mod color;
mod logo;
mod support_contact;

pub use self::color::{BrandColor, InvalidColor};
pub use self::logo::{InvalidLogo, Logo, LogoFacts, LogoKind, MAX_LOGO};
pub use self::support_contact::{InvalidContact, SupportContact};
use super::language::Language;

/// The branding of a workspace. `Default` is that of a fresh one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Branding {
    /// What pages and mails call the workspace, where that is not its own name.
    pub page_name: Option<String>,
    /// The ground of buttons, where that is not doorkey's own.
    pub color: Option<BrandColor>,
    /// What is known of its logo. The bytes are read from the store where they are asked for.
    pub logo: Option<LogoFacts>,
    /// Where people get help.
    pub support_contact: Option<SupportContact>,
    /// The language of those of whom none is known.
    pub locale: Language,
}

impl Branding {
    /// The names of the settings that [`Branding::set`] takes.
    pub const SETTINGS: [&str; 4] = ["locale", "brand_color", "support_contact", "page_name"];

    /// Changes one setting by its name; an empty value takes it away.
    ///
    /// # Errors
    /// A sentence that says what the setting takes.
    pub(in crate::domain) fn set(&mut self, setting: &str, value: &str) -> Result<(), String> {
        match setting {
            "page_name" => self.page_name = optional(value, display_name)?,
            "brand_color" => self.color = optional(value, BrandColor::parse)?,
            "support_contact" => self.support_contact = optional(value, SupportContact::parse)?,
            _ => self.locale = optional(value, Language::parse)?.unwrap_or_default(),
        }
        Ok(())
    }
}

/// Takes a value, or the empty one, which says that there is none.
pub(in crate::domain) fn optional<T, E: ToString>(
    value: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    parse(value).map(Some).map_err(|error| error.to_string())
}

/// Takes a name as people are to see it on pages and in mails.
pub(in crate::domain) fn display_name(text: &str) -> Result<String, &'static str> {
    let is_fine = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if is_fine && !text.trim().is_empty() {
        return Ok(text.to_owned());
    }
    Err("must have 1 to 100 characters, no line breaks or other control characters among them")
}
