//! One app: what to paste into it, how it is set, its secrets, and what was refused of it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::refusal_words::{self, Refused};
use super::{address_of, counted};
use crate::domain::admin::{AdminAct, AdminPage};
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_secret::MAX_SECRETS;
use crate::domain::oidc::refusal::AppRefusal;
use crate::domain::oidc::sign_out::SignOutAnswer;
use crate::domain::oidc::usage::{AppUsage, TOLD_DAYS};
use crate::domain::workspace::Workspace;
use crate::flow::oidc::app_changes::{self, AppWithSecrets, type_name};
use crate::flow::oidc::{refusals, usage};
use crate::http::admin::desk::{Desk, SeeApps};
use crate::http::admin::error::Problem;
use crate::http::admin::frame::Frame;
use crate::http::admin::numbers;
use crate::http::admin::times::TimeText;

/// What is pasted into an application: the name of the thing, and the thing.
pub(super) type Pasted = Vec<(&'static str, String)>;

/// An app.
#[derive(Template)]
#[template(path = "admin/app.html")]
struct AppPage {
    frame: Frame,
    list: String,
    address: String,
    name: String,
    lead: String,
    /// Whether something was not done, and what is said.
    notice: Option<(bool, String)>,
    pasted: Pasted,
    facts: Vec<Fact>,
    /// Who lands in this app.
    landing: &'static str,
    /// Where that is set; `None` for who does not see that.
    landing_setting: Option<String>,
    is_public: bool,
    secrets: Vec<SecretRow>,
    may_change: bool,
    may_add_secret: bool,
    refused: Vec<Refused>,
}

/// A setting: its name, its values, and the class of a sign if it has one.
struct Fact {
    name: &'static str,
    values: Vec<String>,
    sign: &'static str,
    /// What came of it last: the class of a sign if it has one, what that was, and when.
    last: Option<(&'static str, String, TimeText)>,
}

struct SecretRow {
    id: Uuid,
    made: TimeText,
    /// Where it is removed, if it can be.
    remove: Option<String>,
}

/// `GET /w/W/apps/{id}`.
pub(in crate::http) async fn show(desk: Desk<SeeApps>) -> Result<Response, Problem> {
    let notice = match desk.query.value("done") {
        "saved" => Some("Saved. It binds from the next request on."),
        "removed" => Some("The secret is removed. It is refused from now on."),
        _ => None,
    };
    page(&desk, StatusCode::OK, notice.map(|text| (false, text.to_owned()))).await
}

/// The page of the app that the path names, with what is said on top of it.
pub(super) async fn page<N>(
    desk: &Desk<N>,
    status: StatusCode,
    notice: Option<(bool, String)>,
) -> Result<Response, Problem> {
    let AppWithSecrets { app, secrets } = of_path(desk).await?;
    let refused = refusals::list(&desk.app, desk.workspace.id, &app.client_id).await?;
    let usage = usage::of_apps(&desk.app, desk.workspace.id, &[&app.client_id]).await?;
    let usage = usage.get(&app.client_id).copied().unwrap_or_default();
    let may_change = desk.may(AdminAct::ChangeApps);
    let address = address_of(desk, &app);
    let may_remove = may_change && secrets.len() > 1;
    let rows = secrets.iter().map(|secret| SecretRow {
        id: secret.id,
        made: desk.told(secret.created_at),
        remove: may_remove.then(|| format!("{address}/secrets/{}/remove", secret.id)),
    });
    let view = AppPage {
        frame: desk.frame(AdminPage::Apps),
        list: desk.address("/apps"),
        name: app.name.clone(),
        lead: lead(desk, &refused),
        notice,
        pasted: pasted(&desk.workspace, &app),
        facts: facts(desk, &app, usage),
        landing: landing(&desk.workspace, &app),
        landing_setting: desk.sees(AdminPage::Settings).then(|| desk.address("/settings#default_app")),
        is_public: app.is_public,
        may_change,
        may_add_secret: may_change && !app.is_public && secrets.len() < MAX_SECRETS,
        secrets: rows.collect(),
        refused: refusal_words::told(refused.into_iter().map(|refusal| (&app, refusal)), |moment| {
            desk.told(moment)
        }),
        address,
    };
    Ok(desk.page(status, &view))
}

/// The app that the path names.
pub(super) async fn of_path<N>(desk: &Desk<N>) -> Result<AppWithSecrets, Problem> {
    let client_id = desk.named("id").ok_or(Problem::NothingThere)?;
    Ok(app_changes::show(&desk.app, &desk.workspace, client_id).await?)
}

/// What is pasted into the application, but for its secret.
pub(super) fn pasted(workspace: &Workspace, app: &OidcApp) -> Pasted {
    let issuer = workspace.url.as_str();
    vec![
        ("Discovery address", format!("{issuer}/.well-known/openid-configuration")),
        ("Issuer", issuer.to_owned()),
        ("Client id", app.client_id.clone()),
    ]
}

fn landing(workspace: &Workspace, app: &OidcApp) -> &'static str {
    if workspace.apps.default_app.as_ref() == Some(&app.client_id) {
        "people who ask for nothing else land here after signing in"
    } else if app.start_url.is_some() {
        "people land here by links that lead here"
    } else {
        "links cannot lead here: it has no start URL"
    }
}

fn lead<N>(desk: &Desk<N>, refused: &[AppRefusal]) -> String {
    let since = desk.now().plus_seconds(-super::LATELY);
    let lately = refused.iter().filter(|refusal| refusal.time >= since).count();
    match (lately, refused.first()) {
        (0, None) => "No request of it was refused.".to_owned(),
        (0, Some(last)) => {
            format!("Nothing was refused in the last 24 hours. The last one: {}.", desk.told(last.time).text)
        }
        (1, Some(last)) => {
            format!("One request was refused in the last 24 hours: {}.", desk.told(last.time).text)
        }
        (lately, last) => {
            let last = last.map(|last| format!(", the last one: {}", desk.told(last.time).text));
            let times = counted(i64::try_from(lately).unwrap_or(i64::MAX));
            format!("{times} requests were refused in the last 24 hours{}.", last.unwrap_or_default())
        }
    }
}

fn facts<N>(desk: &Desk<N>, app: &OidcApp, usage: AppUsage) -> Vec<Fact> {
    let fact = |name, values: Vec<String>| Fact { name, values, sign: "", last: None };
    let (pkce, sign) = if app.is_pkce_optional { ("not asked for", "warn") } else { ("asked for", "ok") };
    let claims = if app.is_id_token_slim { "at userinfo alone" } else { "in the ID token, too" };
    let made = desk.told(app.created_at).text;
    let sign_ins = format!("{} in {TOLD_DAYS} days", numbers::grouped(usage.sign_ins));
    let last = usage.last_at.map(|at| ("", "the last one:".to_owned(), desk.told(at)));
    let told = usage.told.filter(|_| app.backchannel_logout_uri.is_some());
    let told = told.map(|(at, answer)| {
        let sign = if answer.is_heard() { "ok" } else { "bad" };
        (sign, answered(answer), desk.told(at))
    });
    vec![
        Fact { last, ..fact("Sign-ins", vec![sign_ins]) },
        fact("Type", vec![type_name(app.is_public).to_owned()]),
        fact("Returns to", app.redirect_uris.clone()),
        fact("Starts at", app.start_url.iter().cloned().collect()),
        fact("After sign-out", app.post_logout_redirect_uris.clone()),
        Fact {
            last: told,
            ..fact("Told of sign-outs", app.backchannel_logout_uri.iter().cloned().collect())
        },
        Fact { sign, ..fact("PKCE", vec![pkce.to_owned()]) },
        fact("Signed with", vec![app.algorithm.name().to_owned()]),
        fact("Claims", vec![claims.to_owned()]),
        fact("Added", vec![made]),
    ]
}

/// What an app did when it was last told of a sign-out.
fn answered(answer: SignOutAnswer) -> String {
    match answer {
        SignOutAnswer::Status(status) => return format!("answered {status}"),
        SignOutAnswer::NotCalled => "may not be called, or leads nowhere",
        SignOutAnswer::NoTurn => "too many calls at once",
        SignOutAnswer::Unanswered => "did not answer",
        SignOutAnswer::NotSigned => "no token could be signed",
    }
    .to_owned()
}
