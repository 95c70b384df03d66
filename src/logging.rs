//! The log of a server: lines on standard error, written by a thread of their own.

use std::fmt::{self, Write as _};
use std::io::{self, BufWriter};
use std::thread::sleep;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock::Clock;
use crate::config::LogFormat;
use crate::http;

/// Lines that may wait to be written; further ones are lost.
const MAX_WAITING: usize = 16_384;

/// Bytes that are written at once at most.
const MAX_WRITE: usize = 1 << 16;

/// How long lines are gathered after some were written.
const GATHERING: Duration = Duration::from_millis(5);

/// Writes log lines to standard error; `RUST_LOG` says which. What still waits is written when the guard is dropped.
///
/// No request waits for whoever reads the log: a reader that falls behind loses lines, not the server its time.
pub(crate) fn start(format: LogFormat) -> WorkerGuard {
    let wished = std::env::var("RUST_LOG").map_or_else(|_| Ok(Targets::new()), |wished| wished.parse());
    let wrong = wished.as_ref().err().map(ToString::to_string);
    let chosen = wished.unwrap_or_default();
    let level = chosen.default_level().unwrap_or(LevelFilter::INFO);
    let writer = NonBlockingBuilder::default().thread_name("doorkey-log").buffered_lines_limit(MAX_WAITING);
    let gathered = BatchedWriter(BufWriter::with_capacity(MAX_WRITE, io::stderr()));
    let (writer, guard) = writer.lossy(true).finish(gathered);
    // A log that nobody reads any more must not bring the server down, so its own errors are not logged.
    let lines = tracing_subscriber::fmt::layer().event_format(Lines(format)).with_writer(writer);
    let log = tracing_subscriber::registry().with(lines.log_internal_errors(false));
    // A second start in one process, as in tests, keeps the first.
    let _ = log.with(chosen.with_default(level)).try_init();
    log_panics();
    if let Some(error) = wrong {
        tracing::warn!(error, "RUST_LOG is not understood; it is written like info,doorkey=debug");
    }
    guard
}

/// How a line is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Lines(pub LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut text: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (now, about) = (Clock::System.now(), event.metadata());
        let (level, target) = (about.level().as_str(), about.target());
        if self.0 == LogFormat::Text {
            write!(text, "{now} {level:>5} {target}:")?;
        } else {
            write!(text, r#"{{"timestamp":"{now}","level":"{level}","target":"{target}","fields":{{"#)?;
        }
        let mut line = Line { text, format: self.0, is_begun: false, written: Ok(()) };
        event.record(&mut line);
        if let Some(request) = http::current_request_id() {
            line.add("request", format_args!("{request}"), false);
        }
        line.written?;
        line.text.write_str(if self.0 == LogFormat::Json { "}}\n" } else { "\n" })
    }
}

/// A line on its way. Whatever a value holds, the line stays one line.
struct Line<'w> {
    text: Writer<'w>,
    format: LogFormat,
    is_begun: bool,
    written: fmt::Result,
}

impl Line<'_> {
    /// Adds `status=200`, or `"status":200`.
    fn add(&mut self, name: &str, value: fmt::Arguments<'_>, is_number: bool) {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let mut write = || match self.format {
            LogFormat::Text => {
                self.text.write_char(' ')?;
                if name != "message" {
                    self.text.write_str(name)?;
                    self.text.write_char('=')?;
                }
                Escaped(&mut self.text, self.format).write_fmt(value)
            }
            LogFormat::Json => {
                let (comma, quote) = (if is_first { "" } else { "," }, if is_number { "" } else { "\"" });
                write!(self.text, r#"{comma}"{name}":{quote}"#)?;
                Escaped(&mut self.text, self.format).write_fmt(value)?;
                self.text.write_str(quote)
            }
        };
        self.written = self.written.and(write());
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), format_args!("{value:?}"), false);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match self.format {
            LogFormat::Text if !is_plain(value, LogFormat::Json) => self.record_debug(field, &value),
            // As `Debug` writes it, in fewer steps: most texts are such.
            LogFormat::Text => self.add(field.name(), format_args!("\"{value}\""), false),
            LogFormat::Json => self.add(field.name(), format_args!("{value}"), false),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), format_args!("{value}"), true);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), format_args!("{value}"), true);
    }
}

/// Escapes control characters, which could end a line or steer a terminal, and in JSON what else may not stand in a string
/// (RFC 8259, section 7).
struct Escaped<'a, 'b>(&'a mut Writer<'b>, LogFormat);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if is_plain(text, self.1) {
            return self.0.write_str(text);
        }
        text.chars().try_for_each(|character| match self.1 {
            LogFormat::Text if character.is_control() => write!(self.0, "{}", character.escape_default()),
            LogFormat::Json if matches!(character, '"' | '\\') => write!(self.0, "\\{character}"),
            LogFormat::Json if character.is_control() => write!(self.0, "\\u{:04x}", u32::from(character)),
            LogFormat::Text | LogFormat::Json => self.0.write_char(character),
        })
    }
}

/// Whether a text needs no escapes: in JSON, quotes and backslashes do.
fn is_plain(text: &str, format: LogFormat) -> bool {
    let is_special = |byte| format == LogFormat::Json && matches!(byte, b'"' | b'\\');
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !is_special(byte))
}

/// A panic is logged as everything else is: in one line, in the format that was asked for.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic: this is a bug, please report it");
    }));
}

/// Writes what there is, then waits a moment: the lines of a busy server are written many at once, those of an idle one
/// at once.
struct BatchedWriter(BufWriter<io::Stderr>);

impl io::Write for BatchedWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        sleep(GATHERING);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat, fill: impl Fn(&mut Line<'_>)) -> String {
        let mut text = String::new();
        let mut line = Line { text: Writer::new(&mut text), format, is_begun: false, written: Ok(()) };
        fill(&mut line);
        line.written.unwrap();
        text
    }

    #[test]
    fn a_value_cannot_begin_a_line_of_its_own() {
        let add = |line: &mut Line<'_>| line.add("path", format_args!("a\nb\u{1b}[31mé\r"), false);

        assert_eq!(line(LogFormat::Text, add), r" path=a\nb\u{1b}[31mé\r");
    }

    #[test]
    fn a_value_cannot_end_its_json() {
        let value = "a\"b\\c\nd\u{1b}é\u{85}";
        let add = |line: &mut Line<'_>| {
            line.add("message", format_args!("{value}"), false);
            line.add("status", format_args!("{}", 200), true);
        };

        let json: serde_json::Value =
            serde_json::from_str(&format!("{{{}}}", line(LogFormat::Json, add))).unwrap();

        assert_eq!(json, serde_json::json!({ "message": value, "status": 200 }));
    }
}
