//! Mails: a link is mailed to its user, and what became of the mails.

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::caller::{Caller, LoginLinksMail, MailsRead};
use super::idempotency::{IDEMPOTENCY, repeatable_request};
use super::pagination::Listing;
use super::resources::{List, ListedMail, QueuedMail};
use super::{USER_IN_PATH, UserInPath};
use crate::domain::idempotency;
use crate::domain::language::Language;
use crate::domain::mail::Mail;
use crate::domain::mail_body::MailBody;
use crate::flow;
use crate::flow::login_links::{IssueOptions, RequestedUser};
use crate::flow::mail::MailOptions;
use crate::http::error::Error;
use crate::http::request::body::read_optional_object;
use crate::store::MAIL_FIELDS;

/// Mail a login link
///
/// Hands out the live login link of a client, or makes one, as `GET /api/login_links/{user}` does, and mails it to the address
/// that is kept of the client. The link itself is not in the answer. With an `Idempotency-Key` the call may be sent again: the same
/// key and body within 24 hours get the first answer again, and nothing is mailed twice.
#[utoipa::path(
    post,
    path = "/api/login_links/{user}/mail",
    operation_id = "mailLoginLink",
    tag = "Mails",
    params(
        ("user" = String, Path, description = USER_IN_PATH, example = "1"),
        ("Idempotency-Key" = Option<String>, Header, description = IDEMPOTENCY, min_length = 1, max_length = 255, pattern = "^[!-~]+$")
    ),
    request_body(content = ref("#/components/schemas/MailWish"), description = "What is wished of the mail; it may be left out."),
    responses((status = 202, description = "The mail is queued.", body = QueuedMail<'static>)),
    security(("key" = ["login_links:mail"]))
)]
pub(in crate::http) async fn send(
    caller: Caller<LoginLinksMail>,
    user: Result<UserInPath, Error>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let (body, hash) = read_optional_object(&headers, body, |bytes| {
        Ok((MailBody::parse(bytes)?, idempotency::hash_of(bytes)))
    })
    .await?;
    let request = repeatable_request(&caller, &headers, (uri.path(), &hash));
    // What was answered once is answered again, also where it would be refused by now.
    if let Ok(Some(request)) = &request
        && let Some(mail) = flow::mail::find_queued(&caller.app, &caller.workspace, request).await?
    {
        return Ok(accepted(&mail));
    }
    let wish = body.into_wish(&caller.workspace).map_err(Error::ValidationErrors)?;
    let request = request?;
    let link =
        IssueOptions::validated(&caller.app, &caller.workspace, (wish.min_ttl, wish.destination)).await?;
    if caller.app.mail.is_none() {
        return Err(Error::MailNotConfigured);
    }
    let UserInPath(user) = user?;
    let subject = RequestedUser::find(&caller.app, &caller.workspace, user).await?;
    let options = MailOptions { link, language: Language::look_up(&wish.locale), request };
    let mail =
        flow::mail::queue_link(&caller.app, &caller.workspace, &caller.act, &subject, &options).await?;
    Ok(accepted(&mail))
}

fn accepted(mail: &Mail) -> Response {
    (StatusCode::ACCEPTED, Json(QueuedMail::from(mail))).into_response()
}

/// List the mails
///
/// Newest first. Mails are kept for 30 days.
#[utoipa::path(
    get,
    path = "/api/mails",
    operation_id = "listMails",
    tag = "Mails",
    responses((status = 200, description = "A page of mails.", body = List<ListedMail>)),
    security(("key" = ["mails:read"]))
)]
pub(in crate::http) async fn list(caller: Caller<MailsRead>, uri: Uri) -> Result<Response, Error> {
    let listing = Listing::begin(&caller, &uri, &MAIL_FIELDS).await?;
    let page = flow::mail::list(&caller.app, &listing.permit, &listing.options).await?;
    listing.respond::<ListedMail>(page).await
}

/// Get a mail
#[utoipa::path(
    get,
    path = "/api/mails/{id}",
    operation_id = "getMail",
    tag = "Mails",
    params(("id" = Uuid, Path, description = "The id of the mail.")),
    responses((status = 200, description = "The mail.", body = ListedMail)),
    security(("key" = ["mails:read"]))
)]
pub(in crate::http) async fn show(
    caller: Caller<MailsRead>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Error> {
    let id = id.ok().and_then(|Path(text)| Uuid::try_parse(&text).ok()).ok_or(Error::MailNotFound)?;
    let mail = flow::mail::show(&caller.app, &caller.workspace, id).await?.ok_or(Error::MailNotFound)?;
    Ok(Json(ListedMail::from(mail)).into_response())
}
