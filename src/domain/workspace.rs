//! Workspaces: one tenant each, with hosts, a portal and settings of its own.

use super::app_settings::{AppSettings, VerifiedAddresses};
use super::branding::{Branding, Logo, LogoFacts};
use super::duration;
use super::host::HostName;
use super::mail_settings::MailSettings;
use super::origin::Origin;
use super::redirect::{RedirectPolicy, RedirectTarget};
use super::story_settings::StorySettings;
use super::timestamp::Timestamp;
use super::validation::ValidationErrors;
use serde::Serialize;

/// The number of a workspace; never used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct WorkspaceId(pub i64);

/// A workspace and its settings. Lifetimes are in seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workspace {
    /// Its number.
    pub id: WorkspaceId,
    /// Its name, as shown to people; unique in the installation.
    pub name: String,
    /// The portal: login links start with it.
    pub url: Origin,
    /// How long a link lives.
    pub link_lifetime: i64,
    /// Whether links issued from now on work once.
    pub is_single_use: bool,
    /// Where people land who asked for nothing else: a path of the portal or an absolute URL.
    pub landing_url: Option<String>,
    /// Further origins that people may be sent to.
    pub allowed_redirect_origins: Vec<Origin>,
    /// How long a session lives at most.
    pub session_lifetime: i64,
    /// How long a session lives without being used.
    pub session_idle: i64,
    /// The domain that session cookies are shared on, where that is wanted.
    pub cookie_domain: Option<String>,
    /// A part of the session cookie's name: no other installation has it, and a change of `cookie_domain` replaces it, so that
    /// browsers send no cookie of another one as if it were this one's.
    pub cookie_tag: String,
    /// How its pages and mails look.
    pub branding: Branding,
    /// Who its mails come from, and what people may ask for.
    pub mail: MailSettings,
    /// What is noted of its links.
    pub stories: StorySettings,
    /// What apps are told of its people, and in which they land.
    pub apps: AppSettings,
    /// Counts the changes, so that of two who change it at once neither is lost.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The longest time that a lifetime can be set to, in seconds: a year.
const MAX_LIFETIME: i64 = 31_536_000;

/// The longest life of a link, in seconds: thirty days.
pub const MAX_LINK_LIFETIME: i64 = 2_592_000;

impl Workspace {
    /// Whether each address of its users counts as verified.
    pub fn vouches_for_addresses(&self) -> bool {
        self.apps.addresses == VerifiedAddresses::Vouched
    }

    /// A new workspace with the settings that a fresh one has.
    pub fn fresh(name: String, url: Origin, now: Timestamp) -> Self {
        Self {
            id: WorkspaceId(0),
            name,
            url,
            link_lifetime: 7_200,
            is_single_use: true,
            landing_url: None,
            allowed_redirect_origins: Vec::new(),
            session_lifetime: 604_800,
            session_idle: 43_200,
            cookie_domain: None,
            cookie_tag: String::new(),
            branding: Branding::default(),
            mail: MailSettings::default(),
            stories: StorySettings::default(),
            apps: AppSettings::default(),
            revision: 1,
            created_at: now,
        }
    }

    /// The host of the portal, always one of the workspace's hosts.
    pub fn portal_host(&self) -> Option<HostName> {
        HostName::from_header(self.url.authority()).ok()
    }

    /// Where people may be sent.
    pub fn redirect_policy(&self) -> RedirectPolicy<'_> {
        RedirectPolicy {
            portal: &self.url,
            landing: self.landing_url.as_deref(),
            allowed: &self.allowed_redirect_origins,
        }
    }

    /// Where people land who asked for nothing else.
    pub fn landing(&self) -> RedirectTarget {
        let chosen = self
            .landing_url
            .as_deref()
            .and_then(|url| RedirectTarget::parse(url, &self.redirect_policy()).ok());
        chosen.unwrap_or_else(|| RedirectTarget::Path("/".to_owned()))
    }

    /// What pages and mails call it.
    pub fn shown_name(&self) -> &str {
        self.branding.page_name.as_deref().unwrap_or(&self.name)
    }

    /// Who its mails say that they come from.
    pub fn sender_name(&self) -> &str {
        self.mail.name.as_deref().unwrap_or_else(|| self.shown_name())
    }

    /// Changes one setting by its name, as `doorkey workspace set` names it. `host` and `logo` are not among them: hosts
    /// and the bytes of a logo are kept beside the workspace.
    pub fn set(&mut self, setting: &str, value: &str) -> Result<(), ValidationErrors> {
        let refuse = |sentence: String| ValidationErrors::field(setting, sentence);
        match setting {
            "url" => self.url = Origin::parse(value).map_err(|error| refuse(error.to_string()))?,
            "link_lifetime" => self.link_lifetime = seconds(value, MAX_LINK_LIFETIME).map_err(refuse)?,
            "session_lifetime" => self.session_lifetime = seconds(value, MAX_LIFETIME).map_err(refuse)?,
            "session_idle" => self.session_idle = seconds(value, MAX_LIFETIME).map_err(refuse)?,
            "single_use" => {
                self.is_single_use = value.parse().map_err(|_| refuse("must be true or false".to_owned()))?;
            }
            "landing_url" => self.landing_url = landing_url(value, self).map_err(refuse)?,
            "allowed_redirect_origins" => {
                let origins = value.split(',').map(str::trim).filter(|origin| !origin.is_empty());
                let parsed: Result<_, _> = origins.map(Origin::parse).collect();
                self.allowed_redirect_origins = parsed.map_err(|error| refuse(error.to_string()))?;
            }
            "cookie_domain" => self.cookie_domain = cookie_domain(value).map_err(refuse)?,
            _ if Branding::SETTINGS.contains(&setting) => {
                self.branding.set(setting, value).map_err(refuse)?;
            }
            _ if MailSettings::SETTINGS.contains(&setting) => {
                self.mail.set(setting, value).map_err(refuse)?;
            }
            _ if StorySettings::SETTINGS.contains(&setting) => {
                self.stories.set(setting, value).map_err(refuse)?;
            }
            _ if AppSettings::SETTINGS.contains(&setting) => {
                self.apps.set(setting, value).map_err(refuse)?;
            }
            _ => return Err(refuse(format!("is no setting; there are {SETTINGS}"))),
        }
        Ok(())
    }

    /// Judges the settings together, after all changes are made.
    ///
    /// # Errors
    /// `ValidationErrors` if the cookie domain is no parent of the portal's host.
    pub fn validate(&self) -> Result<(), ValidationErrors> {
        let Some(domain) = &self.cookie_domain else { return Ok(()) };
        let is_parent = self.portal_host().is_some_and(|host| host.is_within(domain));
        if is_parent && self.url.is_https() {
            return Ok(());
        }
        let sentence =
            format!("must be the portal's host or a parent of it, and the portal https ({})", self.url);
        Err(ValidationErrors::field("cookie_domain", sentence))
    }

    /// A workspace for tests of the rules.
    #[cfg(test)]
    pub(crate) fn sample(url: &str) -> Self {
        Self::fresh("Acme".to_owned(), Origin::from_store(url.to_owned()), Timestamp::from_millis(0))
    }
}

/// The names of the settings, for a sentence.
pub const SETTINGS: &str = "url, host, link_lifetime, single_use, landing_url, allowed_redirect_origins, \
                            session_lifetime, session_idle, cookie_domain, mail_from, mail_name, mail_reply_to, \
                            self_service, self_service_lifetime, one_click, mail_budget, addresses, default_app, record_openings, \
                            story_retention, locale, brand_color, logo, support_contact, page_name";

/// What becomes of a workspace's logo.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogoChange {
    /// It stays.
    Keep,
    /// There is none from now on.
    Remove,
    /// It is this one.
    Replace(Logo),
}

impl LogoChange {
    /// What a workspace knows of its logo after the change.
    pub fn facts(&self, old: Option<LogoFacts>) -> Option<LogoFacts> {
        match self {
            Self::Keep => old,
            Self::Remove => None,
            Self::Replace(logo) => Some(logo.facts()),
        }
    }
}

/// Takes the name of a workspace: 1 to 200 characters that can be shown.
pub fn parse_name(text: &str) -> Result<String, ValidationErrors> {
    let is_fine = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if is_fine && text.trim() == text {
        return Ok(text.to_owned());
    }
    Err(ValidationErrors::field(
        "name",
        "must have 1 to 200 characters, without line breaks or spaces around",
    ))
}

fn seconds(value: &str, longest: i64) -> Result<i64, String> {
    duration::parse(value)
        .filter(|number| (1..=longest).contains(number))
        .ok_or_else(|| format!("must be a number of seconds from 1 to {longest}, or a duration such as 2h"))
}

fn landing_url(value: &str, workspace: &Workspace) -> Result<Option<String>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    let policy = RedirectPolicy { landing: Some(value), ..workspace.redirect_policy() };
    let target = RedirectTarget::parse(value, &policy);
    let sentence =
        "must be a path of the portal or an absolute https URL, such as https://app.example.com/start";
    target.map(|target| Some(target.as_str().to_owned())).map_err(|_| sentence.to_owned())
}

fn cookie_domain(value: &str) -> Result<Option<String>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    let domain = HostName::parse_international(value).map_err(|error| error.to_string())?;
    let is_registrable = psl::domain_str(domain.as_str()).is_some();
    let is_name = domain.as_str().parse::<std::net::IpAddr>().is_err() && !domain.as_str().starts_with('[');
    if is_registrable && is_name {
        return Ok(Some(domain.as_str().to_owned()));
    }
    Err(format!("{value} is a public suffix or no domain: cookies on it would reach other people's hosts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(workspace: &mut Workspace, setting: &str, value: &str) -> String {
        let set = workspace.set(setting, value).and_then(|()| workspace.validate());
        set.expect_err(value).in_one_sentence()
    }

    #[test]
    fn each_setting_takes_its_kind_of_value_and_nothing_else() {
        let mut acme = Workspace::sample("https://portal.example.com");
        for (setting, value) in [
            ("url", "https://login.example.com"),
            ("link_lifetime", "60"),
            ("link_lifetime", "2h"),
            ("single_use", "false"),
            ("landing_url", "https://app.example.org/start"),
            ("landing_url", "/start"),
            ("landing_url", ""),
            ("allowed_redirect_origins", "https://a.test, https://b.test:8443"),
            ("session_lifetime", "3600"),
            ("session_idle", "60"),
            ("cookie_domain", "example.com"),
            ("cookie_domain", ""),
        ] {
            acme.set(setting, value).and_then(|()| acme.validate()).expect(setting);
        }
        for (setting, value) in [
            ("url", "http://example.com"),
            ("link_lifetime", "0"),
            ("link_lifetime", "2592001"),
            ("link_lifetime", "31d"),
            ("single_use", "yes"),
            ("landing_url", "javascript:alert(1)"),
            ("landing_url", "//evil.test"),
            ("allowed_redirect_origins", "https://a.test/path"),
            ("session_idle", "-1"),
            ("cookie_domain", "com"),
            ("cookie_domain", "co.uk"),
            ("cookie_domain", "example.org"),
            ("cookie_domain", "127.0.0.1"),
            ("colour", "red"),
        ] {
            let mut fresh = Workspace::sample("https://portal.example.com");
            assert!(refusal(&mut fresh, setting, value).starts_with(setting), "{setting}={value}");
        }
    }

    #[test]
    fn each_setting_of_branding_and_mail_does_too() {
        let mut acme = Workspace::sample("https://portal.example.com");
        for (setting, value) in [
            ("mail_from", "sign-in@example.com"),
            ("mail_name", "Acme, Žofie & Co."),
            ("mail_reply_to", "help@example.com"),
            ("self_service", "false"),
            ("self_service_lifetime", "60"),
            ("self_service_lifetime", "30m"),
            ("one_click", "true"),
            ("mail_budget", "0"),
            ("mail_budget", "1000000"),
            ("addresses", "proven"),
            ("default_app", "my-wiki"),
            ("record_openings", "false"),
            ("story_retention", "86400"),
            ("story_retention", "365d"),
            ("locale", "PT-br"),
            ("brand_color", "#22604F"),
            ("support_contact", "https://example.com/help"),
            ("page_name", "アクメ"),
        ] {
            acme.set(setting, value).expect(setting);
        }
        for (setting, value) in [
            ("mail_from", "Acme <sign-in@example.com>"),
            ("mail_name", "Acme\r\nBcc: b@evil.test"),
            ("mail_reply_to", "help"),
            ("self_service", "no"),
            ("self_service_lifetime", "59"),
            ("self_service_lifetime", "31m"),
            ("one_click", "1"),
            ("mail_budget", "1000001"),
            ("mail_budget", "-1"),
            ("addresses", "true"),
            ("default_app", "my wiki"),
            ("record_openings", "1"),
            ("story_retention", "86399"),
            ("story_retention", "366d"),
            ("locale", "pt"),
            ("locale", "xx"),
            ("brand_color", "#ffffff"),
            ("support_contact", "http://example.com"),
            ("page_name", " "),
        ] {
            assert!(refusal(&mut acme, setting, value).starts_with(setting), "{setting}={value}");
        }
    }

    #[test]
    fn an_empty_value_makes_branding_and_mail_what_a_fresh_workspace_has() {
        let mut acme = Workspace::sample("https://portal.example.com");
        for (setting, value) in [
            ("mail_from", "sign-in@example.com"),
            ("mail_name", "Acme"),
            ("mail_reply_to", "help@example.com"),
            ("self_service", "false"),
            ("self_service_lifetime", "60"),
            ("one_click", "true"),
            ("mail_budget", "0"),
            ("addresses", "proven"),
            ("default_app", "my-wiki"),
            ("record_openings", "false"),
            ("story_retention", "90d"),
            ("locale", "ja"),
            ("brand_color", "#22604f"),
            ("support_contact", "help@example.com"),
            ("page_name", "a".repeat(100).as_str()),
        ] {
            acme.set(setting, value).expect(setting);
            assert_ne!(acme, Workspace::sample("https://portal.example.com"), "{setting}");
            acme.set(setting, "").expect(setting);
            assert_eq!(acme, Workspace::sample("https://portal.example.com"), "{setting}");
        }
        let refused = acme.set("page_name", &"a".repeat(101)).unwrap_err();
        assert!(refused.in_one_sentence().contains("1 to 100 characters"));
    }
}
