//! The story of a link as a back office reads it.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::opening::Sign;
use crate::domain::story;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;

/// What became of a link.
#[derive(Serialize, ToSchema)]
pub struct Story {
    /// The number of the link.
    link_id: Uuid,
    /// Whom it signs in.
    user_id: UserId,
    /// Why it was made: `api` for a back office, `self_service` where the person asked for it by an address, `again` by a dead link.
    #[schema(pattern = "^(api|self_service|again)$")]
    kind: String,
    /// When it was made.
    created_at: Timestamp,
    /// When it dies of age.
    expires_at: Timestamp,
    /// The first that is true of `used`, `killed`, `expired` and `live`.
    #[schema(pattern = "^(used|killed|expired|live)$")]
    state: &'static str,
    /// What happened, oldest first. Openings of a link are kept up to a hundred, presses and refusals too.
    events: Vec<StoryEvent>,
}

/// Something that happened to a link.
#[derive(Serialize, ToSchema, Default)]
pub struct StoryEvent {
    /// When.
    #[schema(required = true, nullable = false)]
    time: Option<Timestamp>,
    /// What.
    #[serde(rename = "type")]
    #[schema(pattern = "^(issued|handed_out|mailed|opened|pressed|refused|signed_in|killed|expired)$")]
    kind: &'static str,
    /// Of `issued`, while the audit log is kept: who had it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    actor: Option<String>,
    /// Of `issued`, while the audit log is kept: in which request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<Uuid>,
    /// Of `handed_out`: how often; `time` is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    times: Option<i64>,
    /// Of `mailed`: the mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    mail_id: Option<Uuid>,
    /// Of `mailed`: what became of the mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(queued|sent|failed|expired|cancelled)$")]
    state: Option<&'static str>,
    /// Of `opened`: the network around the address, a /24 or a /48.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "192.0.2.0/24")]
    network: Option<String>,
    /// Of `opened`: the kind of browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(chrome|firefox|safari|edge|other|none)$")]
    browser: Option<&'static str>,
    /// Of `opened`: who seems to have been there. It is a guess, and final after 15 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(person|machine)$")]
    looks: Option<&'static str>,
    /// Of `opened`: what that rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    signs: Option<Vec<&'static str>>,
    /// Of `refused` and `killed`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// Of `signed_in`: the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session_id: Option<Uuid>,
    /// Of `signed_in`: whether the link was pressed, or the code of its mail typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(link|code)$")]
    by: Option<&'static str>,
    /// Of `signed_in`: the app that it led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_id: Option<String>,
}

impl From<&story::Story> for Story {
    fn from(story: &story::Story) -> Self {
        Self {
            link_id: story.link,
            user_id: story.user,
            kind: story.kind.clone(),
            created_at: story.created_at,
            expires_at: story.expires_at,
            state: story.state.name(),
            events: story.events.iter().map(StoryEvent::from).collect(),
        }
    }
}

impl From<&(Timestamp, story::StoryEvent)> for StoryEvent {
    fn from((time, event): &(Timestamp, story::StoryEvent)) -> Self {
        let told = Self { time: Some(*time), kind: event.name(), ..Self::default() };
        match event {
            story::StoryEvent::Issued { actor, request_id } => {
                Self { actor: actor.clone(), request_id: *request_id, ..told }
            }
            story::StoryEvent::HandedOut { times } => Self { times: Some(*times), ..told },
            story::StoryEvent::Mailed { mail, state } => {
                Self { mail_id: Some(*mail), state: Some(state.name()), ..told }
            }
            story::StoryEvent::Opened { network, browser, is_machine, signs } => Self {
                network: Some(network.clone()),
                browser: Some(browser.name()),
                looks: Some(if *is_machine { "machine" } else { "person" }),
                signs: Some(signs.each().map(Sign::name).collect()),
                ..told
            },
            story::StoryEvent::Refused(refusal) => Self { reason: Some(refusal.reason().to_owned()), ..told },
            story::StoryEvent::SignedIn { session, by_code, client_id } => Self {
                session_id: *session,
                by: Some(if *by_code { "code" } else { "link" }),
                client_id: client_id.clone(),
                ..told
            },
            story::StoryEvent::Killed { reason } => Self { reason: Some(reason.clone()), ..told },
            story::StoryEvent::Pressed | story::StoryEvent::Expired => told,
        }
    }
}
