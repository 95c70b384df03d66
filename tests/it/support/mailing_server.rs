//! A server that mails into its folder, and the mails that it has sent.

use std::time::Duration;

use super::mailbox::{Mail, mails_in};
use super::server::Server;
use super::wait::until_so;

/// How long a mail may take; on its way it is within a second.
const PATIENCE: Duration = Duration::from_secs(15);

impl Server {
    /// A server with a workspace of this name that mails into its folder.
    pub fn start_mailing(workspace: &str) -> Self {
        let mut server = Self::prepare(workspace);
        server.serve_mailing();
        server
    }

    /// Serves, and mails into its folder.
    pub fn serve_mailing(&mut self) {
        let folder = format!("file:{}", self.path("mail").display());
        self.serve_with(&[
            ("DOORKEY_SMTP", &folder),
            ("DOORKEY_MAIL_FROM", "login@example.com"),
            ("DOORKEY_ASKS_PER_SOURCE", "off"),
        ]);
    }

    /// The mails that it has sent, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        mails_in(&self.path("mail"))
    }

    /// Waits for the mail after the first `before`.
    pub async fn next_mail(&self, before: usize) -> Mail {
        let is_there = async || self.mails().len() > before;
        until_so(PATIENCE, is_there, || format!("no mail came:\n{}", self.log())).await;
        self.mails()[before].clone()
    }
}
