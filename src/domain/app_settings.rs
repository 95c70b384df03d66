//! What a workspace tells apps of its people, and in which app they land.

use super::named::named;
use super::oidc::client_id::parse_client_id;

named! {
    /// When an address of a user counts as verified.
    pub enum VerifiedAddresses(
        /// The word in settings and in the database.
        name
    ) {
        /// Always: the back office knows its people.
        Vouched = "vouched",
        /// Once a link or code was used that doorkey mailed there by itself.
        Proven = "proven",
    }
}

/// The settings of a workspace's apps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppSettings {
    /// When apps are told that an address is verified.
    pub addresses: VerifiedAddresses,
    /// The app in which people land who asked for nothing else, by its client id.
    pub default_app: Option<String>,
}

impl Default for AppSettings {
    fn default() -> Self {
        Self { addresses: VerifiedAddresses::Vouched, default_app: None }
    }
}

impl AppSettings {
    /// The names of the settings that [`AppSettings::set`] takes.
    pub const SETTINGS: [&str; 2] = ["addresses", "default_app"];

    /// Changes one setting by its name; an empty value makes it what a fresh workspace has. Whether there is such an app is another
    /// question.
    ///
    /// # Errors
    /// A sentence that says what the setting takes.
    pub(in crate::domain) fn set(&mut self, setting: &str, value: &str) -> Result<(), String> {
        let fresh = Self::default();
        if setting == "addresses" {
            let found = VerifiedAddresses::ALL.into_iter().find(|word| word.name() == value);
            let found = if value.is_empty() { Some(fresh.addresses) } else { found };
            self.addresses = found.ok_or("must be vouched or proven")?;
        } else if value.is_empty() {
            self.default_app = None;
        } else {
            let client_id = parse_client_id(value).map_err(|_| NO_APP)?;
            self.default_app = Some(client_id);
        }
        Ok(())
    }
}

/// What is said of a `default_app` that nobody can land in.
pub const NO_APP: &str = "must be the client id of an app of this workspace that has a start URL: `doorkey app list` shows those there are";
