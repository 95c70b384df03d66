//! Pagination: reads the query of a list, waits for its permit, and writes a page.

use std::io;

use axum::body::Body;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use super::caller::Caller;
use super::resources::{Links, List, Meta};
use crate::domain::list_query::{Field, ListQuery, Page};
use crate::flow;
use crate::http::error::Error;
use crate::http::request::params::{Params, decode};
use crate::store::{ListPermit, UnsentRoom};

/// A list with its permit, and which part of it is requested.
pub(super) struct Listing {
    pub(super) permit: ListPermit,
    pub(super) options: ListQuery,
    /// The URL of the list without parameters.
    url: String,
    /// The other parameters of the query.
    kept: String,
}

impl Listing {
    /// Reads the query, and waits for the permit.
    pub(super) async fn begin<S>(caller: &Caller<S>, uri: &Uri, fields: &[Field]) -> Result<Self, Error> {
        let query = uri.query().unwrap_or_default();
        let options = ListQuery::parse(&Params::parse(query)?.0, fields).map_err(Error::ValidationErrors)?;
        let permit = flow::lists::permit(&caller.app, &caller.workspace).await?;
        // Links are absolute: the scheme of the workspace's URL, the host and port of the request.
        let url = format!("{}://{}{}", caller.workspace.url.scheme(), caller.context.authority, uri.path());
        Ok(Self { permit, options, url, kept: kept_of(query) })
    }

    /// The response with a page, written off the serving threads, since it may be long.
    pub(super) async fn respond<T: Serialize>(
        self,
        page: Page<impl Into<T> + Send + 'static>,
    ) -> Result<Response, Error> {
        let permit = self.permit.clone();
        let written = tokio::task::spawn_blocking(move || self.written::<T>(page)).await;
        let Ok(Ok(bytes)) = written else {
            tracing::error!("a list could not be written");
            return Err(Error::Internal);
        };
        let room = permit.make_room(bytes.len()).await?;
        let json = HeaderValue::from_static("application/json");
        let body = Body::from(Bytes::from_owner(Unsent { bytes, _room: room }));
        Ok(([(header::CONTENT_TYPE, json)], body).into_response())
    }

    fn written<T: Serialize>(self, page: Page<impl Into<T>>) -> serde_json::Result<Vec<u8>> {
        let Self { options, url, kept, .. } = &self;
        let (current, total) = (options.page, page.total);
        let last = ((total + options.limit - 1) / options.limit).max(1);
        let link = |number: i64| format!("{url}?{kept}page={number}");
        let rows = i64::try_from(page.rows.len()).unwrap_or(0);
        let from = (rows > 0).then(|| options.offset() + 1);
        let links = Links {
            first: link(1),
            last: link(last),
            prev: (current > 1 && current - 1 <= last).then(|| link(current - 1)),
            next: (current < last).then(|| link(current + 1)),
        };
        let meta = Meta {
            current_page: current,
            from,
            to: from.map(|from| from + rows - 1),
            last_page: last,
            per_page: options.limit,
            total,
            path: url.clone(),
        };
        let framed = List { data: page.rows.into_iter().map(Into::<T>::into).collect(), links, meta };
        // The length is counted first: a growing buffer would take three times as much memory.
        let mut length = Length(0);
        serde_json::to_writer(&mut length, &framed)?;
        let mut bytes = Vec::with_capacity(length.0);
        serde_json::to_writer(&mut bytes, &framed)?;
        Ok(bytes)
    }
}

/// Counts the bytes that are written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A response that is not sent yet: its share of the memory is free when the last byte is handed over, or the connection closes.
struct Unsent {
    bytes: Vec<u8>,
    _room: UnsentRoom,
}

impl AsRef<[u8]> for Unsent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The other parameters, as they were sent.
fn kept_of(query: &str) -> String {
    let is_page =
        |pair: &&str| decode(pair.split('=').next().unwrap_or_default()).is_some_and(|name| name == "page");
    let others = query.split('&').filter(|pair| !pair.is_empty() && !is_page(pair));
    others.fold(String::new(), |kept, pair| kept + pair + "&")
}
