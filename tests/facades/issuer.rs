//! An identity provider on this machine: it signs what it is told to, and shows the key to it.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// The name of its key.
const KEY: &str = "one";

/// An issuer of tokens, for as long as the test runs.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) url: String,
    key: EncodingKey,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let key = new_key();
        let mut public = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
        public.common.key_id = Some(KEY.to_owned());
        let keys = json!({ "keys": [public] }).to_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
                let length = keys.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{keys}");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, key }
    }

    /// A token for somebody, good for an hour; with further claims, which win.
    pub(crate) fn sign(&self, subject: &str, more: Value) -> String {
        self.sign_with(&self.key, subject, more)
    }

    /// The same by somebody who has another key and calls it like this one.
    pub(crate) fn forge(&self, subject: &str, more: Value) -> String {
        self.sign_with(&new_key(), subject, more)
    }

    fn sign_with(&self, key: &EncodingKey, subject: &str, more: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let until = now + Duration::from_secs(3_600);
        let mut claims = json!({ "iss": self.url, "sub": subject, "iat": now.as_secs(), "exp": until.as_secs() });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(KEY.to_owned());
        encode(&header, &claims, key).unwrap()
    }
}

fn new_key() -> EncodingKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    // PKCS#1, which is what is expected, follows after 26 bytes that say what it is.
    EncodingKey::from_rsa_der(&der.as_ref()[26..])
}
