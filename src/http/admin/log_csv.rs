//! The log as a file: CSV (RFC 4180) that no spreadsheet takes for formulas, sent in pieces as it is read.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::desk::{Desk, SeeLogs};
use super::error::Problem;
use super::log_filter::LogFilter;
use super::logs;
use crate::app::App;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::admin::looks::Look;
use crate::store::{AuditFilter, AuditPiece, ListError, ListedEntry};

/// Rows of a file at most.
const MAX_ROWS: i64 = 100_000;

/// Rows that are read at once: what a slow reader keeps in memory.
const PIECE: i64 = 500;

/// How often a piece is tried when others read as many lists as may be read.
const MAX_ATTEMPTS: usize = 6;

const COLUMNS: [&str; 7] = ["id", "time", "event", "user_id", "actor", "request_id", "data"];

/// `GET /w/W/logs.csv`: the entries that the filters let through, newest first.
pub(in crate::http) async fn download(desk: Desk<SeeLogs>) -> Result<Response, Problem> {
    let filter = LogFilter::of(&desk.query);
    if filter.is_wrong() {
        return Ok(logs::refuse(&desk, filter));
    }
    let looked = (Look::LogFile, filter.means.user, None);
    flow::admin::looks::looked(&desk.app, &desk.workspace, &desk.act, looked).await?;
    let mut reader = Reader {
        app: desk.app.clone(),
        workspace: desk.workspace.clone(),
        filter: filter.means,
        place: Place::From(None),
        left: MAX_ROWS,
    };
    // Whatever keeps the log from being read is said before a file begins. That waits for one piece, and for no row.
    let first = reader.next().await?.unwrap_or_default();
    let begin = [header_line(), first].concat();
    let rest = stream::try_unfold(reader, |mut reader| async move {
        let piece = reader.next_lines().await.inspect_err(|error| {
            tracing::warn!(%error, "a log that is sent as a file ends early");
        })?;
        Ok::<_, ListError>(piece.map(|bytes| (Bytes::from(bytes), reader)))
    });
    let begin = stream::iter([Ok(Bytes::from(begin))]);
    let body = Body::from_stream(begin.chain(rest));
    let name = HeaderValue::from_static("attachment; filename=\"logs.csv\"");
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], body).into_response())
}

/// Where the next piece begins.
enum Place {
    From(Option<Uuid>),
    End,
}

/// Reads the log piece by piece. Between two pieces it keeps nobody from lists.
struct Reader {
    app: App,
    workspace: Workspace,
    filter: AuditFilter,
    place: Place,
    left: i64,
}

impl Reader {
    /// The lines of the next piece, of which there may be none; `None` behind the last piece.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ListError> {
        let Place::From(before) = self.place else { return Ok(None) };
        let piece = self.piece(before).await?;
        self.left -= i64::try_from(piece.rows.len()).unwrap_or(i64::MAX);
        self.place = match piece.next {
            Some(next) if self.left > 0 => Place::From(Some(next)),
            Some(_) | None => Place::End,
        };
        Ok(Some(lines(&piece.rows)))
    }

    /// The next lines, however many pieces without any come first; `None` behind the last of them.
    async fn next_lines(&mut self) -> Result<Option<Vec<u8>>, ListError> {
        while let Some(lines) = self.next().await? {
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
        }
        Ok(None)
    }

    async fn piece(&self, before: Option<Uuid>) -> Result<AuditPiece, ListError> {
        let from = (before, self.left.min(PIECE));
        let mut attempts = 1;
        loop {
            match flow::lists::permit(&self.app, &self.workspace).await {
                Ok(permit) => return flow::audit_log::next(&self.app, &permit, &self.filter, from).await,
                // The caller has had rows already, and waits for the others.
                Err(ListError::Busy) if before.is_some() && attempts < MAX_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

fn header_line() -> Vec<u8> {
    csv_of(std::iter::once(COLUMNS.map(str::to_owned)))
}

fn lines(entries: &[ListedEntry]) -> Vec<u8> {
    csv_of(entries.iter().map(|entry| {
        let cells = [
            entry.id.to_string(),
            entry.time.to_string(),
            entry.event.clone(),
            entry.user_id.map(|user| user.number().to_string()).unwrap_or_default(),
            entry.actor.clone(),
            entry.request_id.to_string(),
            entry.data.as_str().to_owned(),
        ];
        cells.map(harmless)
    }))
}

fn csv_of(rows: impl Iterator<Item = [String; 7]>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        // Writing to memory cannot fail.
        let _ = writer.write_record(row);
    }
    writer.into_inner().unwrap_or_default()
}

/// A cell that a spreadsheet takes for text: what begins as formulas do has `'` before it.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert_eq!(harmless(cell.to_owned()), format!("'{cell}"));
        }
        for cell in ["", "a=b", "'x", " =1", "{\"a\":\"=1\"}"] {
            assert_eq!(harmless(cell.to_owned()), cell);
        }
    }
}
