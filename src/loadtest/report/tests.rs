use super::*;
use crate::loadtest::{settings::Target, verify::Fault};

fn settings() -> Settings {
    Settings {
        target: Target::find("http://127.0.0.1:8080", false).unwrap(),
        orgs: 10,
        readers: 2_000,
        writes: 100.0,
        time: Duration::from_secs(10),
        slow: 5,
        churn: 1.0,
        server_pid: Some(1),
    }
}

fn findings() -> Findings {
    let mut tally = Tally { deliveries: 200_000, dropped: 10, resumed: 10, later_pages: 1, ..Tally::default() };
    let (mut to_last, mut written) = (Times::default(), Written { done: 1_000, ..Written::default() });
    for n in 1..=1_000 {
        tally.latency.add(Duration::from_micros(n));
        written.answered.add(Duration::from_micros(2 * n));
        to_last.add(Duration::from_millis(n));
    }
    tally.ended.insert("closed 1012 restart".to_owned(), 2);
    let mebibyte = 1 << 20;
    let usage = [(1, 10, 1), (2, 12, 3), (4, 12, 9)].map(|(cpu, resident, sockets)| Usage {
        cpu: Duration::from_secs(cpu),
        resident: resident * mebibyte,
        sockets: sockets * mebibyte,
    });
    Findings {
        connecting: Duration::from_millis(500),
        measured: Duration::from_secs(10),
        written,
        tally,
        to_last,
        usage: Some(usage),
        behind: 0,
        differing: Differing::default(),
    }
}

#[test]
fn a_report_reads_well() {
    let report = Report::new(&settings(), findings());
    assert!(report.whole);
    let expected = "\
readers                      2,000 of 10 organizations, and 5 who never read
connects/s                   4,000
writes/s                     100 (1,000 in 10.0 s)
deliveries/s                 20,000 (200,000 in all)
                                   p50       p90       p99     p99.9       max  ms
write to its answer               1.00      1.80      1.98      2.00      2.00
write to a reader                 0.50      0.90      0.99      1.00      1.00
write to the last reader        500.22    900.10    990.21    999.42   1000.45
connections dropped          10, 10 came back
pages instead of steps       1
ended by the server          closed 1012 restart ×2
server CPU                   2.00 s, 10.00 s per million deliveries, writes included
memory per connection        1,046 bytes resident, 1,046 of the kernel for both ends
verified                     every seq once and in order, pages equal to REST
";
    assert_eq!(report.to_string(), expected);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["latency_ms"]["count"], 1_000);
    assert_eq!(json["server"]["cpu_seconds_per_million_deliveries"], 10.0);
    assert_eq!((&json["whole"], &json["faults"]["counts"]), (&true.into(), &serde_json::json!({})));
}

#[test]
fn whatever_is_wrong_is_told_last() {
    let mut found = findings();
    found.tally.faults.add(Fault::Lost, || "reader 7 of /ws/x".to_owned());
    found.tally.faults.add(Fault::OutOfOrder, || "reader 8 of /ws/x".to_owned());
    found.behind = 3;
    found.differing.add("load-1: `status` is 1 for the reader and 2 over REST".to_owned());
    let report = Report::new(&settings(), found);
    assert!(!report.whole);
    let expected = "\
verified                     lost ×1, out of order ×1, 3 readers did not get to the end, 1 pages are not what REST answers
  load-1: `status` is 1 for the reader and 2 over REST
  lost: reader 7 of /ws/x
  out of order: reader 8 of /ws/x
";
    assert!(report.to_string().ends_with(expected), "{report}");
    for (only, whole) in [(0, true), (1, false)] {
        assert_eq!(Report::new(&settings(), Findings { behind: only, ..findings() }).whole, whole);
    }
}

#[test]
fn nothing_at_all_is_no_division_by_zero() {
    let found = Findings {
        connecting: Duration::ZERO,
        measured: Duration::ZERO,
        written: Written::default(),
        tally: Tally::default(),
        to_last: Times::default(),
        usage: Some([Usage::default(); 3]),
        behind: 0,
        differing: Differing::default(),
    };
    let report = Report::new(&settings(), found);
    assert!(report.to_string().contains("– per million"), "{report}");
    assert_eq!(thousands(-1_234.6), "-1,235");
}
