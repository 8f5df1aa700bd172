//! A website on this machine, for checks to look at.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A website that is well, or not.
pub(crate) struct Site {
    pub(crate) url: String,
    well: Arc<AtomicBool>,
}

impl Site {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap());
        let well = Arc::new(AtomicBool::new(true));
        let is_well = well.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = [0; 2048];
                let _ = socket.read(&mut head).await;
                let status = if is_well.load(Ordering::SeqCst) { "200 OK" } else { "500 Broken" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 8\r\nconnection: close\r\n\r\nall well");
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, well }
    }
    /// From now on.
    pub(crate) fn is(&self, well: bool) {
        self.well.store(well, Ordering::SeqCst);
    }
}
