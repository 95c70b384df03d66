//! The fields of the form of settings: what each is called, how it is filled, and what it says now.

use super::form_field::{Field, sent_value};
use crate::domain::branding::SupportContact;
use crate::domain::email::EmailAddress;
use crate::domain::language::Language;
use crate::domain::origin::Origin;
use crate::domain::workspace::Workspace;
use crate::http::request::params::Params;

/// How a field is filled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Lines,
    Flag,
    Language,
    Addresses,
}

/// What is always so of a field.
#[derive(Clone, Copy)]
struct Setting {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    kind: Kind,
    /// What begins with this field.
    heading: Option<&'static str>,
}

const fn setting(name: &'static str, kind: Kind, label: &'static str, hint: &'static str) -> Setting {
    Setting { name, label, hint, kind, heading: None }
}

const fn first(heading: &'static str, setting: Setting) -> Setting {
    Setting { heading: Some(heading), ..setting }
}

const SECONDS: &str = "Seconds, or a number with a unit, such as 90m, 2h or 7d.";

/// The fields, in the order in which they are judged: a landing page may be on one of the origins.
const SETTINGS: [Setting; 20] = [
    first("Links", setting("link_lifetime", Kind::Text, "Links live for", SECONDS)),
    setting(
        "single_use",
        Kind::Flag,
        "A link works once",
        "Otherwise any number of times until it ends. Links that are out keep what they were made with.",
    ),
    first(
        "Where people land",
        setting(
            "allowed_redirect_origins",
            Kind::Lines,
            "Other places that a link may lead to",
            "One a line, without a path, such as https://help.example.org.",
        ),
    ),
    setting(
        "landing_url",
        Kind::Text,
        "After signing in",
        "A path of the portal, or a whole address. Empty: the page that says who they are.",
    ),
    first("Staying signed in", setting("session_idle", Kind::Text, "Signed out when not seen for", SECONDS)),
    setting("session_lifetime", Kind::Text, "And at the latest after", SECONDS),
    first("Mail", setting("mail_name", Kind::Text, "The sender’s name", "Empty: the name on the pages.")),
    setting("mail_reply_to", Kind::Text, "Answers go to", "An address. Empty: to the sender."),
    setting(
        "self_service",
        Kind::Flag,
        "People may ask for a link themselves",
        "It goes to the address that is kept of them.",
    ),
    setting("self_service_lifetime", Kind::Text, "What they asked for lasts", SECONDS),
    setting(
        "one_click",
        Kind::Flag,
        "A link signs in at once in the browser that asked for it",
        "Otherwise, and everywhere else, there is a page with a button.",
    ),
    setting(
        "mail_budget",
        Kind::Text,
        "Mails that people may cause in a day",
        "A number. Mails of the API do not count.",
    ),
    first(
        "Apps",
        setting(
            "default_app",
            Kind::Text,
            "After signing in, people land in the app",
            "Its client id; it must have a start URL. Empty: none.",
        ),
    ),
    setting(
        "addresses",
        Kind::Addresses,
        "Apps are told that an address is verified",
        "Always, or once a link or code that the person asked for by mail was used.",
    ),
    first(
        "What became of links",
        setting(
            "record_openings",
            Kind::Flag,
            "It is noted that links are opened",
            "By time, network and kind of browser. Otherwise what is known of openings is not known from then on.",
        ),
    ),
    setting(
        "story_retention",
        Kind::Text,
        "Stories are kept for",
        "Seconds, or a number with a unit, such as 30d; after the link’s end.",
    ),
    first(
        "How pages and mails look",
        setting(
            "page_name",
            Kind::Text,
            "The name on pages and in mails",
            "Empty: the name of the workspace.",
        ),
    ),
    setting(
        "brand_color",
        Kind::Text,
        "The colour of buttons",
        "Such as #22604f; white on it must be readable. Empty: as shipped.",
    ),
    setting(
        "support_contact",
        Kind::Text,
        "Where people find help",
        "An address or an https URL, on pages of what does not work and in mails.",
    ),
    setting("locale", Kind::Language, "Their language", "For people of whom no other is known."),
];

/// The fields, filled with what is saved.
pub(super) fn fields(workspace: &Workspace) -> Vec<Field> {
    let fields = SETTINGS.iter().map(|setting| {
        let value = value_of(workspace, setting.name);
        let choices = match setting.kind {
            Kind::Flag => vec![("true".to_owned(), "yes"), ("false".to_owned(), "no")],
            Kind::Language => {
                Language::ALL.map(|language| (language.tag().to_owned(), language.tag())).into()
            }
            Kind::Addresses => {
                vec![("vouched".to_owned(), "always"), ("proven".to_owned(), "once it is proven")]
            }
            Kind::Text | Kind::Lines => Vec::new(),
        };
        let choose = |(choice, words): (String, &'static str)| {
            let is_chosen = choice == value;
            (choice, words, is_chosen)
        };
        Field {
            name: setting.name,
            label: setting.label,
            hint: setting.hint,
            heading: setting.heading,
            choices: choices.into_iter().map(choose).collect(),
            has_lines: setting.kind == Kind::Lines,
            saved: Some(value.clone()),
            value,
            error: None,
            meanwhile: None,
        }
    });
    fields.collect()
}

/// The settings that a form sends, as `workspace set` takes them. A field that it does not have stays.
pub(super) fn settings(sent: &Params) -> Vec<(String, String)> {
    let settings = SETTINGS.iter().filter_map(|setting| {
        let value = sent_value(setting.name, sent)?;
        let is_list = setting.kind == Kind::Lines;
        let value = if is_list { value.replace(['\r', '\n'], ",") } else { value.to_owned() };
        Some((setting.name.to_owned(), value))
    });
    settings.collect()
}

/// What a setting is, as the form shows it.
fn value_of(workspace: &Workspace, name: &str) -> String {
    let (branding, mail) = (&workspace.branding, &workspace.mail);
    match name {
        "link_lifetime" => workspace.link_lifetime.to_string(),
        "single_use" => workspace.is_single_use.to_string(),
        "landing_url" => workspace.landing_url.clone().unwrap_or_default(),
        "allowed_redirect_origins" => {
            let origins = workspace.allowed_redirect_origins.iter().map(Origin::as_str);
            origins.collect::<Vec<_>>().join("\n")
        }
        "session_idle" => workspace.session_idle.to_string(),
        "session_lifetime" => workspace.session_lifetime.to_string(),
        "mail_name" => mail.name.clone().unwrap_or_default(),
        "mail_reply_to" => mail.reply_to.as_ref().map(EmailAddress::as_str).unwrap_or_default().to_owned(),
        "self_service" => mail.has_self_service.to_string(),
        "self_service_lifetime" => mail.self_service_lifetime.to_string(),
        "one_click" => mail.is_one_click.to_string(),
        "mail_budget" => mail.budget.to_string(),
        "default_app" => workspace.apps.default_app.clone().unwrap_or_default(),
        "addresses" => workspace.apps.addresses.name().to_owned(),
        "record_openings" => workspace.stories.is_recording.to_string(),
        "story_retention" => workspace.stories.retention.to_string(),
        "page_name" => branding.page_name.clone().unwrap_or_default(),
        "brand_color" => branding.color.map(|color| color.to_string()).unwrap_or_default(),
        "support_contact" => {
            branding.support_contact.as_ref().map(SupportContact::as_str).unwrap_or_default().to_owned()
        }
        _ => branding.locale.tag().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::workspace;

    #[test]
    fn every_setting_is_here_but_those_of_the_server() {
        let elsewhere = ["url", "host", "cookie_domain", "mail_from", "logo"];
        let mut known: Vec<_> =
            workspace::SETTINGS.split(", ").filter(|name| !elsewhere.contains(name)).collect();
        let mut here: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        known.sort_unstable();
        here.sort_unstable();

        assert_eq!(here, known);
    }

    #[test]
    fn what_the_form_says_is_what_is_saved() {
        let mut acme = Workspace::sample("https://portal.example.com");
        for (name, value) in [
            ("link_lifetime", "3600"),
            ("single_use", "false"),
            ("allowed_redirect_origins", "https://a.example,https://b.example"),
            ("landing_url", "https://a.example/x"),
            ("mail_reply_to", "help@example.com"),
            ("one_click", "true"),
            ("brand_color", "#22604f"),
            ("locale", "de"),
        ] {
            acme.set(name, value).unwrap();
        }
        let shown = fields(&acme);
        let sent = shown.iter().map(|field| (field.name.to_owned(), field.value.clone()));
        let mut saved = acme.clone();

        for (name, value) in settings(&Params(sent.collect())) {
            saved.set(&name, &value).unwrap();
        }
        assert_eq!(saved, acme);
    }
}
