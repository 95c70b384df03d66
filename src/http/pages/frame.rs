//! What every page has: its language, the workspace's name and logo, and where people get help.

use std::borrow::Cow;

use crate::domain::branding::SupportContact;
use crate::domain::language::Language;
use crate::domain::workspace::Workspace;
use crate::i18n::{Html, Value, Words};

/// What every page has, for its template.
#[derive(Clone, Copy)]
pub(in crate::http) struct Frame<'a> {
    pub(in crate::http) words: Words,
    /// The name that the workspace has on pages, empty where no workspace is known.
    pub(in crate::http) workspace: &'a str,
    pub(in crate::http) has_logo: bool,
    support_contact: Option<&'a SupportContact>,
}

impl<'a> Frame<'a> {
    /// The frame of a workspace's page.
    pub(in crate::http) fn of(workspace: &'a Workspace, language: Language) -> Self {
        Self {
            words: Words::of(language),
            workspace: workspace.shown_name(),
            has_logo: workspace.branding.logo.is_some(),
            support_contact: workspace.branding.support_contact.as_ref(),
        }
    }

    /// The frame of a page of which no workspace is known.
    pub(in crate::http) fn of_nobody(language: Language) -> Self {
        Self { words: Words::of(language), workspace: "", has_logo: false, support_contact: None }
    }

    /// The language as a tag.
    pub(in crate::http) fn tag(&self) -> &'static str {
        self.words.language().tag()
    }

    /// A sentence without variables.
    pub(in crate::http) fn say(&self, id: &str) -> Cow<'static, str> {
        self.words.say(id)
    }

    /// A sentence as text, for what takes no markup.
    pub(in crate::http) fn text<const N: usize>(
        &self,
        id: &str,
        values: &[(&'static str, &str); N],
    ) -> Cow<'static, str> {
        self.words.say_with(id, &values.map(|(name, text)| (name, Value::Text(text))))
    }

    /// A sentence as markup, with its values as they are.
    pub(in crate::http) fn plain<const N: usize>(
        &self,
        id: &str,
        values: &[(&'static str, &str); N],
    ) -> Html {
        self.words.say_html(id, &values.map(|(name, text)| (name, Value::Text(text))))
    }

    /// A sentence as markup, in which the values stand out.
    pub(in crate::http) fn html<const N: usize>(&self, id: &str, values: &[(&'static str, &str); N]) -> Html {
        self.words.say_html(id, &values.map(|(name, text)| (name, Value::Html(Html::strong(text)))))
    }

    /// Where people get help, where the workspace says that.
    pub(in crate::http) fn help(&self) -> Option<Html> {
        let contact = self.support_contact?;
        let link = Html::link(&contact.href(), contact.as_str());
        Some(self.words.say_html("help", &[("contact", Value::Html(link))]))
    }
}
