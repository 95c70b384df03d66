//! The load of `bench/run`: does what a plan says and prints, as JSON, how it went.
//!
//! It can do what common generators cannot: follow a link to its button with the page's cookie, use every token once,
//! keep a rate, and hold each answer against the status that was expected. It runs on one thread, and ends early, with its
//! report, on SIGTERM.

mod connection;
mod order;
mod plan;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use connection::{Answer, Connection};
use plan::{Action, Plan, Step, Then};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

/// After so many errors a run is worth nothing.
const ENOUGH_ERRORS: usize = 100;

/// What the connections share.
struct Run {
    plan: Plan,
    begun: Instant,
    turn: AtomicUsize,
    is_over: AtomicBool,
    may_begin: Semaphore,
    errors: Mutex<Vec<String>>,
}

/// What one connection did.
#[derive(Default)]
struct Done {
    latencies: Vec<Duration>,
    requests: usize,
    saved: Vec<(usize, String)>,
}

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("give the file of the plan")?;
    let plan = Plan::read(&path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(play(plan))
}

async fn play(plan: Plan) -> Result<()> {
    let run = Arc::new(Run {
        plan,
        begun: Instant::now(),
        turn: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
        may_begin: Semaphore::new(0),
        errors: Mutex::default(),
    });
    if let Some(rate) = run.plan.rate {
        let run = Arc::clone(&run);
        std::thread::spawn(move || keep_time(&run, rate));
    }
    tokio::spawn(end_on_signal(Arc::clone(&run)));
    let addresses = run.plan.addresses.iter().copied().cycle().take(run.plan.connections);
    let connections: Vec<_> =
        addresses.map(|address| tokio::spawn(use_connection(Arc::clone(&run), address))).collect();
    let mut all = Done::default();
    for connection in connections {
        let done = connection.await?;
        all.latencies.extend(done.latencies);
        all.requests += done.requests;
        all.saved.extend(done.saved);
    }
    let seconds = run.begun.elapsed().as_secs_f64();
    save(&run.plan, &all.saved)?;
    report(&run, all, seconds)
}

/// Begins no new operation once somebody has seen enough.
async fn end_on_signal(run: Arc<Run>) {
    if let Ok(mut signals) = signal(SignalKind::terminate()) {
        signals.recv().await;
        run.end();
    }
}

/// Lets operations begin at their moments. A thread of its own, since the runtime's timers count whole milliseconds.
fn keep_time(run: &Run, rate: f64) {
    let mut given = 0;
    while !run.is_over() {
        let due = whole(run.begun.elapsed().as_secs_f64() * rate) + 1;
        run.may_begin.add_permits(due.saturating_sub(given));
        given = given.max(due);
        std::thread::sleep(Duration::from_micros(100));
    }
    run.may_begin.close();
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of operations, never negative"
)]
const fn whole(number: f64) -> usize {
    number as usize
}

#[expect(clippy::cast_precision_loss, reason = "counts of operations are far below 2^52")]
const fn real(number: usize) -> f64 {
    number as f64
}

impl Run {
    fn is_over(&self) -> bool {
        self.begun.elapsed().as_secs_f64() >= self.plan.seconds || self.is_over.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn fail(&self, error: String) {
        let mut errors = self.errors.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        errors.push(error);
        if errors.len() >= ENOUGH_ERRORS {
            self.end();
        }
    }

    /// Waits for a turn; its number and the moment from which its time counts.
    ///
    /// With a rate that is the moment at which it was due: waiting for a connection is waiting too.
    async fn turn(&self) -> Option<(usize, Instant)> {
        let Some(rate) = self.plan.rate else {
            return Some((self.turn.fetch_add(1, Ordering::Relaxed), Instant::now()));
        };
        self.may_begin.acquire().await.ok()?.forget();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Some((turn, self.begun + Duration::from_secs_f64(real(turn) / rate)))
    }
}

async fn use_connection(run: Arc<Run>, address: SocketAddr) -> Done {
    let mut connection = Connection::to(address);
    let mut done = Done::default();
    while !run.is_over() {
        let Some((turn, due)) = run.turn().await else { break };
        let action = run.plan.action(turn);
        let Some(value) = action.values.next() else {
            run.end();
            break;
        };
        match operate(&mut connection, action, &value, &mut done).await {
            Ok(text) => {
                done.latencies.push(due.elapsed());
                if action.save.is_some() {
                    done.saved.push((turn, text));
                }
            }
            Err(error) => {
                run.fail(format!("{} {}: {error:#}", action.method, action.path));
                connection = Connection::to(address);
            }
        }
    }
    done
}

/// Does one operation; what is to be saved of it.
async fn operate(
    connection: &mut Connection,
    action: &Action,
    value: &str,
    done: &mut Done,
) -> Result<String> {
    let fill = |text: &str| text.replace("{}", value);
    let headers: Vec<_> = action.headers.iter().map(|line| fill(line)).collect();
    let ask = request((&action.method, &fill(&action.path)), &headers, &fill(&action.body));
    done.requests += 1;
    let response = connection.ask(ask.as_bytes()).await?;
    expect(&response, action.expect.as_slice())?;
    match action.then {
        Then::Nothing if !action.steps.is_empty() => {
            let mut answers = vec![whole_text(&response)];
            let mut carried = taken(&response, action.steps.first())?;
            for (number, step) in action.steps.iter().enumerate() {
                let fill = |text: &str| fill(text).replace("{1}", &carried);
                let headers: Vec<_> = step.headers.iter().map(|line| fill(line)).collect();
                let ask = request((&step.method, &fill(&step.path)), &headers, &fill(&step.body));
                done.requests += 1;
                let response = connection.ask(ask.as_bytes()).await?;
                expect(&response, step.expect.as_slice())?;
                answers.push(whole_text(&response));
                carried = taken(&response, action.steps.get(number + 1))?;
            }
            Ok(json!(answers).to_string())
        }
        Then::Nothing if action.save.is_some() => Ok(response.body.to_owned()),
        Then::Nothing => Ok(String::new()),
        Then::Confirm => {
            let confirm = confirm(&response, headers)?;
            done.requests += 1;
            let response = connection.ask(confirm.as_bytes()).await?;
            expect(&response, &[303])?;
            Ok(response.cookie("_session_").context("no session came with the confirm")?.to_owned())
        }
    }
}

fn whole_text(answer: &Answer<'_>) -> String {
    format!("{}{}", answer.head, answer.body)
}

/// What the next step takes of an answer.
fn taken(answer: &Answer<'_>, next: Option<&Step>) -> Result<String> {
    let Some(step) = next else { return Ok(String::new()) };
    let found = answer
        .after(&step.after)
        .with_context(|| format!("no `{}` in the answer: {}", step.after, answer.head))?;
    Ok(found.to_owned())
}

fn request((method, path): (&str, &str), headers: &[String], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    for line in headers {
        text.push_str(line);
        text.push_str("\r\n");
    }
    if !body.is_empty() {
        text.push_str("Content-Length: ");
        text.push_str(&body.len().to_string());
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    text
}

fn expect(response: &Answer<'_>, statuses: &[u16]) -> Result<()> {
    let (status, body) = (response.status, response.body);
    ensure!(statuses.contains(&status), "{status} instead of {statuses:?}: {body:.200}");
    Ok(())
}

/// The request that the button of the page would send.
fn confirm(page: &Answer<'_>, mut headers: Vec<String>) -> Result<String> {
    let field = |name: &str| {
        let (_, rest) = page.body.split_once(&format!("name=\"{name}\" value=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    let (Some(token), Some(proof)) = (field("token"), field("proof")) else { bail!("the page has no form") };
    let cookie = page.cookie("_browser").ok_or_else(|| anyhow!("the page sets no cookie"))?;
    headers.push(format!("Cookie: {cookie}"));
    headers.push("Content-Type: application/x-www-form-urlencoded".to_owned());
    Ok(request(("POST", "/login"), &headers, &format!("token={token}&proof={proof}")))
}

fn save(plan: &Plan, lines: &[(usize, String)]) -> Result<()> {
    for action in &plan.actions {
        let Some(path) = &action.save else { continue };
        let mut file = BufWriter::new(File::create(path)?);
        for (_, line) in lines.iter().filter(|(turn, _)| std::ptr::eq(plan.action(*turn), action)) {
            writeln!(file, "{line}")?;
        }
        file.flush()?;
    }
    Ok(())
}

fn report(run: &Run, mut all: Done, seconds: f64) -> Result<()> {
    all.latencies.sort_unstable();
    let at = |part: f64| {
        let place = whole(real(all.latencies.len()) * part).min(all.latencies.len().saturating_sub(1));
        all.latencies.get(place).map(|latency| latency.as_secs_f64() * 1e3)
    };
    let errors = run.errors.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let report = json!({
        "operations": all.latencies.len(),
        "requests": all.requests,
        "seconds": seconds,
        "errors": errors.len(),
        "first_error": errors.first(),
        "milliseconds": { "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1.0) },
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}
