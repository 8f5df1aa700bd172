//! What a process costs, as Linux tells it under `/proc`.

use std::{fs, io, time::Duration};

/// A clock tick of `/proc/PID/stat`: the kernel tells user space of 100 a second, whatever its own are.
const TICK: Duration = Duration::from_millis(10);
/// A page of `/proc/net/sockstat`.
const PAGE: u64 = 4_096;

/// What was used up to now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time.
    pub cpu: Duration,
    /// Resident memory.
    pub resident: u64,
    /// Memory of the kernel for all TCP sockets of the machine: of both sides, if both are here.
    pub sockets: u64,
}

impl Usage {
    /// Asks for a process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let sockets = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
        let odd = || io::Error::new(io::ErrorKind::InvalidData, "/proc is not as it should be");
        Ok(Self {
            cpu: cpu(&stat).ok_or_else(odd)?,
            resident: resident(&memory).ok_or_else(odd)?,
            sockets: socket_memory(&sockets),
        })
    }
}

/// Fields 14 and 15 of `stat`; the second one is a name in which anything may stand.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(|field| field.parse::<u32>().ok());
    Some(TICK * ticks.next()??.checked_add(ticks.next()??)?)
}

fn resident(memory: &str) -> Option<u64> {
    let line = memory.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1_024)
}

fn socket_memory(sockets: &str) -> u64 {
    let line = sockets.lines().find_map(|line| line.strip_prefix("TCP:")).unwrap_or_default();
    let pages = line.rsplit_once("mem ").and_then(|(_, pages)| pages.trim().parse::<u64>().ok());
    pages.unwrap_or_default() * PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 100 1000 100 18446744073709551615\n";
        assert_eq!(cpu(stat), Some(Duration::from_secs(3)));
        assert_eq!(resident("00400000-7ff ---p 00000000 00:00 0 [rollup]\nRss:     1234 kB\nPss: 1 kB\n"), Some(1_234 * 1_024));
        assert_eq!(socket_memory("sockets: used 9\nTCP: inuse 4 orphan 0 tw 2 alloc 6 mem 3\nUDP: inuse 0 mem 7\n"), 3 * 4_096);
        assert_eq!(socket_memory(""), 0);
    }

    #[test]
    fn this_process_costs_something() {
        assert!(Usage::of(std::process::id()).unwrap().resident > 1_000_000);
        assert!(Usage::of(u32::MAX).is_err());
    }
}
