//! One node of several: whether it may issue and redeem, and that the others know of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::app::App;
use crate::domain::node::{Node, Unfit, judge_clock};
use crate::domain::secret_key::KnownKey;
use crate::store::StoreError;

/// Looks at clock and keys between two reports.
const LOOKS: u64 = 5;

/// What a process knows of itself as one of several.
#[derive(Debug)]
pub struct ThisNode {
    id: Uuid,
    /// What the last look said.
    judged: Mutex<Result<(), Unfit>>,
}

impl Default for ThisNode {
    fn default() -> Self {
        Self { id: Uuid::now_v7(), judged: Mutex::new(Ok(())) }
    }
}

/// Whether this node may issue and redeem, as it was last seen: asked by each request that does.
///
/// # Errors
/// `Unfit` if it must not.
pub fn may_issue(app: &App) -> Result<(), Unfit> {
    *app.node.judged.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks whether this node has every key that the database rests on, and whether its clock is right. From here on it works
/// with the keys of its file, as it is now, as far as the database goes along with them.
///
/// # Errors
/// `StoreError` if the store cannot be asked: nothing is known then that was not known before.
pub async fn look(app: &App) -> Result<Result<(), Unfit>, StoreError> {
    let before = app.clock.now();
    let footing = app.store.find_footing().await?;
    let after = app.clock.now();
    let is_changed = read_file_again(app, &footing.keys);
    app.held.settle(&footing.keys);
    let in_file = app.held.in_file();
    let mut accepted = footing.keys.iter().filter(|key| key.is_accepted());
    let judged = if accepted.all(|key| in_file.has(&key.fingerprint)) {
        footing.time.map_or(Ok(()), |theirs| judge_clock(before, theirs, after))
    } else {
        Err(Unfit::LacksKey)
    };
    let last =
        std::mem::replace(&mut *app.node.judged.lock().unwrap_or_else(PoisonError::into_inner), judged);
    match (last, judged) {
        (Ok(()), Err(unfit)) => tracing::error!(%unfit, "this node issues nothing from here on"),
        (Err(_), Ok(())) => tracing::info!("this node issues again"),
        _ => {}
    }
    if is_changed && judged.is_ok() {
        // Whoever wants to use a new key waits for this.
        report(app).await?;
    }
    Ok(judged)
}

/// Whether the key file holds other keys than before.
///
/// A file that cannot be used is told of once, and changes nothing: this node goes on with the keys that it has.
fn read_file_again(app: &App, known: &[KnownKey]) -> bool {
    let read = app.held.read_again(known);
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
///
/// # Errors
/// `StoreError` if it could not be committed.
pub async fn report(app: &App) -> Result<(), StoreError> {
    let keys = app.held.in_file().all().map(|key| key.id).collect();
    app.store.report_node(&Node { id: app.node.id, keys, reported_at: app.clock.now() }).await
}

/// Tells them that it is gone.
///
/// # Errors
/// `StoreError` if it could not be committed.
pub async fn leave(app: &App) -> Result<(), StoreError> {
    app.store.remove_node(app.node.id).await
}

/// The nodes that are there.
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub async fn list(app: &App) -> Result<Vec<Node>, StoreError> {
    let now = app.clock.now();
    let mut nodes = app.store.list_nodes().await?;
    nodes.retain(|node| node.is_there(now));
    Ok(nodes)
}

/// Looks each second and reports in now and then, until it is dropped. Only who is fit reports in.
pub async fn keep(app: &App) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for second in 0_u64.. {
        seconds.tick().await;
        let told = match look(app).await {
            Ok(Ok(())) if second % LOOKS == 0 => report(app).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            tracing::warn!(%error, "this node could not look at the store, or report in");
        }
    }
}
