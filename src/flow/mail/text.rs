//! The words of a mail with a login link: its subject, its text and its HTML.

use std::borrow::Cow;
use std::fmt::Write;

use askama::Template;

use super::fold::{MAX_BYTES, fold};
use crate::domain::branding::{BrandColor, SupportContact};
use crate::domain::language::Language;
use crate::domain::mail::MailKind;
use crate::domain::timestamp::Timestamp;
use crate::i18n::{Html, Value, Words};

/// The ground of the button, where the workspace has none of its own.
const GREEN: &str = "#22604f";

/// A mail with a login link.
#[derive(Debug)]
pub struct LinkMail<'a> {
    /// The language that it is written in.
    pub language: Language,
    /// What the workspace is called on pages and in mails.
    pub workspace: &'a str,
    /// The workspace's portal, an origin.
    pub portal: &'a str,
    /// Why it is sent.
    pub kind: MailKind,
    /// The link.
    pub link: &'a str,
    /// The six digits that can be typed in its place, where the browser that asked takes them.
    pub code: Option<&'a str>,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// Until when link and code are good.
    pub good_until: Timestamp,
    /// Where people get help.
    pub support_contact: Option<&'a SupportContact>,
    /// The ground of the button.
    pub brand_color: Option<BrandColor>,
}

/// A mail, ready to be put into a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailText {
    /// One line, with neither link nor code: mail servers log subjects.
    pub subject: String,
    /// Lines of 900 bytes at most; the link stands alone on its line.
    pub text: String,
    /// ASCII alone; the link stands in two `href`s.
    pub html: String,
}

#[derive(Template)]
#[template(path = "mail/link.txt")]
struct TextPart<'a> {
    title: String,
    why: Option<String>,
    open: String,
    link: &'a str,
    code: Option<(String, String)>,
    good: String,
    asked: String,
    help: Option<String>,
    workspace: &'a str,
    portal: &'a str,
}

#[derive(Template)]
#[template(path = "mail/link.html")]
struct HtmlPart<'a> {
    tag: &'static str,
    title: &'a str,
    heading: Html,
    why: Option<Html>,
    open: Cow<'static, str>,
    button: Cow<'static, str>,
    color: String,
    plain_link: Cow<'static, str>,
    link: &'a str,
    code: Option<(Cow<'static, str>, String)>,
    good: Html,
    asked: Vec<Html>,
    help: Option<Html>,
    workspace: &'a str,
    portal: &'a str,
    host: &'a str,
}

impl LinkMail<'_> {
    /// Writes the mail.
    pub fn render(&self) -> MailText {
        let subject = self.say(self.title());
        let text = self.written(self.text_part(&subject).render()) + "\n";
        let html = in_ascii(&self.written(self.html_part(&subject).render()));
        MailText { subject, text, html }
    }

    /// A part, or the link alone, should a template ever fail: the person waits for that.
    fn written(&self, part: Result<String, askama::Error>) -> String {
        part.unwrap_or_else(|error| {
            tracing::error!(%error, "a mail could not be written");
            self.link.to_owned()
        })
    }

    fn text_part(&self, subject: &str) -> TextPart<'_> {
        let words = self.words();
        let contact = self.support_contact.map(SupportContact::as_str);
        TextPart {
            title: fold(subject),
            why: self.why().map(|id| fold(&self.say(id))),
            open: fold(&words.say("letter-open-link")),
            link: self.link,
            code: self.code.map(|code| (fold(&words.say("letter-code")), spaced(code))),
            good: fold(&self.say(self.good())),
            asked: fold(&self.asked().map(|id| self.say(id)).collect::<Vec<_>>().join(" ")),
            help: contact.map(|contact| fold(&words.say_with("help", &[("contact", Value::Text(contact))]))),
            workspace: self.workspace,
            portal: self.portal,
        }
    }

    fn html_part<'a>(&'a self, subject: &'a str) -> HtmlPart<'a> {
        let words = self.words();
        let contact =
            self.support_contact.map(|contact| Html::link_in_mail(&contact.href(), contact.as_str()));
        HtmlPart {
            tag: self.language.tag(),
            title: subject,
            heading: self.mark(self.title()),
            why: self.why().map(|id| self.mark(id)),
            open: words.say("letter-open-page"),
            button: words.say("letter-button"),
            color: self.brand_color.map_or_else(|| GREEN.to_owned(), |color| color.to_string()),
            plain_link: words.say("letter-plain-link"),
            link: self.link,
            code: self.code.map(|code| (words.say("letter-code"), spaced(code))),
            good: self.mark(self.good()),
            asked: self.asked().map(|id| self.mark(id)).collect(),
            help: contact.map(|contact| words.say_html("help", &[("contact", Value::Html(contact))])),
            workspace: self.workspace,
            portal: self.portal,
            host: self.portal.split_once("://").map_or(self.portal, |(_, host)| host),
        }
    }

    fn title(&self) -> &'static str {
        match self.kind {
            MailKind::Link => "letter-link-title",
            MailKind::SelfService => "letter-sign-in-title",
            MailKind::Again => "letter-again-title",
        }
    }

    fn why(&self) -> Option<&'static str> {
        match self.kind {
            MailKind::Link => Some("letter-link-why"),
            MailKind::SelfService => None,
            MailKind::Again => Some("letter-again-why"),
        }
    }

    fn good(&self) -> &'static str {
        match self.kind {
            MailKind::SelfService if self.code.is_some() => "letter-both-good",
            // A link that the back office asked for may work more than once.
            MailKind::Link | MailKind::SelfService => "letter-link-good",
            MailKind::Again => "letter-again-good",
        }
    }

    fn asked(&self) -> impl Iterator<Item = &'static str> {
        let asked =
            if self.kind == MailKind::SelfService { "letter-somebody-asked" } else { "letter-you-asked" };
        [asked, "letter-do-nothing"].into_iter().chain(self.code.map(|_| "letter-never-asked"))
    }

    fn words(&self) -> Words {
        Words::of(self.language)
    }

    /// A sentence as text; it takes of these variables what it has.
    fn say(&self, id: &str) -> String {
        let words = self.words();
        let (asked, until) = (words.moment(self.asked_at), words.moment(self.good_until));
        let values = [
            ("workspace", Value::Text(self.workspace)),
            ("asked", Value::Text(&asked)),
            ("until", Value::Text(&until)),
        ];
        words.say_with(id, &values).into_owned()
    }

    /// The same as markup.
    fn mark(&self, id: &str) -> Html {
        let words = self.words();
        let asked = words.moment(self.asked_at);
        let values = [
            ("workspace", Value::Text(self.workspace)),
            ("asked", Value::Text(&asked)),
            ("until", Value::Html(Html::strong(&words.moment(self.good_until)))),
        ];
        words.say_html(id, &values)
    }
}

/// A code in two halves, which are easier to read and to type.
fn spaced(code: &str) -> String {
    code.split_at_checked(3).map_or_else(|| code.to_owned(), |(first, last)| format!("{first} {last}"))
}

/// Markup in ASCII alone, so that no mail server on the way rewrites it, and in lines that none refuses: where one grows too long
/// it ends at a space, which means the same in HTML.
fn in_ascii(markup: &str) -> String {
    let mut ascii = String::with_capacity(markup.len());
    for line in markup.lines() {
        let start = ascii.len();
        let mut line_start = start;
        for word in line.split(' ') {
            let word = entities(word);
            if ascii.len() > start {
                let is_full = ascii.len() - line_start + word.len() >= MAX_BYTES;
                ascii.push(if is_full { '\n' } else { ' ' });
                line_start = if is_full { ascii.len() } else { line_start };
            }
            ascii.push_str(&word);
        }
        ascii.push('\n');
    }
    ascii
}

fn entities(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut ascii = String::with_capacity(text.len() * 3);
    for letter in text.chars() {
        if letter.is_ascii() {
            ascii.push(letter);
        } else {
            // Writing into a string cannot fail.
            let _ = write!(ascii, "&#x{:x};", u32::from(letter));
        }
    }
    Cow::Owned(ascii)
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    const LINK: &str =
        "https://portal.example.org/login?token=ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT&redirect=%2Fa";

    fn mail(language: Language, kind: MailKind) -> LinkMail<'static> {
        LinkMail {
            language,
            workspace: "Acme Studio",
            portal: "https://portal.example.org",
            kind,
            link: LINK,
            code: (kind == MailKind::SelfService).then_some("493028"),
            asked_at: Timestamp::from_millis(1_795_442_520_000),
            good_until: Timestamp::from_millis(1_795_443_120_000),
            support_contact: None,
            brand_color: None,
        }
    }

    fn each() -> impl Iterator<Item = LinkMail<'static>> {
        let kinds = [MailKind::Link, MailKind::SelfService, MailKind::Again];
        Language::ALL.into_iter().flat_map(move |language| kinds.map(|kind| mail(language, kind)))
    }

    #[test]
    fn the_mail_of_the_login_page_reads_like_this() {
        let text = mail(Language::English, MailKind::SelfService).render().text;
        let expected = "Sign in to Acme Studio

Open this link and press the button:

https://portal.example.org/login?token=ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT&redirect=%2Fa

Or, where the page that asked is still open, type this code:

493 028

Each works once, until 23 November 2026, 14:12 UTC. Using one ends the
other.

Somebody asked for this on 23 November 2026, 14:02 UTC, with your address.
If this was not you, do nothing: without this mail nobody gets in. Nobody at
Acme Studio will ever ask you for the code.

Acme Studio
https://portal.example.org
";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_link_stands_alone_on_its_line_and_no_line_is_too_long() {
        for mail in each() {
            let (name, text) = (mail.language.tag(), mail.render().text);
            assert_eq!(text.lines().filter(|line| *line == LINK).count(), 1, "{name}: {text}");
            assert_eq!(text.matches("token=").count(), 1, "{name}: {text}");
            assert!(text.lines().all(|line| line == LINK || line.width() <= 78), "{name}: {text}");
            assert_eq!(text.contains("493 028"), mail.kind == MailKind::SelfService, "{name}");
        }
    }

    #[test]
    fn the_html_is_ascii_and_has_the_link_in_two_places_and_no_other_host() {
        for mail in each() {
            let (name, html) = (mail.language.tag(), mail.render().html);
            let escaped = LINK.replace('&', "&#38;");
            assert!(html.is_ascii(), "{name}: {html}");
            assert_eq!(html.matches(&format!("href=\"{escaped}\"")).count(), 2, "{name}");
            assert_eq!(html.lines().filter(|line| *line == escaped).count(), 1, "{name}");
            assert_eq!(
                html.matches("://").count(),
                html.matches("https://portal.example.org").count(),
                "{name}"
            );
            assert!(!html.contains("<img") && !html.contains("url("), "{name}");
            assert!(html.contains(&format!("<html lang=\"{name}\">")));
        }
    }

    #[test]
    fn a_subject_is_one_line_with_neither_link_nor_code() {
        for mail in each() {
            let subject = mail.render().subject;
            assert!(subject.contains("Acme Studio") && !subject.contains("://"), "{subject}");
            assert!(!subject.contains(['\n', '4', '9']) && subject.chars().count() < 80, "{subject}");
        }
    }

    #[test]
    fn names_and_contacts_are_text_and_the_colour_is_the_buttons() {
        let page = SupportContact::parse("https://help.example.org/?a=1&b").unwrap();
        let (workspace, color) = ("<b>{{ x }}</b> & \u{202e}Žofie", BrandColor::parse("#123456").ok());
        for mail in each() {
            let mail = LinkMail { workspace, support_contact: Some(&page), brand_color: color, ..mail };
            let MailText { text, html, .. } = mail.render();
            assert!(text.contains("https://help.example.org/?a=1&b"), "{text}");
            let contact = "<a href=\"https://help.example.org/?a=1&#38;b\" rel=\"noreferrer\" style";
            assert!(html.contains(contact), "{html}");
            assert!(
                html.contains("<bdi>&#60;b&#62;{{ x }}&#60;/b&#62; &#38; &#x202e;&#x17d;ofie</bdi>"),
                "{html}"
            );
            assert!(html.contains("bgcolor=\"#123456\"") && html.is_ascii(), "{html}");
        }
    }

    #[test]
    fn the_longest_names_break_no_line_limit() {
        let (workspace, portal) = ("😀".repeat(100), format!("https://{}.test", "a".repeat(240)));
        let page = SupportContact::parse(&format!("https://example.org/{}", "a".repeat(480))).unwrap();
        for mail in each() {
            let mail =
                LinkMail { workspace: &workspace, portal: &portal, support_contact: Some(&page), ..mail };
            let MailText { text, html, .. } = mail.render();
            assert!(text.lines().all(|line| line.len() <= 900), "{text}");
            assert!(html.lines().all(|line| line.len() <= 990), "{}: {html}", mail.language.tag());
        }
    }
}
