//! What people see while something takes long: a bar on a terminal, plain lines elsewhere, nothing if they want nothing.
//! Bars go to stderr, so that stdout holds only what was said.

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::{fmt, io::IsTerminal, time::Duration};

/// How often the bar is painted when nothing happens: it shows that we live, and that the time runs.
const TICK: Duration = Duration::from_millis(200);

/// Where progress is told.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    quiet: bool,
}

impl Progress {
    /// Tells of so many steps, unless it shall be quiet.
    pub(super) fn of(steps: usize, quiet: bool) -> Self {
        Self::new(ProgressBar::new(steps as u64), "{wide_bar} {human_pos}/{human_len}  {rate}/s  {eta} left ", quiet)
    }

    /// Tells of steps that nobody has counted.
    pub(super) fn uncounted(steps: &str) -> Self {
        Self::new(ProgressBar::no_length(), &format!("{{spinner}} {{human_pos}} {steps}  {{rate}}/s  {{elapsed}}"), false)
    }

    /// Tells how many of so many of these there are, with a note that changes.
    pub(super) fn noted(of: &str, steps: usize, quiet: bool) -> Self {
        Self::new(ProgressBar::new(steps as u64), &format!("{of} {{wide_bar}} {{human_pos}}/{{human_len}}  {{msg}} "), quiet)
    }

    /// Tells how much of so many bytes is done, of this work.
    pub(super) fn of_bytes(work: &str, bytes: u64) -> Self {
        let template = format!("{work} {{wide_bar}} {{bytes}}/{{total_bytes}}  {{bytes_per_sec}}  {{eta}} left ");
        Self::new(ProgressBar::new(bytes), &template, false)
    }

    fn new(bar: ProgressBar, template: &str, quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), quiet };
        }
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{:.0}", state.per_sec()); // a bar that cannot be painted is no reason to stop
        };
        bar.set_style(style.with_key("rate", rate));
        bar.enable_steady_tick(TICK);
        Self { bar, quiet }
    }

    /// One step is done.
    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    /// So many are done.
    pub(super) fn advance(&self, steps: usize) {
        self.bar.inc(steps as u64);
    }

    /// So many are done by now.
    pub(super) fn at(&self, step: usize) {
        self.bar.set_position(step as u64);
    }

    /// Changes the note.
    pub(super) fn note(&self, note: String) {
        self.bar.set_message(note);
    }

    /// Says something that stays.
    pub(super) fn line(&self, line: impl fmt::Display) {
        if !self.quiet {
            // Above the bar, if there is one.
            self.bar.suspend(|| println!("{line}"));
        }
    }
}

impl Drop for Progress {
    /// Takes the bar away, also when something went wrong: what is said next begins on a line of its own.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
