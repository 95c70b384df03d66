//! One node of several: whether it may issue, redeem and end, and that the others know of it.

use crate::app::App;
use crate::domain::node::{Node, NodeUnhealthy, check_clock_skew};
use crate::domain::secret_key::SecretKeyRecord;
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;

/// Why nothing was ended, or nobody was told that something is over.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// This node must not.
    #[error(transparent)]
    NodeUnhealthy(#[from] NodeUnhealthy),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether this node may issue, redeem and end, as it was last seen: asked by each request that does. What ends something
/// because of the time looks anew.
pub fn is_fit(app: &App) -> Result<(), NodeUnhealthy> {
    app.node.health()
}

/// Whether what this node does not find is not there.
///
/// # Errors
/// `NodeUnhealthy` if it may be there, by a key that this node lacks.
pub fn knows_all(app: &App) -> Result<(), NodeUnhealthy> {
    is_fit(app).or_else(|unfit| if unfit.may_lack_keys() { Err(unfit) } else { Ok(()) })
}

/// Checks whether this node has every key that the database uses, and whether its clock is right. From here on it works
/// with the keys of its file, as it is now, as far as the database goes along with them.
///
/// # Errors
/// `StoreError` if the store cannot be asked: nothing is known then that was not known before.
pub async fn check_health(app: &App) -> Result<Result<(), NodeUnhealthy>, StoreError> {
    check_and_report(app).await.map(|(health, _)| health)
}

/// The same, with the time that what is over is to be swept by, if it is to be swept at all now: that of the database, or ours
/// where it has none.
pub async fn time_to_sweep(app: &App) -> Result<Option<Timestamp>, StoreError> {
    check_and_report(app).await.map(|(health, time)| time.filter(|_| health.is_ok()))
}

async fn check_and_report(app: &App) -> Result<(Result<(), NodeUnhealthy>, Option<Timestamp>), StoreError> {
    let before = app.clock.read();
    let found = app.store.find_keys_and_clock().await?;
    let after = app.clock.now();
    let is_changed = read_file_again(app, &found.keys);
    app.held.apply_database(&found.keys);
    let in_file = app.held.in_file();
    let mut accepted = found.keys.iter().filter(|key| key.is_accepted());
    let has_all = accepted.all(|key| in_file.has(&key.fingerprint));
    let (clock_health, is_calm) = {
        let mut clocks = app.node.clocks();
        let seen = clocks.see(&before, found.last_reading.as_ref());
        let theirs = found.time.filter(|_| app.clock.goes());
        let compared = theirs.map_or(Ok(()), |theirs| check_clock_skew(before.wall, theirs, after));
        (seen.and(compared), clocks.is_calm(&before))
    };
    let health = if has_all { clock_health } else { Err(NodeUnhealthy::LacksKey) };
    let last = app.node.set_health(health);
    match (last, health) {
        (Ok(()) | Err(NodeUnhealthy::NotAsked), Err(unfit)) => {
            tracing::error!(%unfit, "this node issues nothing, and ends nothing, from here on");
        }
        (Err(unfit), Ok(())) if unfit != NodeUnhealthy::NotAsked => tracing::info!("this node issues again"),
        _ => {}
    }
    if is_changed && health.is_ok() {
        // Whoever wants to use a new key waits for this.
        heartbeat(app).await?;
    }
    let time = found.time.unwrap_or(before.wall);
    Ok((health, is_calm.then_some(time)))
}

/// Whether the key file holds other keys than before.
///
/// A file that cannot be used is logged once, and changes nothing: this node goes on with the keys that it has.
fn read_file_again(app: &App, known: &[SecretKeyRecord]) -> bool {
    let read = app.held.reload_if_changed(known);
    match &read {
        Ok(false) => {}
        Ok(true) => tracing::info!("the key file was changed, and is used as it is now"),
        Err(error) => {
            tracing::error!(%error, "the changed key file is not used: this node goes on with the keys that it has");
        }
    }
    read.unwrap_or(false)
}

/// Tells the others that this node is there, and which keys it has.
pub async fn heartbeat(app: &App) -> Result<(), StoreError> {
    let keys = app.held.in_file().all().map(|key| key.id).collect();
    let clocks = app.clock.read();
    app.store.report_node(&Node { id: app.node.id, keys, reported_at: clocks.wall }, &clocks).await
}

/// Tells them that it is gone.
pub async fn deregister(app: &App) -> Result<(), StoreError> {
    app.store.remove_node(app.node.id).await
}

/// The nodes that are there.
pub async fn list(app: &App) -> Result<Vec<Node>, StoreError> {
    let now = app.clock.now();
    let mut nodes = app.store.list_nodes().await?;
    nodes.retain(|node| node.is_alive(now));
    Ok(nodes)
}
