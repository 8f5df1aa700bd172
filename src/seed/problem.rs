//! What is wrong with a fixture, told so that it can be mended without guessing: file, line, column, field, one sentence
//! and the line itself.

use std::{fmt, sync::Arc};

/// A place in a file; line and column count from 1, and 0 means that there is none (generated data).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// A place and what stands there, as a path from the root: `incidents[2].affected[0].service`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spot {
    /// Where.
    pub place: Place,
    /// What.
    pub path: Arc<str>,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Where and what.
    pub spot: Spot,
    /// The rest of the sentence.
    pub message: String,
}

/// Everything that is wrong with one file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Problems {
    file: String,
    /// Each problem with the line that it is about.
    list: Vec<(Problem, String)>,
    hidden: usize,
}

/// How many problems are worth reading at once; the first ones usually explain the rest.
const SHOWN: usize = 20;
/// How much of a line is shown.
const WIDTH: usize = 120;

impl Problems {
    /// Problems of a file, in the order of its lines.
    pub fn new(file: &str, source: &str, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| problem.spot.place);
        list.dedup();
        let hidden = list.len().saturating_sub(SHOWN);
        list.truncate(SHOWN);
        let line = |place: Place| source.lines().nth(place.line.wrapping_sub(1)).unwrap_or_default().to_owned();
        let list = list.into_iter().map(|problem| (line(problem.spot.place), problem)).map(|(line, p)| (p, line)).collect();
        Self { file: file.to_owned(), list, hidden }
    }

    /// The problems without their lines.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter().map(|(problem, _)| problem)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (problem, line)) in self.list.iter().enumerate() {
            let Spot { place, path } = &problem.spot;
            if n > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&self.file)?;
            if place.line > 0 {
                write!(f, ":{}:{}", place.line, place.column)?;
            }
            let colon = if path.is_empty() { "" } else { ": " };
            write!(f, ": {path}{colon}{}", problem.message)?;
            if line.trim().is_empty() {
                continue;
            }
            let number = place.line.to_string();
            let shown: String = line.chars().take(WIDTH).map(|c| if c.is_control() { ' ' } else { c }).collect();
            write!(f, "\n  {number} | {}", shown.trim_end())?;
            if place.column <= WIDTH {
                write!(f, "\n  {:1$} | {2:3$}^", "", number.len(), "", place.column.saturating_sub(1))?;
            }
        }
        match self.hidden {
            0 => Ok(()),
            1 => f.write_str("\nand 1 more problem"),
            more => write!(f, "\nand {more} more problems"),
        }
    }
}

/// The known word that was probably meant.
pub fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    let near = known.into_iter().map(|candidate| (distance(word, candidate), candidate));
    near.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// ` (did you mean "api"?)`, or nothing.
pub fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    meant(word, known).map_or_else(String::new, |meant| format!(" (did you mean {meant:?}?)"))
}

/// How many letters must be changed, added, removed or swapped with their neighbour to make one word the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognized_and_another_word_is_not() {
        let known = ["api", "dashboard", "status"];
        for (word, expected) in [("apj", Some("api")), ("statsu", Some("status")), ("dashbord", Some("dashboard")), ("mail", None)]
        {
            assert_eq!(meant(word, known), expected, "{word}");
        }
    }
}
