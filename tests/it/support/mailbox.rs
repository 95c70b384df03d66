//! The mails that lie in a folder: those of a server that mails there, and those of an app under test, which are sent when
//! a test says so.

use std::path::{Path, PathBuf};

use doorkey::app::MailSetup;
use doorkey::config::{MailConfig, MailRoute};
use doorkey::domain::email::EmailAddress;
use doorkey::flow::mail::delivery;
use doorkey::flow::self_service::answer;
use doorkey::http;

use super::app::{TestApp, settings};

/// A mail as it lies in the folder.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The whole of it.
    pub raw: String,
}

impl Mail {
    pub fn header(&self, name: &str) -> &str {
        let line = self.raw.lines().find(|line| line.starts_with(&format!("{name}: ")));
        line.map_or("", |line| &line[name.len() + 2..])
    }

    /// The link, which stands alone on its line.
    pub fn link(&self) -> String {
        let line = self.raw.lines().find(|line| line.contains("/login?token=") && line.starts_with("http"));
        line.unwrap_or_else(|| panic!("no link: {}", self.raw)).to_owned()
    }

    /// The path and query of the link.
    pub fn path(&self) -> String {
        let link = self.link();
        let (_, rest) = link.split_once("://").unwrap();
        rest[rest.find('/').unwrap()..].to_owned()
    }

    pub fn token(&self) -> String {
        let link = self.link();
        link.split_once("token=").unwrap().1[..32].to_owned()
    }

    /// What a person reads who does not read plain text: the part behind the other one, up to the end of both.
    pub fn html(&self) -> &str {
        let (_, part) = self.raw.split_once("Content-Type: text/html").expect("no HTML");
        let begin = part.find("<!").or_else(|| part.find("<html")).expect("no document");
        let end = part.find("</html>").expect("no end of the document");
        &part[begin..end + "</html>".len()]
    }

    /// The code, which stands alone on its line: `493 028`.
    pub fn code(&self) -> Option<String> {
        let is_code = |line: &&str| {
            line.len() == 7
                && line
                    .bytes()
                    .enumerate()
                    .all(|(at, byte)| if at == 3 { byte == b' ' } else { byte.is_ascii_digit() })
        };
        self.raw.lines().find(is_code).map(|line| line.replace(' ', ""))
    }
}

/// The mails in a folder, oldest first.
pub fn mails_in(folder: &Path) -> Vec<Mail> {
    let Ok(folder) = std::fs::read_dir(folder) else { return Vec::new() };
    // The clock of a test may stand still, so their names do not tell the order.
    let mut files: Vec<_> = folder
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".eml"))
        .map(|entry| (entry.metadata().unwrap().modified().unwrap(), entry.path()))
        .collect();
    files.sort();
    files.into_iter().map(|(_, file)| Mail { raw: std::fs::read_to_string(file).unwrap() }).collect()
}

impl TestApp {
    pub fn mail_folder(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// The same app, which mails into a folder; `asks_per_source` 0 is no limit.
    pub fn mailing(self, asks_per_source: u32) -> Self {
        let config = MailConfig {
            route: MailRoute::Folder(self.mail_folder()),
            from: EmailAddress::parse("login@example.com").unwrap(),
            asks_per_source: std::num::NonZeroU32::new(asks_per_source),
        };
        let app = self.app.clone().mailing(MailSetup::new(&config).unwrap());
        Self { router: http::router(app.clone(), settings()), app, ..self }
    }

    /// Looks at every ask that waits, and sends what is due by the clock of the test.
    pub async fn deliver(&self) {
        while answer::answer_waiting(&self.app).await.unwrap() > 0 {}
        loop {
            let due = delivery::take_due(&self.app, 100).await.unwrap();
            if due.is_empty() {
                break;
            }
            for item in due {
                delivery::deliver(&self.app, item).await.unwrap();
            }
        }
    }

    /// The mails that were sent, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        mails_in(&self.mail_folder())
    }

    /// Delivers, and gives the mails that were sent since there were `before`.
    pub async fn new_mails(&self, before: usize) -> Vec<Mail> {
        self.deliver().await;
        self.mails().split_off(before)
    }
}
