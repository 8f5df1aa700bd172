//! Fabricated frames: what is wrong must be found, and what is right must not.

use super::*;

const BEGAN: Nanos = Nanos(1);

fn page(epoch: &str, seq: u64) -> Vec<u8> {
    format!(r#"{{"type":"snapshot","org":"o","epoch":"{epoch}","seq":{seq},"page":{{"seq":{seq}}}}}"#).into_bytes()
}

fn event(prev: u64, seq: u64) -> Vec<u8> {
    event_of("e", prev, seq, "")
}

fn event_of(epoch: &str, prev: u64, seq: u64, more: &str) -> Vec<u8> {
    format!(r#"{{"type":"event","org":"o","epoch":"{epoch}","prev":{prev},"seq":{seq},"event":"x","data":{{"status":"{more}"}}}}"#)
        .into_bytes()
}

/// What a reader makes of these messages.
fn check(messages: &[Vec<u8>], expected: &[Result<Taken, Fault>]) {
    let mut history = History::default();
    check_in(&mut history, &mut Seen::default(), messages, expected);
}

#[track_caller]
fn check_in(history: &mut History, seen: &mut Seen, messages: &[Vec<u8>], expected: &[Result<Taken, Fault>]) {
    let taken: Vec<_> = messages.iter().map(|message| history.take(seen, BEGAN, message, Nanos(9))).collect();
    assert_eq!(taken, expected);
}

const FIRST: Result<Taken, Fault> = Ok(Taken::Page { first: true });
const STEP: Result<Taken, Fault> = Ok(Taken::Step(None));

#[test]
fn every_seq_once_and_in_order_is_well() {
    check(&[page("e", 5), event(5, 6), event(6, 9), event(9, 10)], &[FIRST, STEP, STEP, STEP]);
}

#[test]
fn a_gap_is_found_once() {
    check(&[page("e", 5), event(6, 7), event(7, 8)], &[FIRST, Err(Fault::Lost), STEP]);
}

#[test]
fn a_repeat_is_found() {
    check(&[page("e", 5), event(5, 6), event(5, 6), event(6, 7)], &[FIRST, STEP, Err(Fault::Repeated), STEP]);
    // Also far behind, and also when it was in the page already.
    check(&[page("e", 5), event(4, 5), event(5, 6)], &[FIRST, Err(Fault::Repeated), STEP]);
}

#[test]
fn a_reorder_is_found() {
    check(&[page("e", 5), event(6, 7), event(5, 6), event(7, 8)], &[FIRST, Err(Fault::Lost), Err(Fault::OutOfOrder), STEP]);
}

#[test]
fn readers_who_get_different_things_are_found() {
    let mut history = History::default();
    let messages = [page("e", 5), event_of("e", 5, 6, "up")];
    check_in(&mut history, &mut Seen::default(), &messages, &[FIRST, STEP]);
    check_in(&mut history, &mut Seen::default(), &messages, &[FIRST, STEP]);
    let other = [page("e", 5), event_of("e", 5, 6, "down"), event(6, 7)];
    check_in(&mut history, &mut Seen::default(), &other, &[FIRST, Err(Fault::Different), STEP]);
    let other_page = br#"{"type":"snapshot","org":"o","epoch":"e","seq":5,"page":{}}"#.to_vec();
    check_in(&mut history, &mut Seen::default(), &[other_page], &[Err(Fault::Different)]);
    assert_eq!(history.steps(), 2);
}

#[test]
fn who_lags_behind_is_checked_against_what_the_others_saw() {
    let mut history = History::default();
    let (mut quick, mut slow) = (Seen::default(), Seen::default());
    check_in(&mut history, &mut slow, &[page("e", 5)], &[FIRST]);
    check_in(&mut history, &mut quick, &[page("e", 5), event(5, 6), event(6, 7), event(7, 8)], &[FIRST, STEP, STEP, STEP]);
    check_in(&mut history, &mut slow, &[event(5, 6), event(6, 7), event(7, 8), event(8, 9)], &[STEP, STEP, STEP, STEP]);
    check_in(&mut history, &mut quick, &[event(8, 9)], &[STEP]);
    assert_eq!(history.steps(), 4);
}

#[test]
fn a_page_in_between_may_skip_but_not_go_back() {
    check(
        &[page("e", 5), page("e", 8), event(8, 9), page("e", 7)],
        &[FIRST, Ok(Taken::Page { first: false }), STEP, Err(Fault::WentBack)],
    );
    // Another life of the server begins with a page.
    check(&[page("e", 5), event_of("f", 5, 6, "")], &[FIRST, Err(Fault::Unreadable)]);
    check(&[page("e", 5), page("f", 5), event_of("f", 5, 6, "")], &[FIRST, Ok(Taken::Page { first: false }), STEP]);
}

#[test]
fn what_is_no_message_is_found_and_what_is_new_is_ignored() {
    check(&[event(1, 2)], &[Err(Fault::Unreadable)]);
    let news = br#"{"type":"news"}"#.to_vec();
    let refusal = br#"{"type":"error","code":"forbidden","message":"no"}"#.to_vec();
    check(
        &[page("e", 1), b"{".to_vec(), news, refusal, event(1, 1)],
        &[FIRST, Err(Fault::Unreadable), Ok(Taken::Nothing), Ok(Taken::Refused("forbidden".into())), Err(Fault::Unreadable)],
    );
}

#[test]
fn times_are_of_those_who_were_there() {
    let mut history = History::default();
    let stamped = event_of("e", 5, 6, &Nanos(100).stamp(40));
    let mut readers = [(Nanos(10), Nanos(150)), (Nanos(20), Nanos(170)), (Nanos(160), Nanos(200))].into_iter();
    let mut take = || {
        let (since, now) = readers.next().unwrap();
        let mut seen = Seen::default();
        history.take(&mut seen, since, &page("e", 5), since).unwrap();
        history.take(&mut seen, since, &stamped, now).unwrap()
    };
    assert_eq!(take(), Taken::Step(Some(Nanos(100))));
    assert_eq!(take(), Taken::Step(Some(Nanos(100))));
    assert_eq!(take(), Taken::Step(None), "it came later");
    assert_eq!(history.times_to_last().collect::<Vec<_>>(), [std::time::Duration::from_nanos(70)]);
}

#[test]
fn peers_without_pages_are_checked_too() {
    let mut history = History::without_pages("e");
    let (mut one, mut other) = (Seen::at(3), Seen::at(3));
    check_in(&mut history, &mut one, &[event(3, 4), event(4, 5)], &[STEP, STEP]);
    check_in(&mut history, &mut other, &[event(3, 4), event(5, 6)], &[STEP, Err(Fault::Lost)]);
}

#[test]
fn faults_are_counted_and_the_first_ones_told() {
    let mut faults = Faults::default();
    for n in 0..100 {
        faults.add(Fault::Lost, || format!("reader {n}"));
    }
    faults.add(Fault::Repeated, || unreachable!("enough was told"));
    assert_eq!((faults.total(), faults.told.len()), (101, TOLD));
    assert_eq!(faults.told[0], "lost: reader 0");
}
