//! What is counted for operators, in the Prometheus text format.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::domain::login_link::Death;
use crate::domain::timestamp::Timestamp;
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
pub struct Answer {
    /// The route's pattern, never the path: a path may hold a secret.
    pub route: String,
    /// The status code.
    pub status: u16,
}

/// Which version runs.
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
    /// Answers, by route and status.
    pub answers: Family<Answer, Counter>,
    /// Seconds from request to answer.
    pub latency: Histogram,
    /// Bytes of memory that this process has now.
    resident: Gauge,
    /// When it was started, in seconds since 1970.
    started: Gauge<f64, AtomicU64>,
    registry: Registry,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Registry::default();
        let (resident, started) = (Gauge::default(), Gauge::default());
        all.register("process_resident_memory_bytes", "Resident memory size in bytes", resident.clone());
        all.register(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds",
            started.clone(),
        );
        let registry = all.sub_registry_with_prefix("doorkey");
        let build = Family::<Build, Gauge>::default();
        build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "The version that runs, and always 1", build);
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
            answers: Family::default(),
            latency,
            resident,
            started,
            registry: Registry::default(),
        };
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
        registry.register("http_answers", "Answers, by route and status", metrics.answers.clone());
        registry.register("http_answer_seconds", "Seconds from request to answer", metrics.latency.clone());
        // Zeroes show that a thing is counted at all.
        for refusal in
            [Refusal::UserNotFound, Refusal::StaffUser, Refusal::TwoFactorEnabled, Refusal::UserDisabled]
        {
            let _ = metrics.refused.get_or_create(&refusal.code().into());
        }
        for death in Death::ALL {
            let _ = metrics.dead_tokens.get_or_create(&death.reason().into());
        }
        for limit in ["login_misses", "auth_failures", "key_requests"] {
            let _ = metrics.limited.get_or_create(&limit.into());
        }
        Self { registry: all, ..metrics }
    }
}

impl Metrics {
    /// Tells when this process was started.
    pub fn start(&self, now: Timestamp) {
        let millis = u32::try_from(now.millis() % 1000).unwrap_or_default();
        let seconds = u32::try_from(now.millis() / 1000).unwrap_or_default();
        self.started.set(f64::from(seconds) + f64::from(millis) / 1000.0);
    }

    /// Everything in the Prometheus text format.
    pub fn text(&self) -> String {
        if let Some(bytes) = resident_bytes() {
            self.resident.set(bytes);
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        in_prometheus_text(&text)
    }
}

/// What the kernel says of this process's memory. None where it says nothing.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let told = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = told.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// `OpenMetrics` in the older text format, which every scraper reads: there a counter is called in full where it is told what it
/// is, and there are neither units nor an end.
fn in_prometheus_text(open: &str) -> String {
    let (mut text, mut help) = (String::with_capacity(open.len()), "");
    for line in open.lines() {
        // Writing to a string cannot fail.
        let _ = if let Some(told) = line.strip_prefix("# HELP ") {
            help = told;
            Ok(())
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|told| told.split_once(' '))
        {
            let total = if kind == "counter" { "_total" } else { "" };
            let help = help.strip_prefix(name).unwrap_or_default();
            writeln!(text, "# HELP {name}{total}{help}\n# TYPE {name}{total} {kind}")
        } else if line.starts_with('#') {
            Ok(())
        } else {
            writeln!(text, "{line}")
        };
    }
    text
}
