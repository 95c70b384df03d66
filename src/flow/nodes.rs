//! One node of several: whether it may issue and redeem, and that the others know of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::app::App;
use crate::domain::node::{Node, Unfit, judge_clock};
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

/// Looks whether this node has every key that the database rests on, and whether its clock is right.
///
/// # Errors
/// `StoreError` if the store cannot be asked: nothing is known then that was not known before.
pub async fn look(app: &App) -> Result<Result<(), Unfit>, StoreError> {
    let before = app.clock.now();
    let footing = app.store.find_footing().await?;
    let after = app.clock.now();
    let has = |fingerprint| app.keys.all().any(|key| key.fingerprint == fingerprint);
    let judged = if footing.fingerprints.into_iter().all(has) {
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
    Ok(judged)
}

/// Tells the others that this node is there, and which keys it has.
///
/// # Errors
/// `StoreError` if it could not be committed.
pub async fn report(app: &App) -> Result<(), StoreError> {
    let keys = app.keys.all().map(|key| key.id).collect();
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
