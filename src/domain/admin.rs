//! Admins: who looks after workspaces on the admin pages, by a name and a role, and what each role sees and does.

use std::fmt;
use std::sync::Arc;

use super::named::named;
use super::workspace::WorkspaceId;

/// The longest name of an admin, in characters.
const MAX_NAME: usize = 100;

/// The name of an admin. It counts to the letter.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AdminName(Arc<str>);

/// Why a text is no admin's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an admin's name has 1 to {MAX_NAME} characters, without line breaks or spaces around it")]
pub struct InvalidAdminName;

impl AdminName {
    /// Takes a name without spaces around it: a proxy's header would lose them.
    pub fn parse(text: &str) -> Result<Self, InvalidAdminName> {
        let is_fine = (1..=MAX_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if is_fine && text.trim() == text { Ok(Self(text.into())) } else { Err(InvalidAdminName) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AdminName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

named! {
    /// What an admin may see and do.
    pub enum AdminRole(
        /// The word for it.
        name
    ) {
        /// Sees everything, and does nothing.
        Viewer = "viewer",
        /// Helps people with links and sessions.
        Support = "support",
        /// Sees and does everything.
        Operator = "operator",
    }
}

/// Why a text is no role.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no role: there are viewer, support and operator")]
pub struct UnknownRole(String);

/// A kind of page. Each page of the admin listener is of one of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdminPage {
    /// The figures of a workspace.
    Overview,
    /// Where a link, an address or an id is looked for.
    Find,
    /// Clients, and one client.
    Clients,
    /// What became of one link.
    Stories,
    /// The audit log, as a page and as a file.
    Logs,
    /// Who is signed in.
    Sessions,
    /// What was mailed.
    Mails,
    /// Applications that people are signed in to.
    Apps,
    /// Webhooks and their deliveries.
    Webhooks,
    /// API keys.
    Keys,
    /// The settings of the workspace.
    Settings,
}

/// What a form of those pages does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdminAct {
    /// Makes a login link and shows it.
    MakeLink,
    /// Mails a login link.
    MailLink,
    /// Revokes a client's links.
    KillLinks,
    /// Ends sessions of clients.
    SignOut,
    /// Sends a mail or a delivery again, or stops one.
    ChangeMails,
    /// Makes, changes and removes applications.
    ChangeApps,
    /// Makes, changes and removes webhooks.
    ChangeWebhooks,
    /// Makes and revokes API keys.
    ChangeKeys,
    /// Changes settings.
    ChangeSettings,
}

/// The table of roles.
impl AdminRole {
    /// Takes the word for a role.
    pub fn parse(text: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| UnknownRole(text.chars().take(80).collect()))
    }

    /// Whether the role sees a kind of page.
    pub fn may_see(self, page: AdminPage) -> bool {
        match self {
            Self::Viewer | Self::Operator => true,
            Self::Support => match page {
                AdminPage::Overview
                | AdminPage::Find
                | AdminPage::Clients
                | AdminPage::Stories
                | AdminPage::Logs
                | AdminPage::Sessions
                | AdminPage::Mails => true,
                AdminPage::Apps | AdminPage::Webhooks | AdminPage::Keys | AdminPage::Settings => false,
            },
        }
    }

    /// Whether the role may have a form do something.
    pub fn may_do(self, act: AdminAct) -> bool {
        match self {
            Self::Viewer => false,
            Self::Operator => true,
            Self::Support => match act {
                AdminAct::MakeLink | AdminAct::MailLink | AdminAct::KillLinks | AdminAct::SignOut => true,
                AdminAct::ChangeMails
                | AdminAct::ChangeApps
                | AdminAct::ChangeWebhooks
                | AdminAct::ChangeKeys
                | AdminAct::ChangeSettings => false,
            },
        }
    }
}

/// The workspaces that an admin reaches. What it does not name is as if it were not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AdminReach {
    /// All of them, also those that are made later.
    All,
    /// These.
    Only(Vec<WorkspaceId>),
}

impl AdminReach {
    /// These, or all where none is named.
    pub fn of(mut workspaces: Vec<WorkspaceId>) -> Self {
        workspaces.sort_unstable_by_key(|workspace| workspace.0);
        workspaces.dedup();
        if workspaces.is_empty() { Self::All } else { Self::Only(workspaces) }
    }

    /// Whether a workspace is among them.
    pub fn has(&self, workspace: WorkspaceId) -> bool {
        match self {
            Self::All => true,
            Self::Only(workspaces) => workspaces.contains(&workspace),
        }
    }

    /// As the store keeps it: `*`, or numbers between spaces.
    pub(crate) fn from_store(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let numbers = text.split(' ').map(|number| number.parse().map(WorkspaceId));
        numbers.collect::<Result<_, _>>().ok().map(Self::Only)
    }
}

impl fmt::Display for AdminReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Only(workspaces) => {
                let numbers: Vec<_> = workspaces.iter().map(|workspace| workspace.0.to_string()).collect();
                f.write_str(&numbers.join(" "))
            }
        }
    }
}

/// Who an admin is: what a link, a session or an allowance gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminGrant {
    /// The name, which stands in the audit log.
    pub name: AdminName,
    /// What may be seen and done.
    pub role: AdminRole,
    /// Where.
    pub reach: AdminReach,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_up_to_a_hundred_characters_of_any_language() {
        for name in ["a", "Grace Hopper", "グレース", &"é".repeat(100)] {
            assert_eq!(AdminName::parse(name).unwrap().as_str(), name);
        }
        for wrong in ["", " ", " a", "a ", "a\nb", "a\u{7f}", &"é".repeat(101)] {
            assert_eq!(AdminName::parse(wrong), Err(InvalidAdminName), "{wrong:?}");
        }
    }

    #[test]
    fn the_roles_see_and_do_what_the_contract_says() {
        use AdminAct::*;
        use AdminPage::*;
        let pages = [Overview, Find, Clients, Stories, Logs, Sessions, Mails, Apps, Webhooks, Keys, Settings];
        let acts = [
            MakeLink,
            MailLink,
            KillLinks,
            SignOut,
            ChangeMails,
            ChangeApps,
            ChangeWebhooks,
            ChangeKeys,
            ChangeSettings,
        ];

        for (role, sees, does) in
            [(AdminRole::Viewer, 11, 0), (AdminRole::Support, 7, 4), (AdminRole::Operator, 11, 9)]
        {
            assert_eq!(pages.map(|page| role.may_see(page)), std::array::from_fn(|place| place < sees));
            assert_eq!(acts.map(|act| role.may_do(act)), std::array::from_fn(|place| place < does));
            assert_eq!(AdminRole::parse(role.name()), Ok(role));
        }
        assert!(AdminRole::parse("Operator").is_err());
    }

    #[test]
    fn a_reach_is_read_back_as_it_was_kept() {
        let ids = |numbers: &[i64]| numbers.iter().copied().map(WorkspaceId).collect::<Vec<_>>();
        for reach in [AdminReach::of(vec![]), AdminReach::of(ids(&[7])), AdminReach::of(ids(&[12, 3, 12]))] {
            assert_eq!(AdminReach::from_store(&reach.to_string()), Some(reach));
        }
        assert_eq!(AdminReach::of(ids(&[12, 3, 12])).to_string(), "3 12");
        assert!(AdminReach::All.has(WorkspaceId(9)));
        assert!(!AdminReach::of(ids(&[1])).has(WorkspaceId(9)));
        for wrong in ["", "1,2", "x", "1 ", "**"] {
            assert_eq!(AdminReach::from_store(wrong), None, "{wrong:?}");
        }
    }
}
