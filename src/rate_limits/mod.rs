//! Limits: how many dead tokens and failed keys one address may show, and how often one API key may ask.
//!
//! What is counted are misses: a token or key that is good is served whatever its address did before
//! (docs/decisions/0019-limits.md).

mod state_store;

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};

use self::state_store::BoundedStateStore;
use crate::clock::Clock;
use crate::domain::api_key::ApiKey;
use crate::domain::client_network::ClientNetwork;
use crate::domain::workspace::WorkspaceId;
use crate::metrics::Metrics;

/// Sources, or API keys, whose budgets are known at most.
const MAX_TRACKED: usize = 16_384;

/// What operators set. `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimitConfig {
    /// Dead tokens by source.
    pub login_misses_per_minute: Option<NonZeroU32>,
    /// Requests without a key that holds, by source.
    pub auth_failures_per_minute: Option<NonZeroU32>,
    /// Requests by API key.
    pub key_requests_per_second: Option<NonZeroU32>,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        let by_source = NonZeroU32::new(600);
        Self {
            login_misses_per_minute: by_source,
            auth_failures_per_minute: by_source,
            key_requests_per_second: None,
        }
    }
}

/// A budget is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many requests: try again in {seconds} s")]
pub struct RateLimited {
    /// How long to wait, in whole seconds, at least one.
    pub seconds: u64,
}

/// The budgets of this process.
#[derive(Debug)]
pub struct RateLimits {
    login_misses: Option<Limit<ClientNetwork>>,
    auth_failures: Option<Limit<ClientNetwork>>,
    key_requests: Option<Limit<(WorkspaceId, i64)>>,
    asks: Budgets<WorkspaceId>,
    asks_over_limit: Budgets<WorkspaceId>,
}

/// Asks of strangers that are kept in a second, for each workspace, and how many more at once: each is a row for an hour.
const ASKS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
const ASKS_AT_ONCE: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// The same of networks that ask too often: their browsers are shown what all others are.
const ASKS_OVER_LIMIT_PER_SECOND: NonZeroU32 = NonZeroU32::new(10).unwrap();
const ASKS_OVER_LIMIT_AT_ONCE: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

impl RateLimits {
    /// Full budgets.
    pub fn new(quotas: &RateLimitConfig, clock: &Clock) -> Self {
        Self {
            login_misses: quotas.login_misses_per_minute.map(|n| Limit::new(Quota::per_minute(n), clock)),
            auth_failures: quotas.auth_failures_per_minute.map(|n| Limit::new(Quota::per_minute(n), clock)),
            key_requests: quotas.key_requests_per_second.map(|n| Limit::new(Quota::per_second(n), clock)),
            asks: budgets(Quota::per_second(ASKS_PER_SECOND).allow_burst(ASKS_AT_ONCE), clock),
            asks_over_limit: budgets(
                Quota::per_second(ASKS_OVER_LIMIT_PER_SECOND).allow_burst(ASKS_OVER_LIMIT_AT_ONCE),
                clock,
            ),
        }
    }

    /// Takes a dead token from the budget of its source.
    pub fn check_login(&self, metrics: &Metrics, source: ClientNetwork) -> Result<(), RateLimited> {
        take(self.login_misses.as_ref(), &source, (metrics, "login_misses"), || {
            tracing::warn!("an address shows more dead tokens than it may");
        })
    }

    /// Takes a key that does not hold from the budget of its source.
    pub fn check_auth(&self, metrics: &Metrics, source: ClientNetwork) -> Result<(), RateLimited> {
        take(self.auth_failures.as_ref(), &source, (metrics, "auth_failures"), || {
            tracing::warn!("an address asks more often without a key that holds than it may");
        })
    }

    /// Takes the ask of a stranger from the budget of its workspace, if there is room for it.
    pub fn has_room_for_ask(&self, workspace: WorkspaceId) -> bool {
        self.asks.check_key(&workspace).is_ok()
    }

    /// Takes the ask of a network that asks too often from the budget of its workspace, if there is room for a row of its own.
    pub fn has_room_for_ask_over_limit(&self, workspace: WorkspaceId) -> bool {
        self.asks_over_limit.check_key(&workspace).is_ok()
    }

    /// Takes a request from the budget of its API key.
    pub fn check_key(&self, metrics: &Metrics, key: &ApiKey) -> Result<(), RateLimited> {
        take(self.key_requests.as_ref(), &(key.workspace, key.id), (metrics, "key_requests"), || {
            tracing::warn!(
                workspace = key.workspace.0,
                key = key.id,
                "an API key asks more often than it may"
            );
        })
    }
}

fn take<K: Hash + Eq + Clone>(
    limit: Option<&Limit<K>>,
    who: &K,
    (metrics, name): (&Metrics, &'static str),
    warn: impl FnOnce(),
) -> Result<(), RateLimited> {
    let Some(over) = limit.and_then(|limit| limit.take(who).err()) else { return Ok(()) };
    if over.should_warn {
        warn();
    }
    metrics.limited.get_or_create(&name.into()).inc();
    let seconds = over.wait.as_millis().div_ceil(1000).max(1);
    Err(RateLimited { seconds: seconds.try_into().unwrap_or(u64::MAX) })
}

type Budgets<K> = RateLimiter<K, BoundedStateStore<K>, Clock, NoOpMiddleware<Duration>>;

/// A budget for each of many.
#[derive(Debug)]
struct Limit<K: Hash + Eq + Clone> {
    budgets: Budgets<K>,
    /// Each is logged once a minute.
    alarms: Budgets<K>,
}

/// A budget is used up.
struct Exceeded {
    wait: Duration,
    /// Whether operators do not know of it yet.
    should_warn: bool,
}

fn budgets<K: Hash + Eq + Clone>(quota: Quota, clock: &Clock) -> Budgets<K> {
    RateLimiter::new(quota, BoundedStateStore::to(MAX_TRACKED), clock.clone())
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(quota: Quota, clock: &Clock) -> Self {
        Self { budgets: budgets(quota, clock), alarms: budgets(Quota::per_minute(NonZeroU32::MIN), clock) }
    }

    fn take(&self, who: &K) -> Result<(), Exceeded> {
        self.budgets.check_key(who).map_err(|until| Exceeded {
            wait: until.wait_time_from(self.budgets.clock().elapsed()),
            should_warn: self.alarms.check_key(who).is_ok(),
        })
    }
}

/// Budgets fill up again by a clock that nobody sets.
impl governor::clock::Clock for Clock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;
    use crate::domain::timestamp::Timestamp;

    /// So many /64 that no two are the same.
    fn sources(count: u64) -> impl Iterator<Item = ClientNetwork> {
        (1..=count).map(|n| ClientNetwork::of(IpAddr::V6(Ipv6Addr::from_bits(u128::from(n) << 64))))
    }

    fn known(limit: Limit<ClientNetwork>) -> usize {
        limit.budgets.into_state_store().len()
    }

    fn limit(per_minute: u32) -> (Limit<ClientNetwork>, Clock) {
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        (Limit::new(Quota::per_minute(NonZeroU32::new(per_minute).unwrap()), &clock), clock)
    }

    #[test]
    fn a_budget_fills_up_again_with_time() {
        let (limit, clock) = limit(60);
        let [one] = sources(1).collect::<Vec<_>>()[..] else { panic!() };
        let taken = || std::iter::repeat_with(|| limit.take(&one)).take_while(Result::is_ok).count();

        assert_eq!(taken(), 60);
        assert_eq!(limit.take(&one).err().unwrap().wait, Duration::from_secs(1));
        clock.advance(2);
        assert_eq!(taken(), 2);
        clock.advance(3_600);
        assert_eq!(taken(), 60);
        clock.advance(-7_200);
        clock.advance(1);
        assert_eq!(taken(), 1, "whoever sets the wall clock back locks somebody out");
    }

    /// O111 in large: whoever has a whole /32 of addresses costs no more memory than a few thousand people.
    #[test]
    fn however_many_addresses_come_by_memory_is_bounded_and_a_newcomer_has_a_budget() {
        let (limit, _) = limit(3);
        let flood = ClientNetwork::of("192.0.2.1".parse().unwrap());
        let mut served = 0;

        for source in sources(300_000) {
            served += u64::from(limit.take(&source).is_ok());
            let _ = limit.take(&flood);
        }

        assert_eq!(served, 300_000, "a newcomer pays for others");
        assert!(limit.take(&flood).is_err(), "who comes all the time is forgotten");
        let known = known(limit);
        assert!((MAX_TRACKED / 2..=MAX_TRACKED).contains(&known), "{known} are known");
    }

    #[test]
    fn operators_are_told_once_a_minute_of_each() {
        let (limit, clock) = limit(1);
        let news = |source: &ClientNetwork| limit.take(source).err().is_some_and(|over| over.should_warn);
        let [one, other] = sources(2).collect::<Vec<_>>()[..] else { panic!() };

        assert_eq!([(); 4].map(|()| news(&one)), [false, true, false, false]);
        assert_eq!([(); 3].map(|()| news(&other)), [false, true, false]);
        clock.advance(60);
        assert_eq!([(); 3].map(|()| news(&one)), [false, true, false]);
    }
}
