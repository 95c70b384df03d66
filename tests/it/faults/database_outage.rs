//! What becomes of requests when PostgreSQL is frozen, gone, another one, or not itself.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};

use crate::support::cluster::Cluster;
use crate::support::http_client::{HttpClient, Page};
use crate::support::pooler::Pooler;
use crate::support::server::{Server, regular, visitor};
use crate::support::wait::until_so;

/// How long a node may take to find its database again before the test fails; 5 s are promised.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A node, what was acknowledged there, and somebody who is about to press the button.
struct ServerFixture {
    server: Server,
    /// The link of user 1.
    link: String,
    /// Signed in as user 2.
    person: HttpClient,
    /// Looks at the link of user 3.
    presser: HttpClient,
    page: Page,
    client: Client,
}

impl ServerFixture {
    async fn on(url: String) -> Self {
        let mut server = Server::prepare_at(url);
        server.serve_with(&[]);
        for name in ["ada", "bob", "cyd", "dan"] {
            server.add_client(&format!("{name}@x.test"), name, "X");
        }
        let link = server.ask_for_link(1).await;
        let (mut person, mut presser) = (HttpClient::arrives(), HttpClient::arrives());
        person.sign_in(&server, &server.ask_for_link(2).await).await;
        let page = presser.open(&server.ask_for_link(3).await).await;
        // Five seconds are promised; the rest is for a machine that is busy with other things.
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(9)).build().unwrap();
        Self { server, link, person, presser, page, client }
    }

    /// More requests at once, of every kind, than there are connections: each gets 503, and in time.
    async fn expect_503s(&mut self) {
        let Self { server, client, person, presser, page, .. } = self;
        let api = |path: &str| client.get(server.url(path)).bearer_auth(&server.key);
        let cookie = person.session_pair();
        let verify = || client.get(server.url("/auth/verify")).header("cookie", &cookie);
        let mut asks = Vec::new();
        for _ in 0..8 {
            asks.extend([
                api("/api/login_links/1"),
                api("/api/login_links/4"),
                api("/api/clients"),
                verify(),
            ]);
        }
        let sent = asks.into_iter().map(|ask| tokio::spawn(status(ask))).collect::<Vec<_>>();
        let pressed = presser.press(server, page).await;
        assert_eq!(pressed.status, 503);
        // Two seconds are promised; the rest is for the same.
        let ready =
            client.get(server.ops_url("/readyz")).timeout(Duration::from_secs(4)).send().await.unwrap();
        assert_eq!(ready.status(), 503);
        for response in sent {
            assert_eq!(response.await.unwrap(), 503);
        }
    }

    /// Without a restart all is as it was: what was acknowledged is there, and new things can be made.
    async fn expect_recovery(&mut self) {
        let ask = || self.client.get(self.server.url("/api/login_links/1")).bearer_auth(&self.server.key);
        let is_ready = || status(self.client.get(self.server.ops_url("/readyz")));
        let both = async || status(ask()).await == 200 && is_ready().await == 200;
        let complaint = || format!("it does not find its database again:\n{}", self.server.log());
        until_so(TIMEOUT, both, complaint).await;
        assert_eq!(self.server.ask_for_link(1).await, self.link);
        assert!(self.person.is_signed_in(&self.server).await);
        assert_eq!(self.server.call("DELETE", "/api/login_links/4").await.status(), 204);
        self.server.ask_for_link(4).await;
    }

    /// Pressed before or not, the button leads somewhere: a press whose answer was lost is repeated.
    async fn press_again(&mut self) {
        assert_eq!(self.presser.press(&self.server, &self.page).await.status, 303);
    }
}

async fn status(ask: RequestBuilder) -> u16 {
    ask.send().await.unwrap().status().as_u16()
}

/// Frozen, gone, back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_is_frozen_or_gone_costs_503s_and_nothing_else() {
    let mut cluster = Cluster::start();
    let mut scene = ServerFixture::on(cluster.url()).await;

    cluster.freeze();
    scene.expect_503s().await;
    cluster.thaw();
    scene.expect_recovery().await;
    scene.press_again().await;

    cluster.kill();
    scene.expect_503s().await;
    cluster.start_again();
    scene.expect_recovery().await;
    scene.press_again().await;
}

/// The standby is named first and passed over, until it is the one that takes writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_failover_all_that_was_acknowledged_is_there() {
    let mut primary = Cluster::start();
    let standby = primary.standby();
    let sql = "ALTER SYSTEM SET synchronous_standby_names = '*';\nSELECT pg_reload_conf();";
    crate::support::database::psql(&primary.url(), sql);
    let hosts = format!("{},{}", standby.address(), primary.address());
    let mut scene = ServerFixture::on(primary.url().replace(&primary.address(), &hosts)).await;

    primary.kill();
    standby.promote();
    scene.expect_recovery().await;
    scene.press_again().await;

    // The old one comes back as if nothing had been: it is not asked any more.
    primary.start_again();
    scene.expect_recovery().await;
}

/// The old primary hangs, and every connection to it with it; the standby takes over.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_primary_that_hangs_is_left_for_the_standby_that_took_over() {
    let primary = Cluster::start();
    let standby = primary.standby();
    let sql = "ALTER SYSTEM SET synchronous_standby_names = '*';\nSELECT pg_reload_conf();";
    crate::support::database::psql(&primary.url(), sql);
    let hosts = format!("{},{}", primary.address(), standby.address());
    let mut scene = ServerFixture::on(primary.url().replace(&primary.address(), &hosts)).await;

    primary.freeze();
    standby.promote();
    scene.expect_recovery().await;
    scene.press_again().await;
}

/// Debian's pgbouncer, both ways.
#[tokio::test]
async fn a_pooler_that_hands_out_servers_by_transaction_is_refused_with_a_sentence() {
    let cluster = Cluster::start();
    let mut server = Server::prepare_at(cluster.url());
    let pooler = Pooler::start(&cluster, "transaction");

    for _ in 0..2 {
        let complaint = server.refused(&["workspace", "list"], &[("DOORKEY_DATABASE", &pooler.url())]);
        assert!(complaint.contains("pool_mode = session"), "{complaint}");
    }
    let settings =
        "SELECT current_setting('statement_timeout'), current_setting('default_transaction_read_only')";
    assert_eq!(crate::support::database::psql(&pooler.url(), settings).trim(), "0\u{1f}off");
    drop(pooler);

    let pooler = Pooler::start(&cluster, "session");
    server.serve_with(&[("DOORKEY_DATABASE", &pooler.url())]);
    let ada = server.add_client("ada@x.test", "Ada", "X");
    let link = server.ask_for_link(ada).await;
    HttpClient::with(&regular()).sign_in(&server, &link).await;
    assert_eq!(visitor().get(server.ops_url("/readyz")).send().await.unwrap().status(), 200);
    server.stop();
}
