//! `doorkey serve`: the server.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use super::Context;
use crate::app::{App, MailSetup};
use crate::config::Config;
use crate::flow::operations::maintenance::Retention;
use crate::flow::operations::{checks, maintenance};
use crate::http;
use crate::http::{AdminSettings, Listeners, Settings};
use crate::jobs;
use crate::logging;
use crate::outbound::http::OutboundClient;

/// How long what was begun may go on after a stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the last counters are waited for in any case: a store that does not answer must not hold up a stop.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Connections that may wait to be taken. Whoever finds no room tries again after a second, which a burst of the usual 128
/// would see.
const BACKLOG: u32 = 1_024;

/// What the kernel holds of a connection until it is read, in bytes. Left to itself it holds megabytes, of thousands of strangers
/// too, and counts them as memory of this process.
const RECEIVE_BUFFER: u32 = 32 << 10;

pub(super) async fn run(context: &Context) -> Result<()> {
    let config = &context.config;
    let _log = logging::start(config.log);
    context.log_unknown();
    check_listeners(config)?;
    config.admin.check_proxies(&config.trusted_proxies)?;
    // The ports first: a server that cannot listen leaves no files behind.
    let public = bind(&config.listen, "--listen").await?;
    let ops = bind(&config.ops_listen, "--ops-listen").await?;
    let admin = match &config.admin.listen {
        Some(address) => Some(bind(address, "--admin-listen").await?),
        None => None,
    };
    let admin = admin.map(|listener| with_settings(listener, config)).transpose()?;
    context.check_mail()?;
    let hangups = signal(SignalKind::hangup()).context("signals cannot be waited for")?;
    let app = context.open_or_make().await?;
    checks::must_be_right(&app, &config.database).await.map_err(|wrong| anyhow!(wrong))?;
    tokio::spawn(jobs::check_health_at_hangups(app.clone(), hangups));
    serve(app, config, Listeners { public, ops: Some(ops), admin }, None).await
}

/// Refuses one address for two listeners, unless the system chooses the ports.
pub(super) fn check_listeners(config: &Config) -> Result<()> {
    ensure!(
        config.listen != config.ops_listen || config.listen.ends_with(":0"),
        "--listen and --ops-listen are both {}: give two addresses, since health and metrics are not for everybody",
        config.listen
    );
    for (address, flag) in [(&config.listen, "--listen"), (&config.ops_listen, "--ops-listen")] {
        ensure!(
            config.admin.listen.as_ref() != Some(address) || address.ends_with(":0"),
            "{flag} and --admin-listen are both {address}: give two addresses, since the admin pages are not for everybody"
        );
    }
    Ok(())
}

/// The admin listener with what is set of it.
pub(super) fn with_settings(listener: TcpListener, config: &Config) -> Result<(TcpListener, AdminSettings)> {
    let url = config.admin.origin_on(listener.local_addr()?.port()).ok_or_else(|| {
        anyhow!("nothing says where the admin pages are found: give --admin-url, where a proxy shows them")
    })?;
    let settings = AdminSettings {
        url,
        proxy_header: config.admin.proxy_header.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
    };
    Ok((listener, settings))
}

/// Serves until a signal to stop, and runs the jobs meanwhile.
pub(super) async fn serve(
    app: App,
    config: &Config,
    listeners: Listeners,
    caught_mail: Option<PathBuf>,
) -> Result<()> {
    let app = app.limited_to(&config.quotas);
    let app = match &config.mail {
        Some(mail) => app.mailing(MailSetup::new(mail)?),
        None => app,
    };
    let stop = shutdown_signal().context("signals cannot be waited for")?;
    let public = listeners.public.local_addr()?;
    let ops = listeners.ops.as_ref().map(TcpListener::local_addr).transpose()?;
    let admin = listeners.admin.as_ref().map(|(listener, _)| listener.local_addr()).transpose()?;
    let own = [Some(public), ops, admin].into_iter().flatten();
    let app = app.calling(OutboundClient::new(config.outbound_allow.clone(), own));
    let admin = listeners.admin.as_ref().map(|(_, settings)| settings.url.to_string());
    // A node that must not issue anything knows it before the first request.
    if let Err(error) = maintenance::ready(&app).await {
        let because = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(%error, because, "not ready yet");
    }
    maintenance::checkpoint(&app).await;
    let kept = Retention { audit_log: config.audit_retention, dead_links: config.dead_link_memory };
    let jobs = tokio::spawn(jobs::run(app.clone(), kept));
    let ops = ops.map_or_else(|| "none".to_owned(), |address| address.to_string());
    tracing::info!(%public, %ops, admin, "listening");
    let settings =
        Settings { trusted_proxies: config.trusted_proxies.clone(), has_docs: config.has_docs, caught_mail };
    let stopped_at = Arc::new(OnceLock::new());
    let stop = {
        let stopped_at = Arc::clone(&stopped_at);
        async move {
            stop.await;
            let _ = stopped_at.set(Instant::now());
        }
    };
    http::serve(app.clone(), settings, listeners, stop).await;
    let left =
        || SHUTDOWN_TIMEOUT.saturating_sub(stopped_at.get().map_or(SHUTDOWN_TIMEOUT, Instant::elapsed));
    if let Some(mail) = &app.mail {
        // A mail that was begun is not sent twice because of a stop.
        let _ = tokio::time::timeout(left(), mail.stop()).await;
    }
    jobs.abort();
    // It may be reporting in at this moment, and must not once this node has left.
    let _ = jobs.await;
    let because = match tokio::time::timeout(left().max(LEAVE_TIMEOUT), maintenance::leave(&app)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the store does not answer".to_owned()),
    };
    if let Some(because) = because {
        tracing::warn!(because, "the last counters of reused links could not be written down");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Listens on an address; an error names the flag to change.
pub(super) async fn bind(address: &str, flag: &str) -> Result<TcpListener> {
    listen(address).await.map_err(|error| {
        let kind = error.kind();
        if kind == io::ErrorKind::AddrInUse {
            anyhow!("{address} is taken by another program: stop it, or give another address with {flag}")
        } else if kind == io::ErrorKind::AddrNotAvailable {
            anyhow!(
                "{flag} {address}: this machine has no such address (`ip address` shows those it has); 0.0.0.0 stands for \
                 all of them"
            )
        } else if kind == io::ErrorKind::PermissionDenied {
            anyhow!("{flag} {address}: ports below 1024 are for root: give another one, and let a proxy listen there")
        } else {
            anyhow!("{flag} {address} cannot be listened on: {error}")
        }
    })
}

async fn listen(address: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "it names no address");
    for address in tokio::net::lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        // Those that are taken have it from the listener.
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Waits for SIGTERM or SIGINT, from the moment of this call on.
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
