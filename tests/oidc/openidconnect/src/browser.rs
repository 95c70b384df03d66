//! The person's part: a browser that keeps cookies, and follows where it is told to.

use anyhow::{Context, Result, bail, ensure};
use reqwest::Url;
use reqwest::blocking::{Client, Response};
use reqwest::header::{HeaderValue, LOCATION, ORIGIN};
use reqwest::redirect::Policy;

pub struct Browser(Client);

/// A page, and where it sends the browser by itself.
struct Page {
    url: Url,
    status: u16,
    next: Option<Url>,
    body: String,
}

impl Browser {
    pub fn new() -> Result<Self> {
        Ok(Self(Client::builder().cookie_store(true).redirect(Policy::none()).no_proxy().build()?))
    }

    /// Asks for `start`, is sent to the login page, opens the link, presses its button, and goes on until it is sent to
    /// `callback`. Gives that address with what stands in it.
    pub fn sign_in(&self, start: &str, link: &str, callback: &str) -> Result<Url> {
        let waiting = match self.follow(self.get(start)?, callback)? {
            Ok(back) => return Ok(back),
            Err(page) => page,
        };
        ensure!(
            waiting.url.path() == "/login"
                && waiting.url.query().is_some_and(|query| query.starts_with("return=")),
            "the request does not wait at the login page, but at {}: {}",
            waiting.url,
            waiting.body
        );
        let page = self.get(link)?;
        ensure!(page.status == 200, "the link says {}: {}", page.status, page.body);
        let fields = hidden_fields(&page.body)?;
        let address = page.url.join("/login")?;
        let origin = HeaderValue::from_str(&address.origin().ascii_serialization())?;
        let pressed = read(self.0.post(address).header(ORIGIN, origin).form(&fields).send()?)?;
        match self.follow(pressed, callback)? {
            Ok(back) => Ok(back),
            Err(page) => bail!("the way ends at {} ({}): {}", page.url, page.status, page.body),
        }
    }

    fn get(&self, url: &str) -> Result<Page> {
        read(self.0.get(url).send()?)
    }

    /// Where it is sent to the callback, that address; else the page at which it stays.
    fn follow(&self, mut page: Page, callback: &str) -> Result<Result<Url, Page>> {
        for _ in 0..10 {
            let Some(next) = page.next.take() else { return Ok(Err(page)) };
            if next.as_str().split('?').next() == Some(callback) {
                return Ok(Ok(next));
            }
            page = self.get(next.as_str())?;
        }
        bail!("round in circles, at {}", page.url)
    }
}

fn read(response: Response) -> Result<Page> {
    let (url, status) = (response.url().clone(), response.status().as_u16());
    let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let refresh = header("refresh").and_then(|value| value.split_once("url=")).map(|(_, target)| target);
    let next = header(LOCATION.as_str()).or(refresh).map(|target| url.join(target)).transpose()?;
    Ok(Page { next, url, status, body: response.text()? })
}

/// The names and values of the page's hidden fields.
fn hidden_fields(body: &str) -> Result<Vec<(&str, &str)>> {
    let inputs = body.split("<input type=\"hidden\" ").skip(1);
    let fields: Option<Vec<_>> =
        inputs.map(|input| Some((value_of(input, "name")?, value_of(input, "value")?))).collect();
    let fields = fields.context("a hidden field has no name or no value")?;
    ensure!(fields.iter().any(|(name, _)| *name == "token"), "the link shows no button: {body}");
    Ok(fields)
}

fn value_of<'a>(tag: &'a str, attribute: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!("{attribute}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}
