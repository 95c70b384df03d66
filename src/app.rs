//! What a request may use.

use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::config::MailConfig;
use crate::domain::email::EmailAddress;
use crate::domain::outbound::OutboundAllow;
use crate::keys::{Keyring, LiveKeyring};
use crate::lookup_cache::LookupCache;
use crate::metrics::Metrics;
use crate::node_status::NodeStatus;
use crate::outbound::http::OutboundClient;
use crate::outbound::mail_server::{MailServer, SetupError};
use crate::rate_limits::{RateLimitConfig, RateLimits};
use crate::refusal_notes::RefusalNotes;
use crate::signing_key_cache::SigningKeyCache;
use crate::store::Store;
use crate::story_notes::StoryNotes;

/// Store, clock, keys and counters, one for the whole process. A clone counts one reference: each request makes several.
#[derive(Clone, Debug)]
pub struct App(Arc<Setup>);

/// An app as it is set up: what it holds, and what it was told of the ways in and out.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What strangers, and API keys, may do how often.
    pub limits: Arc<RateLimits>,
    /// How mail goes out, where it is set up.
    pub mail: Option<Arc<MailSetup>>,
    /// The way out to URLs that others chose.
    pub outbound: Arc<OutboundClient>,
    inner: Arc<Inner>,
}

/// How mail goes out.
#[derive(Debug)]
pub struct MailSetup {
    /// Where it goes.
    pub server: MailServer,
    /// The sender of workspaces that have none of their own.
    pub from: EmailAddress,
    /// How many mails one client network may ask for in ten minutes; `None` is no limit.
    pub asks_per_source: Option<NonZeroU32>,
    /// Whoever sends a mail has a permit; a server that stops takes all of them.
    pub sending: Arc<Semaphore>,
}

/// Mails that one node sends at the same time.
const MAX_SENDING: u32 = 16;

impl MailSetup {
    /// How mail goes out with these settings.
    pub fn new(config: &MailConfig) -> Result<Self, SetupError> {
        let server = MailServer::new(config)?;
        let sending = Arc::new(Semaphore::new(MAX_SENDING as usize));
        Ok(Self { server, from: config.from.clone(), asks_per_source: config.asks_per_source, sending })
    }
}

impl MailSetup {
    /// Lets no more mails be sent, and waits for those on their way.
    pub async fn stop(&self) {
        // Nobody closes it before.
        let _all = self.sending.acquire_many(MAX_SENDING).await;
        self.sending.close();
    }
}

/// What an [`App`] holds, however it is set up.
#[derive(Debug)]
pub struct Inner {
    /// What is kept.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The secret keys, which may change while it runs.
    pub held: LiveKeyring,
    /// What is counted for operators.
    pub metrics: Metrics,
    /// Workspaces and API keys that were read before.
    pub lookup_cache: LookupCache,
    /// What this process knows of itself as one of several.
    pub node: NodeStatus,
    /// What requests have noted of links since it was last written.
    pub notes: StoryNotes,
    /// Refused requests of apps since they were last written.
    pub refusals: RefusalNotes,
    /// Signing keys that were opened before.
    pub signing_keys: SigningKeyCache,
}

impl App {
    /// An app over an open store and its keys, with the usual limits.
    pub fn new(store: Store, clock: Clock, held: LiveKeyring) -> Self {
        let (metrics, lookup_cache, node) =
            (Metrics::default(), LookupCache::default(), NodeStatus::default());
        let notes = StoryNotes::new(metrics.openings_dropped.clone());
        let refusals = RefusalNotes::new(metrics.app_refusals_dropped.clone());
        let limits = Arc::new(RateLimits::new(&RateLimitConfig::default(), &clock));
        let signing_keys = SigningKeyCache::default();
        let inner = Inner { store, clock, held, metrics, lookup_cache, node, notes, refusals, signing_keys };
        let outbound = Arc::new(OutboundClient::new(OutboundAllow::default(), []));
        Self(Arc::new(Setup { limits, mail: None, outbound, inner: Arc::new(inner) }))
    }

    /// The same app with other limits.
    pub fn limited_to(self, quotas: &RateLimitConfig) -> Self {
        let limits = Arc::new(RateLimits::new(quotas, &self.clock));
        Self(Arc::new(Setup { limits, ..Setup::clone(&self.0) }))
    }

    /// The same app, which mails.
    pub fn mailing(self, setup: MailSetup) -> Self {
        Self(Arc::new(Setup { mail: Some(Arc::new(setup)), ..Setup::clone(&self.0) }))
    }

    /// The same app, which calls URLs in this way.
    pub fn calling(self, client: OutboundClient) -> Self {
        Self(Arc::new(Setup { outbound: Arc::new(client), ..Setup::clone(&self.0) }))
    }

    /// The secret keys as they are at this moment: asked for anew by each step, and never kept over a wait.
    pub fn keys(&self) -> impl Deref<Target = Arc<Keyring>> {
        self.held.current()
    }
}

impl Deref for App {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.0
    }
}

impl Deref for Setup {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}
