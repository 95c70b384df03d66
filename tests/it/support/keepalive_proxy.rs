//! An nginx that keeps its connections to doorkey, as `docs/scale-out.md` has it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::server::{Server, free_port};

const NGINX: &str = "daemon off; master_process off; pid FOLDER/nginx.pid; error_log FOLDER/nginx-error.log;
events {}
http {
    access_log off;
    client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
    upstream doorkey { server 127.0.0.1:DOORKEY; keepalive 200; }
    server {
        listen 127.0.0.1:PORT;
        location / {
            proxy_pass http://doorkey;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host localhost;
        }
    }
}
";

pub struct KeepaliveProxy {
    port: u16,
    process: Child,
    folder: TempDir,
}

impl KeepaliveProxy {
    pub fn before(server: &Server) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let path = |name: &str| folder.path().join(name);
        let text = NGINX.replace("FOLDER", folder.path().to_str().unwrap());
        let text = text.replace("DOORKEY", &server.port.to_string()).replace("PORT", &port.to_string());
        fs::write(path("nginx.conf"), text).unwrap();
        let mut nginx = Command::new("/usr/sbin/nginx");
        nginx.arg("-p").arg(folder.path()).arg("-c").arg(path("nginx.conf"));
        nginx.arg("-e").arg(path("nginx-error.log")).stdin(Stdio::null()).stderr(Stdio::null());
        let process = nginx.spawn().unwrap();
        let kept = Self { port, process, folder };
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(15), "nginx does not start:\n{}", kept.log());
            sleep(Duration::from_millis(20));
        }
        kept
    }

    /// A call of the API without a key, over a connection of its own to the proxy. Gives the status.
    pub fn posts(&self) -> u16 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let ask = "POST /api/clients HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        stream.write_all(ask.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response[9..12].parse().unwrap()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("nginx-error.log")).unwrap_or_default()
    }
}

impl Drop for KeepaliveProxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
