//! The log of a server: lines on standard error, written by a thread of their own.

use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, IsTerminal};
use std::thread::sleep;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::clock::Clock;
use crate::config::LogFormat;

/// Lines that may wait to be written; further ones are lost.
const MOST_WAITING: usize = 16_384;

/// Bytes that are written at once at most.
const LARGEST_WRITE: usize = 1 << 16;

/// How long lines are gathered after some were written.
const GATHERING: Duration = Duration::from_millis(5);

/// Writes log lines to standard error; `RUST_LOG` says which. What still waits is written when the guard is dropped.
///
/// No request waits for whoever reads the log: a reader that falls behind loses lines, not the server its time.
pub(super) fn start(format: LogFormat) -> WorkerGuard {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let writer = NonBlockingBuilder::default().thread_name("doorkey-log").buffered_lines_limit(MOST_WAITING);
    let gathered = Gathered(BufWriter::with_capacity(LARGEST_WRITE, io::stderr()));
    let (writer, guard) = writer.lossy(true).finish(gathered);
    // A log that nobody reads any more must not bring the server down, so its own errors are not logged.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_timer(Moment).with_writer(writer);
    let log = log.log_internal_errors(false).with_ansi(io::stderr().is_terminal());
    // A second start in one process, as in tests, keeps the first.
    let _ = match format {
        LogFormat::Text => log.fmt_fields(Plain).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    log_panics();
    guard
}

/// When a line was written, in UTC.
struct Moment;

impl FormatTime for Moment {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        write!(line, "{}", Clock::System.now())
    }
}

/// The fields of a line of text: `status=200 route="/login"`. Whatever a value holds, the line stays one line.
struct Plain;

impl<'w> FormatFields<'w> for Plain {
    fn format_fields<R: RecordFields>(&self, line: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line { text: line, is_begun: false, written: Ok(()) };
        fields.record(&mut line);
        line.written
    }
}

/// A line on its way.
struct Line<'w> {
    text: Writer<'w>,
    is_begun: bool,
    written: fmt::Result,
}

impl Line<'_> {
    fn write(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let space = if self.is_begun { " " } else { "" };
        self.is_begun = true;
        let mut write = || {
            self.text.write_str(space)?;
            if field.name() != "message" {
                self.text.write_str(field.name())?;
                self.text.write_char('=')?;
            }
            OneLine(&mut self.text).write_fmt(value)
        };
        self.written = self.written.and(write());
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, format_args!("{value:?}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, format_args!("{value}"));
    }
}

/// Escapes control characters, which could end a line or steer a terminal.
struct OneLine<'a, 'b>(&'a mut Writer<'b>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return self.0.write_str(text);
        }
        text.chars().try_for_each(|character| {
            if character.is_control() {
                write!(self.0, "{}", character.escape_default())
            } else {
                self.0.write_char(character)
            }
        })
    }
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
struct Gathered(BufWriter<io::Stderr>);

impl io::Write for Gathered {
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

    #[test]
    fn a_value_cannot_begin_a_line_of_its_own() {
        let mut text = String::new();
        let mut line = Writer::new(&mut text);

        OneLine(&mut line).write_str("a\nb\u{1b}[31mé\r").unwrap();

        assert_eq!(text, r"a\nb\u{1b}[31mé\r");
    }
}
