//! Secrets of an app are made and removed, and apps deleted.

use axum::http::StatusCode;
use axum::response::Response;

use super::add::MadePage;
use super::address_of;
use super::one::{self, of_path};
use crate::domain::admin::{AdminAct, AdminPage};
use crate::flow::oidc::app_changes::{self, AppError};
use crate::http::admin::desk::{Desk, DeskForm, DoChangeApps, SeeApps};
use crate::http::admin::end_page::EndPage;
use crate::http::admin::error::Problem;
use crate::http::admin::html::see_other;

const DELETE: &str = "Nobody gets into it by doorkey any more. Its secrets, its codes and its access tokens stop working at once and for good, and links that lead into it lead to the portal instead. Who is signed in to the app itself stays so until the app ends that. An app that is added later is another one, even by the same name.";
const REMOVE: &str =
    "Whoever uses it is refused at once, and for good. Make sure that the application has the other one.";

/// `POST /w/W/apps/{id}/secrets`: makes another secret, and shows it this once.
pub(in crate::http) async fn add_secret(form: DeskForm<DoChangeApps>) -> Result<Response, Problem> {
    let desk = form.desk;
    let app = of_path(&desk).await?.app;
    let made = app_changes::add_secret(&desk.app, &desk.workspace, &desk.act, &app.client_id).await;
    let secret = match made {
        Ok((_, secret)) => secret,
        Err(error) => return refused(&desk, error).await,
    };
    let view = MadePage {
        frame: desk.frame(AdminPage::Apps),
        title: "Another secret of",
        list: desk.address("/apps"),
        back: address_of(&desk, &app),
        name: app.name,
        lead: "Copy it now: it is shown this once, and never again.",
        pasted: vec![("Secret", secret.reveal().to_owned())],
        more: "Paste it into the application. The secret that was there before goes on working until it is removed.",
    };
    Ok(desk.page(StatusCode::OK, &view))
}

/// The page again, with why something was not done, where what is there already forbids it.
async fn refused<N>(desk: &Desk<N>, error: AppError) -> Result<Response, Problem> {
    if let AppError::Conflict(why) = error {
        return one::page(desk, StatusCode::CONFLICT, Some((true, format!("Nothing was done: {why}."))))
            .await;
    }
    Err(error.into())
}

/// `GET /w/W/apps/{id}/secrets/{secret}/remove`: says what will happen.
pub(in crate::http) async fn ask_to_remove(desk: Desk<SeeApps>) -> Result<Response, Problem> {
    let found = of_path(&desk).await?;
    let id = desk.named("secret").unwrap_or_default();
    if !found.secrets.iter().any(|secret| secret.id.to_string() == id) {
        return Err(Problem::NothingThere);
    }
    let back = address_of(&desk, &found.app);
    let action = format!("{back}/secrets/{id}/remove");
    let words = ("Remove a secret of", REMOVE, "Remove the secret");
    Ok(ask(&desk, words, (action, back, found.app.name)))
}

/// `POST /w/W/apps/{id}/secrets/{secret}/remove`.
pub(in crate::http) async fn remove_secret(form: DeskForm<DoChangeApps>) -> Result<Response, Problem> {
    let desk = form.desk;
    let app = of_path(&desk).await?.app;
    let names = (app.client_id.as_str(), desk.named("secret").unwrap_or_default());
    match app_changes::remove_secret(&desk.app, &desk.workspace, &desk.act, names).await {
        Ok(()) => Ok(see_other(&format!("{}?done=removed", address_of(&desk, &app)))),
        Err(error) => refused(&desk, error).await,
    }
}

/// `GET /w/W/apps/{id}/delete`: says what will happen.
pub(in crate::http) async fn ask_to_delete(desk: Desk<SeeApps>) -> Result<Response, Problem> {
    let app = of_path(&desk).await?.app;
    let back = address_of(&desk, &app);
    let action = format!("{back}/delete");
    Ok(ask(&desk, ("Delete", DELETE, "Delete the app"), (action, back, app.name)))
}

fn ask(
    desk: &Desk<SeeApps>,
    (title, words, button): (&'static str, &'static str, &'static str),
    (action, back, name): (String, String, String),
) -> Response {
    let frame = desk.frame(AdminPage::Apps);
    let may = desk.may(AdminAct::ChangeApps);
    desk.page(StatusCode::OK, &EndPage { frame, title, words, button, action, back, name, may })
}

/// `POST /w/W/apps/{id}/delete`.
pub(in crate::http) async fn delete(form: DeskForm<DoChangeApps>) -> Result<Response, Problem> {
    let desk = form.desk;
    let client_id = of_path(&desk).await?.app.client_id;
    app_changes::delete(&desk.app, &desk.workspace, &desk.act, &client_id).await?;
    Ok(see_other(&desk.address("/apps?done=deleted")))
}
