//! `GET /mail` on the operators' listener of the demo: the mails that it has caught, newest first.

use std::io;
use std::path::{Path, PathBuf};

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use mail_parser::{Message, MessageParser};

/// Mails that are shown at most.
const MAX_SHOWN: usize = 50;

/// The largest file that is read, in bytes.
const MAX_MAIL: u64 = 1 << 20;

/// No resource at all, and no script.
const CSP: &str = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

#[derive(Template)]
#[template(path = "mail/caught.html")]
struct CaughtMails {
    mails: Vec<CaughtMail>,
}

/// A mail as people read it.
struct CaughtMail {
    to: String,
    subject: String,
    date: String,
    /// The text in front of the link, the link, and what follows it.
    before: String,
    link: String,
    after: String,
}

/// The page of the mails in a folder.
pub(super) async fn show(folder: PathBuf) -> Response {
    let read = tokio::task::spawn_blocking(move || newest(&folder)).await;
    let Ok(Ok(mails)) = read else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the folder of caught mails cannot be read\n")
            .into_response();
    };
    match (CaughtMails { mails }).render() {
        Ok(html) => {
            ([(header::CONTENT_SECURITY_POLICY, CSP), (header::CACHE_CONTROL, "no-store")], Html(html))
                .into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Files are named by the ids of their mails, which are in the order of time.
fn newest(folder: &Path) -> io::Result<Vec<CaughtMail>> {
    let mut files = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        // Somebody has tidied up.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let is_mail = entry.path().extension().is_some_and(|extension| extension == "eml");
        // One that is gone by now is not shown.
        if is_mail && entry.metadata().is_ok_and(|file| file.len() <= MAX_MAIL) {
            files.push(entry.path());
        }
    }
    files.sort_unstable_by(|one, other| other.cmp(one));
    let shown = files.into_iter().take(MAX_SHOWN).filter_map(|file| std::fs::read(file).ok());
    Ok(shown
        .filter_map(|bytes| MessageParser::default().parse(&bytes).map(|mail| CaughtMail::of(&mail)))
        .collect())
}

impl CaughtMail {
    fn of(mail: &Message<'_>) -> Self {
        let text = mail.body_text(0).unwrap_or_default();
        let is_link = |line: &&str| line.starts_with("http") && line.contains("/login?token=");
        let link = text.lines().find(is_link).unwrap_or_default().to_owned();
        let (before, after) = if link.is_empty() {
            (text.as_ref(), "")
        } else {
            text.split_once(link.as_str()).unwrap_or((text.as_ref(), ""))
        };
        let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default();
        Self {
            to: to.to_owned(),
            subject: mail.subject().unwrap_or_default().to_owned(),
            date: mail.date().map(mail_parser::DateTime::to_rfc3339).unwrap_or_default(),
            before: before.to_owned(),
            after: after.to_owned(),
            link,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_that_somebody_has_deleted_has_no_mails() {
        let folder = tempfile::tempdir().unwrap();
        let page = show(folder.path().join("gone")).await;
        assert_eq!(page.status(), StatusCode::OK);
    }
}
