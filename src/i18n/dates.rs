//! Dates as each language writes them.

use std::sync::LazyLock;

use icu_calendar::Gregorian;
use icu_datetime::FixedCalendarDateTimeFormatter;
use icu_datetime::fieldsets::YMD;
use icu_datetime::input::Date;
use icu_locale_core::{Locale, locale};
use jiff::civil;

use crate::domain::language::Language;
use crate::domain::timestamp::Timestamp;

type Formatter = FixedCalendarDateTimeFormatter<Gregorian, YMD>;

/// Made once, when the first date is written. A language without one writes dates as programs do; the tests refuse that.
static FORMATTERS: LazyLock<[Option<Formatter>; Language::ALL.len()]> = LazyLock::new(|| {
    Language::ALL.map(|language| Formatter::try_new(locale_of(language).into(), YMD::long()).ok())
});

/// The date of a moment in UTC as the language writes it, and its time as `03:23`.
pub(super) fn date_and_time(language: Language, moment: Timestamp) -> (String, String) {
    let moment = moment.civil();
    (written(language, moment.date()), format!("{:02}:{:02}", moment.hour(), moment.minute()))
}

fn written(language: Language, date: civil::Date) -> String {
    let formatted = || {
        let (month, day) = (u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?);
        let date = Date::try_new_gregorian(i32::from(date.year()), month, day).ok()?;
        Some(FORMATTERS[language as usize].as_ref()?.format(&date).to_string())
    };
    formatted().unwrap_or_else(|| date.to_string())
}

fn locale_of(language: Language) -> Locale {
    match language {
        // The day comes first, as in most countries.
        Language::English => locale!("en-GB"),
        Language::German => locale!("de"),
        Language::French => locale!("fr"),
        Language::Spanish => locale!("es"),
        Language::Italian => locale!("it"),
        Language::Dutch => locale!("nl"),
        Language::BrazilianPortuguese => locale!("pt-BR"),
        Language::Polish => locale!("pl"),
        Language::Turkish => locale!("tr"),
        Language::Japanese => locale!("ja"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Words;
    use super::*;

    #[test]
    fn each_language_writes_a_moment_in_its_way() {
        let moment = Timestamp::from_millis(1_795_404_180_000);
        for (language, written) in [
            (Language::English, "23 November 2026, 03:23 UTC"),
            (Language::German, "23. November 2026, 03:23 UTC"),
            (Language::French, "23 novembre 2026, 03:23 UTC"),
            (Language::Spanish, "23 de noviembre de 2026, 03:23 UTC"),
            (Language::Italian, "23 novembre 2026, 03:23 UTC"),
            (Language::Dutch, "23 november 2026, 03:23 UTC"),
            (Language::BrazilianPortuguese, "23 de novembro de 2026, 03:23 UTC"),
            (Language::Polish, "23 listopada 2026, 03:23 UTC"),
            (Language::Turkish, "23 Kasım 2026, 03:23 UTC"),
            (Language::Japanese, "2026年11月23日 03:23 UTC"),
        ] {
            assert_eq!(Words::of(language).moment(moment), written);
        }
    }
}
