//! What every admin page has: who is there, which pages there are, and what time it is.

use super::times;
use super::visit::Admin;
use crate::domain::admin::{AdminPage, AdminReach};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::Workspace;

/// The pages that the navigation leads to: first those about people, then those about machinery. A new page gets its line here.
const PAGES: &[(AdminPage, &str, &str, Group)] = &[
    (AdminPage::Overview, "Overview", "/", Group::People),
    (AdminPage::Find, "Find", "/find", Group::People),
    (AdminPage::Clients, "Clients", "/clients", Group::People),
    (AdminPage::Logs, "Log", "/logs", Group::People),
    (AdminPage::Sessions, "Sessions", "/sessions", Group::People),
    (AdminPage::Mails, "Mails", "/mails", Group::Machinery),
    (AdminPage::Apps, "Apps", "/apps", Group::Machinery),
    (AdminPage::Keys, "Keys", "/keys", Group::Machinery),
    (AdminPage::Settings, "Settings", "/settings", Group::Machinery),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    People,
    Machinery,
}

/// A link of the navigation.
pub(in crate::http) struct PageLink {
    pub(in crate::http) address: String,
    pub(in crate::http) name: &'static str,
    /// Whether it is the page that is shown.
    pub(in crate::http) is_current: bool,
    /// Whether it begins the second group.
    pub(in crate::http) is_next_group: bool,
}

/// Where a page stands.
#[derive(Clone, Copy)]
pub(in crate::http) struct Place<'a> {
    pub(in crate::http) workspace: &'a Workspace,
    pub(in crate::http) page: AdminPage,
}

/// What every page has, for its template.
pub(in crate::http) struct Frame {
    /// The name of the workspace; empty on pages of none.
    pub(in crate::http) workspace: String,
    /// Where the name leads.
    pub(in crate::http) home: String,
    /// Where something is looked for; empty on pages of no workspace.
    pub(in crate::http) find: String,
    pub(in crate::http) name: String,
    pub(in crate::http) role: &'static str,
    pub(in crate::http) pages: Vec<PageLink>,
    /// The anti-forgery value of the forms.
    pub(in crate::http) proof: String,
    /// Whether there is a session to end.
    pub(in crate::http) may_sign_out: bool,
    /// Whether there may be other workspaces to go to.
    pub(in crate::http) has_others: bool,
    /// `14:05 on Monday, 23 November 2026`.
    pub(in crate::http) clock: String,
    pub(in crate::http) version: &'static str,
}

impl Frame {
    pub(super) fn of(admin: &Admin, proof: String, now: Timestamp, place: Option<Place<'_>>) -> Self {
        let base = place.map_or_else(String::new, |place| format!("/w/{}", place.workspace.id.0));
        let mut seen = Vec::new();
        let mut group = Group::People;
        for (page, name, path, of) in PAGES.iter().filter(|_| place.is_some()) {
            if !admin.grant.role.may_see(*page) {
                continue;
            }
            seen.push(PageLink {
                address: format!("{base}{path}"),
                name,
                is_current: place.is_some_and(|place| place.page == *page),
                is_next_group: group != *of && !seen.is_empty(),
            });
            group = *of;
        }
        let has_others = match &admin.grant.reach {
            AdminReach::All => true,
            AdminReach::Only(workspaces) => workspaces.len() > 1,
        };
        Self {
            workspace: place.map_or_else(String::new, |place| place.workspace.name.clone()),
            home: format!("{base}/"),
            find: place.map_or_else(String::new, |_| format!("{base}/find")),
            name: admin.grant.name.as_str().to_owned(),
            role: admin.grant.role.name(),
            pages: seen,
            proof,
            may_sign_out: admin.session.is_some(),
            has_others: has_others && place.is_some(),
            clock: times::in_full(now),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}
