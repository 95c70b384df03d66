//! A primary that dies, or is frozen and comes back, and its synchronous standby that takes over, under load.
//!
//! Real servers, real nodes, and clients that record what was acknowledged: whatever was acknowledged is so afterwards.

#![expect(clippy::print_stderr, reason = "how long the service was away is what a person wants to read")]

mod nodes;
mod standby_away;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use self::nodes::Nodes;
use crate::support::acknowledged_ops::{BackOffice, Entry, LoadClients, outage, tally};
use crate::support::cluster::Cluster;

/// Within this the service must be back after a switch.
const PROMISED: Duration = Duration::from_secs(30);

const NODES: usize = 3;
const CLIENTS: usize = 6;

/// How often the primary is killed: once, or as often as `./test --long` asks.
fn switches() -> usize {
    std::env::var("DOORKEY_TEST_SWITCHES").map_or(1, |count| count.parse().unwrap())
}

/// What the new primary holds must be what was acknowledged, and no link may have two sessions.
async fn settle(office: &BackOffice, primary: &Cluster, entries: &mut [Entry]) {
    let tally = tally(entries);
    for fate in ["live", "used", "killed", "signed out"] {
        assert!(tally.get(fate) > Some(&10), "too little was acknowledged to show anything: {tally:?}");
    }
    assert_eq!(office.complaints(entries).await, [""; 0]);
    let links: HashSet<_> = entries.iter().map(|entry| &entry.link).collect();
    assert_eq!(links.len(), entries.len(), "a link was given to two users");
    let twice = "SELECT count(*) FROM (SELECT 1 FROM sessions GROUP BY link_hash HAVING count(*) > 1) twice";
    assert_eq!(primary.number(twice), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_outlives_the_primary() {
    let mut primary = Cluster::start();
    let mut standby = Cluster::plan();
    standby.follow(&primary);
    let mut nodes = Nodes::start(NODES, [&primary, &standby]);
    let office = BackOffice::of(nodes.ports(), nodes.key());
    let mut outages = Vec::new();

    for switch in 0..switches() {
        if switch > 0 {
            standby.follow(&primary);
        }
        let crowd = LoadClients::begin(&office, CLIENTS);
        crowd.acknowledges(60, PROMISED).await;
        let killed_at = Instant::now();
        primary.kill();
        standby.promote();
        // What was on its way at the kill is acknowledged or not; what comes then has met the new primary.
        crowd.acknowledges(CLIENTS + 60, PROMISED).await;
        let refused = crowd.refused.load(Ordering::Relaxed);
        let mut entries = crowd.end().await;

        (primary, standby) = (standby, primary);
        assert!(refused > 0, "nobody has noticed anything");
        settle(&office, &primary, &mut entries).await;
        outages.push(outage(&entries, killed_at));
        eprintln!(
            "switch {switch}: {:?}, {refused} refused, away for {:?}",
            tally(&entries),
            outages[switch]
        );
    }

    assert!(nodes.are_the_same(), "a node has ended");
    eprintln!("away for {:?} to {:?}", outages.iter().min().unwrap(), outages.iter().max().unwrap());
}

/// A primary that was only away takes itself for the primary still. Nothing that it alone knows is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_comes_back_acknowledges_nothing() {
    let primary = Cluster::start();
    let mut standby = Cluster::plan();
    standby.follow(&primary);
    let mut nodes = Nodes::start(NODES, [&primary, &standby]);
    let office = BackOffice::of(nodes.ports(), nodes.key());
    let crowd = LoadClients::begin(&office, CLIENTS);
    crowd.acknowledges(60, PROMISED).await;

    primary.freeze();
    let frozen_at = Instant::now();
    standby.promote();
    crowd.acknowledges(CLIENTS + 60, PROMISED).await;
    primary.thaw();
    crowd.acknowledges(60, PROMISED).await;
    let refused = crowd.refused.load(Ordering::Relaxed);
    let mut entries = crowd.end().await;

    assert!(refused > 0, "nobody has noticed anything");
    settle(&office, &standby, &mut entries).await;
    assert!(nodes.are_the_same(), "a node has ended");
    // The old one is there, takes writes, and has none of its own to show: they wait for a standby that is gone.
    assert_eq!(primary.run("SELECT pg_is_in_recovery()").trim(), "f");
    let stranded = nodes.add_on(primary.url());
    let lost = BackOffice::of(vec![stranded], nodes.key());
    assert_eq!(lost.add_client().await, None, "the old primary has acknowledged something");
    let newest = entries.iter().max_by_key(|entry| entry.acknowledged_at).unwrap().user;
    assert_eq!(primary.number(&format!("SELECT count(*) FROM users WHERE id = {newest}")), 0);
    eprintln!("{:?}, {refused} refused, away for {:?}", tally(&entries), outage(&entries, frozen_at));
}
