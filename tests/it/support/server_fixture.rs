//! The release binary under faults: killed, out of disk, out of descriptors, with a clock that jumps.
//!
//! Clients record what was acknowledged, and that is compared with what is so afterwards. Each test fails if
//! nothing was hurt. What was tried and seen goes into a file for each, a row of `docs/reliability.md`.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use super::acknowledged_ops::{BackOffice, Entry, LoadClients};
use super::consistency;
use super::database::Database;
use super::figures::Figures;
use super::server::Server;

/// How long something may take before a test fails.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Clients at work at once.
pub const CLIENTS: usize = 6;

/// A server and those who use it.
pub struct ServerFixture {
    pub server: Server,
    pub office: BackOffice,
}

impl ServerFixture {
    pub fn start() -> Self {
        Self::serve(Server::prepare("Acme"))
    }

    pub fn on(database: Database) -> Self {
        Self::serve(Server::prepare_on(database))
    }

    pub fn serve(mut server: Server) -> Self {
        server.serve_with(&[]);
        let office = BackOffice::of(vec![server.port], &server.key);
        Self { server, office }
    }

    pub fn crowd(&self) -> LoadClients {
        LoadClients::begin(&self.office, CLIENTS)
    }

    /// Somebody who is signed in, and a link that nobody opened.
    pub async fn witness(&self) -> SignedInProbe {
        let user = self.office.add_client().await.unwrap();
        let (link, _) = self.office.ask_for_link(user).await.unwrap();
        let button = self.office.find_button(&link).await.unwrap();
        let session = self.office.press(&button).await.unwrap();
        let waiting = self.office.add_client().await.unwrap();
        let (link, _) = self.office.ask_for_link(waiting).await.unwrap();
        SignedInProbe { session, waiting, link }
    }

    /// Everything acknowledged is so, and the books balance.
    pub async fn settle(&self, entries: &mut [Entry], figures: &mut Figures) {
        figures.acknowledge(entries);
        figures.lose(self.office.complaints(entries).await);
        figures.lose(consistency::complaints(&self.server.database, entries));
    }

    /// Ends it where it stands, and starts it again.
    pub fn kill_and_restart(&mut self) -> Duration {
        self.kill();
        let begun = Instant::now();
        self.server.serve_with(&[]);
        begun.elapsed()
    }

    pub fn kill(&mut self) {
        self.server.signal("KILL");
        self.has_died();
    }

    /// It was killed, and ended by nothing else.
    pub fn has_died(&mut self) {
        assert_eq!(self.server.wait_for_the_end().signal(), Some(9), "it did not die of the kill");
    }

    /// How long it takes from now until somebody's new link is acknowledged.
    pub async fn until_it_serves(&self) -> Duration {
        let begun = Instant::now();
        while self.a_new_link().await.is_none() {
            assert!(begun.elapsed() < TIMEOUT, "it does not recover:\n{}", self.server.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        begun.elapsed()
    }

    pub async fn a_new_link(&self) -> Option<String> {
        let user = self.office.add_client().await?;
        self.office.ask_for_link(user).await.map(|(link, _)| link)
    }
}

/// What was there before a fault, and must be there during it.
pub struct SignedInProbe {
    pub session: String,
    pub waiting: i64,
    pub link: String,
}

impl SignedInProbe {
    /// While nothing can be committed: nothing is acknowledged, no link is used up, and who is signed in stays so.
    pub async fn sees_503s_alone(&self, scene: &ServerFixture) {
        let office = &scene.office;
        assert_eq!(office.add_client().await, None, "a client was acknowledged");
        let button = office.find_button(&self.link).await.expect("a live link is shown");
        assert_eq!(office.press(&button).await, None, "a confirm was acknowledged");
        assert!(office.is_signed_in(&self.session).await);
    }

    /// All is as it was before; this uses the link up.
    pub async fn finds_all_as_it_was(&self, scene: &ServerFixture) {
        let office = &scene.office;
        assert_eq!(office.ask_for_link(self.waiting).await, Some((self.link.clone(), true)));
        let button = office.find_button(&self.link).await.expect("the link is live");
        assert!(office.press(&button).await.is_some());
        assert!(office.is_dead(&self.link).await);
        assert!(office.is_signed_in(&self.session).await);
    }
}
