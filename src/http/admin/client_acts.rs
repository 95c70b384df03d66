//! What support does for a client: shows a link, mails one, revokes links, signs out. Each goes the way that the API goes.

use axum::http::StatusCode;
use axum::response::Response;

use super::client::{self, LinkWish, Notice, Said, client_of};
use super::desk::{Desk, DeskForm, DoKillLinks, DoMailLink, DoMakeLink, DoSignOut, SeeClients};
use super::end_page::EndPage;
use super::error::Problem;
use super::html::see_other;
use crate::domain::admin::{AdminAct, AdminPage};
use crate::domain::destination::Destination;
use crate::domain::language::Language;
use crate::domain::login_link::parse_min_ttl;
use crate::domain::user::{UserChange, UserRef};
use crate::flow;
use crate::flow::admin::clients::called;
use crate::flow::admin::looks::{Look, looked};
use crate::flow::login_links::{IssueOptions, RequestedUser};
use crate::flow::mail::MailOptions;
use crate::flow::oidc::landing::DestinationError;
use crate::http::error::Error;
use crate::http::request::params::Params;

const KILL: &str = "Every link made for this client so far stops working at once and for good, and so does a sign-in that has begun. Who is signed in stays so, and a new link can be had at any time.";
const SIGN_OUT: &str = "Every session of this client ends at once, in every browser. Links stay as they are: a good one signs in again.";

/// `POST /w/W/clients/{id}/link`: the rule; the link stands in this one answer.
pub(in crate::http) async fn make_link(form: DeskForm<DoMakeLink>) -> Result<Response, Problem> {
    let (desk, fields) = (form.desk, form.fields);
    let user = client_of(&desk).await?;
    let options = match options_of(&desk, &fields).await? {
        Ok(options) => options,
        Err(wish) => return wrong(&desk, *wish).await,
    };
    let subject = RequestedUser::find(&desk.app, &desk.workspace, UserRef::Id(user.id)).await?;
    let issued = flow::login_links::issue(&desk.app, &desk.workspace, &desk.act, &subject, &options).await;
    match issued {
        Ok(issued) => {
            if issued.is_reused {
                let shown = (Look::Link, Some(issued.user), Some(issued.id));
                looked(&desk.app, &desk.workspace, &desk.act, shown).await?;
            }
            let said = Said { issued: Some(issued), ..Said::default() };
            client::page(&desk, StatusCode::OK, said).await
        }
        Err(error) => refused(&desk, error.into()).await,
    }
}

/// `POST /w/W/clients/{id}/mail`: the same, to the address that is kept of the client.
pub(in crate::http) async fn mail_link(form: DeskForm<DoMailLink>) -> Result<Response, Problem> {
    let (desk, fields) = (form.desk, form.fields);
    let user = client_of(&desk).await?;
    let link = match options_of(&desk, &fields).await? {
        Ok(options) => options,
        Err(wish) => return wrong(&desk, *wish).await,
    };
    let language = Language::look_up(fields.value("locale").trim());
    if desk.app.mail.is_none() {
        return refused(&desk, Error::MailNotConfigured).await;
    }
    let subject = RequestedUser::find(&desk.app, &desk.workspace, UserRef::Id(user.id)).await?;
    let options = MailOptions { link, language, request: None };
    let queued = flow::mail::queue_link(&desk.app, &desk.workspace, &desk.act, &subject, &options).await;
    match queued {
        Ok(_) => Ok(see_other(&desk.address(&format!("/clients/{}?done=mailed", user.id.number())))),
        Err(error) => refused(&desk, error.into()).await,
    }
}

/// Reads what a form wishes of a link; else it comes back with what is wrong. An empty field wishes nothing.
async fn options_of<N>(
    desk: &Desk<N>,
    form: &Params,
) -> Result<Result<IssueOptions, Box<LinkWish>>, Problem> {
    let mut wish = LinkWish::default();
    let one = |name: &str| match form.single(name) {
        Ok(value) => (value.unwrap_or_default().trim().to_owned(), None),
        Err(_) => (String::new(), Some("must be given once".to_owned())),
    };
    (wish.min_ttl, wish.min_ttl_error) = one("min_ttl");
    (wish.redirect, wish.redirect_error) = one("redirect");
    (wish.app, wish.app_error) = one("app");
    (wish.locale, wish.locale_error) = one("locale");
    let min_ttl = if wish.min_ttl.is_empty() { Ok(0) } else { parse_min_ttl(&wish.min_ttl, &desk.workspace) };
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let destination = Destination { app: given(&wish.app), redirect: given(&wish.redirect) };
    let wished = (*min_ttl.as_ref().unwrap_or(&0), destination);
    let options = match IssueOptions::validated(&desk.app, &desk.workspace, wished).await {
        Ok(options) => Some(options),
        Err(DestinationError::Store(error)) => return Err(Error::from(error).into()),
        Err(error @ DestinationError::App) => {
            wish.app_error.get_or_insert(format!("{error}."));
            None
        }
        Err(error @ (DestinationError::AppRedirect(_) | DestinationError::Redirect(_))) => {
            wish.redirect_error.get_or_insert(format!("{error}."));
            None
        }
    };
    wish.min_ttl_error = wish.min_ttl_error.take().or(min_ttl.err());
    let locale = UserChange::default().set("locale", &wish.locale).err();
    let locale = locale.map(|wrong| format!("{}.", wrong.in_one_sentence()));
    wish.locale_error = wish.locale_error.take().or(locale);
    Ok(options.filter(|_| !wish.is_wrong()).ok_or_else(|| Box::new(wish)))
}

/// The page again, with what is wrong with the wish; nothing typed is lost.
async fn wrong<N>(desk: &Desk<N>, wish: LinkWish) -> Result<Response, Problem> {
    let notice =
        Some(Notice { is_bad: true, text: "Nothing was done: the wish cannot be granted.".to_owned() });
    client::page(desk, StatusCode::BAD_REQUEST, Said { notice, wish, ..Said::default() }).await
}

/// The page again, with why there is no link, where that is about this client or mail at all.
async fn refused<N>(desk: &Desk<N>, error: Error) -> Result<Response, Problem> {
    let status = error.status();
    if !matches!(error, Error::Refused(_) | Error::MailNotConfigured) || status == StatusCode::NOT_FOUND {
        return Err(error.into());
    }
    let notice = Some(Notice { is_bad: true, text: error.parts().sentence.into_owned() });
    client::page(desk, status, Said { notice, ..Said::default() }).await
}

/// `GET /w/W/clients/{id}/kill`: says what will happen.
pub(in crate::http) async fn ask_to_kill(desk: Desk<SeeClients>) -> Result<Response, Problem> {
    let words = ("Revoke the links of", KILL, "Revoke the links");
    ask(&desk, words, ("kill", AdminAct::KillLinks)).await
}

/// `GET /w/W/clients/{id}/sign-out`: says what will happen.
pub(in crate::http) async fn ask_to_sign_out(desk: Desk<SeeClients>) -> Result<Response, Problem> {
    let words = ("Sign out", SIGN_OUT, "Sign out everywhere");
    ask(&desk, words, ("sign-out", AdminAct::SignOut)).await
}

async fn ask(
    desk: &Desk<SeeClients>,
    (title, words, button): (&'static str, &'static str, &'static str),
    (path, act): (&str, AdminAct),
) -> Result<Response, Problem> {
    let user = client_of(desk).await?;
    let back = desk.address(&format!("/clients/{}", user.id.number()));
    let view = EndPage {
        frame: desk.frame(AdminPage::Clients),
        title,
        words,
        button,
        action: format!("{back}/{path}"),
        back,
        name: called(&user),
        may: desk.may(act),
    };
    Ok(desk.page(StatusCode::OK, &view))
}

/// `POST /w/W/clients/{id}/kill`.
pub(in crate::http) async fn kill(form: DeskForm<DoKillLinks>) -> Result<Response, Problem> {
    let desk = form.desk;
    let id = client_of(&desk).await?.id;
    let user = UserRef::Id(id);
    let killed = flow::login_links::revoke(&desk.app, &desk.workspace, &desk.act, &user).await;
    if killed.map_err(Error::from)? {
        return Ok(see_other(&desk.address(&format!("/clients/{}?done=killed", id.number()))));
    }
    Err(Problem::NothingThere)
}

/// `POST /w/W/clients/{id}/sign-out`.
pub(in crate::http) async fn sign_out(form: DeskForm<DoSignOut>) -> Result<Response, Problem> {
    let desk = form.desk;
    let id = client_of(&desk).await?.id;
    let ended = flow::sessions::revoke_all(&desk.app, &desk.workspace, &desk.act, id).await;
    if ended.map_err(Error::from)? {
        return Ok(see_other(&desk.address(&format!("/clients/{}?done=signed-out", id.number()))));
    }
    Err(Problem::NothingThere)
}
