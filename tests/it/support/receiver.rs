//! A web server of somebody else that is called, and answers as a test says: well, or badly.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How it answers.
#[derive(Clone)]
pub enum Answer {
    /// With these bytes, and closes.
    Say(String),
    /// Not at all.
    Hang,
    /// By closing the connection.
    Close,
    /// With the first bytes, and the others again and again, with a pause before each time.
    Repeat(&'static str, String, Duration),
}

impl Answer {
    pub fn status(status: &str) -> Self {
        Self::Say(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"))
    }
}

/// A running server; it ends with the test's runtime.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// Connections whose other end has gone.
    ended: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    pub async fn start(answer: Answer) -> Self {
        Self::start_at("127.0.0.1:0", answer, None).await
    }

    pub async fn start_at(address: &str, answer: Answer, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            ended: Arc::default(),
            requests: Arc::default(),
        };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let (receiver, answer, tls) = (serving.clone(), answer.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => receiver.serve(stream, &answer).await,
                        Some(tls) => match TlsAcceptor::from(tls).accept(stream).await {
                            Ok(stream) => receiver.serve(stream, &answer).await,
                            Err(_) => None,
                        },
                    };
                    receiver.ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        receiver
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    /// What came, each with its body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, answer: &Answer) -> Option<()> {
        let mut stream = BufReader::new(stream);
        let request = read_request(&mut stream).await?;
        self.requests.lock().unwrap().push(request);
        match answer {
            Answer::Close => return None,
            Answer::Hang => {}
            Answer::Say(text) => {
                stream.write_all(text.as_bytes()).await.ok()?;
                stream.flush().await.ok()?;
                stream.shutdown().await.ok()?;
            }
            Answer::Repeat(first, then, pause) => {
                stream.write_all(first.as_bytes()).await.ok()?;
                loop {
                    tokio::time::sleep(*pause).await;
                    stream.write_all(then.as_bytes()).await.ok()?;
                    stream.flush().await.ok()?;
                }
            }
        }
        // Until the other end has gone.
        stream.read_to_end(&mut Vec::new()).await.ok().map(drop)
    }
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if stream.read_line(&mut request).await.ok()? == 0 {
            return None;
        }
    }
    let length = request.to_ascii_lowercase();
    let length = length.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(request + std::str::from_utf8(&body).ok()?)
}
