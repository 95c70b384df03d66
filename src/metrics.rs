//! What is counted for operators, in the Prometheus text format.

mod process;

use std::collections::BTreeSet;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::domain::login_link::LinkRejection;
use crate::domain::mail::{MailKind, MailState};
use crate::domain::user::Refusal;

/// Why something was refused.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct Reason {
    reason: &'static str,
}

impl From<&'static str> for Reason {
    fn from(reason: &'static str) -> Self {
        Self { reason }
    }
}

/// Which limit a request was beyond.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct Limited {
    limit: &'static str,
}

impl From<&'static str> for Limited {
    fn from(limit: &'static str) -> Self {
        Self { limit }
    }
}

/// Which kind of request was answered how.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct ResponseLabels {
    /// The route's pattern, never the path: a path may hold a secret.
    pub route: String,
    /// The status code.
    pub status: u16,
}

/// Which mails.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct MailLabels {
    kind: &'static str,
    state: &'static str,
}

/// What waits in the outbox.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Waiting {
    what: &'static str,
}

/// Which version this is.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// The counters of this process.
#[derive(Debug)]
pub struct Metrics {
    /// New links made.
    pub issued: Counter,
    /// Links handed out again.
    pub reused: Counter,
    /// Links refused, by the rule's word.
    pub refused: Family<Reason, Counter>,
    /// Links that signed somebody in.
    pub redeemed: Counter,
    /// Tokens that opened nothing, by cause.
    pub dead_tokens: Family<Reason, Counter>,
    /// Requests whose API key did not hold.
    pub failed_keys: Counter,
    /// Requests beyond a limit, by limit.
    pub limited: Family<Limited, Counter>,
    /// Mails that came into a state, by kind and state.
    mails: Family<MailLabels, Counter>,
    /// Mails that a limit kept back, by limit.
    pub withheld: Family<Limited, Counter>,
    /// What waits in the outbox, as it was last counted.
    waiting: Family<Waiting, Gauge>,
    /// Openings and presses that were not noted, since there was no room.
    pub openings_dropped: Counter,
    /// Refused requests of apps that were not noted, since there was no room.
    pub app_refusals_dropped: Counter,
    /// Answers, by route and status.
    pub responses: Family<ResponseLabels, Counter>,
    /// Seconds from request to answer.
    pub latency: Histogram,
    /// Read anew for each [`text`](Self::text).
    resident_memory: Gauge,
    registry: Registry,
}

impl Default for Metrics {
    fn default() -> Self {
        let latency = Histogram::new([
            0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0,
        ]);
        let metrics = Self {
            issued: Counter::default(),
            reused: Counter::default(),
            refused: Family::default(),
            redeemed: Counter::default(),
            dead_tokens: Family::default(),
            failed_keys: Counter::default(),
            limited: Family::default(),
            mails: Family::default(),
            withheld: Family::default(),
            waiting: Family::default(),
            openings_dropped: Counter::default(),
            app_refusals_dropped: Counter::default(),
            responses: Family::default(),
            latency,
            resident_memory: Gauge::default(),
            registry: Registry::default(),
        };
        let mut all = Registry::default();
        register_process(&mut all, &metrics.resident_memory);
        let registry = all.sub_registry_with_prefix("doorkey");
        registry.register("login_links_issued", "New login links made", metrics.issued.clone());
        registry.register("login_links_reused", "Login links handed out again", metrics.reused.clone());
        registry.register("login_links_refused", "Login links refused, by reason", metrics.refused.clone());
        registry.register(
            "login_links_redeemed",
            "Login links that signed somebody in",
            metrics.redeemed.clone(),
        );
        registry.register(
            "dead_tokens",
            "Tokens that opened nothing, by reason",
            metrics.dead_tokens.clone(),
        );
        registry.register("failed_keys", "Requests whose API key did not hold", metrics.failed_keys.clone());
        registry.register("limited_requests", "Requests beyond a limit, by limit", metrics.limited.clone());
        register_mail(registry, &metrics);
        register_dropped(registry, &metrics);
        registry.register("http_answers", "Answers, by route and status", metrics.responses.clone());
        registry.register("http_answer_seconds", "Seconds from request to answer", metrics.latency.clone());
        // Zeroes show that a thing is counted at all.
        for refusal in Refusal::ALL {
            let _ = metrics.refused.get_or_create(&refusal.code().into());
        }
        for death in LinkRejection::ALL {
            let _ = metrics.dead_tokens.get_or_create(&death.reason().into());
        }
        for limit in ["login_misses", "auth_failures", "key_requests"] {
            let _ = metrics.limited.get_or_create(&limit.into());
        }
        Self { registry: all, ..metrics }
    }
}

/// What there was no room to note.
fn register_dropped(registry: &mut Registry, metrics: &Metrics) {
    registry.register(
        "openings_dropped",
        "Openings and presses of links that were not noted, since there was no room",
        metrics.openings_dropped.clone(),
    );
    registry.register(
        "app_refusals_dropped",
        "Refused requests of apps that were not noted, since there was no room",
        metrics.app_refusals_dropped.clone(),
    );
}

/// What is told of mails.
fn register_mail(registry: &mut Registry, metrics: &Metrics) {
    registry.register("mails", "Mails that came into a state, by kind and state", metrics.mails.clone());
    registry.register(
        "mails_withheld",
        "Mails that people asked for and a limit kept back, by limit",
        metrics.withheld.clone(),
    );
    registry.register("outbox_waiting", "What waits to be sent, by kind", metrics.waiting.clone());
    for kind in MailKind::ALL {
        for state in MailState::ALL {
            let _ = metrics.mails(kind, state);
        }
    }
    for limit in ["address", "source", "workspace"] {
        let _ = metrics.withheld.get_or_create(&limit.into());
    }
    for what in ["mail", "logout"] {
        metrics.set_waiting(what, 0);
    }
}

/// What is told of the process itself.
fn register_process(all: &mut Registry, resident_memory: &Gauge) {
    all.register("process_resident_memory_bytes", "Resident memory size in bytes", resident_memory.clone());
    let started_at = Gauge::<i64>::default();
    started_at.set(process::started_at());
    all.register(
        "process_start_time_seconds",
        "Start time of the process since the Unix epoch in seconds",
        started_at,
    );
    let build = Family::<Build, Gauge>::default();
    build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
    all.register("doorkey_build_info", "The version that is running", build);
}

impl Metrics {
    /// The counter of mails of a kind that came into a state.
    pub fn mails(&self, kind: MailKind, state: MailState) -> Counter {
        let labels = MailLabels { kind: kind.name(), state: state.name() };
        self.mails.get_or_create(&labels).clone()
    }

    /// Says how much of a kind waits in the outbox.
    pub fn set_waiting(&self, what: &'static str, count: i64) {
        self.waiting.get_or_create(&Waiting { what }).set(count);
    }

    /// Everything in the Prometheus text format, version 0.0.4.
    pub fn text(&self) -> String {
        self.resident_memory.set(process::resident_memory());
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode_registry(&mut text, &self.registry);
        with_total(&text)
    }
}

/// `OpenMetrics` as the Prometheus text format: there the description of a counter bears the name of its samples, which
/// ends in `_total`.
fn with_total(text: &str) -> String {
    let described = |line: &str| {
        let rest = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "))?;
        rest.split_once(' ').map(|(name, _)| name.to_owned())
    };
    let is_counter = |line: &&str| line.starts_with("# TYPE ") && line.ends_with(" counter");
    let counters: BTreeSet<_> = text.lines().filter(is_counter).filter_map(described).collect();
    text.lines().fold(String::with_capacity(text.len()), |whole, line| {
        let counter = described(line).filter(|name| counters.contains(name));
        let renamed = counter.map(|name| line.replacen(&name, &format!("{name}_total"), 1));
        whole + renamed.as_deref().unwrap_or(line) + "\n"
    })
}
