//! A client that does nothing by itself: one connection a request, the answer as it came.

use std::io;

use base64::Engine as _;
use signoff_sandbox::Sandbox;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// `STATUS ErrorType|ErrorData|ErrorMessage`, or the status and what there is of a body.
    pub(crate) fn brief(&self) -> String {
        let part = |name: &str| text_of(&self.body, name);
        match part("ErrorType") {
            Some(kind) => format!(
                "{} {kind}|{}|{}",
                self.status,
                part("ErrorData").unwrap_or("-"),
                part("ErrorMessage").unwrap_or("-")
            ),
            None if self.body.is_empty() => self.status.to_string(),
            None => format!("{} {}", self.status, self.body),
        }
    }
}

/// The text of the first element of this name.
pub(crate) fn text_of<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let start = document.find(&format!("<{name}>"))? + name.len() + 2;
    let length = document[start..].find(&format!("</{name}>"))?;
    Some(&document[start..start + length])
}

/// Sends one request and reads until the server closes.
pub(crate) async fn send(sandbox: &Sandbox, request: &str) -> io::Result<Reply> {
    let address = sandbox.origin().replace("http://", "");
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).await?;
    let text = String::from_utf8_lossy(&raw);
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Reply {
        status: status.ok_or(io::ErrorKind::InvalidData)?,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// The `Authorization` line of `USER:PASSWORD`.
pub(crate) fn basic(login: &str) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(login);
    format!("Authorization: Basic {encoded}\r\n")
}

/// GET of a path below `/finesse/api` as this `USER:PASSWORD`.
pub(crate) async fn get(sandbox: &Sandbox, login: &str, path: &str) -> io::Result<Reply> {
    let request = format!(
        "GET /finesse/api{path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n{}\r\n",
        basic(login)
    );
    send(sandbox, &request).await
}

/// PUT of a body to `/finesse/api/User/{id}` as this `USER:PASSWORD`.
pub(crate) async fn put(sandbox: &Sandbox, login: &str, id: &str, body: &str) -> io::Result<Reply> {
    let request = format!(
        "PUT /finesse/api/User/{id} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nContent-Type: Application/XML\r\n\
         requestId: r-{id}\r\nContent-Length: {}\r\n{}\r\n{body}",
        body.len(),
        basic(login)
    );
    send(sandbox, &request).await
}

/// PUT of `<User><state>…`.
pub(crate) async fn put_state(sandbox: &Sandbox, login: &str, id: &str, state: &str) -> io::Result<Reply> {
    put(
        sandbox,
        login,
        id,
        &format!("<User><state>{state}</state></User>"),
    )
    .await
}
