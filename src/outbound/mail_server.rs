//! Where mail goes: to a mail server or into a folder, and what comes back.

use std::future::Future;
use std::path::{Path, PathBuf};

use super::smtp::SmtpServer;
use super::text::for_people;
use super::{mail_folder, mime};
use crate::config::{MailConfig, MailRoute};
use crate::domain::mail::Message;
use crate::files;

pub use super::smtp::{Step, Timeouts};

/// Where mail goes.
pub struct MailServer(Kind);

enum Kind {
    Smtp(Box<SmtpServer>),
    Folder(PathBuf),
}

impl std::fmt::Debug for MailServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailServer(hidden)")
    }
}

/// Why no mail can be sent with these settings. It names the flag.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(String);

/// A mail that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The server's last reply: at most 500 bytes, without control characters.
    pub reply: String,
}

/// A mail that was not taken, with the last reply or what came instead: at most 500 bytes, without control characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SendError {
    /// Worth another try: no connection, no TLS, no AUTH, a time-out, or a reply that says so.
    Later {
        /// What came.
        reply: String,
    },
    /// Refused for good, by a 5xx to MAIL, RCPT, DATA or the mail.
    Failed {
        /// What came.
        reply: String,
    },
}

/// A mail that was sent to see whether mail goes out.
#[derive(Debug)]
pub struct Trial {
    /// What was said, in order, without secrets.
    pub steps: Vec<Step>,
    /// The last reply, or what is wrong and what to do in one sentence.
    pub outcome: Result<Sent, String>,
}

impl MailServer {
    /// Reads the files that the settings name. A server out of reach is no error, here.
    pub fn new(config: &MailConfig) -> Result<Self, SetupError> {
        Self::with_timeouts(config, Timeouts::default())
    }

    /// The same, waiting for other times.
    pub fn with_timeouts(config: &MailConfig, timeouts: Timeouts) -> Result<Self, SetupError> {
        let kind = match &config.route {
            MailRoute::Smtp(server) => {
                Kind::Smtp(Box::new(SmtpServer::new(server, timeouts).map_err(SetupError)?))
            }
            MailRoute::Folder(folder) => {
                mail_folder::prepare(folder).map_err(|error| {
                    let (shown, why) = (folder.display(), files::explain(folder, &error));
                    SetupError(format!("--smtp file:{shown}: no mail can be written into this folder: {why}"))
                })?;
                Kind::Folder(folder.clone())
            }
        };
        Ok(Self(kind))
    }

    /// Sends a mail, in one attempt, if it is still wanted once the server is ready to take it; else nothing is sent. That is asked more
    /// than once.
    pub async fn send<F: Future<Output = bool> + Send>(
        &self,
        message: &Message,
        is_wanted: impl Fn() -> F,
    ) -> Result<Option<Sent>, SendError> {
        match &self.0 {
            Kind::Smtp(server) => {
                let sent = server.send(message, is_wanted).await;
                sent.map(|reply| reply.map(|reply| Sent { reply })).map_err(|refused| {
                    let reply = refused.reply;
                    if refused.is_permanent {
                        SendError::Failed { reply }
                    } else {
                        SendError::Later { reply }
                    }
                })
            }
            Kind::Folder(folder) => {
                if !is_wanted().await {
                    return Ok(None);
                }
                let written = write(folder, message).await;
                let written = written.map_err(|why| SendError::Later { reply: for_people(&why) })?;
                Ok(Some(Sent { reply: for_people(&written) }))
            }
        }
    }

    /// Sends a mail and tells what was said. It shares no connection with others.
    pub async fn test(&self, message: &Message) -> Trial {
        match &self.0 {
            Kind::Smtp(server) => {
                let (steps, sent) = server.converse(message).await;
                let outcome = sent.map(|reply| Sent { reply }).map_err(|refused| refused.advice);
                Trial { steps, outcome }
            }
            Kind::Folder(folder) => {
                let outcome = write(folder, message).await.map(|reply| Sent { reply });
                let received = outcome.as_ref().map_or_else(Clone::clone, |sent| sent.reply.clone());
                Trial { steps: vec![Step { step: "file", sent: None, received }], outcome }
            }
        }
    }
}

async fn write(folder: &Path, message: &Message) -> Result<String, String> {
    let (at, id, mail) = (folder.to_owned(), message.id, mime::render(message, true).bytes);
    let written = tokio::task::spawn_blocking(move || mail_folder::write(&at, id, &mail)).await;
    let explained = match written {
        Ok(Ok(path)) => return Ok(format!("written to {}", path.display())),
        Ok(Err(error)) => files::explain(&folder.join("mail"), &error),
        Err(stopped) => stopped.to_string(),
    };
    Err(format!("no mail can be written into {}: {explained}", folder.display()))
}
