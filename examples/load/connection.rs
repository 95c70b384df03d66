//! One connection of a client that speaks as little HTTP/1.1 as it must, so that it takes little of the machine.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is made when it is needed.
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What came back.
pub struct Answer<'a> {
    /// The status code; 0 if there was none.
    pub status: u16,
    /// The status line and the headers.
    pub head: &'a str,
    /// The body, with its chunks as they came.
    pub body: &'a str,
}

impl Answer<'_> {
    /// A cookie that the answer sets, as `name=value`, by a part of its name.
    pub fn cookie(&self, name_part: &str) -> Option<&str> {
        let set = self.head.lines().filter_map(|line| value_of(line, "set-cookie"));
        let mut pairs = set.filter_map(|cookie| cookie.split(';').next());
        pairs.find(|pair| pair.split_once('=').is_some_and(|(name, _)| name.contains(name_part)))
    }

    /// A parameter or a value of JSON: what comes after a text, up to its end.
    pub fn after(&self, text: &str) -> Option<&str> {
        let found = [self.head, self.body].into_iter().find_map(|part| part.split_once(text));
        found?.1.split(['&', '"', '\r']).next()
    }
}

impl Connection {
    /// A connection to be.
    pub const fn to(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: Vec::new() }
    }

    /// Sends a request and takes the whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        let mut stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            stream
        };
        stream.write_all(request).await?;
        self.buffer.clear();
        let (head, is_kept) = read_answer(&mut stream, &mut self.buffer).await?;
        self.stream = is_kept.then_some(stream);
        let text = |bytes| std::str::from_utf8(bytes).map_err(io::Error::other);
        let (head, body) = (text(&self.buffer[..head])?, text(&self.buffer[head..])?);
        Ok(Answer { status: head.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0), head, body })
    }
}

/// Reads one answer; where its head ends, and whether the connection may be used again.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<(usize, bool)> {
    let head = loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, buffer).await?;
    };
    let text = std::str::from_utf8(&buffer[..head]).map_err(io::Error::other)?;
    let header = |name| text.lines().find_map(|line| value_of(line, name));
    let is_kept = !header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let is_chunked = header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let length = header("content-length").and_then(|value| value.parse::<usize>().ok());
    match length {
        Some(length) => {
            while buffer.len() < head + length {
                more(stream, buffer).await?;
            }
        }
        None if is_chunked => {
            while !buffer.ends_with(b"0\r\n\r\n") {
                more(stream, buffer).await?;
            }
        }
        None if is_kept => {}
        None => _ = stream.read_to_end(buffer).await?,
    }
    Ok((head, is_kept))
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn value_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (key, value) = line.split_once(':')?;
    key.eq_ignore_ascii_case(name).then(|| value.trim())
}
