//! What an operator may want to know of apps: nothing of it is wrong, and all of it is worth a look.

use std::fmt;

use crate::app::App;
use crate::domain::workspace::Workspace;
use crate::flow::oidc::app_changes;
use crate::flow::workspaces;
use crate::store::StoreError;

/// Apps that are read at once.
const PIECE: i64 = 500;

/// Looks at all apps and issuers, and says in one text what is to be noted.
pub async fn look(app: &App) -> Result<String, StoreError> {
    let mut notes = Notes::default();
    for workspace in workspaces::list(app).await? {
        notes.take_apps(app, &workspace).await?;
        if !workspace.url.as_str().starts_with("https:") {
            notes.plain_issuers.add(format!("{} of {:?}", workspace.url, workspace.name));
        }
    }
    Ok(notes.to_string())
}

#[derive(Debug, Default)]
struct Notes {
    apps: usize,
    without_pkce: Names,
    without_start_url: Names,
    with_http: Names,
    edited: Names,
    plain_issuers: Names,
}

impl Notes {
    async fn take_apps(&mut self, app: &App, workspace: &Workspace) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let piece = app_changes::list_after(app, workspace, &after, PIECE).await?;
            let Some(last) = piece.last() else { return Ok(()) };
            after.clone_from(&last.client_id);
            for found in piece {
                let name = || format!("{} of {:?}", found.client_id, workspace.name);
                if !app.keys().is_genuine_app(&found) {
                    self.edited.add(name());
                    continue;
                }
                self.apps += 1;
                if found.is_pkce_optional {
                    self.without_pkce.add(name());
                }
                if found.start_url.is_none() {
                    self.without_start_url.add(name());
                }
                if found.has_http_uri() {
                    self.with_http.add(name());
                }
            }
        }
    }
}

impl fmt::Display for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.apps {
            0 => f.write_str("No app signs people in here: `doorkey app create` adds one.")?,
            1 => f.write_str("There is one app.")?,
            count => write!(f, "There are {count} apps.")?,
        }
        for (names, what) in [
            (&self.without_pkce, "Without PKCE, so that a stolen code can be used"),
            (&self.without_start_url, "Without a start URL, so that no login link leads there"),
            (&self.with_http, "With http URIs, which is for this machine alone"),
            (&self.edited, "Edited without the key, so that they are none"),
            (&self.plain_issuers, "The issuer is not https, which most apps refuse"),
        ] {
            if names.count > 0 {
                write!(f, " {what}: {names}.")?;
            }
        }
        Ok(())
    }
}

/// The first of some names, and how many there are.
#[derive(Debug, Default)]
struct Names {
    first: Vec<String>,
    count: usize,
}

impl Names {
    /// As many as a person reads in a table.
    const SHOWN: usize = 5;

    fn add(&mut self, name: String) {
        self.count += 1;
        if self.first.len() < Self::SHOWN {
            self.first.push(name);
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.join(", "))?;
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
