//! Whether the other end of a socket is there at all. A reader that does not read is; its kernel says so.

use super::Stream;
use std::{mem::size_of, os::fd::AsRawFd, time::Duration};

/// How long ago the other end's kernel acknowledged something; nothing where the kernel does not tell.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // no crate that we have wraps TCP_INFO
pub(super) fn last_acknowledged(stream: &Stream) -> Option<Duration> {
    let Stream::Tcp(stream) = stream else { return None };
    // SAFETY: a structure of numbers, for which zeros are values.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut size = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the descriptor is open, and the kernel writes at most `size` bytes into `info`.
    let failed =
        unsafe { libc::getsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut size) };
    (failed == 0).then(|| Duration::from_millis(info.tcpi_last_ack_recv.into()))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn last_acknowledged(_: &Stream) -> Option<Duration> {
    None
}
