//! The sentences of pages and mails, in each language, from the catalogues in `locales/`.

mod dates;
mod html;

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentError, FluentResource, FluentValue};

pub use self::html::Html;
use crate::domain::language::Language;
use crate::domain::timestamp::Timestamp;

/// The sentences of one language.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    language: Language,
}

/// What stands in a sentence in place of a variable.
#[derive(Debug)]
pub enum Value<'a> {
    /// A text as it is.
    Text(&'a str),
    /// A number, by which a language may choose its words.
    Number(i64),
    /// Markup, in a sentence that is markup itself.
    Html(Html),
}

type Catalogue = FluentBundle<FluentResource>;

/// Made once, when the first sentence is asked for.
static CATALOGUES: LazyLock<[Catalogue; Language::ALL.len()]> = LazyLock::new(|| Language::ALL.map(parse));

impl Words {
    /// The sentences of a language.
    pub fn of(language: Language) -> Self {
        Self { language }
    }

    /// The language.
    pub fn language(self) -> Language {
        self.language
    }

    /// A sentence without variables.
    pub fn say(self, id: &str) -> Cow<'static, str> {
        self.format(id, None)
    }

    /// A sentence with its variables.
    pub fn say_with(self, id: &str, values: &[(&'static str, Value<'_>)]) -> Cow<'static, str> {
        let mut args = FluentArgs::with_capacity(values.len());
        for (name, value) in values {
            args.set(*name, value.in_text());
        }
        self.format(id, Some(&args))
    }

    /// The same as markup. No catalogue has a character that HTML reads in another way, so each value alone is escaped.
    pub fn say_html(self, id: &str, values: &[(&'static str, Value<'_>)]) -> Html {
        let mut args = FluentArgs::with_capacity(values.len());
        for (name, value) in values {
            args.set(*name, value.in_html());
        }
        Html::trusted(self.format(id, Some(&args)).into_owned())
    }

    /// A moment with its zone, such as `23 November 2026, 03:23 UTC`.
    pub fn moment(self, moment: Timestamp) -> String {
        let (date, time) = dates::date_and_time(self.language, moment);
        self.say_with("moment", &[("date", Value::Text(&date)), ("time", Value::Text(&time))]).into_owned()
    }

    /// A moment as markup, with the same in a form for programs.
    pub fn time(self, moment: Timestamp) -> Html {
        Html::time(moment, &self.moment(moment))
    }

    fn format(self, id: &str, args: Option<&FluentArgs<'_>>) -> Cow<'static, str> {
        // A sentence that a language lacks is English; the tests refuse such a catalogue.
        let found = sentence(self.language, id, args).or_else(|| sentence(Language::English, id, args));
        found.unwrap_or_else(|| {
            tracing::error!(id, "a page has a sentence that no catalogue has");
            Cow::Borrowed("")
        })
    }
}

impl Value<'_> {
    fn in_text(&self) -> FluentValue<'_> {
        match self {
            Self::Text(text) => FluentValue::from(*text),
            Self::Number(number) => FluentValue::from(*number),
            Self::Html(markup) => FluentValue::from(markup.as_str()),
        }
    }

    fn in_html(&self) -> FluentValue<'_> {
        match self {
            Self::Text(text) => FluentValue::from(Html::isolated(text).into_string()),
            Self::Number(_) | Self::Html(_) => self.in_text(),
        }
    }
}

fn sentence(language: Language, id: &str, args: Option<&FluentArgs<'_>>) -> Option<Cow<'static, str>> {
    let catalogue: &'static Catalogue = &CATALOGUES[language as usize];
    let pattern = catalogue.get_message(id)?.value()?;
    let mut errors = Vec::new();
    let formatted = catalogue.format_pattern(pattern, args, &mut errors);
    if !errors.is_empty() {
        report(id, &errors);
    }
    Some(formatted)
}

#[cold]
fn report(id: &str, errors: &[FluentError]) {
    tracing::error!(id, ?errors, "a sentence lacks a variable");
}

/// Reads a catalogue. What cannot be read of it is left out, and the tests refuse it.
fn parse(language: Language) -> Catalogue {
    let resource = FluentResource::try_new(source(language).to_owned()).unwrap_or_else(|(rest, _)| rest);
    let mut catalogue = FluentBundle::new_concurrent(language.tag().parse().into_iter().collect());
    // Pages isolate names by markup, and mails are plain text.
    catalogue.set_use_isolating(false);
    catalogue.add_resource_overriding(resource);
    catalogue
}

fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../../locales/en.ftl"),
        Language::German => include_str!("../../locales/de.ftl"),
        Language::French => include_str!("../../locales/fr.ftl"),
        Language::Spanish => include_str!("../../locales/es.ftl"),
        Language::Italian => include_str!("../../locales/it.ftl"),
        Language::Dutch => include_str!("../../locales/nl.ftl"),
        Language::BrazilianPortuguese => include_str!("../../locales/pt-BR.ftl"),
        Language::Polish => include_str!("../../locales/pl.ftl"),
        Language::Turkish => include_str!("../../locales/tr.ftl"),
        Language::Japanese => include_str!("../../locales/ja.ftl"),
    }
}
