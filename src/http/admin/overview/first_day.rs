//! The way to the first sign-in: what is done of it, and what comes next.

use super::super::desk::{Desk, SeeOverview};
use super::super::error::{Problem, quoted};
use super::super::times::TimeText;
use crate::domain::admin::AdminPage;
use crate::flow;
use crate::store::FirstSteps;

/// What a workspace says in which nobody has signed in yet.
pub(super) struct FirstDay {
    pub(super) lead: &'static str,
    pub(super) steps: Vec<Step>,
    /// Whether there are figures to show.
    pub(super) has_link: bool,
    /// Where what is not needed to begin is set up, for who may see that.
    pub(super) settings: Option<String>,
    pub(super) apps: Option<String>,
}

/// One step of it.
pub(super) struct Step {
    /// The class of its sign: done, the next one, or one after that.
    pub(super) class: &'static str,
    pub(super) what: &'static str,
    /// How it is done.
    pub(super) how: &'static str,
    pub(super) command: String,
    /// What it was done with, for who may see that.
    pub(super) done_with: Option<(String, TimeText)>,
}

/// The steps, unless somebody has signed in.
pub(super) async fn of(desk: &Desk<SeeOverview>) -> Result<Option<FirstDay>, Problem> {
    let permit = flow::lists::permit(&desk.app, &desk.workspace).await?;
    let steps = flow::admin::overview::first_steps(&desk.app, &permit).await?;
    Ok((!steps.has_sign_in).then(|| day(desk, steps)))
}

fn day(desk: &Desk<SeeOverview>, found: FirstSteps) -> FirstDay {
    let are_done = [found.key.is_some(), found.client.is_some(), found.has_link, false];
    let lead = match are_done.iter().filter(|is_done| !**is_done).count() {
        1 => "One step, and the first person is signed in.",
        2 => "Two steps, and the first person is signed in.",
        3 => "Three steps, and the first person is signed in.",
        _ => "Four steps, and the first person is signed in.",
    };
    let next = are_done.iter().position(|is_done| !is_done);
    let class = |place: usize| match next {
        _ if are_done[place] => "ok",
        Some(next) if next == place => "now",
        _ => "",
    };
    let name = quoted(&desk.workspace.name);
    let client = found.client.map_or_else(|| "ID".to_owned(), |client| client.number().to_string());
    let url = &desk.workspace.url;
    let step =
        |place: usize, what, how, command| Step { class: class(place), what, how, command, done_with: None };
    let key = found.key.filter(|_| desk.sees(AdminPage::Keys));
    let steps = vec![
        Step {
            done_with: key.map(|(name, made)| (name, desk.told(made))),
            ..step(
                0,
                "Make an API key.",
                "On the page of the keys, or so:",
                format!("doorkey key create --workspace {name} --name \"back office\""),
            )
        },
        step(
            1,
            "Add a client.",
            "By hand, or all of them from a file:",
            format!(
                "doorkey user add --workspace {name} --email ada@example.org --name-f Ada --name-l Lovelace\n\
                 doorkey user import --workspace {name} clients.csv"
            ),
        ),
        step(
            2,
            "Ask for a link.",
            "With the key in place of the three dots:",
            format!("curl --url {url}/api/login_links/{client} \\\n  --header \"Authorization: Bearer …\""),
        ),
        step(3, "Open it, and press the button.", "Then this page begins to count.", String::new()),
    ];
    let seen = |page: AdminPage, path: &str| desk.sees(page).then(|| desk.address(path));
    FirstDay {
        lead,
        steps,
        has_link: found.has_link,
        settings: seen(AdminPage::Settings, "/settings"),
        apps: seen(AdminPage::Apps, "/apps"),
    }
}
