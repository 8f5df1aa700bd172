//! The upgrade of a connection, as RFC 6455 wants it from a client.

use std::{fmt::Write, time::Duration};

/// The example of RFC 6455, for everybody: keys are there to confuse caches, of which there are none on the way.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What a server makes of that key.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// More than any server says before it upgrades.
const LONGEST: usize = 16 * 1024;

/// What asks for the upgrade. With a position it asks for what came since.
pub(super) fn request(host: &str, path: &str, since: Option<(&str, u64)>) -> String {
    let mut text = format!("GET {path}");
    if let Some((epoch, seq)) = since {
        let epoch: String = form_urlencoded::byte_serialize(epoch.as_bytes()).collect();
        let _ = write!(text, "?epoch={epoch}&seq={seq}"); // a String takes everything
    }
    let _ = write!(
        text,
        " HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    text
}

/// What a server says to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Frames follow after so many bytes.
    Accepted(usize),
    /// No.
    Refused {
        /// Why, as HTTP says it.
        status: u16,
        /// When another try makes sense.
        retry_after: Option<Duration>,
    },
    /// This is not how a server upgrades.
    Malformed,
}

/// Reads the answer. None when it is not all there.
pub(super) fn answer(bytes: &[u8]) -> Option<Answer> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return (bytes.len() > LONGEST).then_some(Answer::Malformed);
    };
    let Ok(head) = std::str::from_utf8(&bytes[..end]) else { return Some(Answer::Malformed) };
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let Some(status) = status else { return Some(Answer::Malformed) };
    let value = |name: &str| {
        let mut headers = lines.clone().filter_map(|line| line.split_once(':'));
        headers.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    Some(match status {
        101 if value("sec-websocket-accept") == Some(ACCEPT) && value("sec-websocket-extensions").is_none() => {
            Answer::Accepted(end + 4)
        }
        101 => Answer::Malformed,
        _ => {
            let seconds = value("retry-after").and_then(|seconds| seconds.parse().ok());
            Answer::Refused { status, retry_after: seconds.map(Duration::from_secs) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_says_from_where() {
        assert!(request("h", "/ws/acme", None).starts_with("GET /ws/acme HTTP/1.1\r\nHost: h\r\n"));
        let again = request("h", "/ws/acme", Some(("a b", 7)));
        assert!(again.starts_with("GET /ws/acme?epoch=a+b&seq=7 HTTP/1.1\r\n"), "{again}");
        assert!(again.ends_with("\r\n\r\n"));
    }

    #[test]
    fn an_answer_is_read_when_it_is_all_there() {
        let whole = format!("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nSEC-WebSocket-Accept: {ACCEPT}\r\n\r\n");
        for short in 0..whole.len() {
            assert_eq!(answer(&whole.as_bytes()[..short]), None, "{short}");
        }
        let with_frames = [whole.as_bytes(), b"\x81\x00"].concat();
        assert_eq!(answer(&with_frames), Some(Answer::Accepted(whole.len())));
    }

    #[test]
    fn whatever_is_no_upgrade_is_told_apart() {
        for (text, expected) in [
            ("HTTP/1.1 101 S\r\nSec-WebSocket-Accept: wrong\r\n\r\n".to_owned(), Answer::Malformed),
            (format!("HTTP/1.1 101 S\r\nSec-WebSocket-Accept: {ACCEPT}\r\nSec-WebSocket-Extensions: x\r\n\r\n"), Answer::Malformed),
            ("SSH-2.0\r\n\r\n".to_owned(), Answer::Malformed),
            ("x".repeat(LONGEST + 1), Answer::Malformed),
            ("HTTP/1.1 404 Not Found\r\n\r\n".to_owned(), Answer::Refused { status: 404, retry_after: None }),
            (
                "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\n\r\n{}".to_owned(),
                Answer::Refused { status: 429, retry_after: Some(Duration::from_secs(3)) },
            ),
        ] {
            assert_eq!(answer(text.as_bytes()), Some(expected), "{text:.60}");
        }
    }
}
