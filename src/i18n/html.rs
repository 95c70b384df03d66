//! Markup: what is text in it was escaped when it was made.

use std::fmt;

use askama::filters::{self, Escaper, HtmlSafe};

use crate::domain::timestamp::Timestamp;

/// Markup that may stand in a page as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Html(String);

impl Html {
    /// A text of somebody else's making: escaped, and its direction kept from what is around it.
    pub fn isolated(text: &str) -> Self {
        Self(format!("<bdi>{}</bdi>", Escaped(text)))
    }

    /// The same, where it is what a person must look at.
    pub fn strong(text: &str) -> Self {
        Self(format!("<strong><bdi>{}</bdi></strong>", Escaped(text)))
    }

    /// A link that says nothing of where it was followed.
    pub fn link(target: &str, text: &str) -> Self {
        let target = Escaped(target);
        Self(format!(r#"<a href="{target}" rel="noreferrer"><bdi>{}</bdi></a>"#, Escaped(text)))
    }

    /// The same in a mail, which has the colours of the program that shows it.
    pub fn link_in_mail(target: &str, text: &str) -> Self {
        let target = Escaped(target);
        Self(format!(
            r#"<a href="{target}" rel="noreferrer" style="color:inherit"><bdi>{}</bdi></a>"#,
            Escaped(text)
        ))
    }

    /// A moment as people write it and as programs do.
    pub(super) fn time(moment: Timestamp, written: &str) -> Self {
        Self(format!(r#"<time datetime="{moment}">{}</time>"#, Escaped(written)))
    }

    /// Markup that was made from a catalogue and escaped values.
    pub(super) fn trusted(markup: String) -> Self {
        Self(markup)
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The markup.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        filters::Html.write_escaped_str(f, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_read_as_markup() {
        assert_eq!(
            Html::link("https://a.test/?b=1&c='\"", "<b>{{ x }}</b>").as_str(),
            "<a href=\"https://a.test/?b=1&#38;c=&#39;&#34;\" rel=\"noreferrer\"><bdi>&#60;b&#62;{{ x }}&#60;/b&#62;</bdi></a>"
        );
    }
}
