//! `wrk`, told what to ask by a script.

use std::{fmt::Write, net::SocketAddr, time::Duration};

#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) path: String,
    pub(crate) token: String,
    /// What writes say, in turn.
    pub(crate) words: [&'static str; 2],
}

/// Two statuses.
pub(crate) const STATUSES: [&str; 2] = ["operational", "major_outage"];

pub(crate) struct Measured {
    pub(crate) per_second: f64,
    /// Answers that were no success, and requests that got none.
    pub(crate) failed: u64,
}

/// Every target in turn. Writes change a status there and back, so that each of them changes something.
pub(crate) async fn wrk(server: SocketAddr, targets: &[Target], connections: u32, time: Duration, method: &str) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("load.lua");
    let mut lua = String::from("local paths, tokens, turn = {}, {}, {}\n");
    for (n, target) in (1..).zip(targets) {
        writeln!(lua, "paths[{n}] = \"{}\"; tokens[{n}] = \"Bearer {}\"; turn[{n}] = 0", target.path, target.token).unwrap();
    }
    let [one, other] = targets[0].words;
    writeln!(lua, "local one, other = '{{\"status\":\"{one}\"}}', '{{\"status\":\"{other}\"}}'").unwrap();
    writeln!(lua, "local method, total, threads = \"{method}\", {}, 0", targets.len()).unwrap();
    lua += r#"
function setup(thread) thread:set("id", threads); threads = threads + 1 end
local ready, at = {}, 0
-- Written before the clock runs: wrk takes a share of the processor from whom it measures.
function init()
  at = id
  for n = 1, total do
    local headers = { ["Authorization"] = tokens[n], ["Content-Type"] = "application/json" }
    if method == "GET" then
      ready[n] = wrk.format("GET", paths[n], { ["Authorization"] = tokens[n] })
    else
      ready[n] = {
        [0] = wrk.format(method, paths[n], headers, one),
        [1] = wrk.format(method, paths[n], headers, other),
      }
    end
  end
end
function request()
  if method == "GET" then at = at % total + 1; return ready[at] end
  at = at + 2
  if at > total then at = 1 + id % 2 end
  turn[at] = 1 - turn[at]
  return ready[at][turn[at]]
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d\n", summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
"#;
    std::fs::write(&script, lua).unwrap();
    let output = tokio::task::spawn_blocking(move || {
        std::process::Command::new("wrk")
            .args(["-t", "2", "-c", &connections.to_string(), "-d", &format!("{}s", time.as_secs()), "-s"])
            .arg(&script)
            .arg(format!("http://{server}"))
            .output()
            .expect("wrk is needed: install the package wrk")
    });
    let output = output.await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT ")).unwrap_or_else(|| panic!("wrk said: {text}"));
    let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
    Measured { per_second: numbers[0] as f64 / (numbers[1] as f64 / 1e6), failed: numbers[2] }
}
