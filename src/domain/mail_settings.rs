//! Who the mails of a workspace come from, and what people may ask to have mailed to them.

use super::branding::{display_name, optional};
use super::duration;
use super::email::EmailAddress;

/// The most mails that a workspace can be allowed to send in a day.
const MAX_BUDGET: i64 = 1_000_000;

/// The shortest and the longest life of what a person asked for, in seconds.
const ASK_LIFETIMES: std::ops::RangeInclusive<i64> = 60..=1_800;

/// The settings of a workspace's mails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailSettings {
    /// The sender's address, where it is not the server's.
    pub from: Option<EmailAddress>,
    /// The sender's name, where it is not that of the pages.
    pub name: Option<String>,
    /// Where replies go, where that is not the sender.
    pub reply_to: Option<EmailAddress>,
    /// Whether people may ask for a mail with a link and a code.
    pub has_self_service: bool,
    /// How long what they asked for is good, in seconds.
    pub self_service_lifetime: i64,
    /// Whether a link signs in at once in the browser that asked for it.
    pub is_one_click: bool,
    /// How many mails people may cause in a day.
    pub budget: i64,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            from: None,
            name: None,
            reply_to: None,
            has_self_service: true,
            self_service_lifetime: 600,
            is_one_click: false,
            budget: 5_000,
        }
    }
}

impl MailSettings {
    /// The names of the settings that [`MailSettings::set`] takes.
    pub const SETTINGS: [&str; 7] = [
        "mail_from",
        "mail_name",
        "mail_reply_to",
        "self_service",
        "self_service_lifetime",
        "one_click",
        "mail_budget",
    ];

    /// Changes one setting by its name; an empty value makes it what a fresh workspace has.
    ///
    /// # Errors
    /// A sentence that says what the setting takes.
    pub(in crate::domain) fn set(&mut self, setting: &str, value: &str) -> Result<(), String> {
        let fresh = Self::default();
        match setting {
            "mail_from" => self.from = optional(value, EmailAddress::parse)?,
            "mail_name" => self.name = optional(value, display_name)?,
            "mail_reply_to" => self.reply_to = optional(value, EmailAddress::parse)?,
            "self_service" => {
                self.has_self_service = optional(value, flag)?.unwrap_or(fresh.has_self_service);
            }
            "one_click" => self.is_one_click = optional(value, flag)?.unwrap_or(fresh.is_one_click),
            "mail_budget" => self.budget = optional(value, budget)?.unwrap_or(fresh.budget),
            _ => {
                let lifetime = optional(value, ask_lifetime)?;
                self.self_service_lifetime = lifetime.unwrap_or(fresh.self_service_lifetime);
            }
        }
        Ok(())
    }
}

fn flag(value: &str) -> Result<bool, &'static str> {
    value.parse().map_err(|_| "must be true or false")
}

fn budget(value: &str) -> Result<i64, &'static str> {
    let number = value.parse().ok().filter(|number| (0..=MAX_BUDGET).contains(number));
    number.ok_or("must be a number of mails a day from 0 to 1000000")
}

fn ask_lifetime(value: &str) -> Result<i64, &'static str> {
    let number = duration::parse(value).filter(|number| ASK_LIFETIMES.contains(number));
    number.ok_or("must be a number of seconds from 60 to 1800, or a duration such as 10m")
}
