//! What a command prints: lines and tables for people, or one JSON document.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

/// Standard output. Every way out gives an error where nobody reads any more, instead of a panic.
pub(super) struct Output {
    stdout: BufWriter<StandardOutput>,
    /// Whether JSON is wanted.
    pub(super) is_json: bool,
}

impl Output {
    pub(super) fn to_stdout(is_json: bool) -> Self {
        Self { stdout: BufWriter::new(StandardOutput(io::stdout())), is_json }
    }

    /// One line, as it is.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.stdout, "{text}")
    }

    /// A part of a line.
    pub(super) fn part(&mut self, text: &str) -> io::Result<()> {
        write!(self.stdout, "{text}")
    }

    /// One JSON document, on a line of its own.
    pub(super) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.json_part(value)?;
        writeln!(self.stdout)
    }

    /// One JSON value inside a document that is written piece by piece.
    pub(super) fn json_part(&mut self, value: &impl Serialize) -> io::Result<()> {
        Ok(serde_json::to_writer(&mut self.stdout, value)?)
    }

    /// Names and values, aligned.
    pub(super) fn facts(&mut self, facts: &[(&str, String)]) -> io::Result<()> {
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in facts {
            writeln!(self.stdout, "{}", format!("{name:width$}  {}", shown(value)).trim_end())?;
        }
        Ok(())
    }

    /// Hands on what was printed.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// The stream itself. Its errors name it: they would look like those of a file of the command.
struct StandardOutput(io::Stdout);

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(unwritten)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(unwritten)
    }
}

/// Why nothing can be printed.
#[derive(Debug, thiserror::Error)]
#[error(
    "standard output cannot be written ({0}): give it a place with room; what the command was to do may be done already, \
     so look before you run it again"
)]
struct Unwritten(io::Error);

/// An error of standard output, as a sentence and of the same kind.
pub(super) fn unwritten(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Unwritten(error))
}

/// A table that may come in pages: columns are as wide as what was seen so far.
pub(super) struct Table<const N: usize> {
    headings: Option<[&'static str; N]>,
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    pub(super) fn of(headings: [&'static str; N]) -> Self {
        Self { widths: headings.map(str::len), headings: Some(headings) }
    }

    /// Prints a page of rows, the headings above the first; nothing if there are no rows.
    pub(super) fn page(&mut self, out: &mut Output, rows: &[[String; N]]) -> io::Result<()> {
        let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| shown(cell))).collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        if let Some(headings) = self.headings.take_if(|_| !rows.is_empty()) {
            self.row(out, &headings.map(str::to_owned))?;
        }
        rows.iter().try_for_each(|row| self.row(out, row))
    }

    fn row(&self, out: &mut Output, row: &[String; N]) -> io::Result<()> {
        let cells: Vec<_> =
            row.iter().zip(self.widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        out.line(cells.join("  ").trim_end())
    }
}

/// A list of any length, printed in pieces: a table for people, or one JSON array.
pub(super) struct List<const N: usize> {
    table: Table<N>,
    count: usize,
}

impl<const N: usize> List<N> {
    pub(super) fn of(headings: [&'static str; N]) -> Self {
        Self { table: Table::of(headings), count: 0 }
    }

    /// Prints a piece: of each item its JSON, or its row.
    pub(super) fn piece<T>(
        &mut self,
        out: &mut Output,
        items: &[T],
        json: impl Fn(&mut Output, &T) -> io::Result<()>,
        row: impl Fn(&T) -> [String; N],
    ) -> io::Result<()> {
        if !out.is_json {
            self.count += items.len();
            return self.table.page(out, &items.iter().map(row).collect::<Vec<_>>());
        }
        for item in items {
            out.part(if self.count == 0 { "[" } else { "," })?;
            json(out, item)?;
            self.count += 1;
        }
        Ok(())
    }

    /// Ends the list. Where it is empty a person is told so.
    pub(super) fn end(self, out: &mut Output, empty: &str) -> io::Result<()> {
        match (out.is_json, self.count) {
            (true, 0) => out.line("[]"),
            (true, _) => out.line("]"),
            (false, 0) => out.line(empty),
            (false, _) => Ok(()),
        }
    }
}

/// A text as a terminal may show it: what a user was named must not move the cursor or turn the line round.
pub(super) fn shown(text: &str) -> String {
    let is_plain = |letter: char| {
        !letter.is_control()
            && !matches!(letter, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|letter| if is_plain(letter) { letter } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use crate::cli::output::shown;

    #[test]
    fn what_would_steer_a_terminal_is_not_shown() {
        assert_eq!(shown("Zoë\u{1b}[2J\r\n\u{202e}x"), "Zoë\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}x");
    }
}
