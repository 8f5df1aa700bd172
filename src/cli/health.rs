//! `tocsin health`: whether a server can work, for those who run it and have no other program at hand, as in an image
//! that holds nothing else.

use crate::config::HealthArgs;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longer than a server waits for its store before it says that it is not ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks `/ready`. False when it is not.
pub async fn run(args: HealthArgs) -> anyhow::Result<bool> {
    let said = match timeout(PATIENCE, ask(reachable(args.listen))).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => format!("not reachable ({error})"),
        Err(_) => "no answer".to_owned(),
    };
    println!("{said}");
    Ok(said == READY)
}

/// What a server says that can work.
const READY: &str = "ready";

/// A server that listens everywhere is asked here.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let here = if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        address.set_ip(here);
    }
    address
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    Ok(if answer.starts_with("HTTP/1.1 200 ") { READY.to_owned() } else { body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_asked_here() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()), "127.0.0.1:80".parse().unwrap());
        assert_eq!(reachable("[::]:80".parse().unwrap()), "[::1]:80".parse().unwrap());
        assert_eq!(reachable("10.0.0.1:80".parse().unwrap()), "10.0.0.1:80".parse().unwrap());
    }
}
