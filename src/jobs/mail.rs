//! Mail: asks are looked at, and what waits in the outbox is sent.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::ticks::every;
use crate::app::{App, MailSetup};
use crate::flow::mail::delivery;
use crate::flow::self_service::answer;
use crate::store::{OutboxItem, StoreError};

/// From one look to the next. Asks are looked at in one go, so that what follows one that leads to a mail is no different from what
/// follows another.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Looks at asks.
pub(super) async fn answer_asks(app: &App) {
    let mut ticks = every(LOOK_EVERY);
    while app.mail.is_some() {
        ticks.tick().await;
        if let Err(error) = answer::answer_waiting(app).await {
            warn(&error, "asks for a link could not be looked at");
        }
    }
}

/// Sends what is due. However slow a mail server is, no more than so many mails wait for it at once; none is begun once the server
/// stops.
pub(super) async fn deliver(app: &App) {
    let Some(setup) = app.mail.clone() else { return };
    let mut ticks = every(LOOK_EVERY);
    let has_room = Arc::new(Notify::new());
    loop {
        // What has ended makes room at once, where more is waiting than one look takes.
        tokio::select! {
            _ = ticks.tick() => {}
            () = has_room.notified() => {}
        }
        let room = setup.sending.available_permits();
        if room == 0 {
            continue;
        }
        match delivery::take_due(app, room).await {
            Ok(items) => items.into_iter().for_each(|item| begin(app, &setup, item, Arc::clone(&has_room))),
            Err(error) => warn(&error, "the outbox could not be looked at"),
        }
    }
}

/// Sends one mail on a task of its own, unless the server stops at this moment: then it waits for another node.
fn begin(app: &App, setup: &MailSetup, item: OutboxItem, has_room: Arc<Notify>) {
    let Ok(permit) = Arc::clone(&setup.sending).try_acquire_owned() else { return };
    let app = app.clone();
    tokio::spawn(async move {
        if let Err(error) = delivery::deliver(&app, item).await {
            warn(&error, "it could not be written down what became of a mail");
        }
        drop(permit);
        has_room.notify_one();
    });
}

fn warn(error: &StoreError, what: &'static str) {
    tracing::warn!(%error, "{what}");
}
