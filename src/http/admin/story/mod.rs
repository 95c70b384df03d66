//! `/w/W/links/{id}`: what became of one link, and what to do next.

mod drawn;
mod told;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use self::told::{Headline, Line};
use super::desk::{Desk, SeeStories};
use super::error::Problem;
use super::frame::Frame;
use super::times;
use super::times::TimeText;
use crate::domain::admin::{AdminAct, AdminPage};
use crate::domain::destination::encoded;
use crate::domain::link_stats::in_words;
use crate::domain::story::{Story, StoryEvent};
use crate::flow;
use crate::flow::admin::looks;
use crate::flow::admin::looks::Look;
use crate::http::error::Error;

#[derive(Template)]
#[template(path = "admin/story.html")]
struct StoryPage {
    frame: Frame,
    headline: Headline,
    /// Where the client is.
    client: String,
    name: String,
    /// Where a fresh link is mailed, and where one is shown; nothing for who may not.
    mail: Option<String>,
    show: Option<String>,
    /// The chart, if it can be drawn.
    life: Option<String>,
    lines: Vec<Line>,
    made: TimeText,
    good_until: TimeText,
    kind: &'static str,
    uses: &'static str,
    handed_out: String,
    /// The app that its last use led to.
    leads_to: Option<App>,
    id: String,
    request: Option<String>,
    retention: String,
}

/// An app as a story knows it.
struct App {
    client_id: String,
    /// Where it is, for who sees apps.
    address: Option<String>,
}

/// `GET /w/W/links/{id}`.
pub(in crate::http) async fn show(desk: Desk<SeeStories>) -> Result<Response, Problem> {
    let id = desk.uuid()?;
    let story = flow::stories::show(&desk.app, &desk.workspace, id).await.map_err(Error::from)?;
    let story = story.ok_or(Problem::NothingThere)?;
    let look = (Look::Story, Some(story.user), Some(id));
    looks::looked(&desk.app, &desk.workspace, &desk.act, look).await.map_err(Error::from)?;
    let found = flow::admin::clients::name_of(&desk.app, &desk.workspace, story.user).await;
    let (is_client, name) = found.map_err(Error::from)?;
    let client = desk.address(&format!("/clients/{}", story.user.number()));
    let action = |act: AdminAct, path: &str| (is_client && desk.may(act)).then(|| format!("{client}{path}"));
    let now = desk.now();
    let view = StoryPage {
        headline: told::headline(&story, &name, now),
        mail: action(AdminAct::MailLink, "/mail").filter(|_| desk.app.mail.is_some()),
        show: action(AdminAct::MakeLink, "/link"),
        life: drawn::life(&story, now),
        lines: told::lines(&story, now),
        made: times::told(story.created_at, now),
        good_until: times::told(story.expires_at, now),
        kind: told::kind(&story.kind),
        uses: if story.is_single_use { "one" } else { "any number, until its end" },
        handed_out: handed_out(&story),
        leads_to: leads_to(&desk, &story),
        id: id.to_string(),
        request: request(&story),
        retention: in_words(desk.workspace.stories.retention),
        frame: desk.frame(AdminPage::Stories),
        client,
        name,
    };
    Ok(desk.page(StatusCode::OK, &view))
}

fn handed_out(story: &Story) -> String {
    let again = story
        .events
        .iter()
        .find_map(|(_, event)| if let StoryEvent::HandedOut { times } = event { Some(*times) } else { None });
    match again.unwrap_or(0) {
        0 => "once".to_owned(),
        again => format!("{} times", again + 1),
    }
}

/// The app that the last sign-in led to. Another place stands in the link's address alone, which is not kept.
fn leads_to(desk: &Desk<SeeStories>, story: &Story) -> Option<App> {
    let last = story.events.iter().rev().find_map(|(_, event)| {
        if let StoryEvent::SignedIn { client_id, .. } = event { Some(client_id.clone()) } else { None }
    });
    let client_id = last.flatten()?;
    let address = format!("/apps/{}", encoded(&client_id));
    Some(App { address: desk.sees(AdminPage::Apps).then(|| desk.address(&address)), client_id })
}

fn request(story: &Story) -> Option<String> {
    story.events.iter().find_map(|(_, event)| {
        if let StoryEvent::Issued { request_id, .. } = event {
            request_id.map(|id| id.to_string())
        } else {
            None
        }
    })
}
